"""Labelled files of every accepted format: what comes back, and bad rows that are named while the good ones go on."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jargonaut import formats
from jargonaut.errors import InputError, SettingsError
from jargonaut.formats.labels import LABEL_FORMATS, JudgementFile, LabelOptions, open_judgements
from jargonaut.records import BadRow, Judgement, Passage, Qrel, Query

LETTERS = st.characters(exclude_categories=["Cs", "Cc"])
QUERIES = st.text(LETTERS, min_size=1, max_size=20).map(str.strip).filter(bool)
TEXTS = st.text(LETTERS, min_size=1, max_size=30).filter(str.strip).map(lambda text: f"some words: {text}")
IDS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)


def refuse(bad: BadRow) -> None:
    """Fails the test: every row is good here."""
    pytest.fail(str(bad))


def jsonl(path: Path, *rows: Any) -> Path:
    """Writes objects, one a line."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def read(path: Path, **options: Any) -> list[Judgement]:
    """All judgements of a file without bad rows."""
    return list(open_judgements(path, refuse, LabelOptions(**options)))


def read_with_bad(path: Path, **options: Any) -> tuple[list[Judgement], list[tuple[int, str]]]:
    """(judgements, (line, field) of the bad rows)."""
    bad: list[BadRow] = []
    found = list(open_judgements(path, bad.append, LabelOptions(**options)))
    assert all(row.source == str(path) for row in bad)
    return found, sorted((row.line, row.field) for row in bad)


def short(judgements: list[Judgement]) -> list[tuple[str, str, str, int]]:
    """What counts of judgements."""
    return [(one.query, one.target, one.text, one.relevance) for one in judgements]


