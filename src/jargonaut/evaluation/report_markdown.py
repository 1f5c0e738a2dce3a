"""A report as Markdown for a pull request: the verdict and the figures that decide first, everything else folded away.

Knows what a reviewer looks for; the user's own words are escaped, so that they neither mention nor link anybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from jargonaut.evaluation.changes import Change
from jargonaut.evaluation.comparison import Comparison, SystemResult, system
from jargonaut.evaluation.gate import VerdictName
from jargonaut.evaluation.measures import HEADLINE, JUDGED
from jargonaut.evaluation.report import RunReport
from jargonaut.evaluation.wording import (
    amount,
    markdown,
    markdown_table,
    p_value,
    percent,
    sentence,
    size,
    three,
    words,
)

_MARKS: dict[VerdictName, str] = {
    "ship": "✅ Ship",
    "dont_ship": "⛔ Don't ship",
    "no_measurable_difference": "➖ Keep the base",
}
_SHOWN_CHANGES = 5


def to_markdown(report: RunReport) -> str:
    """The report as GitHub's Markdown."""
    lines = [
        f"## {_MARKS[report.verdict.name]}: {markdown(report.title)}", "",
        f"**{markdown(report.verdict.sentence, 1000)}**", "",
        *(f"- {markdown(reason, 1000)}" for reason in report.verdict.reasons), "",
        *_headline(report), *_notices(report), *_findings(report),
        *folded("Slices and robustness", _scrutiny(report)),
        *folded("Every system", _systems(report)),
        *folded("What changed for users", _changes(report)),
        *folded("Was fine-tuning worth trying?", _assessment(report)),
        *folded("Leakage, counts", _counts(report)),
        _footer(report),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _footer(report: RunReport) -> str:
    return (
        f"<sub>base {markdown(report.base)}, tuned {markdown(report.tuned)}, source {markdown(report.source)}; "
        f"{report.created:%Y-%m-%d %H:%M} UTC; intervals {percent(report.confidence)}, paired bootstrap over document "
        "groups; measures by ir-measures (trec\\_eval)</sub>"
    )


def folded(title: str, lines: Sequence[str]) -> list[str]:
    """Lines behind a title that opens them; nothing where there is none."""
    return ["<details>", f"<summary>{title}</summary>", "", *lines, "</details>", ""] if lines else []


def _headline(report: RunReport) -> list[str]:
    dim = report.headline_dim
    base, tuned = system(report.systems, "base", dim), system(report.systems, "tuned", dim)
    if base is None or tuned is None:
        return []
    rows = [
        [name, three(base.metrics[name]), three(tuned.metrics[name]), told(report.against_base(tuned, name))]
        for name in HEADLINE
    ]
    return markdown_table([f"at {dim} dimensions", "base", "tuned", "difference"], rows)


def told(comparison: Comparison | None) -> str:
    """A difference with its interval, in bold where it is measurable."""
    if comparison is None:
        return "–"
    return f"**{comparison.words}**" if comparison.excludes_zero else comparison.words


def _notices(report: RunReport) -> list[str]:
    if not report.notices:
        return []
    return ["> [!WARNING]", *(f"> - {markdown(notice, 1000)}" for notice in report.notices), ""]


def _findings(report: RunReport) -> list[str]:
    """What was found beyond the comparison, in the words of those who found it."""
    if report.scrutiny is None:
        return []
    found = report.scrutiny.sentences
    told_ = [text for name in ("slices", "forgetting", "scale", "label_errors", "answers") for text in found[name]]
    return [*(f"- {markdown(sentence(text), 1000)}" for text in told_), ""]


def _scrutiny(report: RunReport) -> list[str]:
    found = report.scrutiny
    if found is None:
        return []
    slices = [
        [markdown(one.label), amount(one.n), three(one.base), three(one.tuned), one.words] for one in found.slices
    ]
    conditions = [
        [markdown(one.name), amount(one.n), three(one.base), three(one.tuned), one.words] for one in found.conditions
    ]
    header = ["queries", "base", "tuned", "nDCG@10 difference"]
    lines = markdown_table(["part", *header], slices) + markdown_table(["asked otherwise", *header], conditions)
    return [*lines, *(f"- {markdown(sentence(text), 1000)}" for text in found.sentences["savings"]), ""]


def _systems(report: RunReport) -> list[str]:
    rows = [_system_row(report, one) for one in report.all_systems]
    header = [
        "system",
        "dim",
        "nDCG@10",
        "recall@10",
        "MRR@10",
        "judged@10",
        "bytes",
        "ms",
        "nDCG@10 against the untuned one",
        "p, Holm",
    ]
    return markdown_table(header, rows)


def _system_row(report: RunReport, one: SystemResult) -> list[str]:
    metrics = one.metrics
    figures = [three(metrics[name]) for name in HEADLINE]
    found = report.against_base(one)
    p = "–" if found is None else p_value(found.p_holm).replace("<", "&lt;")
    judged = percent(metrics[JUDGED]) if JUDGED in metrics else "–"
    latency = "–" if one.latency is None else f"{one.latency:.1f}"
    return [markdown(one.name), str(one.dim or ""), *figures, judged, size(one.storage), latency, told(found), p]


def _changes(report: RunReport) -> list[str]:
    found = report.changes
    if not (found.better or found.worse):
        return []
    lines = [f"{found.better_total:,} queries got better, {found.worse_total:,} got worse. The largest changes:", ""]
    rows = [row for side in (found.better, found.worse) for row in map(_change_row, side[:_SHOWN_CHANGES])]
    return [*lines, *markdown_table(["query", "right passage", "rank before", "rank after"], rows, left=(0, 1))]


def _change_row(one: Change) -> list[str]:
    before, after = (f"{rank}" if rank else "not found" for rank in (one.base_rank, one.tuned_rank))
    return [markdown(one.query.text, 120), markdown(one.positive.title or one.positive.text, 80), before, after]


def _assessment(report: RunReport) -> list[str]:
    found = report.assessment
    if found is None:
        return []
    rows = [
        [
            markdown(one.name),
            three(one.recall_at_10),
            three(one.ndcg_at_10),
            "–" if first else one.words,
            "–" if one.gain_per_hour is None else three(one.gain_per_hour),
            markdown(one.cost),
        ]
        for first, one in ((number == 0, one) for number, one in enumerate(found.alternatives))
    ]
    reasons = [f"- {markdown(reason, 1000)}" for reason in (*found.reasons[:1], *found.evidence)]
    header = ["on dev", "recall@10", "nDCG@10", "difference to base", "gain an hour", "cost"]
    return [f"{found.sentence}", "", *reasons, "", *markdown_table(header, rows, left=(0, 5))]


def _counts(report: RunReport) -> list[str]:
    return [f"- {line}" for line in _count_lines(report)] + [""]


def _count_lines(report: RunReport) -> Iterator[str]:
    if report.leakage:
        clean = "nothing of the test set reached training or mining" if report.is_clean else "something is shared"
        yield f"leakage: {clean} ({'; '.join(f'{words(k)} {amount(v)}' for k, v in report.leakage.items())})"
    if report.counts:
        yield "; ".join(f"{markdown(words(key))} {markdown(amount(value))}" for key, value in report.counts.items())
