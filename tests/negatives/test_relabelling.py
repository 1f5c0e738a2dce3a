"""A judge of what was chosen: second positives, doubts, and what takes their place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jargonaut.negatives import Candidates, MinedNegatives, MiningOptions, Ranking, mine
from jargonaut.records import Pair, Triplet

IDS = ["own", "a", "b", "c", "d", "e"]
SIMILARITY = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4], np.float32)


def judged(verdicts: dict[str, float | None], per_pair: int = 1) -> tuple[MinedNegatives, list[list[str]]]:
    """Mines for one query with a judge of fixed verdicts; also says what it was asked, call by call."""
    calls: list[list[str]] = []

    def judge(pairs: Sequence[Pair]) -> list[float | None]:
        calls.append([pair.passage_id for pair in pairs])
        assert {pair.query for pair in pairs} == {"text"}
        return [verdicts.get(pair.passage_id, 0.0) for pair in pairs]

    candidates = Candidates(
        ["q"], IDS, Ranking(np.arange(6)[None, :], SIMILARITY[None, :]), lambda _, rows: SIMILARITY[rows],
        {"q": frozenset(("own",))}, lambda id_: id_, {}, np.ones(6, np.bool_),
    )  # fmt: skip
    return mine((Pair("q", "text", "own"),), candidates, MiningOptions(per_pair=per_pair), judge), calls


def test_what_a_judge_agrees_with_stays() -> None:
    """It is asked about what was chosen and nothing else."""
    found, calls = judged({})
    assert (found.triplets, calls) == ((Triplet("q", "own", ("a",)),), [["a"]])
    assert (found.judged, found.unjudged, found.relabelled) == (1, 0, ())


def test_an_answer_becomes_a_second_positive_with_negatives_of_its_own() -> None:
    """And the next candidate takes its place."""
    found, calls = judged({"a": 0.95})
    assert found.triplets == (Triplet("q", "own", ("b",)), Triplet("q", "a", ("b",)))
    assert [(p.passage_id, p.provenance, p.score) for p in found.relabelled] == [("a", "relabelled", 0.95)]
    assert calls == [["a"], ["b"]]


def test_a_doubtful_one_is_neither() -> None:
    """It is counted, and the next is judged in turn."""
    found, _ = judged({"a": 0.6, "b": 0.7})
    assert found.triplets == (Triplet("q", "own", ("c",)),)
    assert found.removed["a judge takes it for an answer"] == 2


def test_silence_changes_nothing() -> None:
    """A candidate without a verdict stays, and is counted as such."""
    found, _ = judged({"a": None})
    assert (found.triplets[0].negative_ids, found.unjudged) == (("a",), 1)


def test_who_is_never_asked_about_is_no_negative() -> None:
    """Questions end after some rounds; what took the last one's place goes, since nobody looked at it."""
    found, calls = judged(dict.fromkeys(IDS, 0.6))
    assert len(calls) == 5
    assert found.negatives == 0


def test_nothing_is_asked_twice() -> None:
    """Every candidate once, whatever changes around it."""
    _, calls = judged({"a": 0.95, "b": 0.6}, per_pair=3)
    asked = [id_ for call in calls for id_ in call]
    assert len(asked) == len(set(asked))