@pytest.mark.parametrize(
    ("row", "name", "wanted"),
    [
        ({"query": "q", "passage_id": "p 1"}, "table", [("q", "p 1", "", 1)]),
        ({"Question": "q", "Doc-ID": 7}, "table", [("q", "7", "", 1)]),
        ({"search_query": "q", "URL": "https://x.y/z"}, "table", [("q", "https://x.y/z", "", 1)]),
        ({"q": "q", "context": "some words"}, "table", [("q", "", "some words", 1)]),
        ({"query": "q", "document": "a/b.md"}, "table", [("q", "a/b.md", "", 1)]),
        ({"query": "q", "document": "User guide.pdf"}, "table", [("q", "User guide.pdf", "", 1)]),
        ({"query": "q", "document": "some words"}, "table", [("q", "", "some words", 1)]),
        ({"query": "q", "document": "重启服务器之前先保存"}, "table", [("q", "", "重启服务器之前先保存", 1)]),
        ({"query": "q", "doc_id": "d", "document": "some words"}, "table", [("q", "d", "some words", 1)]),
        ({"query": "q", "text": "some words", "source": "wiki"}, "table", [("q", "", "some words", 1)]),
        ({"query": "q", "source": "wiki.md"}, "table", [("q", "wiki.md", "", 1)]),
        ({"question": "q", "context": "all of it", "answer": "it"}, "table", [("q", "", "all of it", 1)]),
        ({"query": "q", "text": "t t", "score": 2}, "table", [("q", "", "t t", 2)]),
        ({"anchor": "q", "positive": "p p"}, "sentence-transformers", [("q", "", "p p", 1)]),
        (
            {"anchor": "q", "positive": "p p", "negative_1": "n n", "negative_2": "m m"},
            "sentence-transformers",
            [("q", "", "p p", 1), ("q", "", "n n", 0), ("q", "", "m m", 0)],
        ),
        ({"sentence1": "q", "sentence2": "p p", "label": 0}, "sentence-transformers", [("q", "", "p p", 0)]),
        ({"query": "q", "response": "p p"}, "table", [("q", "", "p p", 1)]),
        (
            {"query": "q", "positive": "p p", "negative": "n n", "label": 7.25},
            "sentence-transformers",
            [("q", "", "p p", 1), ("q", "", "n n", 0)],
        ),
        (
            {"query": "q", "pos": ["p p", "r r"], "neg": ["n n"], "prompt": "Represent this", "id": 3},
            "flagembedding",
            [("q", "", "p p", 1), ("q", "", "r r", 1), ("q", "", "n n", 0)],
        ),
        (
            {"query": "q", "relevant_passages": ["p p"], "hard_negatives": ["n n"]},
            "cohere",
            [("q", "", "p p", 1), ("q", "", "n n", 0)],
        ),
        ({"prompt": "q", "completion": " p p"}, "openai", [("q", "", " p p", 1)]),
        (
            {"query": "q", "positive_ids": ["a", 2], "negative_ids": ["c"]},
            "lists",
            [("q", "a", "", 1), ("q", "2", "", 1), ("q", "c", "", 0)],
        ),
        ({"query": "q", "relevant": ["a", "b"]}, "lists", [("q", "a", "", 1), ("q", "b", "", 1)]),
        ({"query": "q", "doc": "some words", "relevant": "no"}, "table", [("q", "", "some words", 0)]),
        (
            {"query": "q", "doc_ids": ["a", "b"], "score": [2, 0]},
            "lists",
            [("q", "a", "", 2), ("q", "b", "", 0)],
        ),
        (
            {"question": "q", "positive_ctxs": [{"text": "p p", "passage_id": "7"}], "hard_negative_ctxs": []},
            "lists",
            [("q", "7", "p p", 1)],
        ),
        (
            {"query_id": "1", "query": "q", "positive_passages": [{"docid": "7", "title": "T", "text": "p p"}],
             "negative_passages": [{"docid": "8", "text": "n n"}]},
            "lists",
            [("q", "7", "p p", 1), ("q", "8", "n n", 0)],
        ),
    ],
)  # fmt: skip
def test_layouts_are_recognised(
    tmp_path: Path, row: dict[str, Any], name: str, wanted: list[tuple[str, str, str, int]]
) -> None:
    """By what people and tools call their columns; answers first, then what is no answer."""
    file = open_judgements(jsonl(tmp_path / "x.jsonl", row), refuse)
    assert file.format == name
    found = list(file)
    assert short(found) == wanted
    assert {one.line for one in found} == {1}


def test_conversations_give_their_last_question(tmp_path: Path) -> None:
    """The user's last words before the assistant's last ones, with text in parts or whole."""
    row = {
        "messages": [
            {"role": "system", "content": "be nice"},
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": "hi"},
            {"role": "user", "content": [{"type": "text", "text": "how?"}, {"type": "image_url", "image_url": {}}]},
            {"role": "assistant", "content": "so"},
            {"role": "user", "content": "thanks"},
        ]
    }
    asked = {"prompt": [{"role": "user", "content": "q"}], "completion": [{"role": "assistant", "content": "a a"}]}
    assert short(read(jsonl(tmp_path / "x.jsonl", row))) == [("how?", "", "so", 1)]
    assert short(read(jsonl(tmp_path / "y.jsonl", asked))) == [("q", "", "a a", 1)]


def test_bad_conversations_are_named(tmp_path: Path) -> None:
    """Those without a question, without an answer, and what is no conversation."""
    said = {"role": "user", "content": "q"}
    answered = {"role": "assistant", "content": "a a"}
    path = jsonl(
        tmp_path / "x.jsonl", {"messages": [said, answered]}, {"messages": [answered, said]}, {"messages": [said]},
        {"messages": "prose"}, {"messages": [said, {"role": "assistant", "content": 7}]}, {"messages": [7, None]},
    )  # fmt: skip
    found, bad = read_with_bad(path)
    assert short(found) == [("q", "", "a a", 1)]
    assert [line for line, _ in bad] == [2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (1, (1, None)), (0, (0, None)), (3, (3, None)), (-1, (0, None)), (True, (1, None)), (2.0, (2, None)),
        ("2", (2, None)), ("1.0", (1, None)), ("yes", (1, None)), ("Not relevant", (0, None)), ("FALSE", (0, None)),
        (0.7, (1, 0.7)), (0.5, (1, 0.5)), ("0.49", (0, 0.49)),
    ],
)  # fmt: skip
def test_grades_may_be_numbers_shares_and_words(tmp_path: Path, value: Any, wanted: tuple[int, float | None]) -> None:
    """A share answers from one half on and is kept as the score; what is below 0 counts as 0."""
    (one,) = read(jsonl(tmp_path / "x.jsonl", {"query": "q", "text": "t t", "grade": value}))
    assert (one.relevance, one.score) == wanted


