"""A pass in words: the figures with their history as sparklines, what the rules say, what a reader should know.

Knows records; reads nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from jargonaut.monitoring.records import SIGNALS, Finding, Happening, PassRecord, Point, Signal

_BARS = "▁▂▃▄▅▆▇█"
_SHOWN = 30
_SHARES = frozenset({
    "golden_expired", "query_low_scores", "query_shattered", "query_new_words", "passages_changed", "passages_removed",
    "corpus_new_words", "click_through", *(f"click_through_{rank}" for rank in range(1, 11)),
})  # fmt: skip
_COUNTS = frozenset({"golden_queries", "golden_leaked", "logged_queries", "passages", "new_labels", "age_days"})


def sparkline(values: Sequence[float], width: int = _SHOWN) -> str:
    """The latest values as bars, between their smallest and their greatest; "" for none."""
    shown = list(values)[-width:]
    if not shown:
        return ""
    low, high = min(shown), max(shown)
    if high - low < 1e-12:
        return _BARS[3] * len(shown)
    return "".join(_BARS[min(7, int((value - low) / (high - low) * 8))] for value in shown)


def amount(name: str, value: float) -> str:
    """A figure as its kind is read."""
    if name in _SHARES:
        return f"{value:.1%}"
    if name in _COUNTS:
        return f"{value:,.0f}"
    if name.startswith("p: "):
        return f"{value:.2g}"
    return f"{value:.1f}" if name == "milliseconds_a_query" else f"{value:.3f}"


def shown_signals(found: PassRecord) -> list[Signal]:
    """Figures in the order in which they are shown, p-values last."""
    order = {name: place for place, name in enumerate(SIGNALS)}
    return sorted(found.signals, key=lambda one: (order.get(one.name, len(order)), one.name))


def lines(found: PassRecord, series: Mapping[str, Sequence[Point]]) -> Iterator[str]:
    """A pass as lines for a terminal.

    Args:
        found: The pass.
        series: Signal → its latest values, this pass's included.
    """
    golden = f", golden set: {found.golden}" if found.golden else ""
    yield f"{found.at[:16]}  {found.version} on {found.collection}{golden}"
    for one in shown_signals(found):
        span = "" if one.low is None or one.high is None else (
            f"  ({amount(one.name, one.low)} to {amount(one.name, one.high)})"
        )  # fmt: skip
        bars = sparkline([point.value for point in series.get(one.name, ())])
        yield f"  {one.name:<28}{amount(one.name, one.value):>10}{span:<20} {bars}".rstrip()
    for alarm in found.raised:
        yield f"  ALARM   {alarm.name}: {alarm.evidence}"
    for alarm in found.cleared:
        yield f"  ended   {alarm.name}, raised {alarm.raised[:16]}"
    for alarm in found.open:
        if alarm not in found.raised:
            yield f"  open    {alarm.name}, since {alarm.raised[:16]}: {alarm.evidence}"
    if found.healthy:
        yield "  healthy: no alarm is open"


_SENTENCES: Mapping[str, str] = {
    "alarm raised": "Alarm: {name}: {evidence}.",
    "alarm cleared": "The alarm {name!r} ended.",
    "accepted": "What was found was accepted as the new normal; alarms that ended: {alarms}.",
    "golden set frozen": "The golden set {version} was frozen: {queries} queries.",
    "retraining begun": "Training anew began, because of: {reasons}; {live} is live.",
    "retraining taken up": "A training that had stopped at {step!r} was taken up again.",
    "candidate trained": "{version} was trained from {start}.",
    "candidate examined": "{version} was examined against what is live: {sentence}",
    "index built": "The index {index} was built for {version}.",
    "promoted": "{version} passed the gate and went live in place of {before}.",
    "retraining ended": "Training anew ended: {told}.",
    "retraining failed": "Training anew failed: {why}.",
    "pass not ended": "The look of {begun} never ended.",
    "pass not kept": "A look could not be kept: {why}.",
}
"""Kind of happening → its sentence."""


def told(one: Happening) -> str:
    """One line of the history as a sentence."""
    detail = {
        name: (", ".join(map(str, value)) or "none") if isinstance(value, list) else value
        for name, value in one.detail.items()
    }
    try:
        return _SENTENCES[one.kind].format_map(detail)
    except KeyError:  # written by a later release
        rest = ", ".join(f"{name} {value}" for name, value in detail.items())
        return f"{one.kind[:1].upper()}{one.kind[1:]}: {rest}."


def explained(findings: Sequence[Finding]) -> Iterator[str]:
    """What every rule says and how far it is from firing."""
    for one in findings:
        mark = {True: "✗", False: "✓", None: "–"}[one.fires]
        what = " (would re-train)" if one.kind == "retrain" and one.fires else ""
        yield f"  {mark} {one.name:<22} {one.distance}{what}"
        yield f"      {one.evidence}"
