"""What a log's sessions say and what they do not: bots, abandoned queries, second clicks, passed-over results.

Knows the order of what one searcher did. How likely a rank is looked at, and what answers a query, is decided later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import pairwise

from jargonaut.pairs.clicks.options import ClickOptions
from jargonaut.pairs.clicks.spool import NO_DOCUMENT, Row, Seen, Spool
from jargonaut.pairs.wording import words


@dataclass(slots=True)
class Page:
    """What one searcher saw for one query, before asking another.

    Attributes:
        spelling: Number of the query as it was typed first.
        query: Number of its normal form.
        first: When it was asked; None where the log does not say.
        last: When it was last seen.
        results: Number of a result → (rank, whether it was clicked). Shown or clicked twice, it stands here once.
    """

    spelling: int
    query: int
    first: float | None
    last: float | None
    results: dict[int, tuple[int, bool]] = field(default_factory=dict)

    @property
    def clicked(self) -> bool:
        """Whether any result was clicked."""
        return any(clicked for _, clicked in self.results.values())


@dataclass(slots=True)
class Visit:
    """A session without a long pause; no more of it is kept than a person can do.

    Attributes:
        session: Number of the session.
        pages: In the order of time; empty once the visit is a bot's.
        rows: How many rows it has.
        clicks: How many clicks, second clicks counted.
        shown: How many results its pages showed.
        repeated: Rows that showed a result again that its page had shown.
        bot: The rule that says that it is a bot's; "" for a person's.
        known: Whether the log says whose it is. Otherwise no bots and no reformulations are to be seen.
    """

    session: int
    known: bool
    pages: list[Page] = field(default_factory=list)
    rows: int = 0
    clicks: int = 0
    shown: int = 0
    repeated: int = 0
    last: float | None = None
    bot: str = ""

    def add(self, row: Row, query: int, options: ClickOptions) -> None:
        """Takes the next row of the session."""
        self.rows += 1
        self.clicks += row.clicks
        self.last = row.time
        if self.bot:
            return
        if not self.pages or self.pages[-1].query != query:
            self.pages.append(Page(row.spelling, query, row.time, row.time))
        page = self.pages[-1]
        page.last = row.time
        if row.document != NO_DOCUMENT:
            known = page.results.get(row.document)
            self.shown += known is None
            self.repeated += known is not None
            if known is None or (row.clicks and not known[1]):
                page.results[row.document] = row.rank, row.clicks > 0
        self.bot = self._bot(options) if self.known else ""
        if self.bot:
            self.pages.clear()

    def _bot(self, options: ClickOptions) -> str:
        if len(self.pages) > options.max_session_queries:
            return "bot_queries"
        if self.clicks > options.max_session_clicks:
            return "bot_clicks"
        return "bot_results" if self.shown > options.max_session_queries * options.max_rank else ""


@dataclass(frozen=True, slots=True)
class Sifted:
    """What was done with a log's rows.

    Attributes:
        dropped: Rule → rows that are no evidence.
        pages: Result pages that are.
        sessions: Sessions that they belong to, as far as the log tells them.
        cut: Rows with more clicks than impressions, of which as many count as there are impressions.
    """

    dropped: dict[str, int]
    pages: int
    sessions: int
    cut: int = 0


def sift(spool: Spool, options: ClickOptions) -> Sifted:
    """Puts what is evidence into the spool.

    A page is what a session was shown for one query until it asked another or paused. What it shows or has clicked
    more than once counts once. Where a row names no session, those of one query and one time are a page, until a result
    comes again.

    Args:
        spool: Holds the rows, takes the evidence.
        options: What a bot and a reformulation is.
    """
    dropped: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    names = spool.queries

    def evidence() -> Iterator[Seen]:
        for visit in _visits(spool, options):
            rule = visit.bot or (_clicks_everything(visit, spool, options) if visit.known else "")
            if rule:
                dropped[rule] += visit.rows
                continue
            dropped["repeated_on_page"] += visit.repeated
            abandoned = _abandoned(visit.pages, names, options) if visit.known else set()
            totals["sessions"] += visit.known
            for number, page in enumerate(visit.pages):
                if number in abandoned:
                    dropped["abandoned_query"] += len(page.results)
                elif page.results:
                    totals["pages"] += 1
                    spool.typed(page.spelling)
                    yield from _seen(page)

    spool.keep(evidence())
    return Sifted(
        {rule: count for rule, count in sorted(dropped.items()) if count}, totals["pages"], totals["sessions"]
    )


def take_sums(spool: Spool) -> Sifted:
    """Puts the rows of a log into the spool that is summed up already: it has no pages and no sessions."""
    over = Counter[str]()

    def evidence() -> Iterator[Seen]:
        for row in spool.ordered():
            over["rows"] += row.clicks > row.shown
            spool.typed(row.spelling, row.shown)
            clicks = min(row.clicks, row.shown)
            yield Seen(row.time, spool.query_of(row.spelling), row.document, row.rank, row.shown, clicks, 0)

    spool.keep(evidence())
    return Sifted({}, 0, 0, over["rows"])


def similar(one: str, other: str, threshold: float) -> bool:
    """Whether a query is another one, shortened, lengthened or retyped.

    Args:
        one: In its normal form.
        other: Likewise.
        threshold: Least share of characters in common (`difflib`'s ratio) where neither has all words of the other.
    """
    some, others = set(words(one)), set(words(other))
    if some and others and (some <= others or others <= some):
        return True
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    ratios = (matcher.real_quick_ratio, matcher.quick_ratio, matcher.ratio)  # from cheap to dear, each an upper bound
    return all(ratio() >= threshold for ratio in ratios)


def _visits(spool: Spool, options: ClickOptions) -> Iterator[Visit]:
    gap = 60 * options.session_gap_minutes
    visit: Visit | None = None
    for row in spool.ordered():
        if visit is None or _begins(row, visit, gap):
            if visit is not None:
                yield visit
            visit = Visit(row.session, bool(row.known))
        visit.add(row, spool.query_of(row.spelling), options)
    if visit is not None:
        yield visit


def _begins(row: Row, visit: Visit, gap: float) -> bool:
    """Whether a row belongs to another visit than the row before."""
    if row.session != visit.session:
        return True
    if not visit.known:
        return any(row.document in page.results for page in visit.pages)
    return row.time is not None and visit.last is not None and row.time - visit.last > gap


def _clicks_everything(visit: Visit, spool: Spool, options: ClickOptions) -> str:
    if not spool.without_click or visit.shown < options.min_shown_for_share:
        return ""
    clicked = sum(clicked for page in visit.pages for _, clicked in page.results.values())
    return "bot_click_share" if clicked > options.max_click_share * visit.shown else ""


def _abandoned(pages: list[Page], names: list[str], options: ClickOptions) -> set[int]:
    """Which pages without a click gave way to a similar query soon after."""
    patience = 60 * options.reformulation_minutes
    found = set()
    for number, (page, following) in enumerate(pairwise(pages)):
        soon = page.last is None or following.first is None or following.first - page.last <= patience
        if patience and soon and not page.clicked:
            one, other = names[page.query], names[following.query]
            if similar(one, other, options.reformulation_similarity):
                found.add(number)
    return found


def _seen(page: Page) -> Iterable[Seen]:
    lowest = max((rank for rank, clicked in page.results.values() if clicked), default=0)
    for document, (rank, clicked) in page.results.items():
        yield Seen(page.first, page.query, document, rank, 1, clicked, not clicked and 0 < rank < lowest)
