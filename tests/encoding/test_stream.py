"""Vectors that are streamed to disk: what a kill leaves, what the next call encodes, and what is in memory."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jargonaut.encoding.devices import ComputeOptions
from jargonaut.encoding.local import LocalEncoder
from jargonaut.encoding.matryoshka import TruncatedEncoder
from jargonaut.encoding.models import EMBEDDED, find_model
from jargonaut.encoding.stream import encode_to_file
from jargonaut.errors import InputError, MismatchError
from jargonaut.protocols import Encoder, Vectors

DIMENSION = 8
TEXTS = [f"text {number}" for number in range(25)]


class Digests:
    """An encoder whose vectors depend on the text and the kind alone; it counts texts and may fail."""

    name = "digests"
    dimension = DIMENSION

    def __init__(self, fingerprint: str = "f", fails_at: int | None = None) -> None:
        self.fingerprint = fingerprint
        self.asked: list[str] = []
        self._fails_at = fails_at

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """One row per text."""
        return -self.encode_passages(texts)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """One row per text."""
        if self._fails_at is not None and len(self.asked) + len(texts) > self._fails_at:
            raise KeyboardInterrupt
        self.asked += texts
        rows = [hashlib.sha256(self.fingerprint.encode() + text.encode("utf-8", "surrogatepass")) for text in texts]
        return np.array([np.frombuffer(row.digest()[:DIMENSION], dtype="u1") for row in rows], dtype=np.float32)


def stopped(path: Path, texts: Sequence[str] = TEXTS, *, after: int = 20, fingerprint: str = "f") -> None:
    """A call that ends before it has encoded more than `after` texts, in blocks of five."""
    with pytest.raises(KeyboardInterrupt):
        encode_to_file(Digests(fingerprint, after), texts, path, block=5)
    assert not path.exists()


@given(st.lists(st.text(max_size=5), max_size=20), st.integers(1, 7))
def test_rows_are_in_the_callers_order(texts: list[str], block: int) -> None:
    """Row i of the file is the vector of text i, whatever the block; nothing else is left."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "new" / "vectors.npy"
        rows = encode_to_file(Digests(), iter(texts), path, block=block)
        np.testing.assert_array_equal(rows, Digests().encode_passages(texts).reshape(-1, DIMENSION))
        assert [file.name for file in path.parent.iterdir()] == ["vectors.npy"]


