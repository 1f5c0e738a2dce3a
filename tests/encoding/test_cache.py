"""The vector cache. Vectors are made from the texts themselves, so every row can be checked."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jargonaut.encoding.cache import CachedEncoder, VectorCache, stored_dimension
from jargonaut.encoding.devices import ComputeOptions
from jargonaut.encoding.local import LocalEncoder
from jargonaut.encoding.models import find_model
from jargonaut.errors import MismatchError
from jargonaut.protocols import Encoder, SilentReporter, Vectors

DIMENSION = 8


def digest_vectors(texts: Sequence[str]) -> Vectors:
    """Eight numbers that depend on the text alone."""
    digests = (hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[: 2 * DIMENSION] for text in texts)
    rows = [np.frombuffer(digest, dtype="<u2").astype(np.float32) for digest in digests]
    return np.stack(rows) if rows else np.zeros((0, DIMENSION), dtype=np.float32)


class Counting:
    """Encodes, and remembers how it was asked."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """One row per text."""
        self.calls.append(list(texts))
        return digest_vectors(texts)


class Listening(SilentReporter):
    """A reporter that keeps its warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        """Keeps it."""
        self.warnings.append(text)


@given(st.lists(st.lists(st.text(max_size=5), max_size=12), min_size=1, max_size=4))
def test_rows_are_in_the_callers_order(batches: list[list[str]]) -> None:
    """Whatever is repeated, known or new: row i is the vector of text i."""
    with tempfile.TemporaryDirectory() as folder:
        cache = VectorCache(Path(folder), "f", DIMENSION)
        for texts in batches:
            np.testing.assert_array_equal(cache.get_or_encode(texts, digest_vectors, 3), digest_vectors(texts))


def test_only_missing_distinct_texts_are_encoded(tmp_path: Path) -> None:
    """A text is encoded once, in blocks, longest first and else in order of first appearance."""
    encode = Counting()
    VectorCache(tmp_path, "f", DIMENSION).get_or_encode(["a", "b", "a"], encode)
    VectorCache(tmp_path, "f", DIMENSION).get_or_encode(["e", "b", "c", "d", "c", "f", "a"], encode, 2)
    assert encode.calls == [["a", "b"], ["e", "c"], ["d", "f"]]
    VectorCache(tmp_path, "f", DIMENSION).get_or_encode(["gg", "h", "iii", "jj"], encode, 2)
    assert encode.calls[3:] == [["iii", "gg"], ["jj", "h"]]


def test_a_block_of_long_texts_is_smaller(tmp_path: Path) -> None:
    """What a kill can lose is bounded in work, not only in texts."""
    encode = Counting()
    VectorCache(tmp_path, "f", DIMENSION).get_or_encode([str(n) + "x" * 100_000 for n in range(5)], encode)
    assert [len(call) for call in encode.calls] == [2, 2, 1]


def test_hits_and_misses_are_counted(tmp_path: Path) -> None:
    """Counts add up to the texts that were asked for."""
    cache = VectorCache(tmp_path, "f", DIMENSION)
    cache.get_or_encode(["a", "b"], digest_vectors)
    cache.get_or_encode(["a", "c", "a"], digest_vectors)
    assert (cache.hits, cache.misses, len(cache)) == (2, 3, 3)


def test_vectors_survive_bit_by_bit(tmp_path: Path) -> None:
    """A cached vector is the encoded one, not one close to it."""
    odd = np.array([[np.float32(1) / 3, 1e-38, -0.0, 1e38, np.pi, 2, 3, 4]], dtype=np.float32)
    VectorCache(tmp_path, "f", DIMENSION).get_or_encode(["a"], lambda _: odd)
    again = VectorCache(tmp_path, "f", DIMENSION).get_or_encode(["a"], Counting())
    assert again.tobytes() == odd.tobytes()


def test_query_and_passage_vectors_are_kept_apart(tmp_path: Path) -> None:
    """The same words under two prompts are two vectors."""
    cache = VectorCache(tmp_path, "f", DIMENSION)
    cache.get_or_encode(["a"], digest_vectors, kind="passage")
    other = cache.get_or_encode(["a"], lambda texts: -digest_vectors(texts), kind="query")
    np.testing.assert_array_equal(other, -digest_vectors(["a"]))


