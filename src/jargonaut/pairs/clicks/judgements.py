"""A click log → judgements: which results answer which queries, which were passed over, and what the newest part says.

Knows the order of the steps and the thresholds that make a judgement. Which passage an id or an address means is asked
of the corpus, later and elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from jargonaut.formats import OnBad
from jargonaut.pairs.clicks.cautions import Told, cautions
from jargonaut.pairs.clicks.log import ClickLog, open_log
from jargonaut.pairs.clicks.options import ClickOptions
from jargonaut.pairs.clicks.propensity import ExaminationCurve, examination
from jargonaut.pairs.clicks.rates import Rates, dividing_rate, mean_rate, rates, shares
from jargonaut.pairs.clicks.sessions import Sifted, sift, take_sums
from jargonaut.pairs.clicks.spool import Spool, spooled
from jargonaut.protocols import Reporter, SilentReporter
from jargonaut.records import BadRow, Judgement

_SURER = 1.2
"""An answer lies so far above the rate that divides two kinds of results: a wrong one costs more than a missed one."""
_LIFT = 2.0
"""Where a log's results are not of two kinds, an answer is clicked this many times as often as the mean."""
_HIGHEST = 0.5
"""But no result needs a higher rate than this."""
_SHARE_OF_CLICKS = 0.2
"""In a log of clicks alone: the share of its query's clicks from which a result is an answer."""
_FAR_BELOW = 0.5
"""A hard negative's click rate is at most this share of what an answer needs."""


@dataclass(frozen=True, slots=True)
class JudgedLog:
    """What a click log says.

    Attributes:
        judgements: Relevance 1 for answers, 0 for results that were passed over; by provenance (`click`, then
            `recent-click`), query and target. The score is the corrected click rate; for relevance 0, 1 less that.
        curve: How likely each rank is looked at, from the part that trains; None where clicks could only be counted.
        threshold: The corrected click rate from which a result is an answer.
        impressions: Shown results that the log tells of and that could be read.
        pages: Result pages that are evidence; 0 for a log that is summed up.
        sessions: Sessions that they belong to; 0 where the log tells none.
        dropped: Rule → impressions that it left out.
        notices: What a reader must know before trusting this, in sentences.
        span: First and last time of the evidence, ISO 8601; None where the log tells no times.
        recent_since: From when on the evidence is kept for judging; None where none is.
    """

    judgements: tuple[Judgement, ...]
    curve: ExaminationCurve | None
    threshold: float
    impressions: int
    pages: int
    sessions: int
    dropped: Mapping[str, int]
    notices: tuple[str, ...] = ()
    span: tuple[str, str] | None = None
    recent_since: str | None = None

    def count(self, provenance: str, relevance: int) -> int:
        """How many judgements of a kind there are."""
        return sum(j.provenance == provenance and j.relevance == relevance for j in self.judgements)


def judge_log(
    path: Path, options: ClickOptions | None = None, on_bad: OnBad | None = None, reporter: Reporter | None = None
) -> JudgedLog:
    """Reads a click log and judges what it holds.

    Args:
        path: CSV, TSV, JSONL, JSON or Parquet; see `open_log`.
        options: Columns, thresholds and methods.
        on_bad: Told of every row that cannot be used.
        reporter: Shows how far the reading is.

    Raises:
        InputError: The file is no click log.
        JargonautError: There is no room on disk to put it in order.
    """
    options = options or ClickOptions()
    reporter = reporter or SilentReporter()
    log = open_log(path, on_bad or _ignore, options)
    with spooled() as spool:
        spool.add(reporter.track(log.impressions, "reading clicks"), options, pages=bool(log.columns.shown))
        sifted = _sift(spool, log, options)
        return _Judging(log, spool, sifted, options).result()


def _sift(spool: Spool, log: ClickLog, options: ClickOptions) -> Sifted:
    if log.columns.impressions:
        return take_sums(spool)
    return sift(spool, options)


@dataclass(frozen=True, slots=True)
class _Judging:
    """The evidence of a log, on its way to judgements."""

    log: ClickLog
    spool: Spool
    sifted: Sifted
    options: ClickOptions

    def result(self) -> JudgedLog:
        spool, options = self.spool, self.options
        newest = spool.newest(options.recent_share)
        since = newest and newest.since
        older = spool.cells(until=since)
        counting = not spool.some_unclicked()
        curve = None if counting else examination(older, options)
        known = shares(older, options) if curve is None else rates(older, curve, options)
        threshold = self._threshold(known, counting=counting)
        found = list(self._judged(known, threshold, "click", counting=counting))
        if since is not None:
            newer = spool.cells(since=since)
            mean = mean_rate(known.clicks, known.looks)
            recent = shares(newer, options) if curve is None else rates(newer, curve, options, mean)
            found += self._judged(recent, threshold, "recent-click", counting=counting)
        span = spool.span()
        dropped = dict(sorted((spool.dropped + Counter(self.sifted.dropped)).items()))
        told = Told(
            columns=self.log.columns,
            curve=curve,
            impressions=spool.rows,
            dropped=dropped,
            timed=span is not None,
            held_out=newest.share if newest else 0.0,
            cut=self.sifted.cut,
            answers=sum(j.relevance for j in found),
        )
        return JudgedLog(
            tuple(sorted(found, key=lambda j: (j.provenance, j.query, j.target))),
            curve,
            threshold,
            spool.rows,
            self.sifted.pages,
            self.sifted.sessions,
            dropped,
            (*self.log.notices, *cautions(told, options)),
            span and (_iso(span[0]), _iso(span[1])),
            None if since is None else _iso(since),
        )

    def _threshold(self, known: Rates, *, counting: bool) -> float:
        options = self.options
        if options.min_relevance is not None:
            return options.min_relevance
        if counting:
            return _SHARE_OF_CLICKS
        enough = known.shown >= options.min_impressions
        clicks, looks = known.clicks[enough], known.looks[enough]
        found = dividing_rate(clicks, looks)
        return min(_HIGHEST, _LIFT * mean_rate(clicks, looks)) if found is None else _SURER * found

    def _judged(self, known: Rates, threshold: float, provenance: str, *, counting: bool) -> Iterator[Judgement]:
        options = self.options
        enough = known.shown >= (1 if counting else options.min_impressions)
        answers = enough & (known.clicks >= options.min_clicks) & (known.estimate >= threshold)
        hardly = known.clicks <= options.max_skip_clicks * (known.clicks + known.skips)
        passed = enough & (known.skips >= options.min_skips) & hardly & (known.estimate <= _FAR_BELOW * threshold)
        passed &= np.isin(known.query, known.query[answers])  # without an answer there is nothing to be told apart from
        wording, queries, documents = self.spool.wording(), self.spool.queries, self.spool.documents
        for chosen, relevance in ((answers, 1), (passed & ~answers, 0)):
            for place in np.flatnonzero(chosen).tolist():
                query, estimate = int(known.query[place]), float(known.estimate[place])
                yield Judgement(
                    wording.get(query, queries[query]),
                    documents[int(known.document[place])],
                    relevance=relevance,
                    provenance=provenance,
                    score=round(estimate if relevance else 1 - estimate, 4),
                )


def _ignore(bad: BadRow) -> None:
    del bad


def _iso(time: float) -> str:
    """A time as a reader knows it; one beyond the calendar as the number that it is."""
    try:
        return datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return f"{time:g}"