def test_the_file_is_a_plain_npy_file_and_the_result_is_read_only(tmp_path: Path) -> None:
    """NumPy reads it; what is returned is a view of it that cannot change it."""
    rows = encode_to_file(Digests(), TEXTS, tmp_path / "v.npy", kind="query")
    loaded = np.load(tmp_path / "v.npy", allow_pickle=False)
    assert (loaded.dtype, loaded.shape) == (np.float32, (25, DIMENSION))
    np.testing.assert_array_equal(loaded, Digests().encode_queries(TEXTS))
    assert isinstance(rows, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        rows[0] = 0


def test_the_real_encoder_gives_the_same_rows(tmp_path: Path) -> None:
    """A file holds what `encode_passages` and `encode_queries` give."""
    encoder = LocalEncoder(find_model(EMBEDDED, query_prompt="query: "), ComputeOptions("cpu", "fp32"))
    texts = [" ".join(["renal failure"] * (number % 7)) for number in range(40)]
    passages = encode_to_file(encoder, texts, tmp_path / "p.npy", block=16)
    np.testing.assert_allclose(passages, encoder.encode_passages(texts), atol=1e-5)
    queries = encode_to_file(encoder, texts, tmp_path / "q.npy", block=16, kind="query")
    np.testing.assert_allclose(queries, encoder.encode_queries(texts), atol=1e-5)


def test_only_the_rest_is_encoded_after_a_stop(tmp_path: Path) -> None:
    """Blocks that were written are not encoded again; the caller learns how many rows they are."""
    stopped(tmp_path / "v.npy", after=20)
    encoder, reused = Digests(), list[int]()
    rows = encode_to_file(encoder, iter(TEXTS), tmp_path / "v.npy", block=5, on_reused=reused.append)
    assert encoder.asked == TEXTS[20:]
    assert reused == [20]
    np.testing.assert_array_equal(rows, Digests().encode_passages(TEXTS))


@pytest.mark.parametrize(
    ("texts", "encoded"),
    [
        (["other", *TEXTS[1:]], 25),
        ([*TEXTS[:12], "other", *TEXTS[13:]], 15),
        (TEXTS[:8], 3),
        ([*TEXTS, *TEXTS], 30),
        ([], 0),
    ],
    ids=["another first text", "another text in the third block", "fewer texts", "more texts", "none"],
)
def test_rows_of_other_texts_are_never_taken(tmp_path: Path, texts: list[str], encoded: int) -> None:
    """From the first block on that holds another text, everything is encoded anew."""
    stopped(tmp_path / "v.npy", after=20)
    encoder = Digests()
    rows = encode_to_file(encoder, texts, tmp_path / "v.npy", block=5)
    assert len(encoder.asked) == encoded
    np.testing.assert_array_equal(rows, Digests().encode_passages(texts).reshape(-1, DIMENSION))


def test_rows_of_another_encoder_or_kind_are_never_taken(tmp_path: Path) -> None:
    """Fingerprint, kind and dimension count: what was written with others is encoded anew."""
    stopped(tmp_path / "v.npy", fingerprint="other")
    encoder = Digests()
    encode_to_file(encoder, TEXTS, tmp_path / "v.npy", block=5)
    assert encoder.asked == TEXTS
    stopped(tmp_path / "w.npy")
    encode_to_file(encoder, TEXTS, tmp_path / "w.npy", block=5, kind="query")
    assert len(encoder.asked) == 50
    stopped(tmp_path / "x.npy")
    cut = encode_to_file(TruncatedEncoder(encoder, 4), TEXTS, tmp_path / "x.npy", block=5)
    assert (len(encoder.asked), cut.shape) == (75, (25, 4))


@pytest.mark.parametrize("lost", ["rows", "marks", "half a mark"])
def test_what_was_lost_is_encoded_again(tmp_path: Path, lost: str) -> None:
    """Rows without a mark and marks without rows are not trusted."""
    stopped(tmp_path / "v.npy", after=20)
    part, marks = tmp_path / ".v.npy.part", tmp_path / ".v.npy.marks"
    if lost == "rows":
        part.unlink()
    else:
        marks.write_bytes(marks.read_bytes()[: 0 if lost == "marks" else -7])
    encoder = Digests()
    rows = encode_to_file(encoder, TEXTS, tmp_path / "v.npy", block=5)
    assert encoder.asked == (TEXTS[15:] if lost == "half a mark" else TEXTS)
    np.testing.assert_array_equal(rows, Digests().encode_passages(TEXTS))


def test_a_file_that_is_there_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    """It is replaced in one step."""
    path = tmp_path / "v.npy"
    encode_to_file(Digests(), ["old"], path)
    with pytest.raises(KeyboardInterrupt):
        encode_to_file(Digests(fails_at=20), TEXTS, path, block=5)
    assert np.load(path).shape == (1, DIMENSION)
    assert encode_to_file(Digests(), TEXTS, path, block=5).shape == (25, DIMENSION)


def test_texts_in_memory_are_one_block(tmp_path: Path) -> None:
    """Texts are taken from the iterable when they are needed and let go when they are written."""

    class Text(str):
        """A text that can be watched."""

        __slots__ = ("__weakref__",)

    alive: weakref.WeakSet[Text] = weakref.WeakSet()
    most = 0

    def watched() -> Iterator[str]:
        nonlocal most
        for number in range(1000):
            text = Text(f"text {number}")
            alive.add(text)
            most = max(most, len(alive))
            yield text

    class Forgetful(Digests):
        def encode_passages(self, texts: Sequence[str]) -> Vectors:
            return np.zeros((len(texts), DIMENSION), dtype=np.float32)

    assert encode_to_file(Forgetful(), watched(), tmp_path / "v.npy", block=10).shape == (1000, DIMENSION)
    assert most <= 12  # a block, the text that was read last, and the one that is read


def test_a_block_of_long_texts_is_smaller(tmp_path: Path) -> None:
    """Long texts do not make memory grow."""
    asked: list[int] = []

    class Watching(Digests):
        def encode_passages(self, texts: Sequence[str]) -> Vectors:
            asked.append(len(texts))
            return super().encode_passages(texts)

    encode_to_file(Watching(), ["x" * 2000] * 5 + ["y"] * 7, tmp_path / "v.npy", block=8)
    assert asked == [3, 8, 1]


def test_an_encoder_that_gives_the_wrong_shape_is_refused(tmp_path: Path) -> None:
    """Nothing is written that would be wrong for ever."""

    class Short(Digests):
        dimension = DIMENSION + 1

    with pytest.raises(MismatchError, match="shape"):
        encode_to_file(Short(), TEXTS, tmp_path / "v.npy")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """It is refused before anything is encoded."""
    encoder: Encoder = Digests()
    with pytest.raises(InputError, match="folder"):
        encode_to_file(encoder, TEXTS, tmp_path)


@pytest.mark.slow
def test_a_kill_loses_at_most_a_block(tmp_path: Path) -> None:
    """Kill -9 within the third block, with the real model: two blocks are kept, and the file is whole in the end."""
    code = (
        "import sys, time; from pathlib import Path\n"
        "from jargonaut.encoding.local import LocalEncoder; from jargonaut.encoding.models import find_model\n"
        "from jargonaut.encoding.stream import encode_to_file\n"
        "def texts():\n"
        "    for number in range(100):\n"
        "        if number == 25:\n"
        "            print('here', flush=True); time.sleep(600)\n"
        "        yield f'renal failure {number}'\n"
        "encode_to_file(LocalEncoder(find_model('embedded')), texts(), Path(sys.argv[1]), block=10)\n"
    )
    path = tmp_path / "v.npy"
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        os.kill(process.pid, signal.SIGKILL)
    assert not path.exists()
    texts, reused = [f"renal failure {number}" for number in range(100)], list[int]()
    encoder = LocalEncoder(find_model(EMBEDDED))
    rows = encode_to_file(encoder, texts, path, block=10, on_reused=reused.append)
    assert reused == [20]
    np.testing.assert_allclose(rows, encoder.encode_passages(texts), atol=1e-5)


def test_a_file_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    """A second writer is told so, and the first one's rows are right."""

    def texts() -> Iterator[str]:
        yield from TEXTS[:3]
        with pytest.raises(InputError, match="another process is writing this file"):
            encode_to_file(Digests(), TEXTS, tmp_path / "v.npy")
        yield from TEXTS[3:]

    rows = encode_to_file(Digests(), texts(), tmp_path / "v.npy")
    np.testing.assert_array_equal(rows, Digests().encode_passages(TEXTS))


@pytest.mark.parametrize("name", ["corpus.jsonl", "vectors", "notes.txt"])
def test_a_file_that_is_none_of_vectors_is_not_written_over(tmp_path: Path, name: str) -> None:
    """A slip of the hand costs nothing."""
    (tmp_path / name).write_text("mine")
    with pytest.raises(InputError, match=r"ends in \.npy"):
        encode_to_file(Digests(), TEXTS, tmp_path / name)
    assert (tmp_path / name).read_text() == "mine"
