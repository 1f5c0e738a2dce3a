"""Tables as people have them: any delimiter and encoding, odd quotes, damage."""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jargonaut.errors import InputError
from jargonaut.formats import open_table
from jargonaut.records import BadRow

CELL = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\r\t"), max_size=12)


def refuse(bad: BadRow) -> None:
    """Fails the test: every row is good here."""
    pytest.fail(str(bad))


def rows(path: Path, data: bytes) -> list[tuple[int, dict[str, Any]]]:
    """All rows of a file with these bytes, none of which is bad."""
    path.write_bytes(data)
    return [(number, dict(row)) for number, row in open_table(path, refuse).rows]


def read(path: Path, data: bytes) -> tuple[list[tuple[int, dict[str, Any]]], list[tuple[int, str]]]:
    """(rows, (line, reason) of the bad ones) of a file with these bytes."""
    bad: list[BadRow] = []
    path.write_bytes(data)
    found = [(number, dict(row)) for number, row in open_table(path, bad.append).rows]
    assert all(row.source == str(path) for row in bad)
    return found, [(row.line, row.reason) for row in bad]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_what_divides_the_header(tmp_path: Path, delimiter: str) -> None:
    """Whatever the name says; other marks in cells do not confuse."""
    data = f"query{delimiter}id{delimiter}note\nwhat, why; how{delimiter}7{delimiter}x\n".replace("what, why; how", "w")
    assert rows(tmp_path / "x.csv", data.encode()) == [(2, {"query": "w", "id": "7", "note": "x"})]


def test_commas_in_a_tsv_are_words(tmp_path: Path) -> None:
    """A header of two names with more commas than tabs in it is divided by tabs when the name says so."""
    found = rows(tmp_path / "x.tsv", b"a, b, c\tid\n1,2\t3\n")
    assert found == [(2, {"a, b, c": "1,2", "id": "3"})]


def test_a_tsv_that_holds_commas_only_is_divided_by_them(tmp_path: Path) -> None:
    """A wrong ending is no reason to read one column."""
    assert rows(tmp_path / "x.tsv", b"q,id\nx,3\n") == [(2, {"q": "x", "id": "3"})]


def test_excels_line_about_the_delimiter_is_obeyed(tmp_path: Path) -> None:
    """`sep=;` above the header is not the header."""
    assert rows(tmp_path / "x.csv", b"sep=;\r\nq;a,b\r\nx;1\r\n") == [(3, {"q": "x", "a,b": "1"})]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1"]
)
def test_encodings_are_told(tmp_path: Path, encoding: str) -> None:
    """With a byte order mark and without, wide and narrow; line numbers stay right."""
    text = "query,passage\r\nwo ist das Café,hier im Haus\r\nÜbung,Straße über die Brücke\r\n" + "q,p\r\n" * 20
    found = rows(tmp_path / "x.csv", text.encode(encoding))
    assert found[:2] == [
        (2, {"query": "wo ist das Café", "passage": "hier im Haus"}),
        (3, {"query": "Übung", "passage": "Straße über die Brücke"}),
    ]
    assert len(found) == 22


def test_big_endian_utf_32_with_a_mark_is_read(tmp_path: Path) -> None:
    """No program writes it any more; some files hold it."""
    data = b"\x00\x00\xfe\xff" + "q,p\nx,y\n".encode("utf-32-be")
    assert rows(tmp_path / "x.csv", data) == [(2, {"q": "x", "p": "y"})]


def test_a_line_in_another_encoding_is_read_as_that_one(tmp_path: Path) -> None:
    """Files that several programs wrote to hold UTF-8 and Windows letters."""
    data = "q,p\nCafé,x\n".encode() + "Straße,über\n".encode("cp1252") + "naïve,y\n".encode()
    assert [row["q"] for _, row in rows(tmp_path / "x.csv", data)] == ["Café", "Straße", "naïve"]


