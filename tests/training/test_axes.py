"""Vectors told in other axes: no angle changes, the first components hold more, and the model loads anywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer

from jargonaut.encoding.forward import Forward
from jargonaut.encoding.local import LocalEncoder
from jargonaut.encoding.models import find_model
from jargonaut.errors import InputError
from jargonaut.training import fitted_axes, principal_axes, turn

from .test_contrastive import FP32

TEXTS = ["a broken arm after a fall from a ladder", "heart attack", "fracture of the upper limb", "a cold"]


def rotation(size: int) -> np.ndarray:
    """Some orthogonal matrix."""
    return np.linalg.qr(np.random.default_rng(3).normal(size=(size, size)))[0]


@given(
    st.integers(1, 12), st.integers(1, 30), st.integers(0, 30), st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_axes_are_a_rotation(size: int, passages: int, queries: int, seed: int) -> None:
    """However few the vectors: no length and no angle changes."""
    rng = np.random.default_rng(seed)
    kinds = [rng.normal(size=(count, size)).astype(np.float32) for count in (passages, queries)]
    axes = principal_axes(*kinds)
    np.testing.assert_allclose(axes.T @ axes, np.eye(size), atol=1e-9)


def test_the_first_axes_hold_what_varies_most() -> None:
    """What is the same in all texts of a kind tells none apart, however large it is."""
    rng = np.random.default_rng(1)
    spread = np.array([0.1, 2.0, 0.5, 1.0])
    passages = rng.normal(size=(500, 4)) * spread + [9.0, 0, 0, 0]
    queries = rng.normal(size=(50, 4)) * spread - [9.0, 0, 0, 0]
    axes = principal_axes(passages.astype(np.float32), queries.astype(np.float32))
    assert np.abs(axes).argmax(axis=0).tolist() == [1, 3, 2, 0]


def test_fitted_axes_say_what_whole_vectors_say() -> None:
    """More nearly than principal ones, of texts that they were not fitted to; and they are a rotation."""
    rng = np.random.default_rng(2)
    topics = rng.normal(size=(40, 32))
    texts = topics[rng.integers(0, 40, 900)] + rng.normal(size=(900, 32)) * 0.6
    vectors = (texts / np.linalg.norm(texts, axis=1, keepdims=True)).astype(np.float32)
    queries, passages, others = vectors[:200], vectors[200:600], vectors[600:]
    fitted, principal = fitted_axes(passages, queries, (32, 8)), principal_axes(passages, queries)
    np.testing.assert_allclose(fitted.T @ fitted, np.eye(32), atol=1e-5)

    def lost(axes: np.ndarray) -> float:
        """Kullback-Leibler divergence of what cut vectors see from what whole ones see."""
        cut = others @ axes[:, :8]
        cut /= np.linalg.norm(cut, axis=1, keepdims=True)
        whole, seen = (np.exp(20 * vectors @ vectors.T) for vectors in (others, cut))
        whole, seen = (each / each.sum(axis=1, keepdims=True) for each in (whole, seen))
        return float((whole * np.log(whole / seen)).sum(axis=1).mean())

    assert lost(fitted) < 0.95 * lost(principal)


def test_components_between_cuts_vary_alike() -> None:
    """Binary codes keep the signs of all; principal axes would give the last ones as much say as the first."""
    rng = np.random.default_rng(4)
    vectors = rng.normal(size=(600, 16)) * np.geomspace(1, 0.02, 16)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    spread = (vectors @ fitted_axes(vectors[:300], vectors[300:], (16, 4))).std(axis=0)
    for part in (spread[:4], spread[4:]):
        assert part.max() < 8 * part.min()
    principal = (vectors @ principal_axes(vectors)).std(axis=0)
    assert principal[4] > 15 * principal[-1]


@pytest.mark.parametrize(("passages", "queries"), [(1, 0), (0, 1), (3, 2)])
def test_few_vectors_are_enough(passages: int, queries: int) -> None:
    """Axes of very small sets are a rotation, too; without a passage there is nothing to fit to."""
    kinds = [np.eye(8, dtype=np.float32)[:count] for count in (passages, queries)]
    axes = fitted_axes(*kinds, (8, 2))
    np.testing.assert_allclose(axes.T @ axes, np.eye(8), atol=1e-5)


def test_where_nothing_is_cut_nothing_is_fitted() -> None:
    """Principal axes then."""
    kinds = [np.random.default_rng(n).normal(size=(20, 6)).astype(np.float32) for n in (1, 2)]
    np.testing.assert_array_equal(fitted_axes(*kinds, (6,)), principal_axes(*kinds))


def test_no_vectors_have_no_axes() -> None:
    """Said at once, not by a shape that does not fit."""
    with pytest.raises(InputError, match="at least one vector"):
        principal_axes(np.zeros((0, 4), np.float32))


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("family", ["bert", "mpnet", "modernbert", "embeddinggemma"])
def test_a_turned_model_is_packed_and_saved_like_any_other(
    family: str, named: bool, tiny_model: Callable[[str], SentenceTransformer], tmp_path: Path
) -> None:
    """Whatever its modules are called: the same turned vectors, here and by sentence-transformers."""
    model = tiny_model(family)
    if named:
        model._modules = {f"part {name}": module for name, module in model.named_children()}
    before, packed = model.encode(TEXTS, normalize_embeddings=True), Forward(model).packed
    axes = rotation(before.shape[1])
    turn(model, axes)
    assert Forward(model).packed == packed
    model.save(str(tmp_path), create_model_card=False)
    stock = SentenceTransformer(str(tmp_path), device="cpu", local_files_only=True)
    ours = LocalEncoder(find_model(str(tmp_path)), FP32)
    assert ours.dimension == find_model(str(tmp_path)).dimension == before.shape[1]
    np.testing.assert_allclose(ours.encode_passages(TEXTS), before @ axes, atol=1e-5)
    np.testing.assert_allclose(stock.encode(TEXTS, normalize_embeddings=True), before @ axes, atol=1e-5)


def test_a_model_that_is_turned_again_grows_no_second_layer(base_model_path: Path, tmp_path: Path) -> None:
    """Also where it was saved and loaded in between, as when a tuned version is tuned further."""
    model = SentenceTransformer(str(base_model_path), device="cpu", local_files_only=True)
    before, axes = model.encode(TEXTS), rotation(384)
    turn(model, axes)
    modules = len(model)
    model.save(str(tmp_path), create_model_card=False)
    again = SentenceTransformer(str(tmp_path), device="cpu", local_files_only=True)
    turn(again, axes)
    assert len(again) == modules
    np.testing.assert_allclose(again.encode(TEXTS), before @ axes @ axes, atol=1e-5)


def test_word_vectors_are_turned_themselves(base_model_path: Path) -> None:
    """A table of word vectors gets no layer behind it."""
    words = Tokenizer.from_file(str(base_model_path / "tokenizer.json"))
    model = SentenceTransformer(modules=[StaticEmbedding(words, embedding_dim=16)], device="cpu")
    before = model.encode(TEXTS)
    axes = rotation(before.shape[1])
    turn(model, axes)
    assert len(model) == 1
    np.testing.assert_allclose(model.encode(TEXTS), before @ axes, atol=1e-5)
