"""Every file format: round trips, and bad lines that are named while the good ones go on."""

from __future__ import annotations

import gzip
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import ir_measures
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jargonaut import formats
from jargonaut.errors import InputError
from jargonaut.records import BadRow, Document, Pair, Passage, Qrel, Query, Run, Triplet

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
WORDS = TEXT.filter(str.strip)
IDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=12)
PASSAGES = st.lists(st.builds(Passage, IDS, WORDS, st.just("") | WORDS), max_size=6, unique_by=lambda p: p.id)
QUERIES = st.lists(st.builds(Query, IDS, WORDS), max_size=6, unique_by=lambda q: q.id)
QRELS = st.lists(st.builds(Qrel, IDS, IDS, st.integers(0, 3)), max_size=6)


def refuse(bad: BadRow) -> None:
    """Fails the test: every line is good here."""
    pytest.fail(str(bad))


def lines(path: Path, *rows: bytes | dict[str, Any]) -> Path:
    """Writes raw lines or JSON objects."""
    path.write_bytes(b"".join((row if isinstance(row, bytes) else json.dumps(row).encode()) + b"\n" for row in rows))
    return path


@given(PASSAGES, QUERIES, QRELS)
def test_beir_folders_come_back_as_they_were(
    passages: list[Passage], queries: list[Query], judgements: list[Qrel]
) -> None:
    """Corpus, queries and judgements survive writing and reading, whatever letters they hold."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        formats.write_beir(folder, passages, queries, {"test": judgements})
        corpus = formats.beir_corpus(folder)
        assert corpus is not None
        assert formats.is_beir(folder)
        wanted = [replace(p, document_id=p.id, end=len(p.text)) for p in passages]
        assert list(formats.read_passages(corpus, refuse)) == wanted
        assert list(formats.read_queries(folder / "queries.jsonl", refuse)) == queries
        assert list(formats.read_qrels(folder / "qrels" / "test.tsv", refuse)) == judgements
        assert not (folder / "qrels" / "train.tsv").exists()


@given(st.lists(st.builds(Passage, IDS, TEXT, TEXT, st.lists(TEXT, max_size=3).map(tuple), IDS, st.integers(0, 9))))
def test_records_come_back_as_they_were(passages: list[Passage]) -> None:
    """Our own files keep every field, tuples included."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "passages.jsonl"
        assert formats.write_jsonl(path, passages) == len(passages)
        assert list(formats.read_records(path, Passage)) == passages


@pytest.mark.parametrize(
    "record",
    [Document("d", "text"), Pair("q", "query", "p", 0, "heading"), Triplet("q", "p", ("n", "m")), Query("q", "text")],
    ids=lambda record: type(record).__name__,
)
def test_every_record_can_be_kept(tmp_path: Path, record: Any) -> None:
    """Each kind of record that stages keep survives its file."""
    formats.write_jsonl(tmp_path / "x.jsonl", [record])
    assert list(formats.read_records(tmp_path / "x.jsonl", type(record))) == [record]


def test_a_damaged_file_of_ours_is_an_error(tmp_path: Path) -> None:
    """A file that we wrote is not skipped over line by line."""
    path = lines(tmp_path / "x.jsonl", {"id": "q", "text": "t"}, b"{")
    with pytest.raises(InputError, match=r"x\.jsonl:2: not JSON"):
        list(formats.read_records(path, Query))


def test_bad_lines_are_named_and_good_ones_go_on(tmp_path: Path) -> None:
    """Each bad line is reported with file, line and field; blank lines are nobody's fault."""
    path = lines(
        tmp_path / "corpus.jsonl",
        {"_id": "a", "text": "good"},
        b"{broken",
        b"",
        b'["a list"]',
        b'{"_id": "l", "text": "latin \xe9"}',
        {"_id": "b"},
        {"_id": "c", "text": "x", "title": 7},
        {"_id": "d", "text": "  "},
        {"_id": "a", "text": "again"},
        {"_id": "e", "text": "good too"},
    )
    bad: list[BadRow] = []
    assert [p.id for p in formats.read_passages(path, bad.append)] == ["a", "e"]
    assert {row.source for row in bad} == {str(path)}
    assert [(row.line, row.field) for row in bad] == [
        (2, ""),
        (4, ""),
        (5, ""),
        (6, "text"),
        (7, "title"),
        (8, "text"),
        (9, "_id"),
    ]


