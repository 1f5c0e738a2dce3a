"""PostgreSQL with the extension pgvector, through psycopg.

A collection is a table; its state is a row of the table `<prefix>_collections`, in the same transaction as what it
speaks of. A second name is a view. Every write is one transaction. Knows SQL; knows no rule of collections.
"""

from __future__ import annotations

import contextlib
import json
import threading
import weakref
import zlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, LiteralString

import numpy as np

from jargonaut.errors import InputError, JargonautError
from jargonaut.index.engine import Row, missing_client
from jargonaut.index.store import CollectionInfo, Filter, Quantisation, StoreUnavailableError
from jargonaut.protocols import Vectors
from jargonaut.records import Passage, ScoredPassage

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.sql import SQL, Composed, Identifier

_COLUMNS: tuple[LiteralString, ...] = ("id", "text", "title", "headings", "document_id", "start", "end", "hash")
_TYPES: tuple[LiteralString, ...] = ("text",) * 5 + ("int8", "int8", "text")
_LONGEST_INDEXED: dict[Quantisation, int] = {"float32": 2000, "float16": 4000, "binary": 64000}
_REFINED = 10  # times k: that many are compared again with their vectors as they are
_SEEN = 1000  # the most that pgvector's search keeps in view


class PgvectorEngine:
    """One schema of a PostgreSQL database.

    Args:
        url: `postgresql://user@host:port/database`.
        password: Not set takes the url's, or what PostgreSQL's own files and variables say.
        prefix: Put before the names of tables.
        timeout: Seconds to wait for a connection, and for one answer.

    Raises:
        JargonautError: psycopg or pgvector is not installed.
    """

    quantisations: frozenset[Quantisation] = frozenset({"float32", "float16", "binary"})
    native_aliases = True
    writes_at_once = 100_000

    def __init__(
        self, url: str, *, password: str | None = None, prefix: str = "jargonaut", timeout: float = 60
    ) -> None:
        try:
            import psycopg.conninfo
            from pgvector import psycopg as _  # noqa: F401  (missing is said here, not at the first search)
        except ImportError as error:
            raise missing_client("pgvector", error) from error
        self._url = url
        self._password = password
        self._timeout = timeout
        self._states = f"{prefix}_collections"
        self._local = threading.local()
        try:
            known = psycopg.conninfo.conninfo_to_dict(url)
        except psycopg.Error as error:
            raise JargonautError(
                f"this is no address of a PostgreSQL database ({str(error).strip()})",
                where="[index] url",
                remedy="write it as postgresql://user@host:5432/database",
            ) from error
        self.location = f"postgresql://{known.get('host', 'localhost')}/{known.get('dbname', '')}"

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Turns psycopg's errors into a StoreUnavailableError."""
        import psycopg

        try:
            yield
        except psycopg.Error as error:
            raise StoreUnavailableError(_reason(error), self.location) from error

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """An advisory lock of a connection of its own: PostgreSQL frees it when the connection breaks."""
        with self.errors():
            connection = self._connect()
        with contextlib.closing(connection):
            with self.errors():
                connection.execute("SELECT pg_advisory_lock(%s)", [self._lock_key()])
            yield

    def states(self) -> dict[str, str]:
        """Native name → state."""
        rows = self._connection().execute(self._sql("SELECT name, state FROM {states} ORDER BY name")).fetchall()
        return {name: json.dumps(state) for name, state in rows}

    def state(self, native: str) -> str | None:
        """The state of one collection."""
        statement = self._sql("SELECT state FROM {states} WHERE name = %s")
        row = self._connection().execute(statement, [native]).fetchone()
        return None if row is None else json.dumps(row[0])

    def make(self, native: str, info: CollectionInfo, state: str) -> None:
        """A table and its state, in one transaction."""
        limit = _LONGEST_INDEXED[info.quantisation]
        if info.approximate and info.dimension > limit:
            raise InputError(
                f"pgvector indexes {info.quantisation} vectors of up to {limit} numbers, these have {info.dimension}",
                where="[index] quantisation",
                remedy='take a smaller dimension, quantisation = "float16" or "binary", or search = "exact"',
            )
        kind = "halfvec" if info.quantisation == "float16" else "vector"
        statement = self._sql(
            "CREATE TABLE {table} (id text PRIMARY KEY, text text NOT NULL, title text NOT NULL, "
            "headings text NOT NULL, document_id text NOT NULL, start bigint NOT NULL, {end} bigint NOT NULL, "
            "hash text NOT NULL, vector {kind}({dimension}) NOT NULL)",
            table=native, kind=_literal(kind), dimension=_literal(str(info.dimension)),
        )  # fmt: skip
        connection = self._connection()
        with connection.transaction():
            connection.execute(statement)
            connection.execute(self._sql("CREATE INDEX ON {table} (document_id)", table=native))
            connection.execute(self._sql("INSERT INTO {states} VALUES (%s, %s)"), [native, state])

    def set_state(self, native: str, state: str) -> None:
        """Exchanges the state."""
        self._connection().execute(self._sql("UPDATE {states} SET state = %s WHERE name = %s"), [state, native])

    def remove(self, native: str) -> None:
        """Table, views and state, in one transaction."""
        connection = self._connection()
        with connection.transaction():
            connection.execute(self._sql("DELETE FROM {states} WHERE name = %s"), [native])
            connection.execute(self._sql("DROP TABLE IF EXISTS {table} CASCADE", table=native))

    def prepare(self, native: str, info: CollectionInfo) -> None:
        """The approximate index, if one is wanted, and the planner's statistics."""
        connection = self._connection()
        if info.approximate:
            what: LiteralString = "vector vector_ip_ops"
            if info.quantisation == "float16":
                what = "vector halfvec_ip_ops"
            elif info.quantisation == "binary":
                what = "(binary_quantize(vector)::bit({dimension})) bit_hamming_ops"
            statement: LiteralString = "CREATE INDEX IF NOT EXISTS {index} ON {table} USING hnsw (" + what + ")"
            with connection.transaction():
                connection.execute("SET LOCAL statement_timeout = 0")  # hours, for millions
                connection.execute(
                    self._sql(statement, table=native, index=f"{native}_near", dimension=_literal(str(info.dimension)))
                )
        connection.execute(self._sql("ANALYZE {table}", table=native))

    def write(self, native: str, info: CollectionInfo, rows: Sequence[Row]) -> None:
        """Copies rows beside the table and merges them, in one transaction."""
        import pgvector

        half = info.quantisation == "float16"
        for row in rows:
            _refuse_null(row.passage)
        connection = self._connection()
        names = self._columns()
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute(
                self._sql("CREATE TEMP TABLE incoming (LIKE {table} INCLUDING DEFAULTS) ON COMMIT DROP", table=native)
            )
            with cursor.copy(self._sql("COPY incoming ({columns}) FROM STDIN (FORMAT BINARY)", columns=names)) as copy:
                copy.set_types([*_TYPES, "halfvec" if half else "vector"])
                for row in rows:
                    vector = pgvector.HalfVector(row.stored) if half else pgvector.Vector(row.stored)
                    copy.write_row((*_values(row), vector))
            cursor.execute(
                self._sql(
                    "INSERT INTO {table} ({columns}) SELECT {columns} FROM incoming ON CONFLICT (id) DO UPDATE "
                    "SET ({rest}) = ROW({new})",
                    table=native, columns=names, rest=self._columns(1), new=self._columns(1, "excluded"),
                )
            )  # fmt: skip

    def delete(self, native: str, ids: Sequence[str]) -> None:
        """Removes rows."""
        self._connection().execute(self._sql("DELETE FROM {table} WHERE id = ANY(%s)", table=native), [list(ids)])

    def count(self, native: str) -> int:
        """How many rows."""
        row = self._connection().execute(self._sql("SELECT count(*) FROM {table}", table=native)).fetchone()
        return int(row[0]) if row else 0

    def nearest(
        self, native: str, info: CollectionInfo, vectors: Vectors, k: int, where: Filter | None, *, exact: bool
    ) -> list[list[ScoredPassage]]:
        """By PostgreSQL's own order: of all rows, or with the help of the index."""
        import pgvector

        conditions = where.conditions if where is not None else {}
        statement = self._nearest(native, info, list(conditions), exact=exact)
        make = pgvector.HalfVector if info.quantisation == "float16" else pgvector.Vector
        wanted = {name: list(values) for name, values in conditions.items()}
        connection = self._connection()
        found: list[list[ScoredPassage]] = []
        with connection.transaction():
            if exact:
                connection.execute("SET LOCAL enable_indexscan = off")
            else:
                connection.execute(f"SET LOCAL hnsw.ef_search = {min(_SEEN, max(100, 2 * k))}")
                connection.execute("SET LOCAL hnsw.iterative_scan = strict_order")  # so that a filter starves nobody
            for vector in vectors:
                values = {**wanted, "query": make(vector), "k": k, "more": k * _REFINED}
                rows = connection.execute(statement, values, binary=True).fetchall()
                found.append([ScoredPassage(id_, float(score)) for id_, score in rows])
        return found

    def read(self, native: str, info: CollectionInfo, ids: Sequence[str], *, vectors: bool) -> list[Row]:
        """Rows by id."""
        del info
        columns = self._columns(stop=None if vectors else -1)
        statement = self._sql("SELECT {columns} FROM {table} WHERE id = ANY(%s)", table=native, columns=columns)
        return [_row(each) for each in self._connection().execute(statement, [list(ids)], binary=True).fetchall()]

    def pages(self, native: str, info: CollectionInfo, block: int, *, vectors: bool) -> Iterator[list[Row]]:
        """All rows by id, each page a statement of its own."""
        del info
        columns = self._columns(stop=None if vectors else -1)
        statement = self._sql(
            "SELECT {columns} FROM {table} WHERE %(last)s::text IS NULL OR id > %(last)s ORDER BY id LIMIT %(block)s",
            table=native, columns=columns,
        )  # fmt: skip
        last: str | None = None
        while True:
            values = {"last": last, "block": block}
            rows = [_row(each) for each in self._connection().execute(statement, values, binary=True).fetchall()]
            if not rows:
                return
            yield rows
            last = rows[-1].passage.id

    def alias(self, name: str) -> str | None:
        """What a view shows."""
        statement = (
            "SELECT table_name FROM information_schema.view_table_usage "
            "WHERE view_name = %s AND view_schema = current_schema()"
        )
        row = self._connection().execute(statement, [name]).fetchone()
        return None if row is None else str(row[0])

    def set_alias(self, name: str, native: str) -> None:
        """A view, exchanged in one transaction: another dimension is another type, which cannot be replaced."""
        connection = self._connection()
        with connection.transaction():
            connection.execute(self._sql("DROP VIEW IF EXISTS {table}", table=name))
            connection.execute(self._sql("CREATE VIEW {table} AS SELECT * FROM {index}", table=name, index=native))

    def drop_alias(self, name: str) -> None:
        """Drops the view."""
        self._connection().execute(self._sql("DROP VIEW IF EXISTS {table}", table=name))

    def _nearest(self, native: str, info: CollectionInfo, fields: Sequence[str], *, exact: bool) -> Composed:
        from psycopg import sql

        conditions = [sql.SQL("{} = ANY({})").format(sql.Identifier(name), sql.Placeholder(name)) for name in fields]
        where = sql.SQL(" WHERE ") + sql.SQL(" AND ").join(conditions) if conditions else sql.SQL("")
        text: LiteralString = "SELECT id, -(vector <#> %(query)s) AS score FROM {table}{where} ORDER BY "
        if exact:
            text += "vector <#> %(query)s, id LIMIT %(k)s"
        elif info.quantisation == "binary":
            text = (
                "SELECT id, -(vector <#> %(query)s) AS score FROM (SELECT id, vector FROM {table}{where} ORDER BY "
                "binary_quantize(vector)::bit({dimension}) <~> binary_quantize(%(query)s) LIMIT %(more)s) AS near "
                "ORDER BY vector <#> %(query)s LIMIT %(k)s"
            )
        else:
            text += "vector <#> %(query)s LIMIT %(k)s"
        return self._sql(text, table=native, where=where, dimension=_literal(str(info.dimension)))

    def _connection(self) -> Connection[Any]:
        """This thread's connection; a broken one is replaced."""
        held: _Held | None = getattr(self._local, "held", None)
        if held is None or held.connection.closed or held.connection.broken:
            held = self._local.held = _Held(self._connect())
            self._prepare(held.connection)
        return held.connection

    def _connect(self) -> Connection[Any]:
        import psycopg

        given: dict[str, Any] = {"password": self._password} if self._password else {}
        seconds = max(1, round(self._timeout))
        return psycopg.connect(
            self._url, autocommit=True, connect_timeout=seconds, application_name="jargonaut",
            tcp_user_timeout=seconds * 1000, **given,
        )  # fmt: skip

    def _prepare(self, connection: Connection[Any]) -> None:
        import psycopg
        from pgvector.psycopg import register_vector

        connection.execute(f"SET statement_timeout = {round(self._timeout * 1000)}")
        connection.execute("SET client_min_messages = warning")
        with connection.transaction():
            # Two processes that begin at once would both find nothing and trip over each other.
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [self._lock_key() + 1])
            try:
                connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
            except (psycopg.errors.UndefinedFile, psycopg.errors.FeatureNotSupported) as error:
                raise JargonautError(
                    "this PostgreSQL does not have the extension pgvector",
                    where=self.location,
                    remedy="install pgvector 0.8 or newer on the server",
                ) from error
            connection.execute(
                self._sql("CREATE TABLE IF NOT EXISTS {states} (name text PRIMARY KEY, state jsonb NOT NULL)")
            )
        register_vector(connection)

    def _lock_key(self) -> int:
        return zlib.crc32(self._states.encode()) * 2

    def _columns(self, start: int = 0, of: str | None = None, stop: int | None = None) -> Composed:
        from psycopg import sql

        names = (*_COLUMNS, "vector")[start:stop]
        return sql.SQL(", ").join(sql.Identifier(of, name) if of else sql.Identifier(name) for name in names)

    def _sql(self, text: LiteralString, **parts: str | Composed | SQL) -> Composed:
        from psycopg import sql

        named: dict[str, Identifier | Composed | SQL] = {
            key: sql.Identifier(part) if isinstance(part, str) else part for key, part in parts.items()
        }
        return sql.SQL(text).format(states=sql.Identifier(self._states), end=sql.Identifier("end"), **named)


