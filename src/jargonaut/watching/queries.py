"""Users' queries as they were logged, what they are compared with, and the tests that are due.

The reference is what the live version's snapshot holds back from training, until somebody accepts what is asked now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from jargonaut.encoding.models import find_model
from jargonaut.layout import Layout
from jargonaut.lifecycle import IndexLifecycle
from jargonaut.monitoring import DriftTest, LoggedQuery, Series, Signal, as_logged, read_log, vocabulary
from jargonaut.records import BadRow, positives
from jargonaut.registry import ModelVersion
from jargonaut.settings import Settings
from jargonaut.sources import tokenizer_of
from jargonaut.watching import drifting
from jargonaut.watching.asking import Asker
from jargonaut.watching.snapshot import Trained, drawn, held_out, snapshot

ACCEPTED, ACCEPTED_SCORES, TESTED_UNTIL = "reference_queries", "reference_scores", "tested_until"
"""Notes: the queries that somebody accepted; of a log without words their scores; how far the log was tested."""


class QuerySide:
    """One pass's dealings with logged queries.

    Attributes:
        notes: What the next pass must know.
    """

    def __init__(
        self, layout: Layout, settings: Settings, series: Series, index: IndexLifecycle, asker: Asker,
        clock: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self.notes: dict[str, Any] = {}
        self._layout, self._settings, self._series, self._clock = layout, settings, series, clock
        self._index, self._asker, self._options = index, asker, settings.watch

    def accepted(self) -> dict[str, Any]:
        """Notes that make what is asked now the reference; none where too little was logged lately.

        Of a log without words the scores are kept, which hold for what is live now alone.
        """
        since = self._clock().astimezone(UTC) - timedelta(days=self._options.window_days)
        fewest = self._options.min_queries
        alike = (replace(row, version="", collection="") for row in self._rows(since, []))  # whoever answered them
        texts = drifting.window(alike, ("", ""), self._options.sample).queries
        if len(set(texts)) >= fewest:
            return {ACCEPTED: drawn(texts, self._options.sample), ACCEPTED_SCORES: None}
        live = self._index.registry.live()
        if live is None:
            return {}
        pointer = live.version, live.index
        scores = drifting.window(self._rows(since, []), pointer, self._options.sample).scores
        return {ACCEPTED_SCORES: {"pointer": pointer, "scores": scores}} if len(scores) >= fewest else {}

    def tests(
        self, trained: Trained | None, version: ModelVersion, pointer: tuple[str, str], at: datetime
    ) -> tuple[list[DriftTest], list[Signal], list[str]]:
        """The tests for which enough was logged, with signals and what a reader should know.

        Args:
            trained: What the live version was made from.
            version: The live version.
            pointer: Version and collection.
            at: Now.

        Raises:
            JargonautError: The live system does not answer.
        """
        bad: list[BadRow] = []
        rows = self._rows(at - timedelta(days=self._options.window_days), bad)
        found = drifting.window(rows, pointer, self._options.sample)
        told = [f"{len(bad):,} rows of the query log are left out, the first: {bad[0]}"] if bad else []
        if found.until is None and not self._settings.query_log.enabled:
            return [], [], told
        signals = [Signal("logged_queries", found.distinct)]
        if found.until is None or found.until.isoformat() == self._series.note(TESTED_UNTIL):
            return [], signals, told  # nothing came since the last test
        reference = self._reference(trained)
        if min(found.distinct, len(reference)) < self._options.min_queries:
            told.append(
                f"{found.distinct:,} logged queries against {len(reference):,} of the reference: "
                f"{self._options.min_queries} of each are needed for a test"
            )
            return [], signals, told
        tests, more = self._compared(found, reference, trained, version, pointer)
        self.notes[TESTED_UNTIL] = found.until.isoformat()
        return tests, signals + more, told

    def _compared(
        self, found: drifting.Window, reference: Sequence[str], trained: Trained | None, version: ModelVersion,
        pointer: tuple[str, str],
    ) -> tuple[list[DriftTest], list[Signal]]:  # fmt: skip
        kind, known, fewest = self._settings.query_log.text, self._known_words(trained), self._options.min_queries
        texts = drawn(found.queries, self._options.sample)
        if len(texts) < fewest and len(found.scores) < fewest:
            return [], []  # hits were asked for one by one, or among some documents: nothing to be compared with
        pieces = _pieces(version)
        asked = [as_logged(text, kind) or text for text in drawn(reference, self._options.sample)]
        # The reference is asked again every day, so its vectors are kept; of what users ask nothing is.
        before = drifting.measured(
            asked, self._index.cached(version).encode_queries(asked), self._asker.ask(asked).answers, pieces, known
        )
        if len(texts) >= fewest:
            vectors = self._index.encoders(version).encode_queries(texts)
            now = drifting.measured(texts, vectors, self._asker.ask_anew(texts), pieces, known)
        else:  # the log keeps hashes
            now = drifting.of_scores(found.scores)
            accepted = self._series.note(ACCEPTED_SCORES)
            if accepted and tuple(accepted["pointer"]) == pointer:
                before = drifting.of_scores([tuple(row) for row in accepted["scores"]])
        return drifting.query_tests(before, now, self._options, words_known=known is not None)

    def _reference(self, trained: Trained | None) -> list[str]:
        accepted = self._series.note(ACCEPTED)
        if accepted:
            return [str(text) for text in accepted]
        return [] if trained is None or trained.pairs is None else held_out(trained.pairs)

    def _known_words(self, trained: Trained | None) -> frozenset[str] | None:
        if trained is None or trained.corpus is None or trained.pairs is None:
            return None
        asked = vocabulary(pair.query for pair in positives(trained.pairs.splits.train))
        return snapshot(trained.corpus, self._layout).vocabulary | asked

    def _rows(self, since: datetime, bad: list[BadRow]) -> Iterator[LoggedQuery]:
        return read_log(self._layout.queries, since, self._clock().astimezone(UTC), bad.append)


def _pieces(version: ModelVersion) -> Callable[[Sequence[str]], list[int]]:
    """Into how many pieces a version's tokenizer cuts words."""
    tokenizer = tokenizer_of(find_model(str(version.path)))

    def count(words: Sequence[str]) -> list[int]:
        return [len(one.ids) for one in tokenizer.encode_batch_fast(list(words), add_special_tokens=False)]

    return count