def test_bad_queries_are_named(tmp_path: Path) -> None:
    """Queries without text or with a used id are reported."""
    path = lines(tmp_path / "q.jsonl", {"_id": "a", "text": "x"}, {"_id": "b", "text": ""}, {"_id": "a", "text": "y"})
    bad: list[BadRow] = []
    assert list(formats.read_queries(path, bad.append)) == [Query("a", "x")]
    assert [(row.line, row.field) for row in bad] == [(2, "text"), (3, "_id")]


def test_ids_may_be_numbers_named_id_or_missing(tmp_path: Path) -> None:
    """`_id` comes before `id`; without either the line number serves."""
    path = lines(tmp_path / "x.jsonl", {"_id": 0, "text": "x"}, {"id": "b", "text": "x"}, {"text": "x"})
    assert [p.id for p in formats.read_passages(path, refuse)] == ["0", "b", "line-3"]


def test_a_passage_keeps_its_document(tmp_path: Path) -> None:
    """A `document_id` groups passages; without one a passage stands alone."""
    path = lines(tmp_path / "x.jsonl", {"_id": "a", "text": "x", "document_id": 7}, {"_id": "b", "text": "x"})
    assert [p.document_id for p in formats.read_passages(path, refuse)] == ["7", "b"]


def test_a_title_alone_is_a_passage(tmp_path: Path) -> None:
    """Title-only entries of a corpus can be searched too."""
    path = lines(tmp_path / "x.jsonl", {"_id": "a", "text": "", "title": "T"})
    assert [p.title for p in formats.read_passages(path, refuse)] == ["T"]


def test_byte_order_marks_are_not_text(tmp_path: Path) -> None:
    """Files that Windows programs wrote are read as they are meant."""
    lines(tmp_path / "x.jsonl", b'\xef\xbb\xbf{"_id": "a", "text": "x"}\r')
    assert [p.id for p in formats.read_passages(tmp_path / "x.jsonl", refuse)] == ["a"]
    lines(tmp_path / "x.tsv", b"\xef\xbb\xbfq\tp\t1\r")
    assert list(formats.read_qrels(tmp_path / "x.tsv", refuse)) == [Qrel("q", "p", 1)]


def test_compressed_files_are_read(tmp_path: Path) -> None:
    """`corpus.jsonl.gz` is a corpus."""
    (tmp_path / "corpus.jsonl.gz").write_bytes(gzip.compress(b'{"_id": "a", "text": "x"}\n'))
    corpus = formats.beir_corpus(tmp_path)
    assert corpus is not None
    assert [p.id for p in formats.read_passages(corpus, refuse)] == ["a"]
    assert not formats.is_beir(tmp_path)


def compressed() -> bytes:
    """Two thousand passages, zipped."""
    rows = (json.dumps({"_id": f"p{i}", "text": f"text {i * 7919}"}).encode() + b"\n" for i in range(2000))
    return gzip.compress(b"".join(rows), mtime=0)


@pytest.mark.parametrize("damage", ["truncated", "not gzip", "wrong checksum"])
def test_a_damaged_compressed_file_is_named(tmp_path: Path, damage: str) -> None:
    """What can be read is read; the damage is reported; no traceback."""
    whole = compressed()
    content = {
        "truncated": whole[:-500],
        "not gzip": gzip.decompress(whole),
        "wrong checksum": whole[:-8] + b"\0\0\0\0" + whole[-4:],
    }[damage]
    (tmp_path / "corpus.jsonl.gz").write_bytes(content)
    bad: list[BadRow] = []
    found = list(formats.read_passages(tmp_path / "corpus.jsonl.gz", bad.append))
    assert "damaged" in bad[-1].reason
    assert (len(found) > 0) == (damage != "not gzip")


def test_a_broken_compressed_stream_is_named(tmp_path: Path) -> None:
    """A stream that cannot be decompressed is damage like any other."""
    whole = bytearray(compressed())
    whole[20:40] = b"\xff" * 20
    (tmp_path / "corpus.jsonl.gz").write_bytes(whole)
    bad: list[BadRow] = []
    list(formats.read_passages(tmp_path / "corpus.jsonl.gz", bad.append))
    assert "damaged" in bad[-1].reason


def test_a_cut_compressed_file_says_from_where_all_is_lost(tmp_path: Path) -> None:
    """One bad row stands for everything that was lost, so it says that, and after which line."""
    (tmp_path / "corpus.jsonl.gz").write_bytes(compressed()[:-500])
    bad: list[BadRow] = []
    found = list(formats.read_passages(tmp_path / "corpus.jsonl.gz", bad.append))
    assert [row.reason.split(" (")[0] for row in bad] == [
        f"damaged after line {len(found)}: everything after it is lost"
    ]


