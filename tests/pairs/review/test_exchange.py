"""Files for experts elsewhere: what they send back is what they meant, whatever their spreadsheet did to it."""

from __future__ import annotations

import csv
import json
import random
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jargonaut.errors import InputError
from jargonaut.pairs.review import (
    COLUMNS,
    Answers,
    Decision,
    DecisionStore,
    Reason,
    ReviewOptions,
    Sample,
    export,
    key_of,
    keyed,
    read_answers,
    sample,
)
from jargonaut.pairs.review.decisions import one_line
from jargonaut.records import BadRow, Pair, Passage

from .conftest import clock

QUERIES = (
    "=cmd|' /C calc'!A0",
    "'@sum",
    'naïve Größe, 日本; "quoted"',
    "two\nlines",
    "\t-1",
    "plain",
    "\x1b[2J",
    "'tis",
)
PASSAGES = {f"p{n}": Passage(f"p{n}", f"Valve {n} – “opens”\r\n+ then, closes; \tsoon.", "=T") for n in range(8)}
PAIRS = [Pair(f"q{n}", query, f"p{n}", 1, "llm:natural", None, "train") for n, query in enumerate(QUERIES)]
DRAWN = sample(PAIRS, PASSAGES, ReviewOptions())
CARDS = keyed(PAIRS, PASSAGES)
Held = dict[str, dict[str, Decision]]


def decision_of(place: int, verdict: str, reason: str, comment: str, edited: str, who: str = "anna") -> Decision:
    """A decision in canonical form, as a session makes it."""
    card = DRAWN.cards[place]
    comment, edited = one_line(comment), one_line(edited)
    if verdict == "edit" and edited in ("", one_line(card.pair.query)):
        edited = "another query"
    edited = edited if verdict == "edit" else ""
    return Decision(
        card.key, who, verdict, reason if verdict == "reject" else "",  # type: ignore[arg-type]
        comment, edited, key_of(edited, card.passage.text) if edited else "", card.pair.query, "now",
    )  # fmt: skip


texts = st.text(max_size=20) | st.sampled_from(["=1+1", "'=x", "''a", "'", " @x", "＝1", "a\r\nb", "\ud800", "yes"])
decisions = st.builds(
    decision_of,
    st.integers(0, len(DRAWN.cards) - 1),
    st.sampled_from(["accept", "reject", "edit", "skip"]),
    st.sampled_from(get_args(Reason)),
    texts,
    texts,
)


def read(path: Path, who: str = "anna") -> tuple[Answers, list[BadRow]]:
    """A file's answers and its bad rows."""
    bad: list[BadRow] = []
    return read_answers(path, CARDS, PASSAGES, who, bad.append, at="now"), bad


def held(made: list[Decision]) -> Held:
    """Card → reviewer → decision, the last one of each."""
    return {one.card: {one.reviewer: one} for one in made}


@given(st.lists(decisions, max_size=10), st.sampled_from([".csv", ".json"]))
def test_export_and_import_give_the_same_decisions(made: list[Decision], suffix: str) -> None:
    """Whatever stands in queries, comments and edits comes back as it was; skips are nothing to Argilla."""
    before = held(made)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"cards{suffix}"
        assert export(path, DRAWN, before, "anna") == len(DRAWN.cards)
        answers, bad = read(path)
    wanted = [one["anna"] for one in before.values() if suffix == ".csv" or one["anna"].verdict != "skip"]
    assert bad == []
    assert {one.card: one for one in answers.decisions} == {one.card: one for one in wanted}
    assert answers.undecided == len(DRAWN.cards) - len(wanted)


def test_importing_twice_changes_nothing(tmp_path: Path) -> None:
    """The second time everything is known, and no row is written."""
    export(tmp_path / "cards.csv", DRAWN, held([decision_of(0, "reject", "other", "why", "")]), "anna")
    store = DecisionStore(tmp_path / "reviews.db")
    first, second = (store.take(read(tmp_path / "cards.csv")[0].decisions) for _ in range(2))
    assert (first.new, second.new, second.changed, second.unchanged) == (1, 0, 0, 1)
    assert len(store.stored()) == 1


def filled(path: Path, answers: Mapping[int, Mapping[str, str]], drawn: Sample = DRAWN) -> list[dict[str, str]]:
    """The rows of an export as somebody filled them in."""
    export(path, drawn, {}, "anna")
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for place, cells in answers.items():
        rows[place].update(cells)
    return rows


