"""How special a domain's words are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from jargonaut.encoding.models import EMBEDDED, find_model
from jargonaut.gate.domain import vocabulary
from jargonaut.general_knowledge import general_knowledge
from jargonaut.sources import tokenizer_of

TOKENIZER = tokenizer_of(find_model(EMBEDDED))
MEDICAL = ["transient cerebral ischaemic attack with hemiparesis and dysarthria", "percutaneous nephrolithotomy"] * 20


def of(texts: list[str], *, english: bool = True) -> Any:
    """What is found in texts, with vectors that are drawn."""
    vectors = np.random.default_rng(0).normal(size=(len(texts), 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vocabulary(texts, vectors, TOKENIZER, english=english)


def test_clinical_words_are_shattered_and_rare() -> None:
    """Many more than of general English, and the most frequent of them are named."""
    found = of(MEDICAL)
    assert found.shattered > 0.4 > 10 * found.general_shattered
    assert found.rare > 0.6 > 5 * found.general_rare
    assert "dysarthria" in found.examples
    assert "transient" not in found.examples


def test_general_english_is_like_itself() -> None:
    """The measure has its own zero."""
    found = of(list(general_knowledge().texts.values()))
    assert found.shattered == pytest.approx(found.general_shattered)
    assert found.rare == pytest.approx(found.general_rare)


def test_another_language_has_no_rate_against_english() -> None:
    """Rare in English is no news there."""
    found = of(["das Haus steht am Ende der langen Straße"] * 20, english=False)
    assert found.rare is None
    assert not any("rare" in sentence for sentence in found.sentences)


def test_too_few_words_say_nothing() -> None:
    """Nor does a script without spaces, where a run of letters is no word."""
    assert of(["two words"]) is None
    assert of(["東京都に住んでいます" * 20] * 20) is None


def test_the_spread_is_of_neighbours_and_of_chance() -> None:
    """Twins have a cosine of 1, opposite pairs average to nearly 0."""
    rows = np.array([[1, 0], [1, 0], [-1, 0], [-1, 0]] * 30, np.float32)
    texts = [f"some plain words about number {'abcdefgh'[i % 8]} house" for i in range(len(rows))]
    found = vocabulary(texts, rows, TOKENIZER, english=True)
    assert found is not None
    assert found.nearest == pytest.approx(1.0)
    assert found.random == pytest.approx(-1 / 119, abs=1e-6)