def test_encoders_are_kept_apart(tmp_path: Path) -> None:
    """Another fingerprint never sees these vectors."""
    VectorCache(tmp_path, "f", DIMENSION).get_or_encode(["a"], digest_vectors)
    encode = Counting()
    VectorCache(tmp_path, "g", DIMENSION).get_or_encode(["a"], encode)
    assert encode.calls == [["a"]]


def test_a_block_is_kept_when_the_next_one_fails(tmp_path: Path) -> None:
    """Work that was done is not lost."""

    def fails_on_c(texts: Sequence[str]) -> Vectors:
        if "c" in texts:
            raise KeyboardInterrupt
        return digest_vectors(texts)

    with pytest.raises(KeyboardInterrupt):
        VectorCache(tmp_path, "f", DIMENSION).get_or_encode(["a", "b", "c"], fails_on_c, 2)
    encode = Counting()
    VectorCache(tmp_path, "f", DIMENSION).get_or_encode(["a", "b", "c"], encode)
    assert encode.calls == [["c"]]


def test_kill_loses_at_most_a_block(tmp_path: Path) -> None:
    """After kill -9 in the middle, only the unfinished block is encoded again."""
    code = (
        "import sys, time, numpy as np; from pathlib import Path; from jargonaut.encoding.cache import VectorCache\n"
        "def encode(texts):\n"
        "    print(texts[0], flush=True)\n"
        "    time.sleep(60 * (texts[0] == '20'))\n"
        "    return np.ones((len(texts), 8), dtype=np.float32)\n"
        "VectorCache(Path(sys.argv[1]), 'f', 8).get_or_encode([str(i) for i in range(100)], encode, 10)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line == "20\n":
                os.kill(process.pid, signal.SIGKILL)
    encode = Counting()
    VectorCache(tmp_path, "f", DIMENSION).get_or_encode([str(i) for i in range(100)], encode)
    assert {text for call in encode.calls for text in call} == {str(i) for i in range(100)} - {
        str(i) for i in range(10, 20)
    }


@pytest.mark.parametrize("damage", ["not a database", "truncated"])
def test_a_damaged_file_is_filled_again(tmp_path: Path, damage: str) -> None:
    """A cache that cannot be read costs time, not the run; the user is told."""
    texts = [str(i) for i in range(2000)]
    path = VectorCache(tmp_path, "f", DIMENSION).path
    VectorCache(tmp_path, "f", DIMENSION).get_or_encode(texts, digest_vectors)
    path.write_bytes(b"rubbish" * 1000 if damage == "not a database" else path.read_bytes()[:40_000])
    reporter, encode = Listening(), Counting()
    again = VectorCache(tmp_path, "f", DIMENSION, reporter).get_or_encode(texts, encode)
    np.testing.assert_array_equal(again, digest_vectors(texts))
    assert len(reporter.warnings) == 1
    assert len(VectorCache(tmp_path, "f", DIMENSION)) == 2000


def test_another_dimension_is_refused(tmp_path: Path) -> None:
    """A file of other vectors is named, with both lengths."""
    VectorCache(tmp_path, "f", DIMENSION)
    with pytest.raises(MismatchError, match="8-d vectors, the encoder makes 16-d"):
        VectorCache(tmp_path, "f", 16)


def test_an_encoder_that_gives_the_wrong_shape_is_refused(tmp_path: Path) -> None:
    """Nothing is stored that would be wrong for ever."""
    cache = VectorCache(tmp_path, "f", DIMENSION)
    with pytest.raises(MismatchError, match="shape"):
        cache.get_or_encode(["a", "b"], lambda _: np.zeros((1, DIMENSION), dtype=np.float32))
    assert len(cache) == 0


def test_many_known_vectors_come_back_in_order(tmp_path: Path) -> None:
    """20,000 known 384-d vectors, asked for backwards, need no encoding."""
    texts = [str(i) for i in range(20_000)]
    vectors = np.arange(20_000 * 384, dtype=np.float32).reshape(20_000, 384)
    cache = VectorCache(tmp_path, "f", 384)
    cache.get_or_encode(texts, lambda part: vectors[[int(text) for text in part]])
    again = cache.get_or_encode(texts[::-1], Counting())
    np.testing.assert_array_equal(again, vectors[::-1])


@pytest.fixture(scope="module")
def real_encoder() -> LocalEncoder:
    """The model that ships with the package."""
    return LocalEncoder(find_model("embedded"))


def test_a_cached_encoder_gives_the_same_vectors_without_loading_the_model(
    tmp_path: Path, real_encoder: LocalEncoder
) -> None:
    """The second time, a fresh encoder answers from the cache and its model is never loaded."""
    texts = ["fracture of the radius", "broken arm"]
    first = CachedEncoder(real_encoder, tmp_path)
    passages, queries = first.encode_passages(texts), first.encode_queries(texts[:1])
    fresh = LocalEncoder(find_model("embedded"))
    second = CachedEncoder(fresh, tmp_path)
    np.testing.assert_array_equal(second.encode_passages(texts[::-1]), passages[::-1])
    np.testing.assert_array_equal(second.encode_queries(texts[:1]), queries)
    assert "model" not in vars(fresh)
    assert (first.hits, first.misses, second.hits, second.misses) == (0, 3, 3, 0)


def test_number_formats_are_kept_apart(tmp_path: Path) -> None:
    """Vectors of one model in fp32 are never given for those in bf16, nor the other way round."""
    encoders = {
        precision: LocalEncoder(find_model("embedded"), ComputeOptions(device="cpu", precision=precision))
        for precision in ("fp32", "bf16")
    }
    assert len({encoder.fingerprint for encoder in encoders.values()}) == 1  # an index of either serves both
    files = []
    for precision, encoder in encoders.items():
        cache = VectorCache(tmp_path, encoder.fingerprint, DIMENSION, number_format=encoder.number_format)
        cache.get_or_encode(["a"], lambda texts: digest_vectors(texts) + len(files))
        files.append(cache.path.name)
        assert (cache.misses, precision) == (1, precision)
    fingerprint = encoders["fp32"].fingerprint
    assert files == [f"{fingerprint}-float32.db", f"{fingerprint}-bfloat16.db"]


def test_a_cached_encoder_keeps_its_number_format_apart(tmp_path: Path, real_encoder: LocalEncoder) -> None:
    """It asks the encoder what it computes in, so that no caller can forget to say it."""
    CachedEncoder(real_encoder, tmp_path).encode_passages(["a"])
    assert [path.name for path in tmp_path.glob("*.db")] == [
        f"{real_encoder.fingerprint}-{real_encoder.number_format}.db"
    ]


def test_a_cached_encoder_has_the_inner_ones_identity(tmp_path: Path, real_encoder: LocalEncoder) -> None:
    """It is an `Encoder` of the same name, fingerprint and dimension."""
    cached = CachedEncoder(real_encoder, tmp_path)
    assert isinstance(cached, Encoder)
    assert (cached.name, cached.fingerprint) == (real_encoder.name, real_encoder.fingerprint)
    assert cached.dimension == real_encoder.dimension == 384
    cached.encode_passages(["a"])
    assert stored_dimension(tmp_path, cached.fingerprint, real_encoder.number_format) == 384


def test_every_device_gets_a_block_at_once(tmp_path: Path, real_encoder: LocalEncoder) -> None:
    """Where an encoder has several devices, what it is asked for at once grows with them."""
    asked: list[int] = []

    class OnThree(CachedEncoder):
        devices = ("cpu", "cpu", "cpu")

        def encode_passages(self, texts: Sequence[str]) -> Vectors:
            asked.append(len(texts))
            return np.zeros((len(texts), self.dimension), dtype=np.float32)

    CachedEncoder(OnThree(real_encoder, tmp_path), tmp_path / "outer").encode_passages([str(n) for n in range(7000)])
    assert asked == [6144, 856]
