"""Vectors that were computed before, kept by (encoder fingerprint, number format, kind of text, text hash).

Knows SQLite and text hashes. Knows nothing of models: it is handed a function that encodes, and calls it only for texts
that it has never seen. It is a cache: a damaged file is thrown away and filled again.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from jargonaut.databases import DamagedError, Migration, database, transaction
from jargonaut.errors import MismatchError
from jargonaut.protocols import Encoder, Reporter, SilentReporter, Vectors

Kind = Literal["query", "passage"]
"""Which prompt a text was encoded with: the same words give two vectors."""

_MIGRATIONS: Sequence[Migration] = (
    (
        "CREATE TABLE shape (id INTEGER PRIMARY KEY CHECK (id = 1), dimension INTEGER NOT NULL)",
        "CREATE TABLE vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL)",
    ),
)
SHOW_FROM = 512
"""Missing texts below which no progress is shown."""
_BLOCK = 2048
_CHARS_EACH = 127
"""Characters of a text, on average, from which on a block holds fewer texts."""
_PAGE = 16384  # a 384-d row is 1.5 kB: ten to a page instead of two
_LOOK_UP = 1000  # keys in one SELECT; SQLite's limit is 32,766 since 3.32 and 999 before


class VectorCache:
    """The vectors of one encoder, in one SQLite file; several processes may use it at once.

    Args:
        folder: Where cache files lie.
        fingerprint: The encoder's identity; names the file.
        dimension: Length of one vector.
        reporter: Shows the encoding of many texts, and is told when a damaged file was replaced.
        number_format: What the encoder computes in; names the file too. Empty when the encoder does not say.

    Raises:
        MismatchError: The file holds vectors of another length.
    """

    def __init__(
        self,
        folder: Path,
        fingerprint: str,
        dimension: int,
        reporter: Reporter | None = None,
        *,
        number_format: str = "",
    ) -> None:
        self.path = cache_file(folder, fingerprint, number_format)
        self.dimension = dimension
        self.reporter = reporter or SilentReporter()
        self.hits = 0
        self.misses = 0
        try:
            self._claim()
        except DamagedError as error:
            self._replace(error)

    def get_or_encode(
        self,
        texts: Sequence[str],
        encode: Callable[[Sequence[str]], Vectors],
        block: int = _BLOCK,
        *,
        kind: Kind = "passage",
        whole: bool = False,
        shown_as: str = "encoding",
    ) -> Vectors:
        """The vectors of `texts`, encoding only those that were never seen.

        Args:
            texts: Any number, with or without repeats.
            encode: Called with the missing distinct texts, longest first, so that a block's texts are of one length.
            block: Most texts encoded between two commits, and 127 times as many characters: a kill loses at most this.
            kind: Prompt that `encode` applies.
            whole: Whether a block holds so many texts however long they are, as a request to an endpoint does.
            shown_as: What progress calls this work.

        Returns:
            Float32 rows in the caller's order, shape (texts, dimension).

        Raises:
            MismatchError: `encode` gave another number or length of vectors.
        """
        keys = [_key(kind, text) for text in texts]
        rows: dict[bytes, int] = {}
        for key in keys:
            rows.setdefault(key, len(rows))
        vectors: Vectors = np.empty((len(rows), self.dimension), dtype=np.float32)
        found = self._look_up_or_replace(rows, vectors)
        missing = {rows[key]: text for key, text in zip(keys, texts, strict=True) if not found[rows[key]]}
        order = sorted(missing, key=lambda row: -len(missing[row]))
        distinct = list(rows)
        shown = self.reporter.track(order, shown_as, len(order)) if len(order) >= SHOW_FROM else iter(order)
        while part := list(itertools.islice(shown, 1)):
            size = block if whole else max(1, block * _CHARS_EACH // max(1, len(missing[part[0]])))
            part += itertools.islice(shown, min(block, size) - 1)
            vectors[part] = self._checked(encode([missing[row] for row in part]), len(part))
            self._store([distinct[row] for row in part], vectors[part])
        missed = sum(1 for key in keys if not found[rows[key]]) if missing else 0
        self.misses += missed
        self.hits += len(texts) - missed
        if len(rows) == len(texts):
            return vectors
        return vectors[[rows[key] for key in keys]]

    def __len__(self) -> int:
        with database(self.path, _MIGRATIONS, page_size=_PAGE) as connection:
            return int(connection.execute("SELECT count(*) FROM vectors").fetchone()[0])

    def _look_up_or_replace(self, rows: dict[bytes, int], vectors: Vectors) -> list[bool]:
        try:
            return self._look_up(rows, vectors)
        except DamagedError as error:
            self._replace(error)
            return [False] * len(rows)

    def _look_up(self, rows: dict[bytes, int], vectors: Vectors) -> list[bool]:
        """Fills the rows of `vectors` that are known; says which those are."""
        found = [False] * len(rows)
        keys = list(rows)
        size = 4 * self.dimension
        with database(self.path, _MIGRATIONS, page_size=_PAGE) as connection:
            for start in range(0, len(keys), _LOOK_UP):
                part = keys[start : start + _LOOK_UP]
                marks = ",".join("?" * len(part))
                hits = connection.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", part).fetchall()  # noqa: S608 - marks are question marks
                if any(len(blob) != size for _, blob in hits):
                    raise DamagedError(f"a vector is not {size} bytes long")
                places = [rows[key] for key, _ in hits]
                vectors[places] = np.frombuffer(b"".join(blob for _, blob in hits), dtype="<f4").reshape(
                    -1, self.dimension
                )
                for place in places:
                    found[place] = True
        return found

    def _store(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        blobs = (row.tobytes() for row in vectors.astype("<f4", copy=False))
        with database(self.path, _MIGRATIONS, page_size=_PAGE) as connection, transaction(connection):
            connection.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", zip(keys, blobs, strict=True))

    def _checked(self, vectors: Vectors, count: int) -> Vectors:
        if vectors.shape != (count, self.dimension):
            raise MismatchError(
                f"the encoder gave vectors of shape {vectors.shape}; {(count, self.dimension)} is expected",
                where=str(self.path),
            )
        return vectors

    def _claim(self) -> None:
        """Notes the dimension in a new file, compares it in an old one."""
        with database(self.path, _MIGRATIONS, page_size=_PAGE) as connection, transaction(connection):
            connection.execute("INSERT OR IGNORE INTO shape VALUES (1, ?)", (self.dimension,))
            known = int(connection.execute("SELECT dimension FROM shape").fetchone()[0])
        if known != self.dimension:
            raise MismatchError(
                f"this cache holds {known}-d vectors, the encoder makes {self.dimension}-d ones",
                where=str(self.path),
                remedy="remove the file: it is only a cache and will be filled again",
            )

    def _replace(self, reason: Exception) -> None:
        """Throws a damaged file away and starts a new one."""
        self.reporter.warn(f"{self.path}: the vector cache is damaged ({reason}); it is filled again from nothing")
        for ending in ("-wal", "-shm", ""):  # the log first: a log without its database must never be replayed
            self.path.with_name(self.path.name + ending).unlink(missing_ok=True)
        self._claim()


class CachedEncoder:
    """An `Encoder` that remembers: the inner one is touched only for texts that no run has seen.

    `hits` and `misses` count the texts answered from the cache and those encoded, by this object.

    Args:
        encoder: Encodes what is missing. Where it has a `number_format`, vectors of another one are kept apart: they
            have the same fingerprint, which is the model's, but not the same values.
        cache_root: Folder of the cache files.
        reporter: Shows the encoding of many texts, and is told when a damaged cache was replaced.
    """

    def __init__(self, encoder: Encoder, cache_root: Path, reporter: Reporter | None = None) -> None:
        self.hits = 0
        self.misses = 0
        self.encoder = encoder
        self.cache_root = cache_root
        self.reporter = reporter or SilentReporter()

    @property
    def name(self) -> str:
        """What a user calls this model."""
        return self.encoder.name

    @property
    def fingerprint(self) -> str:
        """The inner encoder's: remembering changes no vector."""
        return self.encoder.fingerprint

    @cached_property
    def dimension(self) -> int:
        """Length of one vector; from the cache when it knows, since some encoders must load their model to tell."""
        return stored_dimension(self.cache_root, self.fingerprint, self._number_format) or self.encoder.dimension

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """One row per text, in the caller's order; the query prompt is applied."""
        return self._remember(texts, self.encoder.encode_queries, "query")

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """One row per text, in the caller's order; the passage prompt is applied."""
        return self._remember(texts, self.encoder.encode_passages, "passage")

    def close(self) -> None:
        """Lets go of the inner encoder's model and processes; the next call that it has no vectors for starts anew."""
        close = getattr(self.encoder, "close", None)
        if close is not None:
            close()

    def _remember(self, texts: Sequence[str], encode: Callable[[Sequence[str]], Vectors], kind: Kind) -> Vectors:
        shown_as = f"encoding {'queries' if kind == 'query' else 'passages'} with {self.name}"
        # As much for each device; what an endpoint was paid for is kept after every request.
        request: int | None = getattr(self.encoder, "at_once", None)
        block = request or _BLOCK * len(getattr(self.encoder, "devices", (None,)))
        vectors = self._cache.get_or_encode(
            texts, encode, block, kind=kind, whole=request is not None, shown_as=shown_as
        )
        self.hits, self.misses = self._cache.hits, self._cache.misses
        return vectors

    @cached_property
    def _number_format(self) -> str:
        return str(getattr(self.encoder, "number_format", ""))  # a remote model's is not known

    @cached_property
    def _cache(self) -> VectorCache:
        return VectorCache(
            self.cache_root, self.fingerprint, self.dimension, self.reporter, number_format=self._number_format
        )


def cache_file(folder: Path, fingerprint: str, number_format: str = "") -> Path:
    """Where the vectors of one encoder in one number format lie."""
    return folder / f"{fingerprint}{f'-{number_format}' if number_format else ''}.db"


def stored_dimension(folder: Path, fingerprint: str, number_format: str = "") -> int | None:
    """Vector length that a cache file remembers; None when there is no usable file."""
    path = cache_file(folder, fingerprint, number_format)
    if not path.exists():
        return None
    try:
        with database(path, _MIGRATIONS, page_size=_PAGE) as connection:
            row = connection.execute("SELECT dimension FROM shape").fetchone()
    except DamagedError:
        return None
    return int(row[0]) if row else None


def _key(kind: Kind, text: str) -> bytes:
    # Lone surrogates occur in badly decoded text, and must not stop a run.
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, person=kind.encode()).digest()
