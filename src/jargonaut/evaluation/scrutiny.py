"""Everything that is asked of a tuned model beyond "is it better on test", gathered in one record.

Knows what was found and how to say it; how it was measured is known by its neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jargonaut.artifacts import plain
from jargonaut.evaluation.answers import AnswerDelta
from jargonaut.evaluation.changes import MovedTerm
from jargonaut.evaluation.conditions import ConditionResult, Retention
from jargonaut.evaluation.gate import Evidence, Forgetting, Jury, Slice
from jargonaut.evaluation.label_errors import LabelErrors
from jargonaut.evaluation.savings import Savings
from jargonaut.evaluation.slices import SliceResult, WorstSlice
from jargonaut.evaluation.thresholds import ScaleShift

SHOWN_ERRORS = 20
"""Likely label errors that a report holds; the file beside it holds all."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The words of passages that came into the first ten hits, and of those that left them.

    Attributes:
        gained: What passages that came have more of, the clearest first.
        lost: What passages that left have more of.
        came: Passages that came, over all queries.
        left: Passages that left.
    """

    gained: tuple[MovedTerm, ...] = ()
    lost: tuple[MovedTerm, ...] = ()
    came: int = 0
    left: int = 0

    @property
    def sentence(self) -> str:
        """The answer in one line."""
        if not self.came and not self.left:
            return "no passage came into the first ten hits, and none left them"
        more, less = (", ".join(term.word for term in some[:5]) for some in (self.gained, self.lost))
        told = [f"more of: {more}"] if more else []
        told += [f"less of: {less}"] if less else []
        return f"{self.came:,} passages came into the first ten hits; {'; '.join(told) or 'no word stands out'}"


@dataclass(frozen=True, slots=True)
class Scrutiny:
    """What was found.

    Attributes:
        conditions: The same questions typed otherwise.
        slices: Parts of test.
        worst: The slice that is worst off, if one can be named.
        forgetting: Questions outside the domain.
        scale: What tuning did to similarities; None where dev has no query.
        savings: What every system needs to reach the base's recall; None where there is no query.
        terms: Words that came and went.
        label_errors: Labels that are probably wrong.
        answers: What a language model makes of either model's hits; None where it was not asked.
        notices: What could not be measured, and why.
    """

    conditions: tuple[ConditionResult, ...]
    slices: tuple[SliceResult, ...]
    worst: WorstSlice
    forgetting: Retention
    scale: ScaleShift | None
    savings: Savings | None
    terms: Terms = field(default_factory=Terms)
    label_errors: LabelErrors = field(default_factory=LabelErrors)
    answers: AnswerDelta | None = None
    notices: tuple[str, ...] = ()

    @property
    def sentences(self) -> dict[str, list[str]]:
        """What was found → in plain sentences."""
        scale = "dev has no query, so no threshold could be fitted" if self.scale is None else self.scale.sentence
        spared = [] if self.savings is None else [self.savings.sentence(s.system) for s in self.savings.systems[1:]]
        return {
            "conditions": [one.sentence for one in self.conditions],
            "slices": [self.worst.sentence],
            "forgetting": [self.forgetting.sentence],
            "scale": [scale],
            "savings": spared,
            "terms": [self.terms.sentence],
            "label_errors": [self.label_errors.sentence],
            "answers": [] if self.answers is None else [self.answers.sentence],
            "notices": list(self.notices),
        }

    def evidence(self, jury: Jury) -> Evidence:
        """What the ship gate is told of it: slices that are large enough to be judged, and what was forgotten.

        Args:
            jury: Who judged the test.
        """
        slices = (
            Slice(one.label, one.n, one.difference, one.low, one.high, one.p_value)
            for one in self.slices if one.eligible
        )  # fmt: skip
        return Evidence(tuple(slices), Forgetting(self.forgetting.base, self.forgetting.tuned), jury)

    def to_json(self) -> dict[str, Any]:
        """The findings as JSON values; of likely label errors the first twenty, with their number."""
        shown: Mapping[str, Any] = plain(self)
        errors = {**shown["label_errors"], "total": len(self.label_errors.all)}
        errors["all"] = errors["all"][:SHOWN_ERRORS]
        return {**shown, "label_errors": errors, "sentences": self.sentences}
