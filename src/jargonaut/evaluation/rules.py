"""The gate's rules: one table, read from top to bottom; the first that holds decides.

Knows facts and thresholds. Measures nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from jargonaut.evaluation.alternatives import Alternative, Depth
from jargonaut.evaluation.assessment_options import AssessmentOptions
from jargonaut.evaluation.grounds import Churn, PairEvidence
from jargonaut.evaluation.power import Power

AssessmentName = Literal["fine_tune", "hybrid_is_enough", "collect_labels_first", "dont"]

ADVICE: Mapping[AssessmentName, str] = {
    "fine_tune": "Fine-tuning is worth it here.",
    "hybrid_is_enough": "Hybrid search is enough here; fine-tune only if it is not an option.",
    "collect_labels_first": "Collect more labelled questions before fine-tuning.",
    "dont": "Don't fine-tune.",
}
"""The verdict as a sentence; the rule that decided says why."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, in words, with the figures that they rest on.

    Attributes:
        text: A sentence.
        rule: Name of the rule that decided; empty for what is only told.
        figures: Name → figure.
    """

    text: str
    rule: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the rules look at.

    Attributes:
        alternatives: What was measured, the base first.
        pairs: What there is to learn from.
        power: What test can show.
        depth: How deep the rules look into a ranking.
        churn: How fast the corpus changes; None where no earlier version is known.
        options: Thresholds.
    """

    alternatives: tuple[Alternative, ...]
    pairs: PairEvidence
    power: Power
    depth: Depth
    churn: Churn | None
    options: AssessmentOptions

    @property
    def base(self) -> Alternative:
        """What runs today."""
        return self.alternatives[0]

    @property
    def hybrid(self) -> Alternative | None:
        """The best of the hybrids; None where none was measured."""
        return max((a for a in self.alternatives if a.kind == "hybrid"), key=lambda a: a.ndcg_at_10, default=None)

    @property
    def other(self) -> Alternative | None:
        """What gives most for its effort among those that are clearly better than the base, good enough, no hybrid."""
        enough = [a for a in self.alternatives[1:] if a.kind == "other" and self.better(a) and self.enough(a)]
        return max(enough, key=lambda a: a.gain_per_hour or 0.0, default=None)

    @property
    def worth(self) -> int:
        """Judged pairs that the training pairs are worth."""
        return self.pairs.worth(self.options.weak_weight)

    def enough(self, one: Alternative) -> bool:
        """Whether it finds and ranks well enough."""
        return one.found >= self.options.recall_dont and one.ndcg_at_10 >= self.options.ndcg_dont

    def better(self, one: Alternative) -> bool:
        """Whether it is clearly better than the base."""
        return one.low > 0 and one.gain >= self.options.hybrid_margin

    def shown(self, one: Alternative) -> str:
        """What it finds, in words."""
        return f"{one.found:.1%} of the answers in {self.depth.words}, at nDCG@10 {one.ndcg_at_10:.3f}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table.

    Attributes:
        name: Short, unique.
        verdict: What it says.
        condition: When it holds, in words, with the names of the thresholds.
        holds: Whether it holds.
        reason: Why, with the figures.
    """

    name: str
    verdict: AssessmentName
    condition: str
    holds: Callable[[Facts], bool]
    reason: Callable[[Facts], str]


def _enough(facts: Facts) -> str:
    return f"enough is {facts.options.recall_dont:.0%}, at nDCG@10 {facts.options.ndcg_dont:.2f}"


def _best(facts: Facts) -> Alternative:
    return max((facts.base, facts.hybrid or facts.base), key=lambda one: one.ndcg_at_10)


def _there(one: Alternative | None) -> Alternative:
    assert one is not None  # noqa: S101 - the rule holds only where there is one
    return one


def _named(one: Alternative | None) -> str:
    return _there(one).name


def _too_few(facts: Facts) -> str:
    least = facts.options.min_pairs
    told = f"There are {facts.pairs}"
    if facts.pairs.unjudged:
        told += (
            ". Pairs that nobody judged are weak evidence (on two sets where that was measured they did harm), "
            f"{facts.options.weak_weight:g} of a judged one each: worth {facts.worth:,}, and"
        )
    else:
        told += ";"
    return (
        f"{told} below {least:,} a gain is unlikely. Collect {least - facts.worth:,} more labels or clicks first "
        "(`jargonaut pairs add`)."
    )


RULES: tuple[Rule, ...] = (
    Rule(
        "too few document groups", "collect_labels_first",
        "dev's queries answer from fewer document groups than any interval needs, and `undetectable_gain` is below 1",
        lambda f: f.power.groups < f.power.fewest and f.options.undetectable_gain < 1,
        lambda f: (
            f"Dev has too few document groups to show anything: {f.power.groups}, and {f.power.fewest} are needed; add "
            "labelled questions about other documents."
        ),
    ),
    Rule(
        "the base is enough", "dont",
        "the base finds `recall_dont` of the answers in its first ten, at nDCG@10 `ndcg_dont` or more",
        lambda f: f.enough(f.base),
        lambda f: f"The base model already finds {f.shown(f.base)} ({_enough(f)}).",
    ),
    Rule(
        "hybrid is enough", "hybrid_is_enough",
        "the best hybrid reaches both, and measurably gains `hybrid_margin` over the base",
        lambda f: f.hybrid is not None and f.better(f.hybrid) and f.enough(f.hybrid),
        lambda f: (
            f"The {_named(f.hybrid)} finds {f.shown(_there(f.hybrid))} ({_enough(f)}) without training: nDCG@10 "
            f"{_there(f.hybrid).words} over dense alone."
        ),
    ),
    Rule(
        "something else is enough", "dont",
        "anything else that leaves the model as it is, a query adapter too, reaches both, and measurably gains "
        "`hybrid_margin` over the base",
        lambda f: f.other is not None,
        lambda f: (
            f"{_named(f.other)} finds {f.shown(_there(f.other))} ({_enough(f)}) without fine-tuning: nDCG@10 "
            f"{_there(f.other).words} over the base."
        ),
    ),
    Rule(
        "the corpus changes too fast", "dont",
        "more than `max_churn` of the passages change while all of them are embedded once",
        lambda f: f.churn is not None and f.churn.while_reindexed > f.options.max_churn,
        lambda f: (
            f"The corpus changes faster than a new model's index can be made: {f.churn} Use hybrid search, whose words "
            "need no model."
        ),
    ),
    Rule(
        "too few pairs", "collect_labels_first",
        "judged pairs, and `weak_weight` × those that nobody judged, are fewer than `min_pairs`",
        lambda f: f.worth < f.options.min_pairs,
        _too_few,
    ),
    Rule(
        "test shows nothing", "collect_labels_first",
        "test cannot show a gain of `undetectable_gain` nDCG@10",
        lambda f: f.power.groups >= f.power.fewest and f.power.detectable > f.options.undetectable_gain,
        lambda f: (
            f"The test set can only show differences above {f.power.detectable:.3f} nDCG@10; about "
            f"{f.power.needed or 0:,} test queries are needed to show {f.options.wanted_gain:.2f}."
        ),
    ),
    Rule(
        "clear room", "fine_tune",
        "the base finds less than `recall_tune` of the answers in its first ten",
        lambda f: f.base.found < f.options.recall_tune,
        lambda f: (
            f"The base finds {f.shown(f.base)} (below {f.options.recall_tune:.0%} there is clear room), and there are "
            f"{f.pairs}."
        ),
    ),
    Rule(
        "room in the ranks", "fine_tune",
        "base or hybrid finds enough, but ranks below `ndcg_dont`",
        lambda f: max(f.base.found, f.hybrid.found if f.hybrid else 0.0) >= f.options.recall_dont,
        lambda f: (
            f"Enough is found, but not ranked first: nDCG@10 {_best(f).ndcg_at_10:.3f} with {_named(_best(f))} leaves "
            f"room ({f.options.ndcg_dont:.2f} is enough), and there are {f.pairs}."
        ),
    ),
    Rule(
        "some room", "fine_tune",
        "otherwise",
        lambda _: True,
        lambda f: (
            f"The base finds {f.shown(f.base)}, the best hybrid {f.shown(f.hybrid or f.base)}; {_enough(f)}. There are "
            f"{f.pairs}: a moderate gain is likely."
        ),
    ),
)  # fmt: skip
"""The gate; the first rule that holds decides, and the last always holds."""


def decide(facts: Facts) -> tuple[AssessmentName, Reason]:
    """The verdict, and the rule that gave it with all figures it may have looked at."""
    rule = next(rule for rule in RULES if rule.holds(facts))
    return rule.verdict, Reason(rule.reason(facts), rule.name, _figures(facts))


def rules_table() -> str:
    """The table as Markdown, for the documentation."""
    rows = [f"| {i} | {r.condition} | `{r.verdict}` | {r.name} |" for i, r in enumerate(RULES, start=1)]
    return "\n".join(["| | when | verdict | name |", "|---|---|---|---|", *rows])


def _figures(facts: Facts) -> dict[str, float]:
    hybrid, churn = facts.hybrid or facts.base, facts.churn
    found = {
        "base_found": facts.base.found, "base_ndcg_at_10": facts.base.ndcg_at_10, "hybrid_found": hybrid.found,
        "hybrid_ndcg_at_10": hybrid.ndcg_at_10, "hybrid_gain": hybrid.gain, "judged_pairs": facts.pairs.judged,
        "unjudged_pairs": facts.pairs.unjudged, "pairs_worth": facts.worth,
        "smallest_detectable": facts.power.detectable, "document_groups": facts.power.groups,
    }  # fmt: skip
    return found if churn is None else {**found, "changed_while_reindexed": churn.while_reindexed}