@pytest.mark.parametrize("value", ["high", 2.5, "1e9", 85, 1e999, "nan", None, "", {}, "17.3"])
def test_unknown_grades_are_bad_rows(tmp_path: Path, value: Any) -> None:
    """Words, fractions above 1, a search engine's scores and empty cells are not guessed at."""
    good = {"query": "q", "text": "t t", "grade": 1}
    found, bad = read_with_bad(jsonl(tmp_path / "x.jsonl", good, {**good, "grade": value}))
    assert (len(found), bad) == (1, [(2, "grade")])


def test_low_ratings_may_count_as_no_answer(tmp_path: Path) -> None:
    """On a scale from 1 to 5 a 1 is no praise."""
    path = jsonl(tmp_path / "x.jsonl", *({"query": "q", "text": "t t", "rating": n} for n in range(1, 6)))
    assert [one.relevance for one in read(path, relevant_from=3)] == [0, 0, 3, 4, 5]


def test_bad_rows_are_named_and_good_ones_go_on(tmp_path: Path) -> None:
    """Each with its line and field, a list's element with its place."""
    good = {"query": "q", "pos": ["t t"], "neg": [], "split": "train"}
    path = tmp_path / "x.jsonl"
    path.write_text(
        "\n".join(
            [
                json.dumps(good),
                json.dumps({**good, "query": " "}),
                json.dumps({**good, "query": 7}),
                json.dumps({"pos": ["t t"]}),
                "{broken",
                json.dumps({**good, "pos": []}),
                json.dumps({**good, "pos": ["a a", 3]}),
                json.dumps({**good, "neg": ["n n", {}]}),
                json.dumps({**good, "split": "holdout"}),
                json.dumps({**good, "pos": ["  ", None]}),
                json.dumps({**good, "split": "Validation"}),
            ]
        )
    )
    found, bad = read_with_bad(path)
    assert [(one.line, one.relevance, one.split) for one in found] == [
        (1, 1, "train"),
        (8, 1, "train"),
        (8, 0, "train"),
        (11, 1, "dev"),
    ]
    assert bad == [
        (2, "query"),
        (3, "query"),
        (4, "query"),
        (5, ""),
        (6, "pos"),
        (7, "pos[1]"),
        (8, "neg[1]"),
        (9, "split"),
        (10, "pos"),
    ]


def test_a_field_that_the_first_row_lacks_is_read(tmp_path: Path) -> None:
    """A JSONL's rows need not have the same fields; a row without a grade among graded ones is no guess."""
    path = jsonl(tmp_path / "x.jsonl", {"query": "q", "text": "t t"}, {"query": "q", "text": "t t", "label": 0})
    found, bad = read_with_bad(path)
    assert ([one.relevance for one in found], bad) == ([0], [(1, "label")])


def test_lists_in_a_csv_are_json(tmp_path: Path) -> None:
    """Where a column's name is a plural; Python's way to write lists is a bad row and not one long text."""
    path = tmp_path / "x.csv"
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(
            [("query", "positives"), ("a", '["x x", "y y"]'), ("b", "['x x', 'y y']"), ("c", "[1] is a note")]
        )
    found, bad = read_with_bad(path)
    assert short(found) == [("a", "", "x x", 1), ("a", "", "y y", 1), ("c", "", "[1] is a note", 1)]
    assert bad == [(3, "positives")]