def test_cyrillic_of_windows_is_told_from_the_whole_sample(tmp_path: Path) -> None:
    """One short line says too little of its encoding; all of them say enough."""
    line = "как настроить резервное копирование базы данных,откройте настройки сервера и выберите расписание\n"
    found = rows(tmp_path / "x.csv", ("query,text\n" + line * 30).encode("cp1251"))
    assert found[0][1]["query"] == "как настроить резервное копирование базы данных"


def test_quoted_line_ends_keep_line_numbers_right(tmp_path: Path) -> None:
    """A row stands where it begins."""
    data = b'q,p\n"a\nb\n\nc",1\nd,2\n\n"e",3\n'
    assert [(number, row["q"]) for number, row in rows(tmp_path / "x.csv", data)] == [
        (2, "a\nb\n\nc"),
        (6, "d"),
        (8, "e"),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system(tmp_path: Path, end: str) -> None:
    """Those of old Macs too."""
    found = rows(tmp_path / "x.csv", end.join(["q,p", "a,1", "b,2"]).encode())
    assert [(number, row["q"]) for number, row in found] == [(2, "a"), (3, "b")]


def test_rows_of_a_wrong_width_are_named(tmp_path: Path) -> None:
    """With the numbers; the good ones go on. Blank cells beyond the last column are nobody's fault."""
    found, bad = read(tmp_path / "x.csv", b"q,p\na,1,,\nb\nc,2,3\nd,4\n")
    assert [row["q"] for _, row in found] == ["a", "d"]
    assert bad == [
        (3, "2 columns are wanted, this row has 1"),
        (4, "2 columns are wanted, this row has 3"),
    ]


def test_a_quote_that_is_not_closed_costs_its_own_row(tmp_path: Path) -> None:
    """Not the rest of the file."""
    many = "".join(f"q{i},p{i}\n" for i in range(500))
    found, bad = read(tmp_path / "x.csv", f'q,p\na,1\nb,"2\n{many}'.encode())
    assert len(found) == 501
    assert [line for line, _ in bad] == [3]
    assert "quote" in bad[0][1]


def test_a_quote_that_the_next_quoted_cell_seems_to_close(tmp_path: Path) -> None:
    """The row with the right number of columns that would come out of it is no row."""
    found, bad = read(tmp_path / "x.csv", b'q,p\na,"one\nb,"two"\nc,three\n')
    assert [(number, row["p"]) for number, row in found] == [(3, "two"), (4, "three")]
    assert [line for line, _ in bad] == [2]


def test_tabs_without_quoting_are_read_as_they_are(tmp_path: Path) -> None:
    """In raw TSV a quote at the beginning of a cell is a letter."""
    data = b'q\tp\n"27 inch monitor\td1\nplain\td2\n'
    assert [row["q"] for _, row in rows(tmp_path / "x.tsv", data)] == ['"27 inch monitor', "plain"]


def test_names_of_columns_are_distinct(tmp_path: Path) -> None:
    """A repeated name loses no column, an empty one gets its number."""
    path = tmp_path / "x.csv"
    path.write_bytes(b",text, text ,\n1,2,3,4\n")
    assert open_table(path, refuse).columns == ("column 1", "text", "text (2)", "column 4")


@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.jsonl", "x.json", "x.csv.gz", "x.json.gz"])
def test_an_empty_file_is_a_table_of_nothing(tmp_path: Path, name: str) -> None:
    """Neither an error nor a row; who reads it says what is missing."""
    (tmp_path / name).write_bytes(gzip.compress(b"\n") if name.endswith(".gz") else b"")
    table = open_table(tmp_path / name, refuse)
    assert (table.columns, list(table.rows)) == ((), [])


def test_a_header_alone_has_columns(tmp_path: Path) -> None:
    """No rows, but the names are known."""
    (tmp_path / "x.csv").write_bytes(b"\n\nq,p\n")
    table = open_table(tmp_path / "x.csv", refuse)
    assert (table.columns, list(table.rows)) == (("q", "p"), [])


def test_a_huge_cell_is_read(tmp_path: Path) -> None:
    """A document in a cell is larger than the csv module's usual limit."""
    text = "word " * 400_000
    assert rows(tmp_path / "x.csv", f'q,p\nx,"{text}"\n'.encode())[0][1]["p"] == text


def test_a_cell_without_end_is_a_bad_row(tmp_path: Path) -> None:
    """Beyond 16 MiB it is left out, and the next row is read."""
    found, bad = read(tmp_path / "x.csv", b"q,p\nx," + b"y" * (17 * 1024 * 1024) + b"\nz,1\n")
    assert [row["q"] for _, row in found] == ["z"]
    assert [line for line, _ in bad] == [2]


def test_a_cut_archive_gives_the_rows_before_the_damage(tmp_path: Path) -> None:
    """And says after which line the rest is lost."""
    whole = gzip.compress(b"q,p\n" + b"".join(b"q%d,p%d\n" % (i, i * 7919) for i in range(30_000)), mtime=0)
    found, bad = read(tmp_path / "x.csv.gz", whole[:-2000])
    assert 1000 < len(found) < 30_000
    assert "damaged after line" in bad[-1][1]


@pytest.mark.parametrize("name", ["x.csv.gz", "x.json.gz"])
@pytest.mark.parametrize("data", [b"q,p\na,b\n", gzip.compress(b"[]" * 99)[:10]], ids=["no gzip", "nothing but a head"])
def test_what_is_no_archive_is_an_answer(tmp_path: Path, name: str, data: bytes) -> None:
    """Damage from the beginning is an error that names the file."""
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=rf"{name}: it (is damaged|cannot be read)"):
        list(open_table(tmp_path / name, refuse).rows)


