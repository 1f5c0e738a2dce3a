"""The set that ships: whole, fair, and neither too easy nor too hard for the base model."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from jargonaut.deduplication import DedupOptions, near_duplicates
from jargonaut.encoding.devices import ComputeOptions
from jargonaut.encoding.local import LocalEncoder
from jargonaut.encoding.models import find_model
from jargonaut.general_knowledge import general_knowledge
from jargonaut.judges import DevJudge
from jargonaut.pairs.overlap import overlap, word_overlap

SET = general_knowledge()


def test_every_topic_has_five_passages() -> None:
    """Sixty topics of five, so that every question has near misses."""
    assert Counter(SET.topics.values()) == dict.fromkeys(SET.topics.values(), 5)
    assert len(SET.texts) == len(SET.topics) == 300


def test_every_question_has_its_passage_and_every_passage_a_question() -> None:
    """Nothing is judged that is not there, and nothing is there for nothing."""
    assert {pair.passage_id for pair in SET.pairs} == set(SET.texts)
    assert all(pair.relevance == 1 for pair in SET.pairs)
    assert len(SET.pairs) >= 400


def test_nothing_stands_in_it_twice() -> None:
    """Ids, questions and passages are distinct, case and spaces aside."""
    for texts in ([p.query for p in SET.pairs], list(SET.texts.values())):
        assert len({" ".join(text.lower().split()) for text in texts}) == len(texts)
    assert len({pair.query_id for pair in SET.pairs}) == len(SET.pairs)


def test_no_two_passages_are_nearly_the_same() -> None:
    """The project's own tool finds no near-duplicate, even with a low threshold."""
    found = near_duplicates(SET.texts.items(), DedupOptions(threshold=0.3))
    assert len(set(found.values())) == len(found)


def test_passages_have_the_length_of_passages() -> None:
    """35 to 70 words each, so that length tells nothing."""
    assert {35 <= len(text.split()) <= 70 for text in SET.texts.values()} == {True}


def test_questions_share_few_words_with_their_passage() -> None:
    """Words alone do not solve it: the mean overlap is below 15 %, and hardly a question is copied."""
    found = overlap(SET.pairs, SET.texts)
    assert found.mean < 0.15
    assert max(word_overlap(pair.query, SET.texts[pair.passage_id]) or 0 for pair in SET.pairs) <= 0.8
    assert found.high_share < 0.01


@pytest.mark.slow
def test_a_rise_and_a_fall_can_be_seen(base_model_path: Path) -> None:
    """The base scores between .75 and .92, and a model that lost some of its weights' precision visibly less."""
    import torch

    compute = ComputeOptions(device="cpu")
    encoder = LocalEncoder(find_model(str(base_model_path)), compute)
    judge = DevJudge(SET.pairs, SET.texts, 384, 13)
    whole = judge.score(encoder)
    assert 0.75 < whole < 0.92
    torch.manual_seed(3)
    with torch.no_grad():
        for param in encoder.model.parameters():
            param.add_(torch.randn_like(param) * param.abs().mean() * 0.3)
    assert judge.score(encoder) < whole - 0.02
