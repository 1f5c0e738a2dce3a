"""LanceDB tables as collections keep them: their columns, their notes, and what their library's errors mean.

Knows Lance's schemas, tags and error texts. Knows nothing of searching a table or of changing one.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jargonaut.errors import JargonautError
from jargonaut.index.store import CollectionInfo, DamagedCollectionError, passage_hash
from jargonaut.protocols import Vectors
from jargonaut.records import Passage

if TYPE_CHECKING:
    import pyarrow as pa
    from lancedb import DBConnection
    from lancedb.table import Table

COMPLETE = "complete"
"""The tag of the table version that is searched."""
PASSAGE_COLUMNS = ["id", "text", "title", "headings", "document_id", "start", "end"]
LANCE_ERRORS = (RuntimeError, ValueError, OSError)

_META = b"jargonaut"
_NOTED_AT = "id"  # whose metadata holds the notes that were changed later: Lance changes a field's, not a schema's
# Rights, memory, open files: what the system refuses now says nothing about the files. The rest, missing files among
# them, does.
_REFUSED = re.compile(r"(\(os error |\[Errno )(1|12|13|23|24)[)\]]")
_DISK = re.compile(r"(\(os error |\[Errno )(28|30|122)[)\]]")


def schema(info: CollectionInfo) -> pa.Schema:
    """The columns of a new table, with what is known of it."""
    import pyarrow as pa

    noted = {
        "fingerprint": info.fingerprint,
        "dimension": info.dimension,
        "meta": dict(info.meta),
        "quantisation": info.quantisation,
        "approximate": info.approximate,
    }
    columns = [
        *(pa.field(name, pa.string()) for name in ("id", "text", "title")),
        pa.field("headings", pa.list_(pa.string())),
        pa.field("document_id", pa.string()),
        pa.field("start", pa.int64()),
        pa.field("end", pa.int64()),
        pa.field("hash", pa.string()),
        pa.field("vector", pa.list_(pa.float32(), info.dimension)),
    ]
    return pa.schema(columns, metadata={_META: json.dumps(noted).encode()})


def rows_of(table: Table, passages: Sequence[Passage], vectors: Vectors, hashes: Sequence[str]) -> pa.Table:
    """Passages and their normalised vectors in the table's own columns; a table of an older release has fewer."""
    import pyarrow as pa

    columns = {
        "id": [p.id for p in passages],
        "text": [p.text for p in passages],
        "title": [p.title for p in passages],
        "headings": [list(p.headings) for p in passages],
        "document_id": [p.document_id for p in passages],
        "start": [p.start for p in passages],
        "end": [p.end for p in passages],
        "hash": list(hashes),
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1), pa.float32()), vectors.shape[1]),
    }
    return pa.table({name: columns[name] for name in table.schema.names}, schema=table.schema)


def passage_of(row: Mapping[str, object]) -> Passage:
    """A row as it was put in."""
    return Passage(**{**row, "headings": tuple(row["headings"] or ())})  # type: ignore[arg-type]


def vectors_of(column: pa.ChunkedArray, dimension: int) -> Vectors:
    """A column of vectors, shape (rows, dimension)."""
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.asarray(flat, dtype=np.float32).reshape(-1, dimension)


def hash_columns(table: Table) -> list[str]:
    """What has to be read to know the rows' hashes."""
    return ["id", "hash"] if "hash" in table.schema.names else PASSAGE_COLUMNS


def hashes_of(batch: pa.RecordBatch) -> dict[str, str]:
    """Id → hash of the rows of `hash_columns`; a table of an older release has none, so its rows are hashed here."""
    rows = batch.to_pylist()
    if "hash" in batch.schema.names:
        return {row["id"]: row["hash"] for row in rows}
    return {row["id"]: passage_hash(passage_of(row)) for row in rows}


def any_of(column: str, values: Sequence[str]) -> str:
    """A condition in Lance's SQL: the column holds one of these."""
    return f"{column} IN ({', '.join(_quoted(value) for value in values)})"


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def table_names(connection: DBConnection) -> list[str]:
    """All tables of a folder."""
    names: list[str] = []
    token = None
    while True:
        answer = connection.list_tables(page_token=token)
        names += answer.tables
        token = answer.page_token
        if not token:
            return sorted(names)


def open_table(connection: DBConnection, name: str) -> Table | None:
    """The table; None when a kill left a folder that is no table yet."""
    try:
        return connection.open_table(name)
    except LANCE_ERRORS as error:
        _raise_if_refused(name, error)  # or what serves users would be taken for unfinished, and removed
        return None


def info_of(name: str, table: Table | None) -> CollectionInfo:
    """What the version of a table that is checked out says of itself."""
    noted = (table.schema.metadata or {}).get(_META) if table is not None else None
    if table is None or noted is None:
        return CollectionInfo(name, fingerprint="", dimension=0)
    known = json.loads(noted)
    later = json.loads((table.schema.field(_NOTED_AT).metadata or {}).get(_META, b"{}"))
    return CollectionInfo(
        name,
        known["fingerprint"],
        known["dimension"],
        {**known["meta"], **later},
        tagged(table),
        known.get("quantisation", "float32"),
        known.get("approximate", False),
    )


def note(table: Table, meta: Mapping[str, str]) -> None:
    """Adds notes, in a new version of the table."""
    later = json.loads((table.schema.field(_NOTED_AT).metadata or {}).get(_META, b"{}"))
    noted = json.dumps({**later, **meta})
    table.update_field_metadata({"path": _NOTED_AT, "metadata": {_META.decode(): noted}})


def tagged(table: Table) -> bool:
    """Whether the table was finished; one whose tag cannot be read was not."""
    try:
        return COMPLETE in table.tags.list()
    except LANCE_ERRORS as error:
        _raise_if_refused(table.name, error)
        return False


@contextlib.contextmanager
def legible_errors(name: str, folder: Path) -> Iterator[None]:
    """Turns what the library raises over unreadable files into an error that a user can act on."""
    try:
        yield
    except LANCE_ERRORS as error:
        _raise_if_refused(name, error)
        raise DamagedCollectionError(name, _reason(error), str(folder)) from error


@contextlib.contextmanager
def legible_writing(name: str, folder: Path) -> Iterator[None]:
    """The same where a table is changed: a full disk and a read-only folder say nothing against what lies there."""
    try:
        with legible_errors(name, folder):
            yield
    except DamagedCollectionError as error:
        if _DISK.search(str(error.__cause__)):
            raise JargonautError(
                f"the collection {name!r} cannot be written ({_reason(error.__cause__ or error)})",
                where=str(folder),
                remedy="make room, or make the folder writable; then repeat the command",
            ) from error
        raise


def _raise_if_refused(name: str, error: Exception) -> None:
    if _REFUSED.search(str(error)):
        raise JargonautError(
            f"the collection {name!r} cannot be read now ({_reason(error)})",
            remedy="check your rights to its files, the memory, and how many files may be open (ulimit -n)",
        ) from error


def _reason(error: BaseException) -> str:
    """What the library says, without where in its own source it says so."""
    return str(error).split(", /")[0].removeprefix("lance error: ")
