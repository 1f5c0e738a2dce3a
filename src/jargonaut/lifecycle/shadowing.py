"""A candidate answers a share of the queries beside what is live; nobody who searches notices.

Knows searchers and a file of what both found. What the two have in common is counted in the index room.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from jargonaut.errors import InputError, JargonautError
from jargonaut.index import Filter, IndexSearcher, ShadowedQuery, ShadowSummary, chosen, summarise
from jargonaut.lifecycle.indexes import IndexLifecycle
from jargonaut.lifecycle.serving import Answer, LiveSearcher

_AT_ONCE = 64
_WAITING_AT_MOST = 256
"""Queries that wait for the candidate; further ones are left out, so that a slow candidate never fills the memory."""


class ShadowedSearcher:
    """Answers from what is live, and asks a candidate too for a share of the queries, in the background.

    What both found is appended to a file. The candidate's slowness or failure changes no answer: it is counted.

    Args:
        live: Answers.
        candidate: Is asked beside it.
        share: Of the queries, from 0 to 1; the same query is always asked of both, or never.
        log: The file, one JSON object a line.

    Attributes:
        failures: Queries that the candidate did not answer.
        left_out: Queries of the share that were not asked, because too many waited.
    """

    def __init__(self, live: LiveSearcher, candidate: IndexSearcher, share: float, log: Path) -> None:
        if not 0 <= share <= 1:
            raise InputError(f"{share} is no share of the queries", where="--share", remedy="from 0 to 1")
        self.failures = self.left_out = 0
        self._live, self._candidate, self._share, self._log = live, candidate, share, log
        self._later = ThreadPoolExecutor(max_workers=1, thread_name_prefix="shadow")
        self._waiting: list[Future[None]] = []

    def search(self, texts: Sequence[str], k: int, *, where: Filter | None = None) -> list[Answer]:
        """As `LiveSearcher.search`."""
        answers = self._live.search(texts, k, where=where)
        self._waiting = [one for one in self._waiting if not one.done()]
        for answer in answers:
            if not chosen(answer.query, self._share):
                continue
            if len(self._waiting) >= _WAITING_AT_MOST:
                self.left_out += 1
            else:
                self._waiting.append(self._later.submit(self._ask, answer, k, where))
        return answers

    def close(self) -> None:
        """Waits for what was begun."""
        self._later.shutdown(wait=True)

    def _ask(self, answer: Answer, k: int, where: Filter | None) -> None:
        try:
            (hits,) = self._candidate.search_texts([answer.query], k, where=where)
            live = tuple(hit.passage.id for hit in answer.hits)
            append_shadowed(self._log, [ShadowedQuery(answer.query, live, tuple(hit.passage_id for hit in hits))])
        except (JargonautError, OSError):
            self.failures += 1


def shadow_log(lifecycle: IndexLifecycle, candidate: str) -> Path:
    """Where what is live and a candidate are compared; another pair is another file.

    Args:
        lifecycle: Of the workspace.
        candidate: A collection, or a version, whose newest one is meant.
    """
    live, other = lifecycle.catalogue.target(None), lifecycle.catalogue.target(candidate)
    return lifecycle.layout.shadow / f"{live.name}--{other.name}.jsonl"


def candidate_searcher(lifecycle: IndexLifecycle, candidate: str) -> IndexSearcher:
    """A searcher on a candidate.

    Args:
        lifecycle: Of the workspace.
        candidate: A collection, or a version, whose newest one is meant.

    Raises:
        InputError: There is none, or it is what is live.
    """
    found = lifecycle.catalogue.target(candidate)
    if found == lifecycle.catalogue.target(None):
        remedy = "name another version or collection"
        raise InputError(f"{candidate} is what is live", where="--candidate", remedy=remedy)
    return lifecycle.searcher(found.record, found.version)


def shadow_queries(
    lifecycle: IndexLifecycle, live: LiveSearcher, candidate: str, queries: Iterable[str], *, k: int, share: float = 1.0
) -> ShadowSummary:
    """Asks a share of many queries of both, and says what changed.

    Args:
        lifecycle: Of the workspace.
        live: Answers as it does for users.
        candidate: A collection, or a version, whose newest one is meant.
        queries: What is asked.
        k: Hits of each.
        share: Of the queries.

    Raises:
        InputError: There is no such candidate, or no query is in the share.
    """
    searcher = candidate_searcher(lifecycle, candidate)
    asked = [query for query in dict.fromkeys(queries) if query.strip() and chosen(query, share)]
    if not asked:
        raise InputError("no query belongs to this share", where="--share")
    shadowed: list[ShadowedQuery] = []
    for start in lifecycle.reporter.track(range(0, len(asked), _AT_ONCE), "asking both", -(-len(asked) // _AT_ONCE)):
        part = asked[start : start + _AT_ONCE]
        for answer, hits in zip(live.search(part, k), searcher.search_texts(part, k), strict=True):
            ids = tuple(hit.passage.id for hit in answer.hits)
            shadowed.append(ShadowedQuery(answer.query, ids, tuple(hit.passage_id for hit in hits)))
    append_shadowed(shadow_log(lifecycle, candidate), shadowed)
    return summarise(shadowed, k)


def recorded_shadow(path: Path) -> ShadowSummary:
    """What was recorded while users searched.

    Raises:
        InputError: Nothing was.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(
            "nothing was recorded for this candidate yet",
            where=str(path),
            remedy='give --queries FILE, or search with `jargonaut search "…" --shadow CANDIDATE`',
        ) from error
    shadowed = [one for one in map(_parsed, lines) if one is not None]
    if not shadowed:
        raise InputError("nothing that can be read was recorded for this candidate", where=str(path))
    return summarise(shadowed, max(len(one.live) for one in shadowed))


def append_shadowed(path: Path, shadowed: Iterable[ShadowedQuery]) -> None:
    """Adds lines to a file that several processes may write: each call is one write."""
    rows = ({"query": one.query, "live": one.live, "candidate": one.candidate} for one in shadowed)
    text = "".join(json.dumps(row, ensure_ascii=True) + "\n" for row in rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab", buffering=0) as stream:
        stream.write(text.encode())


def _parsed(line: str) -> ShadowedQuery | None:
    """A recorded line; None for one that a kill cut short."""
    try:
        row = json.loads(line)
        return ShadowedQuery(str(row["query"]), tuple(row["live"]), tuple(row["candidate"]))
    except (ValueError, KeyError, TypeError):
        return None
