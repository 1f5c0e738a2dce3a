"""The gate before training: is fine-tuning worth it here, and what would do instead?

Knows the scores of untrained systems and what there is to learn from. The rules that decide stand in `rules`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jargonaut.errors import InputError
from jargonaut.evaluation.alternatives import Alternative, Cost, Depth, Rival, measured, ranked
from jargonaut.evaluation.assessment_options import AssessmentOptions
from jargonaut.evaluation.grounds import Churn, PairEvidence, Vocabulary
from jargonaut.evaluation.power import Power
from jargonaut.evaluation.rules import ADVICE, AssessmentName, Facts, Reason, decide
from jargonaut.evaluation.statistics import signed


@dataclass(frozen=True, slots=True)
class Assessment:
    """Whether to fine-tune, why, and what else was measured.

    Attributes:
        verdict: What to do.
        reasons: The deciding rule first, then the other figures.
        alternatives: Base dense search, then everything it was compared with, by gain for its effort.
        smallest_detectable: Smallest nDCG@10 difference that the test set can show, see `smallest_detectable`.
        queries_needed: Test queries needed to show `AssessmentOptions.wanted_gain`; None where dev has too few
            document groups to tell.
        failed: What could not be measured → why.
        seconds: What it took.
    """

    verdict: AssessmentName
    reasons: tuple[Reason, ...]
    alternatives: tuple[Alternative, ...]
    smallest_detectable: float
    queries_needed: int | None
    failed: Mapping[str, str]
    seconds: float = 0.0

    @property
    def sentence(self) -> str:
        """The verdict as a sentence."""
        return ADVICE[self.verdict]

    @property
    def evidence(self) -> tuple[Reason, ...]:
        """The reasons beside the one that decided and the systems' figures, which stand among the alternatives."""
        return tuple(one for one in self.reasons[1:] if "recall_at_10" not in one.figures)

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Assessment:
        """What `artifacts.plain` made of one."""
        alternatives = (Alternative(**{**one, "price": Cost(**one["price"])}) for one in row["alternatives"])
        return cls(**{**row, "reasons": tuple(Reason(**one) for one in row["reasons"]),
                      "alternatives": tuple(alternatives)})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Grounds:
    """What is known besides scores.

    Attributes:
        pairs: What there is to learn from.
        relevant: Dev query id → how many passages answer it; a query that is missing has one.
        clusters: Dev query id → document group; a query that is missing stands alone.
        depth: How deep the rules look into a ranking.
        test_queries: How many queries the test set holds; None when it is as large as dev.
        vocabulary: How special the domain's words are.
        churn: How fast the corpus changes; None where that is not known.
        notes: Further sentences, such as what was not tried and why.
        failed: What could not be measured → why.
    """

    pairs: PairEvidence
    relevant: Mapping[str, int]
    clusters: Mapping[str, str]
    depth: Depth
    test_queries: int | None = None
    vocabulary: Vocabulary | None = None
    churn: Churn | None = None
    notes: tuple[str, ...] = ()
    failed: Mapping[str, str] | None = None


def assess(rivals: Sequence[Rival], grounds: Grounds, options: AssessmentOptions | None = None) -> Assessment:
    """Says whether fine-tuning is worth it, by the rules of `rules.RULES`.

    Args:
        rivals: The base's dense search first, of kind `base`; then whatever was measured on the same queries or on some
            of them.
        grounds: What is known besides.
        options: Thresholds.

    Raises:
        InputError: The base does not come first.
    """
    options = options or AssessmentOptions()
    if not rivals or rivals[0].kind != "base":
        raise InputError("the base's own scores must come first", where="assess")
    base = rivals[0].scores
    alternatives = measured(rivals, grounds.clusters, grounds.relevant, grounds.depth, options)
    labels = [grounds.clusters.get(query_id, query_id) for query_id in base.query_ids]
    hybrid = next((r.scores for r in rivals if r.kind == "hybrid" and r.scores.query_ids == base.query_ids), base)
    power = Power.of(base, hybrid, labels, grounds.test_queries, options)
    verdict, why = decide(Facts(alternatives, grounds.pairs, power, grounds.depth, grounds.churn, options))
    alternatives = ranked(alternatives)
    reasons = (why, *_systems(alternatives), *_told(grounds, options), _power(power, options))
    return Assessment(verdict, reasons, alternatives, power.detectable, power.needed, dict(grounds.failed or {}))


