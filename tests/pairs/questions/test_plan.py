"""Which passages are asked about."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from jargonaut.errors import SettingsError
from jargonaut.pairs.questions import QuestionOptions, plan
from jargonaut.records import Passage

from .samples import TEXT, passage

CORPUS = [passage(n, f"{TEXT} Number {d} {n}.", f"d{d}") for d in range(20) for n in range(d + 1)]


def ids(made: object) -> list[str]:
    """Passages of a plan, in order."""
    return [assignment.passage.id for assignment in made]  # type: ignore[attr-defined]


def test_every_document_has_its_turn_first() -> None:
    """With a limit, no document has a second passage before each has one."""
    chosen = plan(CORPUS, QuestionOptions(limit=30))
    counts = Counter(one.split("#")[0] for one in ids(chosen))
    assert len(counts) == 20
    assert max(counts.values()) == 2


def test_a_plan_depends_on_the_passages_and_not_on_their_order() -> None:
    """The same corpus in another order gives the same assignments."""
    shuffled = CORPUS[:]
    random.Random(3).shuffle(shuffled)
    assert list(plan(shuffled)) == list(plan(CORPUS))


def test_another_seed_asks_otherwise() -> None:
    """The seed decides which passages, kinds and personas."""
    one, other = (list(plan(CORPUS, QuestionOptions(limit=30, seed=seed))) for seed in (1, 2))
    assert one != other


def test_a_smaller_limit_chooses_the_beginning_of_a_larger_one() -> None:
    """So more questions can be asked for later, and what was paid for is found again."""
    few, many = (ids(plan(CORPUS, QuestionOptions(limit=limit))) for limit in (30, 60))
    assert many[:30] == few


def test_an_assignment_does_not_depend_on_what_else_is_planned() -> None:
    """So that an answer that was paid for is found again under another limit."""
    few = {a.key: a for a in plan(CORPUS, QuestionOptions(limit=10))}
    many = {a.key: a for a in plan(CORPUS, QuestionOptions(limit=100))}
    assert all((many[key].kinds, many[key].persona) == (a.kinds, a.persona) for key, a in few.items())


def test_short_passages_are_passed_over() -> None:
    """Too little to ask about."""
    made = plan([*CORPUS, Passage("tiny", "Too short.")])
    assert "tiny" not in ids(made)
    assert made.too_short == 1


def test_kinds_and_personas_vary() -> None:
    """Over many passages each kind and each persona has its turn."""
    made = list(plan(CORPUS))
    assert {kind for one in made for kind in one.kinds} == set(QuestionOptions().kinds)
    assert {one.persona for one in made} == set(QuestionOptions().personas)
    assert all(len(one.kinds) == 3 for one in made)


def test_a_share_of_the_passages_needs_a_neighbour() -> None:
    """The second passage is another one of the same document, beside the first."""
    made = [a for a in plan(CORPUS, QuestionOptions(multi_passage_share=1.0)) if a.second]
    assert len(made) == len(CORPUS) - 1  # the one of the first document stands alone
    for one in made:
        assert one.second is not None
        assert one.second.document_id == one.passage.document_id
        assert abs(one.second.start - one.passage.start) == 1000
    some = [a for a in plan(CORPUS, QuestionOptions(multi_passage_share=0.2)) if a.second]
    assert 0.1 < len(some) / len(CORPUS) < 0.3


def test_no_passages_give_no_plan() -> None:
    """An empty corpus is no error here."""
    assert list(plan([])) == []
    assert plan([]).sample() == []


@pytest.mark.parametrize(
    ("key", "value"),
    [("kinds", ()), ("kinds", ("riddle",)), ("kinds", ("multi-passage",)), ("limit", 0), ("max_overlap", 0.0),
     ("personas", (" ",)), ("per_passage", 0), ("temperature", -1), ("language", " "), ("retries", 9)],
)  # fmt: skip
def test_options_out_of_their_limits_are_refused(key: str, value: object) -> None:
    """Each names its key."""
    with pytest.raises(SettingsError, match=key):
        QuestionOptions(**{key: value})  # type: ignore[arg-type]
