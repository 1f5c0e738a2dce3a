"""What the engine's measurements come to: ratios against targets, as JSON, as a Markdown table and as a curve.

Knows which systems are compared; measures nothing, so the same measurements always give the same page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.conditions import Conditions
from benchmarks.page import paragraph
from jargonaut.artifacts import plain

LENGTHS = (32, 64, 128, 220)
"""Tokens per passage that the curve is measured at; the last is what a long passage is."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one system did in one task.

    Attributes:
        task: What was done.
        system: Who did it, as in `systems.SYSTEMS`.
        unit: What was counted: pairs or passages.
        rates: Items a second, one for each round.
        peaks_mb: Most memory that its process had taken after each round.
        tokens: Mean tokens per passage.
        at_most: Items a second that it can have reached at most, when it was stopped.
        reason: Why it was stopped; empty when it was not.
    """

    task: str
    system: str
    unit: str
    rates: tuple[float, ...] = ()
    peaks_mb: tuple[float, ...] = ()
    tokens: float = 0.0
    at_most: float | None = None
    reason: str = ""

    @property
    def rate(self) -> float | None:
        """Median over the rounds; None when it finished none."""
        return median(self.rates) if self.rates else None

    @property
    def peak_mb(self) -> float | None:
        """Most memory that its process took; None when it finished no round."""
        return max(self.peaks_mb, default=None)

    @property
    def growth_mb(self) -> float | None:
        """How much its peak rose from the first round to the last; None with fewer than two rounds."""
        return self.peaks_mb[-1] - self.peaks_mb[0] if len(self.peaks_mb) > 1 else None


@dataclass(frozen=True, slots=True)
class Target:
    """A ratio that is reported, ours to theirs, and where it should lie.

    Attributes:
        key: Its name in JSON.
        title: Its name for a reader.
        task: Where both were measured.
        ours: Our system.
        theirs: The system that it is compared with.
        bound: The least speed-up, or the largest share of memory, that is wanted; None where none was set.
        memory: Whether it is peak memory that is compared, not speed.
    """

    key: str
    title: str
    task: str
    ours: str
    theirs: str
    bound: float | None = None
    memory: bool = False


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ours to theirs: the median over the rounds, least and most.

    Attributes:
        is_lower_bound: Whether theirs was stopped, so that the true ratio is larger.
    """

    value: float
    low: float
    high: float
    is_lower_bound: bool = False


