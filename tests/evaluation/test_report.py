"""What the report promises, as table, JSON and HTML."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import math
import re

import numpy as np
import pytest
from rich.table import Table

from jargonaut.errors import MismatchError
from jargonaut.evaluation import (
    Reason,
    RunReport,
    TrainingCurve,
    from_json,
    to_html,
    to_json,
    to_markdown,
    verdict_table,
)
from tests.pages import Page

from .samples import report, scrutinised

ATTACK = '<script>alert("x")</script>&\'"'


@pytest.fixture(scope="module")
def sample() -> RunReport:
    """A whole small report."""
    return report()


@pytest.fixture(scope="module")
def page(sample: RunReport) -> str:
    """Its page."""
    return to_html(sample)


def test_json_has_the_promised_keys(sample: RunReport) -> None:
    """Scripts find verdict, systems, comparisons, counts, leakage, timings, assessment and settings."""
    value = json.loads(json.dumps(to_json(sample), allow_nan=False))
    assert value["verdict"] == "ship"
    assert value["sentence"] == sample.verdict.sentence
    system = value["systems"][0]
    assert {"name", "dim", "metrics", "intervals"} <= set(system)
    assert "nDCG@10" in system["metrics"]
    assert set(system["intervals"]["recall@10"]) == {"mean", "low", "high"}
    assert {"baseline", "candidate", "metric", "difference", "low", "high"} <= set(value["comparisons"][0])
    for name in ("counts", "leakage", "timings", "assessment", "settings"):
        assert isinstance(value[name], dict)
        assert value[name]
    assert len(value["changes"]["better"]) == 10


def test_json_holds_no_nan(sample: RunReport) -> None:
    """Numbers that JSON cannot hold become null, and numpy numbers become plain ones."""
    odd = dataclasses.replace(sample, counts={"a": math.nan, "b": np.int64(3)}, assessment=None)
    value = json.loads(json.dumps(to_json(odd), allow_nan=False))
    assert (value["counts"], value["assessment"]) == ({"a": None, "b": 3}, {})


def test_table_fits_a_hundred_columns() -> None:
    """The plain table has one row per system, is aligned and fits 100 columns, whatever the base is called."""
    text = report(base_name="organisation/an-embedding-model-with-a-very-long-name-v1.5").table()
    lines = text.splitlines()
    assert max(map(len, lines)) <= 100
    assert sum(line.startswith("tuned  ") for line in lines) == 2
    assert "nDCG@10" in lines[0]
    assert "tuned 32-d against base 64-d" in text


def test_table_says_when_nothing_can_be_measured(sample: RunReport) -> None:
    """A difference inside its interval is put in words, not numbers."""
    wide = tuple(dataclasses.replace(c, low=-1.0, high=1.0) for c in sample.comparisons)
    assert "no measurable difference" in dataclasses.replace(sample, comparisons=wide).table()


def test_rich_table_has_a_row_per_system(sample: RunReport) -> None:
    """The terminal gets a rich table with a row per system; names are never read as markup."""
    table = verdict_table(report(base_name="[red]base[/red]"))
    assert isinstance(table, Table)
    assert table.row_count == len(sample.systems)
    assert "[red]base[/red]" in report(base_name="[red]base[/red]").table()


def test_html_needs_nothing_else(page: str) -> None:
    """The page is whole: no address to load from, every tag closed, and one script, which is ours."""
    found = Page(page)
    assert found.balanced
    assert not found.open
    assert [address for address in found.loads if not address.startswith("#")] == []
    assert {address[1:] for address in found.loads} <= set(re.findall(r'<section id="([^"]*)"', page))
    assert not {"link", "img", "iframe"} & set(found.tags)
    assert found.tags.count("script") == 1
    assert "url(" not in page
    assert "@import" not in page


def test_html_tells_the_whole_run(sample: RunReport, page: str) -> None:
    """Verdict, bars, dimensions, changes, gate, leakage, counts, training, time and settings are all there."""
    from html import unescape

    assert sample.verdict.sentence in unescape(page)
    assert page.count("<svg ") == 8
    assert page.count('<details class="change better">') == 10
    for heading in ("Quality by dimension", "Leakage and counts", "Training", "Time", "Settings"):
        assert f"<h2>{heading}</h2>" in page
    assert ">Counts</h3>" in page


def test_html_escapes_the_users_words() -> None:
    """Markup in documents, queries, names, settings and notices is shown, never interpreted."""
    hostile = to_html(report(text=ATTACK, title=ATTACK, base_name=ATTACK))
    assert Page(hostile).tags.count("script") == hostile.count("<script") == 1
    assert "&lt;script&gt;" in hostile


def test_only_our_own_script_may_run(page: str) -> None:
    """The page's policy names the hash of its one script, so nothing that a document brings in could run."""
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def test_html_of_the_least_report(sample: RunReport) -> None:
    """A run with nothing but systems still gives a page, without empty headings."""
    least = RunReport(
        sample.title, sample.created, "b", "t", "s", sample.verdict, sample.systems[:2], sample.comparisons
    )
    page = to_html(least)
    assert Page(page).balanced
    assert "Leakage and counts" not in page
    assert "Counts" not in page
    assert "Quality by dimension" not in page