def saved(path: Path, rows: list[dict[str, str]], encoding: str, delimiter: str) -> None:
    """Saves rows as some spreadsheet does."""
    with path.open("w", encoding=encoding, errors="replace", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize(
    ("encoding", "delimiter"), [("cp1252", ";"), ("utf-16", "\t"), ("utf-8", ","), ("utf-8-sig", "|")]
)
def test_a_file_that_a_spreadsheet_saved_anew_is_read(tmp_path: Path, encoding: str, delimiter: str) -> None:
    """Another encoding and delimiter, other columns' damage, half the rows and another order do not matter."""
    rows = filled(tmp_path / "cards.csv", {n: {"decision": "Accepted "} for n in range(8)})[:4]
    rows[1].update(decision="", edited_query="how does it open")
    random.Random(3).shuffle(rows)
    saved(tmp_path / "back.csv", rows, encoding, delimiter)
    answers, bad = read(tmp_path / "back.csv")
    assert bad == []
    assert {one.card: one.verdict for one in answers.decisions} == {
        card.key: "edit" if n == 1 else "accept" for n, card in enumerate(DRAWN.cards[:4])
    }


BAD: list[tuple[dict[str, str], str]] = [
    ({"id": "c-0", "decision": "accept"}, "id"),
    ({"id": "", "decision": "accept"}, "id"),
    ({"decision": "perhaps"}, "decision"),
    ({"comment": "good one"}, "decision"),
    ({"decision": "edit"}, "edited_query"),
    ({"decision": "edit", "edited_query": "PLAIN"}, ""),
    ({"decision": "accept", "query": "how is the valve opened"}, "query"),
]


@pytest.mark.parametrize(("cells", "field"), BAD)
def test_a_bad_row_is_named_and_the_others_count(tmp_path: Path, cells: dict[str, str], field: str) -> None:
    """An unknown id, a wrong word, a comment without a decision, an edit without a query, a query changed in place."""
    place = next(n for n, card in enumerate(DRAWN.cards) if card.pair.query == "plain")
    other = (place + 1) % 8
    saved(tmp_path / "b.csv", filled(tmp_path / "a.csv", {place: cells, other: {"decision": "n"}}), "utf-8", ",")
    answers, bad = read(tmp_path / "b.csv")
    assert [row.field for row in bad] == ([field] if field else [])
    assert answers.bad == len(bad)
    assert DRAWN.cards[other].key in {one.card for one in answers.decisions if one.verdict == "reject"}


def test_a_bad_row_has_its_line(tmp_path: Path) -> None:
    """The line is that of the file, although cells above it go on over several lines."""
    rows = filled(tmp_path / "a.csv", {7: {"decision": "perhaps"}})
    saved(tmp_path / "b.csv", rows, "utf-8", ",")
    (bad,) = read(tmp_path / "b.csv")[1]
    lines = (tmp_path / "b.csv").read_bytes().split(b"\n")
    assert bad.line == next(n for n, line in enumerate(lines, start=1) if rows[7]["id"].encode() in line)


def test_reasons_in_other_words_are_kept(tmp_path: Path) -> None:
    """A reason of the list by name or digit is that one; other words are `other` and a comment."""
    cells = [("Ambiguous", ""), ("3", ""), ("too vague", "see above")]
    answers = {n: {"decision": "reject", "reason": reason, "comment": note} for n, (reason, note) in enumerate(cells)}
    saved(tmp_path / "b.csv", filled(tmp_path / "a.csv", answers), "utf-8", ",")
    said = [(one.reason, one.comment) for one in read(tmp_path / "b.csv")[0].decisions]
    assert said == [("ambiguous", ""), ("not what users ask", ""), ("other", "too vague: see above")]


def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    """No cell that a spreadsheet would run begins as a formula does, white space aside."""
    export(tmp_path / "cards.csv", DRAWN, held([decision_of(0, "edit", "", "+1", "=2")]), "anna")
    with (tmp_path / "cards.csv").open(encoding="utf-8-sig", newline="") as stream:
        cells = [cell for row in csv.reader(stream) for cell in row]
    assert [cell for cell in cells if cell.lstrip()[:1] in {"=", "+", "-", "@"}] == []
    assert "'=2" in cells


def test_long_passages_fit_a_cell(tmp_path: Path) -> None:
    """A spreadsheet's cell holds 32,767 characters; a longer passage is cut, and its decision is found all the same."""
    passages = {"p": Passage("p", "word " * 20_000)}
    pairs = [Pair("q", "what", "p")]
    rows = filled(tmp_path / "a.csv", {0: {"decision": "accept"}}, sample(pairs, passages, ReviewOptions()))
    assert len(rows[0]["passage"]) < 32_767
    saved(tmp_path / "b.csv", rows, "utf-8", ",")
    assert len(read_answers(tmp_path / "b.csv", keyed(pairs, passages), passages, "a", pytest.fail).decisions) == 1


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    """What is no export of ours is refused with its columns; a name that says nothing is refused."""
    (tmp_path / "x.csv").write_text("query,answer\na,b\n")
    with pytest.raises(InputError, match="'id'"):
        read(tmp_path / "x.csv")
    with pytest.raises(InputError, match="Argilla"):
        export(tmp_path / "x.xlsx", DRAWN, {}, "anna")
    assert COLUMNS[0] == "id"


def record(place: int, **answers: Any) -> dict[str, Any]:
    """A record as Argilla's `to_json` writes it."""
    return {
        "id": DRAWN.cards[place].key, "fields": {"query": "…"}, "metadata": {}, "suggestions": {}, "vectors": {},
        "responses": answers, "_server_id": "0",
    }  # fmt: skip


def test_argillas_answers_are_read_by_user(tmp_path: Path) -> None:
    """Each user of Argilla is a reviewer; drafts and discarded answers are none."""
    ann, bob = "aaaaaaaa-1", "bbbbbbbb-2"
    rows = [
        record(0, decision=[{"value": "accept", "user_id": ann}, {"value": "reject", "user_id": bob}],
               reason=[{"value": "ambiguous", "user_id": bob}]),
        record(1, decision=[{"value": "accept", "user_id": ann, "status": "draft"}]),
        record(2, decision=[{"value": "edit", "user_id": bob}], edited_query=[{"value": "so", "user_id": bob}]),
        record(3),
    ]  # fmt: skip
    (tmp_path / "answers.json").write_text(json.dumps(rows))
    answers, bad = read(tmp_path / "answers.json")
    assert bad == []
    assert [(one.reviewer, one.verdict, one.reason or one.edited_query) for one in answers.decisions] == [
        ("argilla:aaaaaaaa", "accept", ""), ("argilla:bbbbbbbb", "reject", "ambiguous"),
        ("argilla:bbbbbbbb", "edit", "so"),
    ]  # fmt: skip
    assert answers.undecided == 2


def test_argillas_flattened_answers_are_read_too(tmp_path: Path) -> None:
    """As `to_list(flatten=True)` and `to_datasets` give them, drafts left out."""
    row = {
        "id": DRAWN.cards[0].key, "query": DRAWN.cards[0].pair.query, "decision.responses": ["accept", "reject"],
        "decision.responses.users": ["u1", "u2"], "decision.responses.status": ["submitted", "draft"],
        "comment.responses": None,
    }  # fmt: skip
    (tmp_path / "a.jsonl").write_text(json.dumps(row) + "\n")
    assert [(one.reviewer, one.verdict) for one in read(tmp_path / "a.jsonl")[0].decisions] == [
        ("argilla:u1", "accept")
    ]


def test_rubbish_in_a_record_is_a_bad_row(tmp_path: Path) -> None:
    """Values of a wrong kind are named, never a traceback, and the rest is read."""
    rows = [
        record(0, decision=[{"value": ["accept"], "user_id": "u"}]), record(1, decision="accept"),
        record(2, decision=[{"value": "accept", "user_id": None}]), {"responses": {}, "id": {"x": 1}}, 7,
    ]  # fmt: skip
    (tmp_path / "answers.json").write_text(json.dumps(rows))
    answers, bad = read(tmp_path / "answers.json")
    assert [one.verdict for one in answers.decisions] == ["accept"]
    assert [row.line for row in bad] == [5, 1, 4] or [row.line for row in bad] == [1, 4, 5]


def test_decisions_have_their_time(tmp_path: Path) -> None:
    """The time of an import is the time that was given."""
    export(tmp_path / "c.csv", DRAWN, held([decision_of(0, "accept", "", "", "")]), "anna")
    at = clock().isoformat()
    assert read_answers(tmp_path / "c.csv", CARDS, PASSAGES, "a", pytest.fail, at=at).decisions[0].at == at
