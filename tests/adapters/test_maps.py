"""What an adapter is: a map that begins as the identity, has its own identity, and lies on disk whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from jargonaut.adapters import KINDS, Kind, Sides, identity, load_adapter, save_adapter
from jargonaut.errors import MismatchError, ModelError

from .worlds import DIMENSION, some_adapter, turned

SIDES: tuple[Sides, ...] = ("query", "both")


@pytest.mark.parametrize("sides", SIDES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_identity_changes_nothing(kind: Kind, sides: Sides) -> None:
    """Every form begins as a map that gives back what goes in."""
    queries, passages = turned(20)
    nothing = identity(kind, sides, "b", "base", DIMENSION)
    np.testing.assert_allclose(nothing.mapped(queries, "query"), queries, atol=1e-7)
    np.testing.assert_allclose(nothing.mapped(passages, "passage"), passages, atol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_a_query_adapter_leaves_passages_alone(kind: Kind) -> None:
    """Passages' vectors are the base's to the last bit, since they are not computed again; queries are unit vectors."""
    queries, passages = turned(20)
    one = some_adapter(kind, "query", "b", DIMENSION)
    assert one.mapped(passages, "passage") is passages
    mapped = one.mapped(queries, "query")
    assert np.abs(mapped - queries).max() > 0.01
    np.testing.assert_allclose(np.linalg.norm(mapped, axis=1), 1, rtol=1e-5)
    assert np.abs(some_adapter(kind, "both", "b", DIMENSION).mapped(passages, "passage") - passages).max() > 0.01


@pytest.mark.parametrize("sides", SIDES)
@pytest.mark.parametrize("kind", KINDS)
def test_what_was_saved_is_what_is_loaded(kind: Kind, sides: Sides, tmp_path: Path) -> None:
    """Fingerprint and vectors survive a round trip."""
    one = some_adapter(kind, sides, "b", DIMENSION)
    save_adapter(one, tmp_path)
    again = load_adapter(tmp_path)
    assert (again.fingerprint, again.sides, again.base_name) == (one.fingerprint, sides, "a base")
    queries, _ = turned(5)
    np.testing.assert_array_equal(again.mapped(queries, "query"), one.mapped(queries, "query"))


def test_another_base_or_another_number_is_another_encoder() -> None:
    """The fingerprint covers the base and every tensor."""
    one = some_adapter("linear", "query", "b", DIMENSION)
    other = some_adapter("linear", "query", "c", DIMENSION)
    third = some_adapter("linear", "query", "b", DIMENSION, seed=2)
    assert len({one.fingerprint, other.fingerprint, third.fingerprint}) == 3


def test_vectors_of_another_length_are_refused() -> None:
    """Cut vectors are no input: the map takes whole ones."""
    with pytest.raises(MismatchError, match="maps 16-d vectors, and 8-d ones"):
        some_adapter("linear", "query", "b", DIMENSION).mapped(turned(3)[0][:, :8], "query")


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        ("kind", "is not known"), ("format", "format is 9"), ("gone", "No such file"), ("bytes", "cannot be used"),
        ("shape", "wanted"), ("nan", "not finite"), ("json", "cannot be used"),
    ],
)  # fmt: skip
def test_damaged_files_are_refused_in_words(harm: str, words: str, tmp_path: Path) -> None:
    """Whatever is wrong with the files, the answer is a sentence, and no vector is made with them."""
    one = some_adapter("mlp", "query", "b", DIMENSION)
    if harm == "nan":
        one.tensors["query.bias"][0] = np.nan  # type: ignore[index]  # the array is writable
    if harm == "shape":
        one = some_adapter("mlp", "query", "b", DIMENSION + 1)
    save_adapter(one, tmp_path)
    said = json.loads((tmp_path / "adapter.json").read_text(encoding="utf-8"))
    changes = {"kind": {"kind": "pickle"}, "format": {"format": 9}, "shape": {"dimension": DIMENSION}}.get(harm, {})
    (tmp_path / "adapter.json").write_text(json.dumps({**said, **changes}), encoding="utf-8")
    if harm == "gone":
        (tmp_path / "adapter.safetensors").unlink()
    if harm == "bytes":
        (tmp_path / "adapter.safetensors").write_bytes(b"\x80\x04nonsense")
    if harm == "json":
        (tmp_path / "adapter.json").write_text("[]", encoding="utf-8")
    with pytest.raises(ModelError, match=words):
        load_adapter(tmp_path)
