"""What a version is: an encoder, an adapter over one, a reranker."""

from pathlib import Path

import pytest

from jargonaut.errors import InputError
from jargonaut.registry import ModelVersion, Registry, VersionKind


def _register(tmp_path: Path, kind: VersionKind, space: str = "") -> tuple[Registry, ModelVersion]:
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "weights").write_bytes(b"w")
    registry = Registry(tmp_path / "registry.db", tmp_path / "models")
    return registry, registry.register(
        folder, name="x", fingerprint="own", dimension=4, base="base", run_id="r", kind=kind, space=space
    )


def test_an_adapter_searches_the_collections_of_its_base(tmp_path: Path) -> None:
    """A version that embeds no passages names the encoder that does, and it is remembered."""
    registry, version = _register(tmp_path, "adapter", space="the base's")
    assert registry.get(version.version).kind == "adapter"
    assert registry.get(version.version).searched == "the base's"


def test_an_encoder_searches_its_own_vectors(tmp_path: Path) -> None:
    """What embeds passages itself searches those."""
    registry, version = _register(tmp_path, "encoder")
    assert registry.get(version.version).searched == "own"


def test_a_reranker_cannot_go_live(tmp_path: Path) -> None:
    """It searches nothing by itself."""
    registry, version = _register(tmp_path, "reranker")
    with pytest.raises(InputError, match="is a reranker"):
        registry.promote(version.version, "any", 4)