def test_the_first_three_reasons_are_kept() -> None:
    """All bad rows go on; three are shown."""
    bad: list[BadRow] = []
    reasons = formats.Reasons(bad.append)
    for number in range(1, 6):
        reasons(BadRow("x.jsonl", number, "text", "empty"))
    assert len(bad) == 5
    assert [line.strip() for line in str(reasons).splitlines()[1:]] == [str(row) for row in bad[:3]]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("query-id\tcorpus-id\tscore\nq\tp\t1\n", [Qrel("q", "p", 1)]),
        ("q\tp\t2\n", [Qrel("q", "p", 2)]),
        ("q 0 p 1\n\nr 0 s 0\n", [Qrel("q", "p", 1), Qrel("r", "s", 0)]),
        ("q\t0\tp\t1\n", [Qrel("q", "p", 1)]),
        ("q\tp\t1.0", [Qrel("q", "p", 1)]),
        ("an id with blanks\tp q\t1\n", [Qrel("an id with blanks", "p q", 1)]),
        ("corpus-id\tquery-id\tscore\np\tq\t1\n", [Qrel("q", "p", 1)]),
        ("Relevance\tqid\tDoc_ID\n2\tq\tp\n", [Qrel("q", "p", 2)]),
        ("doc id\tnote\tlabel\tquery_id\np\tan odd one\t1\tq\n", [Qrel("q", "p", 1)]),
        ("a\tb\tc\nq\tp\t1\n", [Qrel("q", "p", 1)]),
        ("corpus-id\tquery-id\tmine\nq\tp\t1\n", [Qrel("q", "p", 1)]),
    ],
    ids=[
        "BEIR",
        "no header",
        "TREC",
        "TREC with tabs",
        "decimal",
        "blanks",
        "other order",
        "other names",
        "more columns",
        "unknown names",
        "some unknown names",
    ],
)
def test_judgements_come_in_several_shapes(tmp_path: Path, text: str, wanted: list[Qrel]) -> None:
    """BEIR files with and without a header, whose order counts where it is understood, and TREC's four columns."""
    (tmp_path / "x.tsv").write_text(text)
    assert list(formats.read_qrels(tmp_path / "x.tsv", refuse)) == wanted


def test_bad_judgements_are_named(tmp_path: Path) -> None:
    """Wrong columns and scores that are no whole numbers are reported, the rest is read."""
    (tmp_path / "x.tsv").write_text("q\tp\t1\nq\tp\nq\tp\thigh\nq\tp\t1.5\nq\tp\t1\t2\t3\nr\ts\t0\n")
    bad: list[BadRow] = []
    assert list(formats.read_qrels(tmp_path / "x.tsv", bad.append)) == [Qrel("q", "p", 1), Qrel("r", "s", 0)]
    assert [(row.line, row.field) for row in bad] == [(2, ""), (3, "score"), (4, "score"), (5, "")]


def test_bad_judgements_under_a_header_of_another_order_are_named(tmp_path: Path) -> None:
    """Lines of another width and scores that are no numbers are reported, never read in the usual order."""
    (tmp_path / "x.tsv").write_text("score\tdocid\tnote\tqid\n1\tp\t\tq\n1\tp\tq\nq\tp\tx\t1\n")
    bad: list[BadRow] = []
    assert list(formats.read_qrels(tmp_path / "x.tsv", bad.append)) == [Qrel("q", "p", 1)]
    assert [(row.line, row.field) for row in bad] == [(3, ""), (4, "score")]


@pytest.mark.parametrize("score", ["inf", "nan", "1e999"])
def test_scores_that_are_no_numbers_are_bad_rows(tmp_path: Path, score: str) -> None:
    """Odd floats are reported like any other bad score."""
    (tmp_path / "x.tsv").write_text(f"a\tb\t1\nq\tp\t{score}\n")
    bad: list[BadRow] = []
    assert len(list(formats.read_qrels(tmp_path / "x.tsv", bad.append))) == 1
    assert [row.field for row in bad] == ["score"]


def test_runs_and_judgements_are_what_trec_tools_read(tmp_path: Path) -> None:
    """The standard scorer reads our files and sees what we meant; ids with blanks stay one column."""
    run = Run("my run", {"q 1": {"p 1": 0.75, "p2": 0.5}, "q2": {"p2": 1.0}})
    judgements = [Qrel("q 1", "p2", 1), Qrel("q2", "p2", 2)]
    formats.write_trec_run(tmp_path / "run.trec", run)
    formats.write_trec_qrels(tmp_path / "qrels.trec", judgements)
    assert (tmp_path / "run.trec").read_text().splitlines() == [
        "q_1 Q0 p_1 1 0.75 my_run",
        "q_1 Q0 p2 2 0.5 my_run",
        "q2 Q0 p2 1 1.0 my_run",
    ]
    scores = ir_measures.calc_aggregate(
        [ir_measures.RR],
        list(ir_measures.read_trec_qrels(str(tmp_path / "qrels.trec"))),
        list(ir_measures.read_trec_run(str(tmp_path / "run.trec"))),
    )
    assert scores[ir_measures.RR] == pytest.approx(0.75)