def test_ids_and_texts_of_the_same_answers_stand_side_by_side(tmp_path: Path) -> None:
    """Two lists of one length are one list of answers; of another length they are a bad row."""
    path = jsonl(
        tmp_path / "x.jsonl",
        {"query": "q", "pos": ["a a", "b b"], "pos_id": ["1", "2"], "pos_scores": [0.9, 17.5]},
        {"query": "q", "pos": ["a a", "b b"], "pos_id": ["1"]},
        {"query": "q", "pos": ["a a"], "pos_scores": [0.9, 0.5]},
    )
    found, bad = read_with_bad(path)
    assert [(one.target, one.text, one.score) for one in found] == [("1", "a a", 0.9), ("2", "b b", None)]
    assert bad == [(2, "pos"), (3, "pos_scores")]


def test_columns_can_be_named(tmp_path: Path) -> None:
    """By role or by any usual name of it; that comes before what the names say."""
    path = tmp_path / "x.csv"
    path.write_text("frage;antwort;falsch;query\nf;a a;b b;x\n")
    columns = (("question", "frage"), ("passage", "antwort"), ("negative", "falsch"))
    file = open_judgements(path, refuse, LabelOptions(columns=columns))
    assert short(list(file)) == [("f", "", "a a", 1), ("f", "", "b b", 0)]
    assert file.columns == (("query", "frage"), ("text", "antwort"), ("negative", "falsch"))
    assert file.unused == ("query",)


def test_a_column_that_is_not_there_is_an_answer(tmp_path: Path) -> None:
    """With those that are."""
    path = jsonl(tmp_path / "x.jsonl", {"a": "q", "b": "t"})
    with pytest.raises(InputError, match="no column 'c'; the columns are a, b"):
        read(path, columns=(("query", "c"),))


def test_columns_by_their_order(tmp_path: Path) -> None:
    """As sentence-transformers reads them, when asked to."""
    path = jsonl(tmp_path / "x.jsonl", {"one": "q", "two": "p p", "three": "n n"})
    assert short(read(path, format="sentence-transformers")) == [("q", "", "p p", 1), ("q", "", "n n", 0)]


def test_the_whole_file_can_go_to_one_part(tmp_path: Path) -> None:
    """Whatever its rows say, and with a provenance of its own."""
    path = jsonl(tmp_path / "x.jsonl", {"query": "q", "text": "t t", "split": "train"})
    assert read(path, split="test", provenance="label:experts") == [
        Judgement("q", text="t t", provenance="label:experts", split="test", line=1)
    ]


def test_an_unknown_file_says_what_it_has_and_what_is_wanted(tmp_path: Path) -> None:
    """With the flag that maps a column."""
    path = tmp_path / "x.csv"
    path.write_text("frage,antwort\na,b\n")
    with pytest.raises(InputError, match=r"(?s)the columns are frage, antwort; none is a query.*--column query"):
        read(path)
    with pytest.raises(InputError, match=r"none is what answers"):
        read(jsonl(tmp_path / "x.jsonl", {"query": "q", "topic": "t"}))


def test_a_file_of_bad_rows_only_shows_the_first_reasons(tmp_path: Path) -> None:
    """At its end, since it is read as a stream."""
    path = jsonl(tmp_path / "x.jsonl", *({"query": "", "text": f"t {i}"} for i in range(9)))
    bad: list[BadRow] = []
    file = open_judgements(path, bad.append)
    with pytest.raises(InputError, match=r"(?s)no row can be used.*x\.jsonl:1: field 'query'.*x\.jsonl:3"):
        list(file)
    assert len(bad) == 9


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.json", "x.tsv"])
def test_an_empty_file_is_an_answer(tmp_path: Path, name: str) -> None:
    """Nothing in it is said in words."""
    (tmp_path / name).write_bytes(b"\n" if name != "x.json" else b"[]")
    with pytest.raises(InputError, match="no row in it"):
        read(tmp_path / name)