def _systems(alternatives: tuple[Alternative, ...]) -> list[Reason]:
    base, *rest = alternatives
    lines = [Reason(f"{base.name}: recall@10 {base.recall_at_10:.3f}, nDCG@10 {base.ndcg_at_10:.3f}.",
                    figures={"recall_at_10": base.recall_at_10, "ndcg_at_10": base.ndcg_at_10})]  # fmt: skip
    for one in rest:
        fewer = f" on {one.queries:,} of the queries" if one.queries < base.queries else ""
        text = (
            f"{one.name}{fewer}: recall@10 {one.recall_at_10:.3f}, nDCG@10 {one.ndcg_at_10:.3f}; against base dense "
            f"{one.words}."
        )
        figures = {"recall_at_10": one.recall_at_10, "ndcg_at_10": one.ndcg_at_10, "gain": one.gain, "low": one.low,
                   "high": one.high, "queries": one.queries}  # fmt: skip
        lines.append(Reason(text, figures=figures))
    return lines


def _told(grounds: Grounds, options: AssessmentOptions) -> list[Reason]:
    pairs = grounds.pairs
    found = [Reason(f"There are {pairs}.", figures=dict(pairs.by_source))]
    if (words := grounds.vocabulary) is not None:
        text, space = words.sentences
        shares = {"shattered": words.shattered, "general_shattered": words.general_shattered}
        shares |= {} if words.rare is None else {"rare": words.rare, "general_rare": words.general_rare}
        found.append(Reason(text, figures=shares))
        found.append(Reason(space, figures={"nearest": words.nearest, "random": words.random}))
    if (churn := grounds.churn) is not None:
        figures = {"changed": churn.share, "days": churn.days, "changed_while_reindexed": churn.while_reindexed}
        found.append(Reason(str(churn), figures=figures))
    if not grounds.depth.is_whole:
        found.append(Reason(_sampled(grounds.depth, options)))
    found += [Reason(note) for note in grounds.notes]
    found += [Reason(f"{name} could not be measured: {why}") for name, why in (grounds.failed or {}).items()]
    return found


def _sampled(depth: Depth, options: AssessmentOptions) -> str:
    return (
        f"{depth.passages:,} of {depth.corpus:,} passages were searched ([assess] passages = {options.passages:,}), "
        f"which flatters every figure; the rules look at the first {depth.hits:.1f} hits, which are about the first "
        "ten of the whole corpus."
    )


def _power(power: Power, options: AssessmentOptions) -> Reason:
    figures = {"test_queries": power.tested, "smallest_detectable": power.detectable, "document_groups": power.groups}
    if power.groups < power.fewest:
        return Reason(
            f"Which nDCG@10 difference {power.tested:,} test queries can show is unknown: dev has {power.groups} "
            f"document group{'s' if power.groups != 1 else ''}, too few ({power.fewest} are needed).", figures=figures,
        )  # fmt: skip
    if power.detectable == 0:
        return Reason(
            f"Which nDCG@10 difference {power.tested:,} test queries can show is unknown: base and hybrid score the "
            "same on all of dev.", figures=figures,
        )  # fmt: skip
    return Reason(
        f"{power.tested:,} test queries can show an nDCG@10 difference of {signed(power.detectable)[1:]} or more; "
        f"{options.wanted_gain:.2f} needs about {power.needed or 0:,}.", figures=figures,
    )  # fmt: skip
