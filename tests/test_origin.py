"""Licence, code and seeds of a version."""

from __future__ import annotations

from pathlib import Path

import pytest

from jargonaut.origin import code_versions, licence_of, seeds_of
from jargonaut.settings import Settings, override


def test_the_licence_is_the_cards(base_model_path: Path) -> None:
    """That of the base model which ships with the package."""
    assert licence_of(base_model_path) == "apache-2.0"


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: 'mit'\ntags: [x]\n---\n# A model", "mit"),
        ("# A model\nlicense: mit", "unknown"),
        ("---\ntags: [x]\n---\nlicense: mit", "unknown"),
        (None, "unknown"),
    ],
)
def test_only_the_head_of_a_card_says_a_licence(tmp_path: Path, card: str | None, licence: str) -> None:
    """Words further down are none; a missing card is no error."""
    if card is not None:
        (tmp_path / "README.md").write_text(card)
    assert licence_of(tmp_path) == licence


def test_code_and_seeds_are_named() -> None:
    """Python and torch with their versions; every section that draws lots with its seed."""
    assert {"python", "torch", "jargonaut"} <= code_versions().keys()
    found = seeds_of(override(Settings(), {"train.seed": 5}))
    assert found["train"] == 5
    assert len(found) >= 3