def test_a_header_alone_is_an_answer(tmp_path: Path) -> None:
    """Columns without rows are no labels."""
    (tmp_path / "x.csv").write_text("query,text\n")
    with pytest.raises(InputError, match="no row in it"):
        read(tmp_path / "x.csv")


def test_what_is_not_there_is_an_answer(tmp_path: Path) -> None:
    """Before anything is opened."""
    with pytest.raises(InputError, match="no such file"):
        read(tmp_path / "gone.csv")


@pytest.mark.parametrize(
    "options",
    [
        {"format": "excel"},
        {"columns": (("colour", "x"),)},
        {"columns": (("query", "x"), ("question", "y"))},
        {"split": "holdout"},
        {"provenance": " "},
        {"relevant_from": 0},
    ],
)
def test_options_have_limits(options: dict[str, Any]) -> None:
    """A value that means nothing is refused with what is meant."""
    with pytest.raises(SettingsError, match="must be"):
        LabelOptions(**options)


def beir(folder: Path) -> Path:
    """A BEIR folder with two parts."""
    passages = [Passage("p1", "words of one", "One"), Passage("p2", "words of two"), Passage("p3", "", "Title only")]
    judged = {"train": [Qrel("1", "p1", 1), Qrel("1", "p3", 0)], "test": [Qrel("2", "p2", 2), Qrel("9", "p1", 1)]}
    formats.write_beir(folder, passages, [Query("1", "one?"), Query("2", "two?")], judged)  # type: ignore[arg-type]
    (folder / "qrels" / "test.tsv").rename(folder / "qrels" / "validation.tsv")
    return folder


def test_beir_folders_carry_ids_and_words(tmp_path: Path) -> None:
    """The part is the file's name; a judgement of an unknown query is named with its file and line."""
    bad: list[BadRow] = []
    file = open_judgements(beir(tmp_path / "set"), bad.append)
    assert file.format == "beir"
    assert list(file) == [
        Judgement("one?", "p1", "words of one", 1, query_id="1", split="train"),
        Judgement("one?", "p3", "Title only", 0, query_id="1", split="train"),
        Judgement("two?", "p2", "words of two", 2, query_id="2", split="dev"),
    ]
    assert [(Path(row.source).name, row.line, row.field) for row in bad] == [("validation.tsv", 3, "query-id")]


def test_another_split_of_the_same_is_not_read(tmp_path: Path) -> None:
    """Where files are called after parts; where none is, all are read."""
    folder = beir(tmp_path / "set")
    (folder / "qrels" / "random_test.tsv").write_text("1\tp2\t1\n")
    file = open_judgements(folder, [].append)
    assert [one.split for one in file] == ["train", "train", "dev"]
    assert file.unused == ("qrels/random_test.tsv",)
    for name in ("train", "validation"):
        (folder / "qrels" / f"{name}.tsv").unlink()
    assert [(one.target, one.split) for one in read(folder)] == [("p2", None)]


def test_beir_folders_need_no_corpus(tmp_path: Path) -> None:
    """Then ids alone have to do."""
    folder = beir(tmp_path / "set")
    (folder / "corpus.jsonl").unlink()
    bad: list[BadRow] = []
    assert {one.text for one in open_judgements(folder, bad.append)} == {""}


def test_one_file_of_a_beir_folder_is_read_alone(tmp_path: Path) -> None:
    """With the queries one folder up, and with lines."""
    file = open_judgements(beir(tmp_path / "set") / "qrels" / "train.tsv", refuse)
    assert [(one.target, one.split, one.line) for one in file] == [("p1", "train", 2), ("p3", "train", 3)]


