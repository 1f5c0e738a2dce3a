"""Every way to search that a workspace has, what each costs, and the cheapest that is good enough.

Knows scores, costs and thresholds; what is good enough is one table of rules. Measures nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from jargonaut.errors import require_limits
from jargonaut.evaluation.statistics import Interval
from jargonaut.evaluation.wording import significant

RungKind = Literal["bm25", "base", "hybrid", "encoder", "adapter", "static", "reranker"]

WORDS: Mapping[RungKind, str] = {
    "bm25": "search by words", "base": "a model as it came", "hybrid": "words and vectors, joined by rank",
    "encoder": "a tuned model", "adapter": "a map of query vectors", "static": "word vectors",
    "reranker": "a cross-encoder over the first hits",
}  # fmt: skip
"""What a rung is, for somebody who sees the table for the first time."""


@dataclass(frozen=True, slots=True)
class LadderOptions:
    """Which way to search is good enough (`jargonaut ladder`).

    Attributes:
        slack: Loss of nDCG@10 against the best that is put up with even where it is measurable.
        most_loss: Loss that is too much even where it is not measurable, as with few test queries.
        milliseconds: Longest time of one query, its encoding included; not set allows any.
        gigabytes: Largest index of a million passages; not set allows any.
        general_loss: Most nDCG@10 on general knowledge that a rung's training may have cost.
        rerank_depth: Hits that rerankers order anew.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    slack: float = 0.005
    most_loss: float = 0.03
    milliseconds: float | None = 500.0
    gigabytes: float | None = None
    general_loss: float = 0.02
    rerank_depth: int = 50

    def __post_init__(self) -> None:
        require_limits(
            "ladder", self, (
                ("slack", 0 <= self.slack <= 1, "from 0 to 1, such as 0.005"),
                ("most_loss", self.slack <= self.most_loss <= 1, "from `slack` to 1, such as 0.03"),
                ("milliseconds", self.milliseconds is None or self.milliseconds > 0, "above 0, or not set"),
                ("gigabytes", self.gigabytes is None or self.gigabytes > 0, "above 0, or not set"),
                ("general_loss", 0 <= self.general_loss <= 1, "from 0 to 1, such as 0.02"),
                ("rerank_depth", 1 <= self.rerank_depth <= 100, "from 1 to 100"),
            ),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rung:
    """One way to search.

    Attributes:
        name: As a reader knows it, unique in a ladder.
        kind: What it is.
        dim: Length of its vectors; None for search by words.
        score: Its own nDCG@10 with its interval.
        against_base: nDCG@10 against the base, on the same queries.
        against_best: The same against the rung that scores best; 0 for that one.
        milliseconds: Median time of one query on this machine, its encoding included.
        bytes_per_passage: What a passage takes in what it searches.
        minutes: What its training took; 0 where none was needed, None where that is not known.
        reindex: Whether all passages have to be embedded anew, for somebody who searches with the base.
        forgot: nDCG@10 on general knowledge that its training cost; None where that was not measured.
    """

    name: str
    kind: RungKind
    dim: int | None
    score: Interval
    against_base: Interval
    against_best: Interval
    milliseconds: float
    bytes_per_passage: float
    minutes: float | None
    reindex: bool
    forgot: float | None = None

    @property
    def effort(self) -> int:
        """What has to be done once: 0 nothing, 1 a training, 2 a training or another model, and a new index."""
        return 2 if self.reindex else int(self.minutes != 0)

    @property
    def cost(self) -> tuple[int, float, float, str]:
        """What is cheaper comes first: less to be done once, then a faster query, then a smaller index."""
        return self.effort, self.milliseconds, self.bytes_per_passage, self.name


@dataclass(frozen=True, slots=True)
class Rule:
    """What a rung must be to be good enough.

    Attributes:
        name: Of the rule.
        holds: Whether a rung is.
        fault: What is said of one that is not.
    """

    name: str
    holds: Callable[[Rung, LadderOptions], bool]
    fault: Callable[[Rung, LadderOptions], str]


def _as_good(rung: Rung, options: LadderOptions) -> bool:
    loss = -rung.against_best.difference
    return loss <= options.slack or (not rung.against_best.excludes_zero and loss <= options.most_loss)


RULES: tuple[Rule, ...] = (
    Rule("as good", _as_good, lambda rung, _: f"loses {-rung.against_best.difference:.3f} nDCG@10 to the best"),
    Rule("fast", lambda rung, options: rung.milliseconds <= (options.milliseconds or math.inf),
         lambda rung, options: f"takes {rung.milliseconds:,.0f} ms a query, {options.milliseconds:,.0f} are allowed"),
    Rule("small", lambda rung, options: rung.bytes_per_passage <= 1000 * (options.gigabytes or math.inf),
         lambda rung, options: f"takes {rung.bytes_per_passage / 1000:,.1f} GB for a million passages, "
         f"{options.gigabytes:g} are allowed"),
    Rule("keeps", lambda rung, options: (rung.forgot or 0.0) <= options.general_loss,
         lambda rung, options: f"lost {rung.forgot or 0.0:.3f} of general knowledge, {options.general_loss:g} are "
         "allowed"),
)  # fmt: skip
"""All of them must hold; the cheapest rung of which they do is advised."""


@dataclass(frozen=True, slots=True)
class Advice:
    """Which rung to stand on.

    Attributes:
        rung: Its name.
        sentence: What is advised, and what it costs.
        faults: Rung → why it is not good enough, the first rule that fails.
    """

    rung: str
    sentence: str
    faults: Mapping[str, str]


def advise(rungs: Sequence[Rung], options: LadderOptions) -> Advice:
    """The cheapest rung that is good enough; where the limits on time and size leave none, the best of those within.

    Args:
        rungs: One or more.
        options: Thresholds.
    """
    faults: dict[str, str] = {}
    for rung in rungs:
        broken = next((rule for rule in RULES if not rule.holds(rung, options)), None)
        if broken is not None:
            faults[rung.name] = broken.fault(rung, options)
    good = [rung for rung in rungs if rung.name not in faults]
    best = max(rungs, key=lambda rung: rung.score.difference)
    if not good:
        within = [rung for rung in rungs if all(rule.holds(rung, options) for rule in RULES[1:])]
        if not within:
            return Advice(best.name, f"Nothing is within the limits of [ladder]; {best.name} scores best.", faults)
        chosen = max(within, key=lambda rung: rung.score.difference)
        lost = -chosen.against_best.difference
        why = f"the best that is within the limits, {lost:.3f} nDCG@10 below {best.name}"
        return Advice(chosen.name, f"Take {chosen.name}: {why}. {_costs(chosen)}", faults)
    chosen = min(good, key=lambda rung: rung.cost)
    return Advice(chosen.name, f"Take {chosen.name}: {_why(chosen, best)}. {_costs(chosen)}", faults)


def _why(chosen: Rung, best: Rung) -> str:
    if chosen.name == best.name:
        return f"it scores best (nDCG@10 {best.score.difference:.3f}), and nothing cheaper is as good"
    said = f"nDCG@10 {chosen.score.difference:.3f} against {best.score.difference:.3f} of {best.name}"
    if chosen.against_best.excludes_zero:
        return f"{said}, which is within the slack, and it is the cheapest that is"
    return f"{said}, no measurable difference, and it is the cheapest of those"


def _costs(rung: Rung) -> str:
    once = {
        0: "Nothing has to be trained or indexed anew",
        1: "The index stays as it is",
        2: "All passages must be embedded once",
    }[rung.effort]
    size = f"{rung.bytes_per_passage / 1000:.2g} GB for a million passages"
    return f"{once}; {significant(rung.milliseconds)} ms a query, {size}."
