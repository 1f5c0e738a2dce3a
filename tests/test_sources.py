"""What a source that gives nothing says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jargonaut.encoding.models import find_model
from jargonaut.errors import InputError
from jargonaut.layout import Layout
from jargonaut.pairing import prepare_pairs
from jargonaut.protocols import Encoder, SilentReporter
from jargonaut.settings import Settings
from jargonaut.sources import open_source, prepare_corpus

HEADER = "query-id\tcorpus-id\tscore\n"


def prepared(path: Path, workspace: Path) -> Any:
    """The pairs of a source, or the error that says why there are none."""
    settings, layout, reporter = Settings(), Layout(workspace), SilentReporter()
    made = prepare_corpus(open_source(path, settings), find_model("embedded"), settings, layout, reporter)
    encoder: Encoder = None  # type: ignore[assignment]  # labelled pairs ask no encoder
    return prepare_pairs(made, encoder, settings, layout, reporter)


@pytest.mark.parametrize(
    ("queries", "qrels", "wanted"),
    [
        ("", {"train": HEADER + "q1\tp1\t1\n"}, r"queries\.jsonl: there is no query in it"),
        ('{"_id": "q1"}\n', {"train": HEADER + "q1\tp1\t1\n"}, r"(?s)no line holds a usable query.*queries\.jsonl:1"),
        (None, {}, r"there is none of train\.tsv, dev\.tsv and test\.tsv"),
        (None, {"eval": HEADER + "q1\tp1\t1\n"}, r"none of train\.tsv, .*only eval\.tsv"),
        (None, {"train": HEADER}, "there is no judgement in train"),
        (None, {"dev": HEADER + "q1 p1\n"}, r"(?s)no line of dev holds a usable judgement.*dev\.tsv:2"),
        (None, {"train": HEADER + "q1\tp1\t0\nq1\tp2\t0\n"}, "none of the 2 judgements has a score above 0"),
        (None, {"train": HEADER + "q8\tp1\t1\nq1\tp9\t1\n"}, r"(?s)none of the 2 judgements.*1 name .*1 others .*'q8'"),
    ],
    ids=["no query", "bad queries", "no file", "other file", "empty file", "bad lines", "all 0", "unknown ids"],
)
def test_labels_that_give_nothing_say_which_part_is_to_blame(
    tmp_path: Path, queries: str | None, qrels: dict[str, str], wanted: str
) -> None:
    """Queries, files, lines, scores and ids are told apart."""
    folder = tmp_path / "set"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text('{"_id": "p1", "text": "a passage"}\n{"_id": "p2", "text": "another"}\n')
    (folder / "queries.jsonl").write_text('{"_id": "q1", "text": "a question"}\n' if queries is None else queries)
    for name, text in qrels.items():
        (folder / "qrels" / f"{name}.tsv").write_text(text)
    with pytest.raises(InputError, match=wanted):
        prepared(folder, tmp_path / "workspace")


def test_a_file_without_a_usable_passage_shows_the_first_reasons(tmp_path: Path) -> None:
    """Three lines are named with what is wrong with them."""
    file = tmp_path / "passages.jsonl"
    file.write_text("".join(f'{{"_id": "{number}", "body": "x"}}\n' for number in range(5)))
    with pytest.raises(InputError, match=r"no line holds a usable passage") as raised:
        prepared(file, tmp_path / "workspace")
    assert [f"passages.jsonl:{line}:" in str(raised.value) for line in range(1, 6)] == [True] * 3 + [False] * 2