@pytest.mark.parametrize("header", ["", "query_id\tquery\n"])
def test_trec_judgements_have_their_queries_beside_them(tmp_path: Path, header: str) -> None:
    """Four columns, and a file of ids and texts, with a header or without."""
    (tmp_path / "qrels.txt").write_text("1 0 p1 2\n1 0 p2 -1\n2 0 p3 1\n")
    (tmp_path / "queries.tsv").write_text(header + "1\tone?\n2\ttwo?\n")
    file = open_judgements(tmp_path / "qrels.txt", refuse)
    assert file.format == "trec"
    assert short(list(file)) == [("one?", "p1", "", 2), ("one?", "p2", "", 0), ("two?", "p3", "", 1)]


@pytest.mark.parametrize("queries", ["queries.csv", "queries.jsonl", "topics.tsv"])
def test_judgements_by_id_in_any_table_find_their_queries(tmp_path: Path, queries: str) -> None:
    """Shares, words and splits are read as in other tables; an unknown query is a bad row."""
    text = {"queries.csv": 'id,text\n1,"one, or two"\n', "topics.tsv": "1\tone, or two\n"}.get(queries)
    (tmp_path / queries).write_text(text or '{"_id": 1, "text": "one, or two"}\n')
    rows = [{"qid": 1, "doc_id": "a", "label": 0.7, "split": "dev"}, {"qid": "1", "doc_id": "b", "label": "no"}]
    found, bad = read_with_bad(jsonl(tmp_path / "x.jsonl", *rows, {"qid": 9, "doc_id": "a", "label": 1}))
    assert found == [
        Judgement("one, or two", "a", "", 1, query_id="1", score=0.7, split="dev", line=1),
        Judgement("one, or two", "b", "", 0, query_id="1", line=2),
    ]
    assert bad == [(3, "qid")]


def test_a_bad_line_of_judgements_is_told_once(tmp_path: Path) -> None:
    """Although the header had to be read to tell the format."""
    jsonl(tmp_path / "queries.jsonl", {"_id": "1", "text": "q"})
    (tmp_path / "x.tsv").write_text("query-id\tcorpus-id\tscore\n1\tp\t1\n1\tp\n1\tp\thigh\n")
    found, bad = read_with_bad(tmp_path / "x.tsv")
    assert (len(found), bad) == (1, [(3, ""), (4, "score")])


def test_judgements_without_queries_are_an_answer(tmp_path: Path) -> None:
    """Which says where they should lie."""
    (tmp_path / "x.tsv").write_text("query-id\tcorpus-id\tscore\n1\tp\t1\n")
    (tmp_path / "x.qrels").write_text("1 0 p1 2\n")
    for name in ("x.tsv", "x.qrels"):
        with pytest.raises(InputError, match=r"no queries beside them"):
            read(tmp_path / name)


def test_a_folder_of_other_files_is_an_answer(tmp_path: Path) -> None:
    """Which says what a labelled folder holds."""
    with pytest.raises(InputError, match=r"there is no queries\.jsonl in it"):
        read(tmp_path)
    jsonl(tmp_path / "queries.jsonl", {"_id": "1", "text": "q"})
    with pytest.raises(InputError, match=r"there is no qrels/\*\.tsv in it"):
        read(tmp_path)


Answers = dict[tuple[str, str], int]
"""(query, id or text) → relevance."""