def test_leakage_is_called_clean_only_when_counted(sample: RunReport) -> None:
    """Zero counts are clean; one above zero, or none at all, is not."""
    assert sample.is_clean
    assert not dataclasses.replace(sample, leakage={"shared": 1, "other": 0}).is_clean
    assert not dataclasses.replace(sample, leakage={}).is_clean


def test_unknown_power_is_no_number(sample: RunReport) -> None:
    """Where dev has too few document groups, page and JSON say that what test can show is unknown."""
    assert sample.assessment is not None
    unknown = Reason("Which difference 40 test queries can show is unknown.", figures={"test_queries": 40})
    unsure = dataclasses.replace(
        sample.assessment, smallest_detectable=1.0, queries_needed=None, reasons=(*sample.assessment.reasons, unknown)
    )
    told = dataclasses.replace(sample, assessment=unsure)
    assert "can show is unknown" in to_html(told)
    assert "can show is unknown" in to_markdown(told)
    assert "difference of 1.000 or more" not in to_html(told)
    assert json.loads(json.dumps(to_json(told)))["assessment"]["queries_needed"] is None


def test_what_was_forgotten_is_drawn_and_told(sample: RunReport) -> None:
    """Dev and general knowledge, by epoch and by α, stand in the page against the base, and whole in the JSON."""
    curve = TrainingCurve(
        dev_ndcg=((0, 0.5), (1, 0.6)), chosen_epoch=1, general_ndcg=((0, 0.8), (1, 0.77)),
        blends=((0.0, 0.5, 0.8), (0.5, 0.58, 0.795), (1.0, 0.6, 0.77)), chosen_alpha=0.5, general_limit=0.01,
    )  # fmt: skip
    report_ = dataclasses.replace(sample, curve=curve)
    page = Page(text := to_html(report_))
    assert page.balanced
    assert "moved towards the base to α = 0.5" in text
    epochs, alphas = page.titles[-2:]
    assert "dev at 1: +0.100" in epochs
    assert "general knowledge at 1: -0.030" in epochs
    assert "general knowledge at 0.5: -0.005" in alphas
    told = to_json(report_)["training"]
    assert told["general_ndcg"] == [[0, 0.8], [1, 0.77]]
    assert told["blends"][1] == [0.5, 0.58, 0.795]
    assert (told["chosen_alpha"], told["general_limit"]) == (0.5, 0.01)


