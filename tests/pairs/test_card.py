"""The dataset card: front matter that parses, tables that hold, and no query in it."""

from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from jargonaut.artifacts import plain
from jargonaut.formats import write_jsonl
from jargonaut.pairs import FilterOptions, Leakage
from jargonaut.pairs.card import CardFacts, CardSource, card
from jargonaut.pairs.statistics import PairStatistics, StatisticsOptions, statistics
from jargonaut.records import Pair, Passage

PASSAGES = [Passage(f"p{i}", f"passage number {i} about thing{i}", document_id=f"d{i}") for i in range(60)]
NASTY = 'a|b`c` *d* <i> [e](f) \n---\ntitle: x # y: "z" \'\ud83d \x1b[31m \u2028 {{ }} 漢'
TYPED = "john doe 555-1234"
TRAIN = [
    *(Pair(f"q{i}", f"thing{i} question", f"p{i}", 1, "llm:how-to") for i in range(50)),
    *(Pair(f"c{i}", TYPED, f"p{i}", 1, "click", 0.5) for i in range(50)),
    Pair("q0", "thing0 question", "p9", 0, "label"),
]
FACTS = CardFacts(
    "A set", {"train": "train.jsonl", "test": "test.jsonl"}, "passages.jsonl", leakage=Leakage(test_texts_in_train=4),
    settings={"filter": plain(FilterOptions())}, version="0.1.0",
)  # fmt: skip
SOURCES = (
    CardSource("log.csv", "click", "abc123", detail={"rows_read": 1200}),
    CardSource("docs", "llm", made_by="m", prompts="3"),
)


@pytest.fixture(scope="module")
def figures() -> PairStatistics:
    """Figures of generated and clicked pairs, of which one query stands in two parts."""
    options = StatisticsOptions(permutations=19)
    return statistics({"train": TRAIN, "test": [Pair("t", TYPED, "p55", 1, "click")]}, PASSAGES, options=options)


def front(text: str) -> dict[str, Any]:
    """What stands between the first two lines of dashes."""
    start, matter, _ = text.split("---\n", 2)
    assert start == ""
    found: dict[str, Any] = yaml.safe_load(matter)
    return found


def test_front_matter_is_what_the_hub_reads(figures: PairStatistics) -> None:
    """Licence, size, tasks, files of each part and their columns."""
    found = front(card(figures, SOURCES, FACTS))
    assert found["license"] == "unknown"
    assert found["size_categories"] == ["n<1K"]
    assert found["annotations_creators"] == ["found", "machine-generated"]
    assert "synthetic" in found["tags"]
    files = found["configs"][0]["data_files"]
    assert files == [{"split": "train", "path": "train.jsonl"}, {"split": "test", "path": "test.jsonl"}]


def test_columns_are_those_of_a_pair(figures: PairStatistics) -> None:
    """A field that a pair gets or loses stands in the card too."""
    columns = [one["name"] for one in front(card(figures, SOURCES, FACTS))["dataset_info"]["features"]]
    assert columns == [field.name for field in fields(Pair)]


def test_nasty_names_break_nothing(figures: PairStatistics) -> None:
    """Titles, names and settings of any letters leave front matter and tables whole."""
    facts = replace(FACTS, title=NASTY, settings={NASTY: {NASTY: NASTY}, "loose": NASTY}, version=NASTY)
    text = card(figures, [CardSource(NASTY, "label", NASTY, NASTY, NASTY, {NASTY: NASTY})], facts)
    text.encode("utf-8")
    assert front(text)["pretty_name"].startswith("a|b`c` *d* <i> [e](f) --- title: x # y:")
    body = text.split("\n---\n", 1)[1]
    assert "<i>" not in body
    widths = [
        {len(re.split(r"(?<!\\)\|", row)) for row in table.splitlines()}
        for table in re.findall(r"(?:^\|.*\n)+", body, re.MULTILINE)
    ]
    assert len(widths) >= 5
    assert all(len(width) == 1 for width in widths)


def test_the_card_tells_how_the_set_was_made(figures: PairStatistics) -> None:
    """Inputs with hashes, the model and its prompts, settings, leakage."""
    text = card(figures, SOURCES, FACTS)
    for told in ("| log.csv | click | abc123 |", "rows read: 1,200", "| docs | llm |", "| m | 3 |", "By whole groups"):
        assert told in text
    assert "| test texts in train | 4 |" in text
    assert r"| filter.round\_trip\_k | 20 |" in text
    assert "As its source split it" in card(figures, SOURCES, replace(FACTS, origin="given"))


def test_no_query_stands_in_the_card(figures: PairStatistics) -> None:
    """What people typed stays in the pairs, even where a notice quotes it."""
    assert any(TYPED in notice for notice in figures.notices)
    text = card(figures, SOURCES, FACTS)
    assert "john" not in text
    assert "what people typed" in text


def test_without_clicks_there_is_no_word_of_them() -> None:
    """The privacy note is there where it is needed."""
    made = statistics({"train": TRAIN[:50]}, PASSAGES)
    assert "click log" not in card(made, (), replace(FACTS, leakage=None, settings={}))


def test_an_empty_set_has_a_card() -> None:
    """Nothing in it is no error."""
    assert front(card(statistics({}, []), (), CardFacts("none", {})))["size_categories"] == ["n<1K"]


def test_sizes_are_the_hubs(figures: PairStatistics) -> None:
    """A thousand pairs are no longer fewer than a thousand."""
    total = replace(figures.counts.total, positives=1000, negatives=0)
    grown = replace(figures, counts=replace(figures.counts, total=total))
    assert front(card(grown, (), FACTS))["size_categories"] == ["1K<n<10K"]


@pytest.mark.slow
def test_the_code_in_the_card_runs(figures: PairStatistics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it says about loading gives (anchor, positive) rows, although one part has scores and the other none."""
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.chdir(tmp_path)
    write_jsonl(tmp_path / "train.jsonl", TRAIN[:50])
    write_jsonl(tmp_path / "test.jsonl", TRAIN[50:])
    write_jsonl(tmp_path / "passages.jsonl", PASSAGES)
    (tmp_path / "removed.jsonl").write_text(json.dumps({"rule": "x"}) + "\n")
    text = card(figures, SOURCES, FACTS)
    (tmp_path / "README.md").write_text(text, encoding="utf-8")
    code = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0]
    found: dict[str, Any] = {}
    exec(code, found)  # noqa: S102 - the card's own code
    assert found["train"][0] == {"anchor": "thing0 question", "positive": "passage number 0 about thing0"}
    assert found["pairs"]["test"]["score"][0] == 0.5