@pytest.mark.parametrize("name", ["x.csv", "x.json", "x.txt"])
def test_binary_files_are_refused(tmp_path: Path, name: str) -> None:
    """A program under the name of a table is no table."""
    (tmp_path / name).write_bytes(bytes(range(256)) * 40)
    with pytest.raises(InputError, match=r"binary|JSON"):
        list(open_table(tmp_path / name, refuse).rows)


@pytest.mark.parametrize("name", ["x.CSV", "x.JSONL", "x.ndjson", "X.PARQUET"])
def test_endings_may_be_in_capitals(tmp_path: Path, name: str) -> None:
    """Windows programs write them so."""
    path = tmp_path / name
    if name == "X.PARQUET":
        parquet(path, [{"q": "a"}])
    else:
        path.write_bytes(b"q\na\n" if name == "x.CSV" else b'{"q": "a"}\n')
    assert [row["q"] for _, row in open_table(path, refuse).rows] == ["a"]


def test_other_endings_are_refused_with_those_that_are_read(tmp_path: Path) -> None:
    """A spreadsheet is no text."""
    (tmp_path / "x.xlsx").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"\.csv, \.tsv, \.jsonl"):
        open_table(tmp_path / "x.xlsx", refuse)


@pytest.mark.parametrize(
    "name", ["gone.csv", "gone.parquet", "gone.json", "gone.jsonl", "folder.csv", "folder.parquet"]
)
def test_what_cannot_be_opened_is_an_answer(tmp_path: Path, name: str) -> None:
    """Missing files and folders are errors that name them."""
    (tmp_path / name).mkdir() if name.startswith("folder") else None
    with pytest.raises(InputError, match=name):
        list(open_table(tmp_path / name, refuse).rows)


def parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    """Writes a Parquet file with row groups of 100."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=100)


def test_parquet_keeps_types_and_numbers_rows(tmp_path: Path) -> None:
    """Lists, numbers and nothing are what they were."""
    wanted = [{"q": "a", "pos": ["x", "y"], "n": 1.5}, {"q": None, "pos": [], "n": None}]
    parquet(tmp_path / "x.parquet", wanted)
    assert list(open_table(tmp_path / "x.parquet", refuse).rows) == list(enumerate(wanted, start=1))


def test_damaged_parquet_gives_what_can_be_read(tmp_path: Path) -> None:
    """A file whose pages are overwritten says so, without a traceback."""
    path = tmp_path / "x.parquet"
    parquet(path, [{"q": f"query number {i} {i * 7919}"} for i in range(20_000)])
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = b"\xff" * 2000
    path.write_bytes(data)
    bad: list[BadRow] = []
    found = list(open_table(path, bad.append).rows)
    assert 0 < len(found) < 20_000
    assert "damaged after row" in bad[0].reason


def test_other_files_are_no_parquet(tmp_path: Path) -> None:
    """Their name alone does not make them one."""
    (tmp_path / "x.parquet").write_bytes(b"q,p\na,b\n")
    with pytest.raises(InputError, match="no Parquet"):
        open_table(tmp_path / "x.parquet", refuse)


def test_json_arrays_have_numbered_rows(tmp_path: Path) -> None:
    """What is no object is named by its number."""
    found, bad = read(tmp_path / "x.json", b'[{"q": "a"}, 7, {"q": "\\ud83d"}]')
    assert found == [(1, {"q": "a"}), (3, {"q": "\ufffd"})]
    assert bad == [(2, "a JSON object is wanted, this is int")]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_json_arrays_may_have_a_mark(tmp_path: Path, encoding: str) -> None:
    """What Windows programs save."""
    assert rows(tmp_path / "x.json", '[{"q": "é"}]'.encode(encoding)) == [(1, {"q": "é"})]


@pytest.mark.parametrize(
    "text",
    ['{"q": "a"}\n{"q": "b"}\n', '{"version": 1, "data": [{"q": "a"}, {"q": "b"}]}'],
    ids=["one object a line", "an object around the array"],
)
def test_json_of_other_shapes_is_read(tmp_path: Path, text: str) -> None:
    """JSONL under the name `.json`, as many tools write it, and an array inside an object."""
    assert [row["q"] for _, row in rows(tmp_path / "x.json", text.encode())] == ["a", "b"]


@pytest.mark.parametrize("text", ["{", "7", "[" * 100_000, '{"q": {"0": "a"}}'])
def test_unusable_json_is_an_answer(tmp_path: Path, text: str) -> None:
    """With what is wanted instead."""
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(InputError, match="array of objects"):
        list(open_table(tmp_path / "x.json", refuse).rows)


@given(st.lists(st.tuples(CELL, CELL), max_size=8), st.sampled_from([",", ";", "\t", "|"]))
def test_cells_come_back_as_they_were(cells: list[tuple[str, str]], delimiter: str) -> None:
    """What the standard writer wrote is read, whatever letters it holds; blank rows are passed over."""
    import csv
    import io

    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([("q", "p"), *cells])
    with tempfile.TemporaryDirectory() as folder:
        found = rows(Path(folder) / "x.csv", text.getvalue().encode())
    wanted = [{"q": q, "p": p} for q, p in cells if q.strip() or p.strip()]
    assert [row for _, row in found] == wanted


@given(st.lists(st.dictionaries(CELL, CELL | st.integers() | st.none() | st.lists(CELL), min_size=1), max_size=5))
def test_json_objects_come_back_as_they_were(objects: list[dict[str, Any]]) -> None:
    """As an array and as lines."""
    with tempfile.TemporaryDirectory() as folder:
        array, lines = Path(folder) / "x.json", Path(folder) / "x.jsonl"
        array.write_text(json.dumps(objects))
        lines.write_text("".join(json.dumps(one) + "\n" for one in objects))
        for path in (array, lines):
            assert [row for _, row in open_table(path, refuse).rows] == objects
