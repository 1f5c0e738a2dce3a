"""What a report promises as Markdown and as a model's card."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from jargonaut.evaluation import CardFacts, RunReport, to_card, to_markdown
from jargonaut.evaluation.wording import amount, duration, markdown, size

from .samples import report, scrutinised

FACTS = CardFacts(
    "organisation/base", "mit", "v1", 64, query_prompt="query: ", max_tokens=256, domain="our manuals",
    sources={"train": {"label": 10, "llm": 90}, "test": {"label": 60}}, code={"torch": "2.8"},
)  # fmt: skip


@pytest.fixture(scope="module")
def sample() -> RunReport:
    """A whole small report."""
    return report()


def test_a_pull_request_reads_verdict_and_figures_first(sample: RunReport) -> None:
    """Verdict, sentence and the headline table stand first; everything else is folded away behind it."""
    text = to_markdown(sample)
    opening = text.split("<details>")[0]
    assert "Ship" in text.splitlines()[0]
    assert markdown(sample.verdict.sentence, 1000) in opening
    assert "| nDCG@10 |" in opening
    assert text.count("<details>") == text.count("</details>") == 4


def test_markdown_tables_are_whole(sample: RunReport) -> None:
    """Every row of a table has as many cells as its heading, whatever stands in the queries."""
    hostile = to_markdown(report(text="a|b `c`\n| d"))
    for text in (to_markdown(sample), hostile):
        widths = [
            {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
            for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
        ]
        assert len(widths) == 4
        assert all(len(width) == 1 for width in widths)


def test_markdown_neither_mentions_nor_links_anybody() -> None:
    """Words of documents are shown as they are: no markup, no mention, no image, no address."""
    text = to_markdown(report(text="@owner <b>x</b> ![p](https://x.test) #1"))
    assert "@owner" not in text
    assert "<b>" not in text
    assert "![" not in text.replace("[!WARNING]", "")
    assert "https://" not in text
    assert markdown("nDCG@10") == "nDCG@10"
    assert markdown("- [ ] 1") == "\\- \\[ \\] 1"


def test_a_card_is_read_by_the_hubs_own_reader(sample: RunReport, tmp_path: Path) -> None:
    """Its head names base, licence, library and every headline score, as hubs read them."""
    path = tmp_path / "README.md"
    path.write_text(to_card(sample, FACTS), encoding="utf-8")
    card = ModelCard.load(path)
    data = card.data
    assert (data.base_model, data.license, data.library_name) == ("organisation/base", "mit", "sentence-transformers")
    results = {one.metric_name: one.metric_value for one in data.eval_results or ()}
    tuned = next(one for one in sample.systems if one.kind == "tuned" and one.dim == 64)
    assert results == {
        name: pytest.approx(tuned.metrics[name], abs=1e-4) for name in ("nDCG@10", "recall@10", "MRR@10")
    }
    for told in ("our manuals", "people's judgements (60)", "questions by a language model (90)", "256 tokens"):
        assert told in card.text
    for heading in ("Use", "Scores", "Data", "Training", "Intended use", "Limits"):
        assert f"\n## {heading}\n" in card.text


def test_a_card_claims_nothing_that_nobody_knows(sample: RunReport, tmp_path: Path) -> None:
    """Without a licence it names none and says so; a base that is a folder is no hub id; a leak is told."""
    path = tmp_path / "README.md"
    leaky = dataclasses.replace(sample, leakage={"test passages in train": 3})
    path.write_text(to_card(leaky, CardFacts("/models/base/v2")), encoding="utf-8")
    card = ModelCard.load(path)
    assert card.data.license is None
    assert card.data.base_model is None
    assert "licence of the base model is not known" in card.text
    assert "never saw" not in card.text
    assert "Test shares material with training: test passages in train 3" in card.text


def test_a_card_tells_no_query_and_no_passage() -> None:
    """Queries and passages are the user's: neither stands in a card that may be published."""
    assert "a private matter" not in to_card(
        dataclasses.replace(report(text="a private matter"), notices=(), settings={}, counts={}, source="s"), FACTS
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [(3, "3"), (1234567, "1,234,567"), (0.5, "0.5"), (0.0, "0"), (1200.0, "1,200"), (True, "yes"), (None, "–"),
     ({"a_b": 1}, "a b 1"), ([1, 2.25], "1, 2.25")],
)  # fmt: skip
def test_amounts_read_well(value: object, shown: str) -> None:
    """Counts, shares, yes and no, lists and tables as a reader expects them."""
    assert amount(value) == shown


def test_sizes_and_times_have_units() -> None:
    """Bytes and seconds with the unit that a person would choose."""
    assert [size(count) for count in (48, 1536, 99_960, 9.83e6, 1.5e9, 3e12)] == [
        "48 B", "1.5 kB", "100 kB", "9.8 MB", "1.5 GB", "3.0 TB",
    ]  # fmt: skip
    assert [duration(seconds) for seconds in (0.44, 48, 372, 7260)] == ["0.4 s", "48 s", "6 min 12 s", "2 h 1 min"]


def test_findings_stand_in_the_pull_request_and_the_card() -> None:
    """The worst slice, what was forgotten and what became of thresholds are told, once, where a reader sees them."""
    found = scrutinised()
    text = to_markdown(found)
    assert "The worst slice is a passage." in text.split("<details>")[0]
    assert "<summary>Slices and robustness</summary>" in text
    card = to_card(found, FACTS)
    assert card.count("The worst slice is a passage.") == 1
    assert card.count("outside the domain") + card.count("Outside the domain") == 1
