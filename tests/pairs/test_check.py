"""A labelled file is checked against a corpus without importing it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jargonaut.artifacts import plain
from jargonaut.errors import InputError
from jargonaut.formats.labels import LabelOptions
from jargonaut.pairs.check import Checked, check
from jargonaut.pairs.narrowing import LexicalBest
from jargonaut.records import Passage

PASSAGES = tuple(
    Passage(f"p{i}", f"passage number {i} says something of its own", document_id=f"d{i}") for i in range(9)
)


def checked(path: Path, *rows: Any, **options: Any) -> Checked:
    """The answer for a JSONL of these rows."""
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    best = LexicalBest({passage.id: passage.text for passage in PASSAGES})
    return check(path, PASSAGES, best, LabelOptions(**options))


@pytest.mark.parametrize("told", ["clicked", "is_click", "Clicks", "clicked_at"])
def test_a_click_log_is_not_taken_for_labels(tmp_path: Path, told: str) -> None:
    """What was shown and passed over is no answer; who says that it is one is believed."""
    rows = [{"query": "q", "passage_id": f"p{i}", "rank": i, told: i == 0} for i in range(4)]
    with pytest.raises(InputError, match=f"(?s){told}.*looks like a click log.*--clicks"):
        checked(tmp_path / "x.jsonl", *rows)
    assert checked(tmp_path / "x.jsonl", *rows, format="table").queries == 1
    if told != "clicked_at":
        found = checked(tmp_path / "x.jsonl", *rows, columns=(("grade", told),))
        assert dict(found.grades) == {0: 3, 1: 1}


def test_a_good_file_is_ok(tmp_path: Path) -> None:
    """With its format, columns, grades and parts."""
    rows = [{"query": f"q{i}", "passage_id": f"p{i}", "grade": i % 2, "split": "train", "note": 1} for i in range(4)]
    found = checked(tmp_path / "x.jsonl", *rows)
    assert found.ok
    assert found.usable
    assert (found.format, found.unused, found.queries, found.queries_without_positive) == ("table", ("note",), 4, 2)
    assert (dict(found.grades), dict(found.splits), found.judgements) == ({0: 2, 1: 2}, {"train": 4}, 4)
    text = "\n".join(found.sentences())
    assert "query is the query, passage_id is the answer's id, grade is the grade, split is the split" in text
    assert "not read: note" in text
    assert text.endswith("every row can be used")


def test_what_is_bad_is_shown_by_kind(tmp_path: Path) -> None:
    """Each kind once, with its count and the first row's file and line; what cannot be attributed too."""
    good = {"query": "q", "passage_id": "p1"}
    found = checked(
        tmp_path / "x.jsonl", good, {**good, "query": ""}, {**good, "query": " "}, "{", {**good, "passage_id": "x1"},
        {**good, "passage_id": "x2"},
    )  # fmt: skip
    assert not found.ok
    assert found.usable
    path = tmp_path / "x.jsonl"
    assert [(kind.count, kind.example) for kind in found.bad_kinds] == [
        (2, f"{path}:2: field 'query': missing or empty"),
        (1, found.bad_kinds[1].example),
    ]
    assert found.bad_kinds[1].example.startswith(f"{path}:4: not JSON")
    assert [(kind.count, kind.example) for kind in found.unknown_kinds] == [
        (2, f"{path}:5: 'x1' is no passage and no document of the corpus")
    ]
    assert "  2 like " + found.bad_kinds[0].example in found.sentences()
    assert found.sentences()[-1] == "1 pair of 1 answered queries can be used"


def test_everything_can_be_written_as_json(tmp_path: Path) -> None:
    """For machines."""
    found = checked(tmp_path / "x.jsonl", {"query": "q", "passage_id": "p1"})
    assert json.loads(json.dumps(plain(found)))["attributed"]["ways"] == {"passage id": 1}


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([{"query": "", "text": "t t"}], "no row can be used"),
        ([{"query": "q", "doc_id": "p1", "label": 0}], "no grade is above 0"),
        ([{"query": "q", "doc_id": "x1", "label": 1}], "is it the corpus that was labelled?"),
        (
            [{"query": "q", "doc_id": f"{x}1", "label": x == "x"} for x in "px"],
            "none of its positives is in this corpus",
        ),
    ],
)
def test_a_file_of_which_nothing_can_be_used_says_why(tmp_path: Path, rows: list[Any], problem: str) -> None:
    """It is an answer, not an error."""
    found = checked(tmp_path / "x.jsonl", *rows)
    assert not found.usable
    assert problem in found.problem
    assert problem in found.sentences()[-1]


def test_an_unknown_format_is_an_error(tmp_path: Path) -> None:
    """There is nothing to count in it."""
    with pytest.raises(InputError, match="none is a query"):
        checked(tmp_path / "x.jsonl", {"a": "b"})


@pytest.mark.parametrize(
    ("rows", "warning"),
    [
        ([{"query": f"q{n}", "doc_id": "p1", "rating": n} for n in (1, 5)], "grades run from 1 to 5 and none is 0"),
        ([{"query": "q", "text": PASSAGES[1].text + " more" * 3000}], "more than 10,000 characters"),
        ([{"query": PASSAGES[1].text.upper(), "doc_id": "p1"}], "repeats its query word for word"),
        ([{"query": "q", "doc_id": "p1", "text": PASSAGES[2].text}], "id and text are different passages"),
        ([{"query": "q", "doc_id": "p1", "text": "these are words of nobody in this corpus"}], "nor in any other"),
        ([{"query": "q", "doc_id": "p1", "label": n} for n in (0, 1)], "judged both relevant and not"),
        ([{"query": "q", "doc_id": "p1", "split": s} for s in ("train", "dev")], "1 pair in two parts"),
        (
            [{"query": "q", "doc_id": f"p{n}", "split": s} for n, s in enumerate(("train", "test"))],
            "in two parts: what",
        ),
        ([{"query": "q", "text": "passage number 3 says something of its kind"}], "is it the same corpus?"),
    ],
)
def test_what_should_be_looked_at_is_said(tmp_path: Path, rows: list[Any], warning: str) -> None:
    """Although it can be used."""
    found = checked(tmp_path / "x.jsonl", *rows)
    assert found.usable
    assert not found.ok
    assert warning in "\n".join(found.warnings)


def test_a_warning_goes_away_when_its_advice_is_taken(tmp_path: Path) -> None:
    """Low ratings that count as none."""
    rows = [{"query": f"q{n}", "doc_id": f"p{n}", "rating": n} for n in range(1, 6)]
    assert checked(tmp_path / "x.jsonl", *rows, relevant_from=3).ok
