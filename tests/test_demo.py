"""The demo's data set."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jargonaut.demo import DemoCounts, write_demo
from jargonaut.errors import InputError
from jargonaut.formats import is_beir, read_passages, read_qrels, read_queries
from jargonaut.records import SPLITS


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DemoCounts]:
    """The default data set, and its counts."""
    folder = tmp_path_factory.mktemp("demo")
    return folder, write_demo(folder)


def grades(folder: Path, split: str, *, relevant: bool) -> list[tuple[str, str]]:
    """(query id, passage id) of a part's judgements."""
    rows = read_qrels(folder / "qrels" / f"{split}.tsv", pytest.fail)
    return [(row.query_id, row.passage_id) for row in rows if (row.relevance > 0) == relevant]


def test_default_is_small_enough_to_train_and_large_enough_to_measure(demo: tuple[Path, DemoCounts]) -> None:
    """The default has some 3,000 train pairs, 400 test queries or more, and under 9,000 passages."""
    _, counts = demo
    assert 2_500 <= counts.train <= 3_500
    assert counts.test_queries >= 400
    assert 6_000 <= counts.passages <= 9_000


def test_counts_are_what_was_written(demo: tuple[Path, DemoCounts]) -> None:
    """The folder is BEIR's, and holds as many rows as the counts say, without a bad one."""
    folder, counts = demo
    assert is_beir(folder)
    assert len(list(read_passages(folder / "corpus.jsonl", pytest.fail))) == counts.passages
    assert len(list(read_queries(folder / "queries.jsonl", pytest.fail))) == counts.queries
    written = [len(grades(folder, name, relevant=True)) for name in SPLITS]
    assert written == [counts.train, counts.dev, counts.test]
    assert len(grades(folder, "train", relevant=False)) == counts.negatives > 1_000


def test_parts_share_no_category_and_no_query(demo: tuple[Path, DemoCounts]) -> None:
    """Neither a three-character category nor a query nor a description is in two parts."""
    folder, _ = demo
    pairs = {name: grades(folder, name, relevant=True) for name in SPLITS}
    categories = [{passage[:3] for _, passage in pairs[name]} for name in SPLITS]
    asked = [{query for query, _ in pairs[name]} for name in SPLITS]
    for sets in (categories, asked):
        assert sum(map(len, sets)) == len(set.union(*sets))


def test_negatives_are_never_held_out(demo: tuple[Path, DemoCounts]) -> None:
    """Curated negatives stand in train alone, and lie in no category of dev or test."""
    folder, _ = demo
    held = {passage[:3] for name in ("dev", "test") for _, passage in grades(folder, name, relevant=True)}
    assert not held & {passage[:3] for _, passage in grades(folder, "train", relevant=False)}
    assert not grades(folder, "test", relevant=False)


def test_known_pair_and_known_negative(demo: tuple[Path, DemoCounts]) -> None:
    """Classical cholera is A00.0; no query repeats its description or points to other codes."""
    folder, _ = demo
    texts = {query.text: query.id for query in read_queries(folder / "queries.jsonl", pytest.fail)}
    everything = [pair for name in SPLITS for pair in grades(folder, name, relevant=True)]
    assert (texts["Classical cholera"], "A00.0") in everything
    assert not [text for text in texts if "classifiable to" in text.casefold()]


def test_same_bytes_every_time(tmp_path: Path) -> None:
    """Two runs write the same files."""
    for name in ("one", "two"):
        write_demo(tmp_path / name, chapters=(3, 10))
    files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*") if p.is_file())
    assert len(files) == 6
    assert all((tmp_path / "one" / f).read_bytes() == (tmp_path / "two" / f).read_bytes() for f in files)


def test_readme_says_where_it_comes_from(demo: tuple[Path, DemoCounts]) -> None:
    """The folder names its source and licence."""
    text = (demo[0] / "README.md").read_text(encoding="utf-8")
    assert "National Center for Health" in text
    assert "MIT licence" in text


def test_descriptions_are_distinct(demo: tuple[Path, DemoCounts]) -> None:
    """Codes with the same description are one passage."""
    rows = [json.loads(line)["text"] for line in (demo[0] / "corpus.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == len({row.casefold() for row in rows})


@pytest.mark.parametrize("chapters", [(99,), ()])
def test_unknown_chapter_is_refused(tmp_path: Path, chapters: tuple[int, ...]) -> None:
    """A chapter that does not exist, or none at all, is an answer, not a crash."""
    with pytest.raises(InputError, match="chapter"):
        write_demo(tmp_path, chapters=chapters)