def write_csv(folder: Path, answers: Answers, *, ids: bool) -> Path:
    """A table with grades."""
    with (folder / "x.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["query", "doc_id" if ids else "text", "relevance"])
        writer.writerows((query, answer, grade) for (query, answer), grade in answers.items())
    return folder / "x.csv"


def write_parquet(folder: Path, answers: Answers, *, ids: bool) -> Path:
    """The same as Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{"Query": q, "doc_id" if ids else "text": a, "Score": float(g)} for (q, a), g in answers.items()]
    pq.write_table(pa.Table.from_pylist(rows), folder / "x.parquet")
    return folder / "x.parquet"


def write_lists(names: tuple[str, str, str], folder: Path, answers: Answers) -> Path:
    """A query a row, with lists of what answers it and of what does not."""
    rows: dict[str, dict[str, Any]] = {}
    for (query, answer), grade in answers.items():
        row = rows.setdefault(query, {names[0]: query, names[1]: [], names[2]: []})
        row[names[1] if grade else names[2]].append(answer)
    return jsonl(folder / "x.jsonl", *rows.values())


@given(st.dictionaries(st.tuples(QUERIES, TEXTS), st.integers(0, 3), min_size=1, max_size=8))
def test_graded_texts_come_back_as_they_were(answers: Answers) -> None:
    """From CSV and from Parquet."""
    wanted = [(query, "", text, grade) for (query, text), grade in answers.items()]
    for write in (write_csv, write_parquet):
        with tempfile.TemporaryDirectory() as folder:
            assert short(read(write(Path(folder), answers, ids=False))) == wanted


@given(st.dictionaries(st.tuples(QUERIES, IDS), st.integers(0, 3), min_size=1, max_size=8))
def test_graded_ids_come_back_as_they_were(answers: Answers) -> None:
    """From CSV, Parquet and a BEIR folder."""
    wanted = [(query, id_, "", grade) for (query, id_), grade in answers.items()]
    for write in (write_csv, write_parquet):
        with tempfile.TemporaryDirectory() as folder:
            assert short(read(write(Path(folder), answers, ids=True))) == wanted
    with tempfile.TemporaryDirectory() as folder:
        ids = {query: str(number) for number, (query, _) in enumerate(answers)}
        formats.write_queries(Path(folder) / "queries.jsonl", (Query(id_, query) for query, id_ in ids.items()))
        qrels = [Qrel(ids[query], id_, grade) for (query, id_), grade in answers.items()]
        formats.write_qrels(Path(folder) / "qrels" / "test.tsv", qrels)
        found = read(Path(folder))
    assert short(found) == wanted
    assert {(one.split, one.query_id) for one in found} == {("test", ids[query]) for query, _ in answers}


@given(
    st.dictionaries(st.tuples(QUERIES, TEXTS), st.integers(0, 1), min_size=1, max_size=8),
    st.sampled_from(
        [
            ("query", "pos", "neg"),
            ("query", "relevant_passages", "hard_negatives"),
            ("question", "positives", "negatives"),
        ]
    ),
)
def test_lists_come_back_as_they_were(answers: Answers, names: tuple[str, str, str]) -> None:
    """FlagEmbedding's, Cohere's and other lists of what answers and what does not, empty ones included."""
    with tempfile.TemporaryDirectory() as folder:
        found = short(read(write_lists(names, Path(folder), answers)))
    assert {(query, text): grade for query, _, text, grade in found} == answers
    assert len(found) == len(answers)


@given(st.lists(st.tuples(QUERIES, TEXTS), min_size=1, max_size=8))
def test_pairs_come_back_as_they_were(pairs: list[tuple[str, str]]) -> None:
    """sentence-transformers' and both of OpenAI's formats."""
    shapes: list[Callable[[str, str], dict[str, Any]]] = [
        lambda q, a: {"anchor": q, "positive": a},
        lambda q, a: {"prompt": q, "completion": a},
        lambda q, a: {"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]},
    ]
    wanted = [Judgement(query, text=text, line=line) for line, (query, text) in enumerate(pairs, start=1)]
    for shape in shapes:
        with tempfile.TemporaryDirectory() as folder:
            path = jsonl(Path(folder) / "x.jsonl", *(shape(*pair) for pair in pairs))
            assert [replace(one) for one in read(path)] == wanted


def test_every_format_has_a_name_that_can_be_asked_for() -> None:
    """The list of formats is what options accept."""
    assert all(LabelOptions(format=name).format == name for name in LABEL_FORMATS)
    assert JudgementFile(Path("x"), "x", "table", (), (), ()).format in LABEL_FORMATS
