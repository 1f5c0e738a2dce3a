"""What can be set about click logs, in one place, since every step from a row to a judgement reads of it.

Knows names, defaults and limits. What they do stands in the modules that obey them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jargonaut.errors import require_limits

SECTION = "clicks"

Examination = Literal["auto", "model", "swaps", "power"]


@dataclass(frozen=True, slots=True)
class ClickOptions:
    """Judgements from click logs.

    Attributes:
        query_column: Column of the query's text; empty finds it by its name, as for all columns.
        document_column: Column of the id or the address of the result.
        shown_column: Column that lists a result page's ids, best first, in a log with one row for each page.
        rank_column: Column of the rank at which the result was shown.
        clicked_column: Column that says whether it was clicked (1 or 0, yes or no, a count); in a log of pages, the
            clicked ids or ranks.
        click_time_column: Column of the click's time, empty where there was none; in place of clicked_column.
        time_column: Column of the time of the query.
        session_column: Column of the session, or of the user.
        impressions_column: Column that says how often the result was shown, in a log that is summed up already.
        every_row_is_a_click: Whether the log has no column for clicks because it lists nothing else.
        max_query_chars: Rows with longer queries are left out.
        max_rank: Rows of results further down are left out.
        session_gap_minutes: A longer pause ends a session.
        max_session_queries: A session with more queries is a bot's.
        max_session_clicks: A session with more clicks is a bot's.
        max_click_share: A session that clicks a larger share of what it is shown is a bot's.
        min_shown_for_share: max_click_share holds from this many results on.
        reformulation_minutes: A similar query that follows sooner, after no click, takes the place of the first.
        reformulation_similarity: From 0 to 1: how similar it must be, where neither has all the words of the other.
        examination: How likely a rank is looked at: `model` or `swaps` estimate it from results that were shown at
            several ranks, `power` takes 1 / rank^eta, `auto` estimates where the log allows it, else takes the law.
        eta: How steeply the power law falls; 0 corrects nothing, 1 is what is usual.
        min_swap_clicks: `auto` estimates if at least so many clicks fell on results that were shown at several ranks.
        min_propensity: A rank counts as looked at with at least this probability, so that a chance click far down does
            not count for very many.
        prior_strength: How many looks the log's mean click rate counts for, so that one click in one look is not sure.
        min_impressions: A result must have been shown this often for a query to be judged.
        min_clicks: A result must have been clicked this often to be an answer.
        min_relevance: Corrected click rate from which a result is an answer; not set takes a rate a fifth above
            the one that divides the log's results best into often and seldom clicked ones.
        min_skips: A result must have been passed over this often, above a clicked one, to be a hard negative.
        max_skip_clicks: Most clicks on a hard negative, as a share of all the times it was clicked or passed over.
        recent_share: Share of the newest impressions that judges and never trains; 0 for none.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    query_column: str = ""
    document_column: str = ""
    shown_column: str = ""
    rank_column: str = ""
    clicked_column: str = ""
    click_time_column: str = ""
    time_column: str = ""
    session_column: str = ""
    impressions_column: str = ""
    every_row_is_a_click: bool = False
    max_query_chars: int = 300
    max_rank: int = 100
    session_gap_minutes: float = 30.0
    max_session_queries: int = 100
    max_session_clicks: int = 100
    max_click_share: float = 0.8
    min_shown_for_share: int = 30
    reformulation_minutes: float = 5.0
    reformulation_similarity: float = 0.8
    examination: Examination = "auto"
    eta: float = 1.0
    min_swap_clicks: int = 1000
    min_propensity: float = 0.1
    prior_strength: float = 10.0
    min_impressions: int = 5
    min_clicks: int = 2
    min_relevance: float | None = None
    min_skips: int = 5
    max_skip_clicks: float = 0.2
    recent_share: float = 0.2

    def __post_init__(self) -> None:
        one_or_more = ("max_query_chars", "max_rank", "max_session_queries", "max_session_clicks", "min_impressions")
        counts = ("min_clicks", "min_shown_for_share", "min_skips", "min_swap_clicks")
        require_limits(
            SECTION,
            self,
            (
                *((key, getattr(self, key) >= 1, "1 or more") for key in (*one_or_more, *counts)),
                ("max_rank", self.max_rank <= 10_000, "10 000 or less"),
                ("session_gap_minutes", self.session_gap_minutes > 0, "above 0"),
                ("max_click_share", 0 < self.max_click_share <= 1, "above 0, at most 1 (which drops none)"),
                ("reformulation_minutes", self.reformulation_minutes >= 0, "0 (none is looked for) or more"),
                ("reformulation_similarity", 0 < self.reformulation_similarity <= 1, "above 0, at most 1"),
                ("eta", 0 <= self.eta <= 5, "from 0 to 5"),
                ("min_propensity", 0 < self.min_propensity <= 1, "above 0, at most 1"),
                ("prior_strength", self.prior_strength >= 0, "0 or more"),
                ("min_relevance", self.min_relevance is None or 0 < self.min_relevance <= 1, "above 0, at most 1"),
                ("max_skip_clicks", 0 <= self.max_skip_clicks < 1, "0 or more, below 1"),
                ("recent_share", 0 <= self.recent_share <= 0.9, "from 0 to 0.9"),
            ),
        )