def test_a_folder_of_other_files_is_no_beir_set(tmp_path: Path) -> None:
    """A corpus needs its queries beside it; a file is no folder."""
    lines(tmp_path / "corpus.jsonl", {"_id": "a", "text": "x"})
    assert not formats.is_beir(tmp_path)
    assert not formats.is_beir(tmp_path / "corpus.jsonl")
    assert formats.beir_corpus(tmp_path / "missing") is None


def test_lone_surrogates_become_replacement_characters(tmp_path: Path) -> None:
    """Half an emoji, in text, title or id, is read as U+FFFD and can be written again; a whole one stays."""
    path = lines(tmp_path / "c.jsonl", rb'{"_id": "a\ud83d", "title": "\udc00t", "text": "x \ud83d y \ud83d\ude00"}')
    found = list(formats.read_passages(path, refuse))
    assert [(p.id, p.title, p.text) for p in found] == [("a\ufffd", "\ufffdt", "x \ufffd y \U0001f600")]
    assert formats.write_passages(tmp_path / "again.jsonl", found) == 1


def test_records_with_lone_surrogates_can_be_written(tmp_path: Path) -> None:
    """Whoever made a record, its file is written and read."""
    formats.write_jsonl(tmp_path / "x.jsonl", [BadRow("caf\udce9.md", 0, "", "empty")])
    assert [row.source for row in formats.read_records(tmp_path / "x.jsonl", BadRow)] == ["caf\ufffd.md"]


@pytest.mark.parametrize("deep", [b"[" * 100_000, b'{"a":' * 100_000, b'{"_id": "x", "text": ' + b"[" * 100_000])
def test_a_line_that_is_nested_too_deeply_is_a_bad_row(tmp_path: Path, deep: bytes) -> None:
    """Brackets without end are reported and the next line is read."""
    path = lines(tmp_path / "x.jsonl", deep, {"_id": "a", "text": "good"})
    bad: list[BadRow] = []
    assert [p.id for p in formats.read_passages(path, bad.append)] == ["a"]
    assert [(row.line, "deep" in row.reason) for row in bad] == [(1, True)]


@pytest.mark.parametrize("name", ["gone.jsonl", "gone.jsonl.gz", "folder.jsonl"])
def test_a_file_that_cannot_be_opened_is_an_answer(tmp_path: Path, name: str) -> None:
    """Passages, queries and judgements in a file that cannot be opened are an error that names it."""
    (tmp_path / "folder.jsonl").mkdir()
    for read in (formats.read_passages, formats.read_queries, formats.read_qrels):
        with pytest.raises(InputError, match=f"{name}: it cannot be read"):
            list(read(tmp_path / name, refuse))


def test_texts_of_a_jsonl_are_read_as_they_are_embedded(tmp_path: Path) -> None:
    """Title before text where there is one, ids of no account, empty texts kept; other rows are named by line."""
    bad: list[BadRow] = []
    rows = [{"_id": "1", "text": "a", "title": "T"}, {"_id": "1", "text": "b"}, {"text": ""}, {"t": "c"}, b"", b"{"]
    path = lines(tmp_path / "x.jsonl", *rows)
    assert list(formats.read_texts(path, bad.append)) == ["T\na", "b", ""]
    assert [(row.line, row.field) for row in bad] == [(4, "text"), (6, "")]
    assert list(formats.read_texts(path, bad.append, "none")) == ["a", "b", ""]


@pytest.mark.parametrize("name", ["x.txt", "x.txt.gz"])
def test_other_files_hold_one_text_a_line(tmp_path: Path, name: str) -> None:
    """Line ends of any system and a byte order mark are no part of it; blank lines and bad bytes are named."""
    bad: list[BadRow] = []
    raw = "\ufefffirst\r\n\n  \n second {}\n".encode() + b"\xff\nlast"
    (tmp_path / name).write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    assert list(formats.read_texts(tmp_path / name, bad.append)) == ["first", " second {}", "last"]
    assert [(row.line, row.reason) for row in bad] == [(2, "blank line"), (3, "blank line"), (5, "not UTF-8 text")]
