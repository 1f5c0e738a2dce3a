"""Texts → vectors in a `.npy` file, block by block: for corpora that are larger than memory.

A block is written, then a mark is set in a second file beside it, so a run that was killed encodes only the rest. Knows
an `Encoder` and its one file; knows nothing of what the texts are.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from jargonaut.artifacts import content_hash, held
from jargonaut.encoding.cache import Kind
from jargonaut.errors import InputError, MismatchError
from jargonaut.protocols import Encoder, Reporter, SilentReporter, Vectors

BLOCK = 4096
"""Texts between two marks."""
_CHARS_EACH = 512
"""Characters of a text, on average, from which on a block holds fewer texts: memory stays flat."""
_VERSION = 1
_MARK_BYTES = 16


def encode_to_file(
    encoder: Encoder,
    texts: Iterable[str],
    path: Path,
    *,
    kind: Kind = "passage",
    block: int = BLOCK,
    total: int | None = None,
    reporter: Reporter | None = None,
    on_reused: Callable[[int], None] | None = None,
) -> np.memmap[Any, np.dtype[np.float32]]:
    """Encodes any number of texts into a `.npy` file, holding one block of them in memory.

    The file appears under its name when it is whole, in place of one that was there. Until then rows lie in
    `.<name>.part`, and `.<name>.marks` says how far they hold: a hash of the encoder, the kind and all texts so far for
    each block. The same call after a kill reads the texts again and encodes from the first block on whose mark is
    another, so rows of other texts or of another model are never taken.

    Args:
        encoder: Makes the vectors; a `LocalEncoder` sorts a block by length and divides it among its devices.
        texts: Read once, in order; must be the same again to go on after a kill.
        path: The file.
        kind: Which prompt is applied.
        block: Texts between two marks, and at most 512 times as many characters: a kill loses at most this.
        total: How many texts there are, for the progress; None when nobody knows.
        reporter: Shows the progress.
        on_reused: Told, at the end, how many rows were there from an earlier call.

    Returns:
        The file's rows, read-only, not read into memory: float32, shape (texts, dimension).

    Raises:
        InputError: The path is a folder or does not end in `.npy`, or another process is writing it.
        MismatchError: The encoder gives another number or length of vectors than it says.
    """
    if path.is_dir():
        raise InputError(
            "this is a folder; a file is wanted", where=str(path), remedy=f"such as {path / 'vectors.npy'}"
        )
    if path.suffix != ".npy":  # or a slip of the hand replaces what is no file of vectors
        raise InputError("a file of vectors ends in .npy", where=str(path), remedy=f"such as {path.stem}.npy")
    with _Rows(path, encoder, kind) as rows:
        shown = (reporter or SilentReporter()).track(
            _encoded(rows, iter(texts), block), f"encoding {_PLURAL[kind]} with {encoder.name}", total
        )
        for _ in shown:
            pass
        rows.finish()
    if on_reused is not None:
        on_reused(rows.reused)
    vectors: np.memmap[Any, np.dtype[np.float32]] = np.load(path, mmap_mode="r")
    return vectors


_PLURAL: dict[Kind, str] = {"query": "queries", "passage": "passages"}


def _encoded(rows: _Rows, texts: Iterator[str], block: int) -> Iterator[int]:
    """Encodes all texts, block by block; counts each once its row is written, and holds none longer."""
    while count := rows.take(_next_block(texts, block)):
        yield from range(count)


def _next_block(texts: Iterator[str], most: int) -> list[str]:
    """The next texts; none at the end."""
    taken: list[str] = []
    chars = 0
    for text in texts:
        taken.append(text)
        chars += len(text)
        if len(taken) == most or chars >= most * _CHARS_EACH:
            break
    return taken


class _Rows:
    """The unfinished file and its marks, at the place up to which they hold.

    Attributes:
        count: Rows up to there.
        reused: Those of them that an earlier call wrote.
    """

    def __init__(self, path: Path, encoder: Encoder, kind: Kind) -> None:
        self._path = path
        self._dimension = encoder.dimension
        self._encode = encoder.encode_queries if kind == "query" else encoder.encode_passages
        self._running = hashlib.blake2b(digest_size=_MARK_BYTES)
        number_format = str(getattr(encoder, "number_format", ""))
        identity = content_hash("rows", _VERSION, encoder.fingerprint, number_format, self._dimension, kind)
        self._running.update(identity.encode())
        self.count = self.reused = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = held(path.with_name(f".{path.name}.lock"))
        if lock is None:
            raise InputError("another process is writing this file", where=str(path))
        self._lock = lock
        self._part = _opened(path.with_name(f".{path.name}.part"))
        self._marks = _opened(path.with_name(f".{path.name}.marks"))
        self._stored = self._part.seek(0, os.SEEK_END)
        marks = self._marks.read()
        self._known = [marks[start : start + _MARK_BYTES] for start in range(0, len(marks), _MARK_BYTES)]
        self._blocks = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._part.close()
        self._marks.close()
        os.close(self._lock)

    def take(self, texts: list[str]) -> int:
        """Encodes the next texts unless their rows are there; gives their number."""
        if not texts:
            return 0
        for text in texts:
            encoded = text.encode("utf-8", "surrogatepass")
            self._running.update(len(encoded).to_bytes(8))
            self._running.update(encoded)
        mark, end = self._running.digest(), self.count + len(texts)
        if self._known[self._blocks : self._blocks + 1] == [mark] and self._place(end) <= self._stored:
            self.reused = end
        else:
            self._forget()
            self._write(self._checked(self._encode(texts), len(texts)), mark)
        self.count, self._blocks = end, self._blocks + 1
        return len(texts)

    def finish(self) -> None:
        """Gives the file its header and its name."""
        self._part.truncate(self._place(self.count))
        self._part.seek(0)
        self._part.write(_header(self.count, self._dimension))
        _flush(self._part)
        Path(self._part.name).replace(self._path)
        Path(self._marks.name).unlink()
        self._path.with_name(f".{self._path.name}.lock").unlink()

    def _forget(self) -> None:
        """Removes the marks of other texts before their rows are written over."""
        if self._known:
            self._known.clear()
            self._marks.truncate(self._blocks * _MARK_BYTES)
            _flush(self._marks)

    def _write(self, vectors: Vectors, mark: bytes) -> None:
        """Rows first, then the mark that says that they hold."""
        self._part.seek(self._place(self.count))
        self._part.write(vectors.astype("<f4", copy=False).tobytes())
        _flush(self._part)
        self._marks.seek(self._blocks * _MARK_BYTES)
        self._marks.write(mark)
        _flush(self._marks)

    def _checked(self, vectors: Vectors, count: int) -> Vectors:
        if vectors.shape != (count, self._dimension):
            raise MismatchError(
                f"the encoder gave vectors of shape {vectors.shape}; {(count, self._dimension)} is expected",
                where=str(self._path),
            )
        return vectors

    def _place(self, row: int) -> int:
        """Where a row begins in the file."""
        return len(_header(0, self._dimension)) + 4 * self._dimension * row


def _opened(path: Path) -> io.BufferedRandom:
    """A file to read and to write; made if it is not there."""
    path.touch()
    return path.open("r+b")


def _header(rows: int, dimension: int) -> bytes:
    """The beginning of a `.npy` file; NumPy leaves room for more rows, so it is as long for any number of them."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"shape": (rows, dimension), "fortran_order": False, "descr": "<f4"})
    return header.getvalue()


def _flush(file: io.BufferedRandom) -> None:
    file.flush()
    os.fsync(file.fileno())
