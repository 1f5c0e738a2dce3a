"""The ship gate: whether a tuned model should replace its base, by rules that can be read as a table.

Knows comparisons, and what it is handed of slices, forgetting and of who judged the test. Knows nothing of how any of
it was measured, and moves no pointer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from jargonaut.errors import InputError
from jargonaut.evaluation.comparison import Comparison, SystemKind, SystemResult, compare_all, find, system
from jargonaut.evaluation.measures import HEADLINE, Scores
from jargonaut.evaluation.options import EvaluationOptions, Pipeline
from jargonaut.evaluation.statistics import holm, signed

VerdictName = Literal["ship", "dont_ship", "no_measurable_difference"]
RuleName = Literal[
    "worse", "worse_pipeline", "lost_answers", "worse_slice", "forgets", "worse_where_judged", "nobody_judged",
    "no_gain", "no_gain_in_pipeline", "no_gain_where_judged", "gain",
]  # fmt: skip

PIPELINES: Mapping[Pipeline, tuple[SystemKind, SystemKind, str]] = {
    "dense": ("base", "tuned", "dense search"),
    "hybrid": ("hybrid-base", "hybrid-tuned", "hybrid search (BM25 and dense, fused)"),
    "weighted": ("weighted-base", "weighted-tuned", "hybrid search (weights fitted on dev)"),
    "reranked": ("reranked-base", "reranked-tuned", "reranked search"),
}
"""Pipeline → its system with the base, with the tuned model, and its name in a sentence."""
_METRIC = HEADLINE[0]


@dataclass(frozen=True, slots=True)
class Slice:
    """What a part of the test's queries says of the tuned model.

    Attributes:
        name: Which part, as a reader knows it, such as "source: click".
        queries: How many they are.
        difference: Mean nDCG@10, tuned − base, at the deployed dimension.
        low: Lower end of its interval; −1 where there are too few document groups for one.
        high: Upper end; 1 where there are too few.
        p_value: Two-sided p-value of "no difference"; they are adjusted here for the number of slices.
    """

    name: str
    queries: int
    difference: float
    low: float
    high: float
    p_value: float = 1.0


@dataclass(frozen=True, slots=True)
class Forgetting:
    """NDCG@10 on the general knowledge that ships with the package, at the deployed dimension, before and after."""

    before: float
    after: float

    @property
    def loss(self) -> float:
        """What was lost; below 0 where the tuned model gained."""
        return self.before - self.after


@dataclass(frozen=True, slots=True)
class Jury:
    """Who judged the test.

    Attributes:
        queries: How many queries it has.
        judged: For how many of them a label, a click or a review says what answers them; the questions of the others
            were generated, or read off the documents' structure.
        comparison: nDCG@10 on these alone, at the deployed dimension; None where they are all or none.
    """

    queries: int
    judged: int
    comparison: Comparison | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Ship or don't, in a word, in a sentence for a manager, and with its reasons.

    Attributes:
        name: The answer.
        sentence: It in words.
        reasons: The figures that led to it.
        rule: The rule of the gate that decided.
    """

    name: VerdictName
    sentence: str
    reasons: tuple[str, ...] = ()
    rule: RuleName = "no_gain"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the gate is handed beside the comparisons. Each part may be missing, and the reasons then say so.

    Attributes:
        slices: Parts of the queries; () where none was measured, and none forbids anything.
        forgetting: None where it was not measured, and it forbids nothing.
        jury: None where the caller vouches that people judged every query.
    """

    slices: tuple[Slice, ...] = ()
    forgetting: Forgetting | None = None
    jury: Jury | None = None


@dataclass(frozen=True, slots=True)
class _Facts:
    base: SystemResult
    tuned: SystemResult
    dense: Comparison
    hybrid: Comparison | None
    recall: Comparison | None
    pipeline: Comparison
    evidence: Evidence
    options: EvaluationOptions
    names: tuple[str, str]

    @property
    def worse_slice(self) -> Slice | None:
        """The slice with the greatest loss among those that measurably lose more than is put up with."""
        slices = self.evidence.slices
        alpha = 1 - self.options.confidence
        adjusted = holm([one.p_value for one in slices])
        worse = [
            one for one, p_value in zip(slices, adjusted, strict=True)
            if one.high < 0 and -one.difference > self.options.slice_limit and p_value < alpha
        ]  # fmt: skip
        return min(worse, key=lambda one: (one.difference, one.name), default=None)

    @property
    def forgets(self) -> Forgetting | None:
        """What was forgotten, if it is too much."""
        found = self.evidence.forgetting
        return found if found is not None and found.loss > self.options.forgetting_limit else None

    @property
    def judged(self) -> Comparison | None:
        """The comparison on the queries that somebody judged, where these are a part of all."""
        return None if self.evidence.jury is None else self.evidence.jury.comparison

    @property
    def figures(self) -> str:
        """The dense comparison with its interval."""
        one = self.dense
        span = f"{signed(one.difference)}, interval {signed(one.low)} to {signed(one.high)}"
        if (one.low, one.high) == (-1.0, 1.0):
            span = f"{signed(one.difference)}, too few document groups for an interval"
        return f"{_METRIC} {self.base.scores.mean(_METRIC):.3f} → {self.tuned.scores.mean(_METRIC):.3f}, {span}"

    @property
    def asked(self) -> str:
        """How many queries there are."""
        return f"{len(self.base.scores.query_ids):,} test queries"


@dataclass(frozen=True, slots=True)
class _Rule:
    rule: RuleName
    verdict: VerdictName
    holds: Callable[[_Facts], bool]
    sentence: Callable[[_Facts], str]


# The gate, first match wins. The last rule always holds. `docs/evaluation.md` shows the same table.
_RULES: tuple[_Rule, ...] = (
    _Rule(
        "worse", "dont_ship", lambda f: f.dense.is_loss,
        lambda f: f"Don't ship: {f.names[1]} is measurably worse on {f.asked} ({f.figures}).",
    ),
    _Rule(
        "worse_pipeline", "dont_ship", lambda f: f.pipeline.is_loss or _is_loss(f.hybrid),
        lambda f: _lost(f, f.pipeline if f.pipeline.is_loss else f.hybrid),
    ),
    _Rule(
        "lost_answers", "dont_ship", lambda f: _is_loss(f.recall),
        lambda f: _lost(f, f.recall),
    ),
    _Rule(
        "worse_where_judged", "dont_ship", lambda f: _is_loss(f.judged),
        lambda f: f"Don't ship: on the queries that somebody judged {f.names[1]} is measurably worse "
                  f"({_METRIC} {_words(f.judged)}); on all {f.asked}: {f.figures}.",
    ),
    _Rule(
        "worse_slice", "dont_ship", lambda f: f.worse_slice is not None,
        lambda f: f"Don't ship: a part of the queries loses too much: {_slice_words(f.worse_slice)} "
                  f"(limit {f.options.slice_limit:g}); all {f.asked}: {f.figures}.",
    ),
    _Rule(
        "forgets", "dont_ship", lambda f: f.forgets is not None,
        lambda f: f"Don't ship: {f.names[1]} forgets too much of what it knew: {_forgotten(f.forgets)} "
                  f"(limit {f.options.forgetting_limit:g}); on {f.asked}: {f.figures}.",
    ),
    _Rule(
        "nobody_judged", "no_measurable_difference",
        lambda f: f.evidence.jury is not None and f.evidence.jury.judged == 0,
        lambda f: f"Keep {f.names[0]}: nobody judged this test. No label, click or review says what answers its "
                  f"{len(f.base.scores.query_ids):,} generated questions ({f.figures}), and models that gained on such "
                  "questions lost on real ones: add labels or clicks, or review the pairs.",
    ),
    _Rule(
        "no_gain", "no_measurable_difference", lambda f: not f.dense.is_gain,
        lambda f: f"Keep {f.names[0]}: on {f.asked} {f.names[1]} is not measurably different ({f.figures}).",
    ),
    _Rule(
        "no_gain_where_judged", "no_measurable_difference",
        lambda f: f.judged is not None and not f.judged.is_gain,
        lambda f: f"Keep {f.names[0]}: on the queries that somebody judged there is no measurable difference; the gain "
                  f"({f.figures}) comes from generated questions.",
    ),
    _Rule(
        "no_gain_in_pipeline", "no_measurable_difference", lambda f: not f.pipeline.is_gain,
        lambda f: f"Keep {f.names[0]}: dense search gains ({f.figures}), but not {PIPELINES[f.options.pipeline][2]}, "
                  f"which will answer: {_span(f.pipeline)}.",
    ),
    _Rule(
        "gain", "ship", lambda _: True,
        lambda f: f"Ship it: {f.names[1]} is measurably better on {f.asked} ({f.figures}).",
    ),
)  # fmt: skip


def verdict(
    systems: Sequence[SystemResult],
    comparisons: Sequence[Comparison],
    options: EvaluationOptions | None = None,
    evidence: Evidence | None = None,
    names: tuple[str, str] = ("the base", "the tuned model"),
) -> Verdict:
    """Draws the verdict at the deployed dimension by the rules of `_RULES`, first match first.

    Args:
        systems: All systems.
        comparisons: From `compare`.
        options: Pipeline, dimension and limits.
        evidence: Slices, forgetting and jury; the default of each part is in `Evidence`.
        names: What a sentence calls the two models.

    Raises:
        InputError: Base and tuned model were not both measured at the deployed dimension, or not in the pipeline.
    """
    options = options or EvaluationOptions()
    facts = _facts(systems, comparisons, options, evidence or Evidence(), names)
    rule = next(rule for rule in _RULES if rule.holds(facts))
    reasons = tuple(_reasons(facts, comparisons))
    return Verdict(rule.verdict, rule.sentence(facts), reasons, rule.rule)


def deployed_dimension(systems: Sequence[SystemResult], options: EvaluationOptions | None = None) -> int:
    """The dimension on which the verdict is drawn.

    Raises:
        InputError: Base and tuned model were not both measured there.
    """
    dims = {s.dim for s in systems if s.kind == "base" and s.dim} & {s.dim for s in systems if s.kind == "tuned"}
    wanted = options.deployed_dim if options else None
    if not dims or (wanted is not None and wanted not in dims):
        raise InputError(
            f"base and tuned model were not both measured at {wanted or 'any'} dimensions",
            where="[evaluate] deployed_dim",
            remedy=f"choose one of {sorted(filter(None, dims))}" if dims else "evaluate both on the same queries",
        )
    return wanted or max(filter(None, dims))


def jury_of(
    systems: Sequence[SystemResult],
    judged: Collection[str],
    clusters: Mapping[str, str],
    options: EvaluationOptions | None = None,
) -> Jury:
    """Who judged the test; where it was some of it, the models are compared on that part too.

    Args:
        systems: All systems.
        judged: Ids of the queries whose answers a label, a click or a review names.
        clusters: Query id → document group.
        options: Dimension, and how intervals are drawn.

    Raises:
        InputError: As for `deployed_dimension`.
    """
    dim = deployed_dimension(systems, options)
    base, tuned = _needed(system(systems, "base", dim), dim), _needed(system(systems, "tuned", dim), dim)
    known = set(judged)
    kept = [place for place, query_id in enumerate(base.scores.query_ids) if query_id in known]
    jury = Jury(len(base.scores.query_ids), len(kept))
    if jury.judged in (0, jury.queries):
        return jury
    found = compare_all([(_part(base, kept), _part(tuned, kept))], clusters, options)
    return replace(jury, comparison=next(one for one in found if one.metric == _METRIC))


def _facts(
    systems: Sequence[SystemResult],
    comparisons: Sequence[Comparison],
    options: EvaluationOptions,
    evidence: Evidence,
    names: tuple[str, str],
) -> _Facts:
    dim = deployed_dimension(systems, options)

    def compared(pipeline: Pipeline, metric: str = _METRIC) -> Comparison | None:
        before, after, _ = PIPELINES[pipeline]
        return find(comparisons, system(systems, before, dim), system(systems, after, dim), metric)

    dense, pipeline = compared("dense"), compared(options.pipeline)
    if dense is None:
        raise InputError(f"base and tuned model were not compared at {dim} dimensions", remedy="call compare() first")
    if pipeline is None:
        raise InputError(
            f"{PIPELINES[options.pipeline][2]} was not measured at {dim} dimensions, and it is what will answer",
            where="[evaluate] pipeline",
            remedy="measure it too, or choose another pipeline",
        )
    base, tuned = _needed(system(systems, "base", dim), dim), _needed(system(systems, "tuned", dim), dim)
    return _Facts(
        base, tuned, dense, compared("hybrid"), compared("dense", "recall@10"), pipeline, evidence, options, names
    )


def _needed(one: SystemResult | None, dim: int) -> SystemResult:
    if one is None:  # `deployed_dimension` has looked, unless the systems are other ones
        raise InputError(f"a model was not measured at {dim} dimensions", remedy="evaluate both")
    return one


def _part(one: SystemResult, kept: Sequence[int]) -> SystemResult:
    """A system's result on some of the queries."""
    scores = one.scores
    values = {metric: column[list(kept)] for metric, column in scores.values.items()}
    return replace(one, scores=Scores(tuple(scores.query_ids[place] for place in kept), values))