class _Held:
    """A thread's connection, closed when the thread or the engine is gone."""

    def __init__(self, connection: Connection[Any]) -> None:
        self.connection = connection
        # Not `__del__`: of two objects in a circle the connection could be the first to go, still open.
        weakref.finalize(self, connection.close)


def _literal(text: str) -> SQL:
    """A word of ours that is no name and no value."""
    from psycopg import sql

    return sql.SQL(text)


def _values(row: Row) -> tuple[str | int, ...]:
    p = row.passage
    headings = json.dumps(p.headings, ensure_ascii=False)
    return (p.id, p.text, p.title, headings, p.document_id, p.start, p.end, row.hash)


def _row(values: Sequence[Any]) -> Row:
    id_, text, title, headings, document_id, start, end, hash_, *vector = values
    passage = Passage(id_, text, title, tuple(json.loads(headings)), document_id, start, end)
    if not vector:
        return Row(passage, hash_, None)
    stored = vector[0].to_numpy() if hasattr(vector[0], "to_numpy") else vector[0]
    return Row(passage, hash_, np.asarray(stored, dtype=np.float32))


def _refuse_null(passage: Passage) -> None:
    fields = (passage.id, passage.text, passage.title, passage.document_id, *passage.headings)
    if any("\x00" in each for each in fields):
        raise InputError(
            f"the passage {passage.id!r} holds the character NUL, which PostgreSQL cannot store",
            remedy="remove it from the document",
        )


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
