"""Everything that a report of one run says, gathered in one record.

Knows what is shown; the neighbours `report_table`, `report_json` and `report_html` know how.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jargonaut.evaluation.assessment import Assessment
from jargonaut.evaluation.changes import Changes
from jargonaut.evaluation.comparison import COUNTERPART, Comparison, SystemResult, find, system
from jargonaut.evaluation.gate import Verdict
from jargonaut.evaluation.scrutiny import Scrutiny


@dataclass(frozen=True, slots=True)
class TrainingCurve:
    """How training went.

    Attributes:
        loss: (step, loss), in order.
        dev_ndcg: (epoch, nDCG@10 on dev), in order; epoch 0 is the base.
        chosen_epoch: The epoch whose weights were kept; None when it is not known.
        general_ndcg: (epoch, nDCG@10 on general knowledge), in order; epoch 0 is the base.
        blends: (alpha, nDCG@10 on dev, nDCG@10 on general knowledge) of weights between the base, 0, and the tuned
            model, 1, in order.
        chosen_alpha: That of what was kept; None when it is not known.
        general_limit: Loss of general knowledge that was put up with.
    """

    loss: tuple[tuple[int, float], ...] = ()
    dev_ndcg: tuple[tuple[float, float], ...] = ()
    chosen_epoch: float | None = None
    general_ndcg: tuple[tuple[float, float], ...] = ()
    blends: tuple[tuple[float, float, float], ...] = ()
    chosen_alpha: float | None = None
    general_limit: float | None = None


@dataclass(frozen=True, slots=True)
class RunReport:
    """One run, from source to verdict.

    Attributes:
        title: Heading of the report.
        created: When it was made, given by the caller.
        base: The base model, as the user names it.
        tuned: The tuned model's version.
        source: The documents or labelled set.
        verdict: Ship or don't.
        systems: BM25, dense search in float32 and both fused, on the test queries.
        comparisons: Every paired comparison.
        changes: Queries that got better and worse.
        assessment: The gate before training; None when it was skipped.
        counts: What was counted, by name.
        leakage: Computed counts of what test shares with training, by name; all should be 0.
        timings: Stage → seconds.
        settings: Options of every stage, nested.
        overlap: Word overlap between queries and their positives, by name; None when it was not measured.
        notices: What a reader should know before trusting the numbers.
        curve: How training went.
        confidence: Probability mass of the intervals.
        deployed_dim: Dimension on which the verdict was drawn; None for the full one.
        others: Further systems on the same queries: other number formats, weighted hybrids, reranked search.
        weights: Kind of a weighted hybrid → weight of dense search, fitted on dev.
        scrutiny: What was found beyond the comparison; None where nothing else was looked at.
    """

    title: str
    created: datetime
    base: str
    tuned: str
    source: str
    verdict: Verdict
    systems: tuple[SystemResult, ...]
    comparisons: tuple[Comparison, ...]
    changes: Changes = field(default_factory=Changes)
    assessment: Assessment | None = None
    counts: Mapping[str, Any] = field(default_factory=dict)
    leakage: Mapping[str, Any] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    overlap: Mapping[str, Any] | None = None
    notices: tuple[str, ...] = ()
    curve: TrainingCurve = field(default_factory=TrainingCurve)
    confidence: float = 0.95
    deployed_dim: int | None = None
    others: tuple[SystemResult, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    scrutiny: Scrutiny | None = None

    @property
    def headline_dim(self) -> int | None:
        """The deployed dimension, else the largest that was measured."""
        return self.deployed_dim or max((s.dim for s in self.systems if s.dim is not None), default=None)

    @property
    def all_systems(self) -> tuple[SystemResult, ...]:
        """Every system, those of the short table first, then hybrids and reranking, then other number formats."""

        def place(one: SystemResult) -> tuple[bool, str, str, int, str]:
            stage, _, role = one.kind.rpartition("-")
            return (one.precision != "float32", stage, one.precision, -(one.dim or 0), role)

        return (*self.ordered_systems(), *sorted(self.others, key=place))

    @property
    def is_clean(self) -> bool:
        """Whether every leakage count that was computed is zero (and at least one was)."""
        numbers = [value for value in self.leakage.values() if isinstance(value, int | float)]
        return bool(numbers) and not any(numbers)

    def ordered_systems(self) -> list[SystemResult]:
        """Systems in reading order: BM25, base and tuned side by side from the full dimension down, hybrids."""
        kinds = ("base", "tuned", "hybrid-base", "hybrid-tuned")
        rank = {kind: position for position, kind in enumerate(kinds)}

        def place(one: SystemResult) -> tuple[int, int, int]:
            if one.kind == "bm25":
                return (0, 0, 0)
            return (2 if one.kind.startswith("hybrid") else 1, -(one.dim or 0), rank[one.kind])

        return sorted(self.systems, key=place)

    def against_base(self, one: SystemResult, metric: str = "nDCG@10") -> Comparison | None:
        """A tuned system compared with its untuned counterpart of the same dimension and number format."""
        counterpart = COUNTERPART.get(one.kind)
        if counterpart is None:
            return None
        return find(self.comparisons, system(self.all_systems, counterpart, one.dim, one.precision), one, metric)

    def smaller_against_full(self, metric: str = "nDCG@10") -> list[Comparison]:
        """Tuned at each smaller dimension against the base at its full one, the largest first."""
        base_dims = [s.dim for s in self.systems if s.kind == "base" and s.dim is not None]
        full = system(self.systems, "base", max(base_dims)) if base_dims else None
        tuned = [s for s in self.ordered_systems() if s.kind == "tuned" and full and (s.dim or 0) < (full.dim or 0)]
        found = [find(self.comparisons, full, one, metric) for one in tuned]
        return [comparison for comparison in found if comparison is not None]

    def table(self) -> str:
        """The verdict table as plain text of at most 100 columns."""
        from jargonaut.evaluation.report_table import table_text

        return table_text(self)