def _is_loss(one: Comparison | None) -> bool:
    return one is not None and one.is_loss


def _words(one: Comparison | None) -> str:
    return "" if one is None else one.words


def _span(one: Comparison) -> str:
    return f"{one.metric} {signed(one.difference)}, interval {signed(one.low)} to {signed(one.high)}"


def _lost(facts: _Facts, worst: Comparison | None) -> str:
    assert worst is not None  # noqa: S101 - the rule has looked
    what = facts.names[1]
    if worst is facts.pipeline and facts.options.pipeline != "dense":
        what = f"{PIPELINES[facts.options.pipeline][2]} with {what}"
    elif worst is facts.hybrid:
        what = f"hybrid search with {what}"
    return f"Don't ship: {what} is measurably worse on {facts.asked} ({_span(worst)}); dense alone: {facts.figures}."


def _slice_words(one: Slice | None) -> str:
    if one is None:
        return ""
    return f"{one.name} ({one.queries:,} queries), {_METRIC} {signed(one.difference)}"


def _forgotten(one: Forgetting | None) -> str:
    if one is None:
        return ""
    return f"{_METRIC} {one.before:.3f} → {one.after:.3f} on the general set"


def _reasons(facts: _Facts, comparisons: Sequence[Comparison]) -> Iterator[str]:
    base, tuned, options = facts.base, facts.tuned, facts.options
    measured = (find(comparisons, base, tuned, metric) for metric in HEADLINE)
    told = "; ".join(f"{found.metric} {found.words}" for found in measured if found is not None)
    yield f"Dense search at {tuned.dim} dimensions: {told}."
    if facts.hybrid is None:
        yield "Hybrid search was not measured, so the verdict rests on dense search alone."
    else:
        yield f"Hybrid search (BM25 and dense, fused): {_METRIC} {facts.hybrid.words}."
    if options.pipeline in ("weighted", "reranked"):
        words = PIPELINES[options.pipeline][2]
        yield f"{words[0].upper()}{words[1:]}, which will answer: {_METRIC} {facts.pipeline.words}."
    if not facts.dense.is_gain and facts.dense.needed:
        yield (
            f"To show a difference of {signed(facts.dense.difference)}, about {facts.dense.needed:,} test queries are "
            f"needed (power {options.power:.0%})."
        )
    yield from _of_evidence(facts)
    yield from _of_smaller(facts, comparisons)


