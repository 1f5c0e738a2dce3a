"""What `suspects` promises."""

from __future__ import annotations

from pathlib import Path

from jargonaut.formats import write_jsonl
from jargonaut.layout import Layout
from jargonaut.pairs.review import Decision, key_of
from jargonaut.records import Pair, Passage
from jargonaut.suspects import SUSPECTED, SUSPECTS, accepted, suspects, with_answers

PASSAGES = {f"p{n}": Passage(f"p{n}", f"text {n}") for n in range(4)}
DOUBTED = tuple(Pair(f"q{n}", f"query {n}", f"p{n}", 1, SUSPECTED) for n in range(4))


def decided(number: int, verdict: str, edited: str = "") -> dict[str, dict[str, Decision]]:
    """One decision about the suspect of this number."""
    card = key_of(f"query {number}", f"text {number}")
    return {card: {"anna": Decision(card, "anna", verdict, edited_query=edited)}}  # type: ignore[arg-type]


def test_all_runs_are_read_once(tmp_path: Path) -> None:
    """Suspects of several runs are joined; a passage that left the corpus, or a run that was not finished, is none."""
    layout = Layout(tmp_path)
    for run, pairs in {"a": DOUBTED[:2], "b": DOUBTED[1:3], ".building-c": DOUBTED[3:]}.items():
        (layout.runs / run).mkdir(parents=True)
        write_jsonl(layout.runs / run / SUSPECTS, [*pairs, Pair("q9", "query 9", "gone", 1, SUSPECTED)])
    assert suspects(layout, PASSAGES) == DOUBTED[:3]
    assert suspects(Layout(tmp_path / "nothing"), PASSAGES) == ()


def test_only_what_people_accept_is_an_answer() -> None:
    """Rejected, skipped and undecided ones stay out; an edited query takes the place of the old one."""
    decisions = decided(0, "accept") | decided(1, "reject") | decided(2, "edit", "a better query")
    found = accepted(DOUBTED, PASSAGES, decisions)
    assert [(pair.query, pair.passage_id) for pair in found] == [("query 0", "p0"), ("a better query", "p2")]
    assert accepted(DOUBTED, PASSAGES, {}) == ()


def test_an_answer_joins_the_part_that_asks_its_query() -> None:
    """It replaces the judgement that said it is none, and comes from where the query's other answers come from."""
    test = [Pair("q0", "query 0", "p3", 1, "click"), Pair("q0", "query 0", "p0", 0, "label")]
    pairs, parts = with_answers([], {"train": [], "test": test}, [Pair("q0", "query 0", "p0", 1, "label")])
    assert pairs == ()
    assert parts["test"] == (test[0], Pair("q0", "query 0", "p0", 1, "click"))
    assert parts["train"] == ()


def test_an_answer_to_another_query_is_ours_to_split() -> None:
    """Without given parts, or for an edited query, it is a pair like others; as gold it is a label."""
    own = [Pair("q0", "query 0", "p3", 1, "heading")]
    answers = [Pair("q0", "query 0", "p0", 1, "label"), Pair("q8", "new", "p1", 1, "label")]
    pairs, _ = with_answers(own, {}, answers)
    assert [(pair.passage_id, pair.provenance) for pair in pairs] == [
        ("p3", "heading"), ("p0", "heading"), ("p1", "label")
    ]  # fmt: skip
    gold, _ = with_answers(own, {}, answers, as_gold=True)
    assert [pair.provenance for pair in gold] == ["heading", "label", "label"]