def test_without_steps_between_there_is_one_curve(sample: RunReport) -> None:
    """With interpolation off, base and tuned model alone make no line by α."""
    curve = TrainingCurve(
        dev_ndcg=((0, 0.5), (1, 0.6)), chosen_epoch=1, general_ndcg=((0, 0.8), (1, 0.77)),
        blends=((0.0, 0.5, 0.8), (1.0, 0.6, 0.77)), chosen_alpha=1.0, general_limit=0.01,
    )  # fmt: skip
    page = to_html(dataclasses.replace(sample, curve=curve))
    assert "by epoch" in page
    assert "between base (0)" not in page
    assert "moved towards" not in page


def test_a_report_is_read_back_as_it_was(sample: RunReport) -> None:
    """What JSON and the scores beside it hold is the whole report: every other form can be made of them."""
    curve = TrainingCurve(((1, math.nan), (2, 1.0)), ((0, 0.5), (1, 0.6)), 1)
    told = dataclasses.replace(sample, curve=curve, assessment=None, notices=("mind",))
    for report_ in (sample, told, scrutinised()):
        value = json.loads(json.dumps(to_json(report_), allow_nan=False))
        scores = {one.slug: one.scores for one in report_.all_systems}
        again = from_json(value, scores)
        assert to_json(again) == to_json(report_)
        assert to_html(again) == to_html(report_)
    assert isinstance(again.created, type(sample.created))


@pytest.mark.parametrize("key", ["title", "verdict", "systems", "comparisons"])
def test_what_is_no_report_is_refused(sample: RunReport, key: str) -> None:
    """A file of another kind, or with a piece of another type, is told, with what to do."""
    value = to_json(sample)
    scores = {one.slug: one.scores for one in sample.systems}
    with pytest.raises(MismatchError, match="no report"):
        from_json({k: v for k, v in value.items() if k != key}, scores)
    with pytest.raises(MismatchError, match="no report"):
        from_json({**value, key: 3}, scores)


def test_scores_that_are_gone_are_missed(sample: RunReport) -> None:
    """A report whose per-query scores are gone is not shown with others."""
    with pytest.raises(MismatchError, match="no report"):
        from_json(to_json(sample), {})


def test_every_finding_has_its_place() -> None:
    """Slices with the worst, conditions, thresholds, savings, answers, terms, label errors, statistics and formats."""
    from html import unescape

    found = scrutinised()
    assert found.scrutiny is not None
    page = unescape(to_html(found))
    assert Page(page).balanced
    for title in (
        "Where it helps, and where it does not", "What it saves", "Thresholds on similarity", "Every comparison",
        "Labels that may be wrong", "Quality against bytes", "What users’ answers gain",
    ):  # fmt: skip
        assert f">{title}</h" in page
    assert "The worst slice is a passage." in page
    assert '<tr class="worst">' in page
    assert "over 100" in page  # what no system reaches in a hundred passages is no number
    assert "The first 20 of 25." in page
    assert page.count("<tr") > len(found.all_systems) + len(found.comparisons)
    assert to_json(found)["scrutiny"]["label_errors"]["total"] == 25
    assert {(one["name"], one["precision"]) for one in to_json(found)["pareto"]} <= {
        (one.name, one.precision) for one in found.all_systems
    }


def test_findings_are_escaped_too() -> None:
    """Names of slices, words, passages and conditions come from documents: none of them is markup."""
    hostile = to_html(scrutinised(text=ATTACK))
    assert Page(hostile).tags.count("script") == hostile.count("<script") == 1


def test_a_counterpart_has_the_same_format() -> None:
    """A quantised or reranked system is compared with the untuned one of its own kind, dimension and format."""
    found = scrutinised()
    one = next(s for s in found.others if (s.kind, s.dim, s.precision) == ("tuned", 32, "binary"))
    compared = found.against_base(one)
    assert compared is not None
    assert (compared.baseline_dim, compared.baseline_precision) == (32, "binary")
    reranked = next(s for s in found.others if s.kind == "reranked-tuned")
    assert getattr(found.against_base(reranked), "baseline", "") == "reranked-base"