TARGETS = (
    Target("train_ratio_fp32", "training, batch 64, against fp32", "train", "ours", "stock", 8.0),
    Target("train_ratio_bf16", "training, batch 64, against `bf16=True`", "train", "ours", "stock, bf16", 5.0),
    Target("train_ratio_dropout", "training, batch 64, dropout on, against fp32", "train", "ours, dropout", "stock"),
    Target("train_ratio_cached", "training, batch 512, gradients cached", "train-512",
           "ours, cached", "stock, cached", 4.0),
    Target("train_ratio_cached_auto", "training, batch 512, as memory allows", "train-512", "ours", "stock, cached"),
    Target("train_ratio_long", "training, batch 64, long passages", f"train-{LENGTHS[-1]}-tokens",
           "ours", "stock", 3.0),
    Target("encode_ratio", "encoding the corpus", "encode", "ours, encoding", "stock, encoding", 5.0),
    Target("encode_ratio_long", "encoding long passages", "encode-long",
           "ours, encoding", "stock, encoding", 3.0),
    Target("train_memory_ratio", "peak memory of training, batch 64", "train", "ours", "stock", 0.8, memory=True),
    Target("train_memory_ratio_cached", "peak memory of training, batch 512, gradients cached", "train-512",
           "ours, cached", "stock, cached", memory=True),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class EngineReport:
    """All that was measured, and under which conditions."""

    measurements: tuple[Measurement, ...]
    conditions: Conditions

    def of(self, task: str, system: str) -> Measurement | None:
        """One system's measurement in one task, if it was made."""
        return next((m for m in self.measurements if (m.task, m.system) == (task, system)), None)

    def ratio(self, target: Target) -> Ratio | None:
        """Ours to theirs; None when one of them was not measured."""
        ours, theirs = self.of(target.task, target.ours), self.of(target.task, target.theirs)
        return ratio_of(ours, theirs, memory=target.memory) if ours and theirs else None

    @property
    def curve(self) -> list[tuple[Measurement, Measurement]]:
        """Ours and theirs at each length of passages that both were measured at, the shortest first."""
        both = ((self.of(f"train-{n}-tokens", "ours"), self.of(f"train-{n}-tokens", "stock")) for n in LENGTHS)
        return [(ours, theirs) for ours, theirs in both if ours and theirs and ours.rates and theirs.rates]

    def to_json(self) -> dict[str, Any]:
        """Ratios by their keys, what they were made from, and the conditions."""
        ratios = {target: self.ratio(target) for target in TARGETS}
        conditions = plain(self.conditions)
        return {
            **{target.key: ratio and ratio.value for target, ratio in ratios.items()},
            **{f"{t.key}_is_lower_bound": bool(r and r.is_lower_bound) for t, r in ratios.items() if not t.memory},
            "ranges": {target.key: [ratio.low, ratio.high] for target, ratio in ratios.items() if ratio},
            "targets": {target.key: target.bound for target in TARGETS},
            "figures": [
                {**plain(one), "rate": one.rate, "peak_mb": one.peak_mb, "memory_growth_mb": one.growth_mb}
                for one in self.measurements
            ],
            "curve": [{"tokens": ours.tokens, "ours": ours.rate, "stock": theirs.rate} for ours, theirs in self.curve],
            "date": conditions.pop("date"),
            "versions": conditions.pop("versions"),
            "machine": conditions,
        }

    def to_markdown(self, chart: str | None = None) -> str:
        """Target against measured, for a page of `docs/`.

        Args:
            chart: Address of the curve's drawing, as the page names it.
        """
        return "\n".join(self._lines(chart))

    def _lines(self, chart: str | None) -> Iterator[str]:
        yield paragraph(f"{self.conditions.sentence} Medians over the rounds, least and most in brackets.")
        yield ""
        yield "| | jargonaut | sentence-transformers | ratio | target |"
        yield "|---|---|---|---|---|"
        for target in TARGETS:
            ours, theirs = self.of(target.task, target.ours), self.of(target.task, target.theirs)
            if ours and theirs:
                shown = _memory if target.memory else _speed
                ratio = self.ratio(target)
                cells = target.title, shown(ours), shown(theirs), _share(ratio), _judged(target, ratio)
                yield f"| {' | '.join(cells)} |"
        if self.curve:
            yield ""
            yield "Training at batch 64, pairs/s against the length of the passages:"
            yield from ("", f"![Pairs a second against tokens per passage]({chart})") if chart else ()
            yield ""
            yield "| tokens per passage | jargonaut | sentence-transformers | ratio |"
            yield "|---|---|---|---|"
            for ours, theirs in self.curve:
                rates = _range(ours.rates), _range(theirs.rates), _share(ratio_of(ours, theirs))
                yield f"| {ours.tokens:.0f} | {' | '.join(rates)} |"


def ratio_of(ours: Measurement, theirs: Measurement, *, memory: bool = False) -> Ratio | None:
    """Ours to theirs, in speed or in peak memory; None when one of them was not measured."""
    if memory:
        if not ours.peak_mb or not theirs.peak_mb:
            return None
        share = ours.peak_mb / theirs.peak_mb
        return Ratio(share, share, share)
    if theirs.rates:  # the pairs of a round were the same for both, and one worked right after the other
        rounds = [mine / other for mine, other in zip(ours.rates, theirs.rates, strict=False)]
    else:
        rounds = [mine / theirs.at_most for mine in ours.rates] if theirs.at_most else []
    return Ratio(median(rounds), min(rounds), max(rounds), not theirs.rates) if rounds else None


def _speed(one: Measurement) -> str:
    known = _range(one.rates) if one.rates else f"below {_number(one.at_most)}" if one.at_most else ""
    shown = f"{known} {one.unit}/s" if known else "not measured"
    return f"{shown}: {one.reason}" if one.reason else shown


def _memory(one: Measurement) -> str:
    if one.peak_mb is None:
        return "not measured"
    growth = "" if one.growth_mb is None else f" ({one.growth_mb:+,.0f} since the first round)"
    return f"{one.peak_mb:,.0f} MB{growth}"


def _share(ratio: Ratio | None) -> str:
    if ratio is None:
        return ""
    if ratio.is_lower_bound:
        return f"**more than {_number(ratio.value)}**"
    spread = "" if ratio.low == ratio.high else f" ({_number(ratio.low)} to {_number(ratio.high)})"
    return f"**{_number(ratio.value)}**{spread}"


def _judged(target: Target, ratio: Ratio | None) -> str:
    """The target, and whether it was met; a lower bound below it says neither."""
    if target.bound is None:
        return ""
    wanted = f"{'at most' if target.memory else 'at least'} {_number(target.bound)}"
    if ratio is None:
        return wanted
    met = ratio.value <= target.bound if target.memory else ratio.value >= target.bound
    return f"{wanted}: {'met' if met else 'open' if ratio.is_lower_bound else 'missed'}"


def _range(values: Sequence[float]) -> str:
    middle = _number(median(values))
    return middle if len(values) == 1 else f"{middle} ({_number(min(values))} to {_number(max(values))})"


def _number(value: float) -> str:
    """As many digits as mean something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