def _of_evidence(facts: _Facts) -> Iterator[str]:
    evidence, options = facts.evidence, facts.options
    if evidence.jury is not None and evidence.jury.judged < evidence.jury.queries:
        some = f"{evidence.jury.judged:,} of {evidence.jury.queries:,}" if evidence.jury.judged else "none"
        words = f"; on those, {_METRIC} {facts.judged.words}" if facts.judged is not None else ""
        yield f"Test queries whose answers a label, a click or a review names: {some}{words}."
    if evidence.slices:
        worst = min(evidence.slices, key=lambda one: (one.difference, one.name))
        many = f"Worst of {len(evidence.slices)} slices" if len(evidence.slices) > 1 else "The only slice"
        yield f"{many}: {_slice_words(worst)} (limit {options.slice_limit:g})."
    else:
        yield "No part of the queries was measured by itself, or none is large enough."
    if evidence.forgetting is None:
        yield f"What {facts.names[1]} forgot was not measured."
    else:
        yield f"General knowledge: {_forgotten(evidence.forgetting)} (limit {options.forgetting_limit:g})."


def _of_smaller(facts: _Facts, comparisons: Sequence[Comparison]) -> Iterator[str]:
    """The smallest tuned vectors that beat the base's."""
    base, tuned = facts.base, facts.tuned
    smaller = [
        c for c in comparisons
        if c.metric == _METRIC
        and (c.candidate, c.baseline, c.baseline_dim) == (tuned.name, base.name, base.dim)
        and c.candidate_dim is not None
        and c.candidate_dim < (base.dim or 0)
        and c.is_gain
    ]  # fmt: skip
    if smaller:
        best = min(smaller, key=lambda c: c.candidate_dim or 0)
        whose = "Tuned vectors" if tuned.name == "tuned" else f"Vectors of {tuned.name}"
        other = "the base's" if base.name == "base" else f"those of {base.name} with"
        yield f"{whose} with {best.candidate_dim} dimensions beat {other} {base.dim}: {_METRIC} {best.words}."
