"""What a reader must know before trusting judgements from a click log, in sentences.

Knows words and the few figures that they need. Judges nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from jargonaut.pairs.clicks.columns import Columns
from jargonaut.pairs.clicks.options import ClickOptions
from jargonaut.pairs.clicks.propensity import ExaminationCurve

_MANY_BOTS = 0.2
_FAR_OFF = 0.25
"""From what was wanted, as a share of it."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a log turned out to be.

    Attributes:
        columns: Which columns it has.
        curve: How likely each rank is looked at; None where clicks could only be counted.
        impressions: Shown results that could be read.
        dropped: Rule → impressions that it left out.
        timed: Whether the evidence has times.
        held_out: Share of the impressions that is kept for judging, as the newest.
        cut: Rows with more clicks than impressions.
        answers: How many answers were found.
    """

    columns: Columns
    curve: ExaminationCurve | None
    impressions: int
    dropped: Mapping[str, int]
    timed: bool
    held_out: float
    cut: int
    answers: int


def cautions(told: Told, options: ClickOptions) -> Iterator[str]:
    """The sentences, the weightiest first."""
    if not told.impressions:
        yield "The log holds no usable row."
        return
    yield from _of_bias(told, options)
    yield from _of_columns(told)
    bots = sum(count for rule, count in told.dropped.items() if rule.startswith("bot_"))
    if bots > _MANY_BOTS * told.impressions:
        yield (
            f"{bots / told.impressions:.0%} of the log was dropped as bots'. If its sessions are those of offices or "
            "services rather than of people, raise max_session_queries and max_session_clicks."
        )
    if told.cut:
        yield (
            f"{told.cut:,} {'row tells' if told.cut == 1 else 'rows tell'} of more clicks than impressions; as many "
            "count as there are impressions."
        )
    if options.recent_share and told.timed:
        yield from _of_newest(told.held_out, options.recent_share)
    if not told.answers:
        yield (
            f"No result was shown {options.min_impressions} times, clicked {options.min_clicks} times and clicked "
            "often enough for how often it was looked at. With a small log, lower min_impressions and min_clicks."
        )


def _of_newest(held: float, wanted: float) -> Iterator[str]:
    if not held:
        yield (
            "No newest part could be held out for judging: all times of the log are the same, or too many rows have "
            f"the last one ({wanted:.0%} of the impressions were wanted). Finer times would help."
        )
    elif abs(held - wanted) > _FAR_OFF * wanted:
        yield (
            f"The newest part, which judges and never trains, holds {held:.0%} of the impressions, not {wanted:.0%}: "
            "rows of one time are not divided. Finer times would help."
        )


def _of_bias(told: Told, options: ClickOptions) -> Iterator[str]:
    curve = told.curve
    if curve is None:
        yield (
            "The log holds clicks without impressions: nothing tells which results were seen and passed over, so "
            "clicks were counted, position bias was not corrected, and there are no hard negatives."
        )
    elif not told.columns.rank and not told.columns.shown:
        yield "The log tells no ranks: position bias was not corrected, and there are no hard negatives."
    elif curve.method == "power" and options.examination != "power":
        yield (
            f"How likely each rank is looked at was not estimated: {curve.clicks} clicks fell on results that were "
            f"shown at several ranks, {options.min_swap_clicks} are wanted. The power law 1 / rank^{options.eta:g} was "
            "taken; set eta if you know better."
        )


def _of_columns(told: Told) -> Iterator[str]:
    columns = told.columns
    if columns.impressions:
        yield "The log is summed up: bots, reformulations and results that were passed over cannot be seen in it."
    elif not columns.session:
        yield (
            "The log tells no sessions: bots and reformulations cannot be seen in it, nor whether clicks that are "
            "alike are one person's."
        )
    if not told.timed:
        yield "The log tells no times: no newest part was held out for judging."
