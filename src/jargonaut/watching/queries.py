"""Users' queries as they were logged, what they are compared with, and the tests that are due.

The reference is what the live version's snapshot holds back from training, until somebody accepts what is asked now.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from jargonaut.encoding.models import find_model
from jargonaut.layout import Layout
from jargonaut.lifecycle import LiveSearcher
from jargonaut.monitoring import DriftTest, LoggedQuery, Series, Signal, as_logged, read_log, vocabulary
from jargonaut.protocols import Encoder
from jargonaut.records import BadRow, positives
from jargonaut.registry import ModelVersion
from jargonaut.settings import Settings
from jargonaut.sources import tokenizer_of
from jargonaut.watching import drifting
from jargonaut.watching.snapshot import Trained, drawn, held_out, snapshot

ACCEPTED, TESTED_UNTIL = "reference_queries", "tested_until"
"""Notes: the queries that somebody accepted; how far the log was tested."""
_LONGEST = timedelta(days=7)
"""Queries that are older than this are no part of a window."""


class QuerySide:
    """One pass's dealings with logged queries.

    Attributes:
        notes: What the next pass must know.
    """

    def __init__(
        self, layout: Layout, settings: Settings, series: Series, searcher: LiveSearcher,
        encoder: Callable[[ModelVersion], Encoder], clock: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self.notes: dict[str, Any] = {}
        self._layout, self._settings, self._series, self._clock = layout, settings, series, clock
        self._searcher, self._encoder, self._options = searcher, encoder, settings.watch

    def logged_texts(self) -> list[str]:
        """Distinct queries of the last week whose words were kept, at most `sample` of them."""
        rows, _ = self._rows(self._clock().astimezone(UTC) - _LONGEST)
        return drawn([row.query for row in rows if row.query], self._options.sample)

    def tests(
        self, trained: Trained | None, version: ModelVersion, pointer: tuple[str, str], at: datetime
    ) -> tuple[list[DriftTest], list[Signal], list[str]]:
        """The tests for which enough was logged since the last ones, with signals and what a reader should know.

        Args:
            trained: What the live version was made from.
            version: The live version.
            pointer: Version and collection.
            at: Now.

        Raises:
            JargonautError: The live system does not answer.
        """
        rows, bad = self._rows(self._since(at))
        told = [f"{len(bad):,} rows of the query log are left out, the first: {bad[0]}"] if bad else []
        found = drifting.window(rows, pointer)
        if not rows and not self._settings.query_log.enabled:
            return [], [], told
        signals = [Signal("logged_queries", found.distinct)]
        reference = self._reference(trained)
        fewest = min(found.distinct, len(reference))
        if fewest < self._options.min_queries:
            told.append(
                f"{found.distinct:,} logged queries against {len(reference):,} of the reference: "
                f"{self._options.min_queries} of each are needed for a test"
            )
            return [], signals, told
        tests, more = self._compared(found, reference, trained, version)
        if found.until is not None:
            self.notes[TESTED_UNTIL] = found.until.isoformat()
        return tests, signals + more, told

    def _compared(
        self, found: drifting.Window, reference: Sequence[str], trained: Trained | None, version: ModelVersion
    ) -> tuple[list[DriftTest], list[Signal]]:
        kind = self._settings.query_log.text
        asked = [as_logged(text, kind) or text for text in drawn(reference, self._options.sample)]
        model, known = self._encoder(version), self._known_words(trained)
        pieces = _pieces(version)
        before = drifting.measured(asked, model, self._searcher, pieces, known)
        texts = drawn(found.queries, self._options.sample)
        if len(texts) < self._options.min_queries:  # the log keeps hashes
            now = drifting.of_scores(found.scores[: self._options.sample])
        else:
            now = drifting.measured(texts, model, self._searcher, pieces, known)
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

    def _since(self, at: datetime) -> datetime:
        longest = at - _LONGEST
        said = self._series.note(TESTED_UNTIL)
        return longest if said is None else min(max(longest, datetime.fromisoformat(said)), at)

    def _rows(self, since: datetime) -> tuple[list[LoggedQuery], list[BadRow]]:
        bad: list[BadRow] = []
        return list(read_log(self._layout.queries, since, self._clock().astimezone(UTC), bad.append)), bad


def _pieces(version: ModelVersion) -> Callable[[Sequence[str]], list[int]]:
    """Into how many pieces a version's tokenizer cuts words."""
    tokenizer = tokenizer_of(find_model(str(version.path)))

    def count(words: Sequence[str]) -> list[int]:
        return [len(one.ids) for one in tokenizer.encode_batch_fast(list(words), add_special_tokens=False)]

    return count
