"""What monitoring is told: when to speak up, how often it may be wrong, whom to tell, and what of queries is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jargonaut.errors import require_limits

HOURS_A_YEAR = 365 * 24
TESTS = 7
"""Two-sample tests of one day at most; the day's chance of a false alarm is shared by so many."""

LoggedText = Literal["plain", "redacted", "hashed"]


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """When `jargonaut watch` speaks up, and whom it tells.

    Attributes:
        recall_drop: The live system's recall@10 on golden queries fell when it is below the reference by more than
            this with `confidence`.
        score_shift: The scores of golden queries' best hits moved when their mean changed by more than this.
        confidence: Probability mass of every interval.
        corpus_changed: Re-train when this share of the passages is new or changed since the live version was trained.
        new_words: Re-train when this share of the documents' running words is unknown to what it was trained on.
        new_labels: Re-train when so many judgements were added since; 0 never does.
        max_age_days: Re-train when the live version is so old; 0 never does.
        max_expired: Speak up when this share of the golden queries has no passage left.
        false_alarms_a_year: How many false alarms the drift tests may raise in a year on average, all of them together.
        test_every_hours: Drift tests are made so often at most, however often `watch` looks.
        window_days: Logged queries of so many days are tested together: more show smaller changes, fewer show them
            sooner.
        min_queries: Distinct logged queries that a test needs on each side, and new documents for the corpus.
        sample: Queries or passages of each side that a test looks at, at most.
        permutations: Shuffles of a permutation test.
        confirm: A drift test must find something this often among the last `confirm_of` before an alarm is raised.
        confirm_of: See `confirm`.
        clear_after: An alarm ends after so many looks in a row that find nothing.
        keep_days: The series forgets passes that are older.
        webhook: Address that is sent every alarm as JSON by POST. Not set sends none.
        command: Program that is started for every alarm, with the same JSON on its standard input. Not set starts none.
        alert_timeout: Seconds that one attempt to tell somebody may take.
        alert_tries: Attempts of one pass; what nobody took is tried again by the next pass.
        clicks: A click log, for click-through by rank and counterfactual recall. Not set leaves both out.
        seed: Of samples, shuffles and bootstrap.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    recall_drop: float = 0.02
    score_shift: float = 0.02
    confidence: float = 0.95
    corpus_changed: float = 0.2
    new_words: float = 0.03
    new_labels: int = 500
    max_age_days: float = 180.0
    max_expired: float = 0.1
    false_alarms_a_year: float = 1.0
    test_every_hours: float = 24.0
    window_days: float = 7.0
    min_queries: int = 50
    sample: int = 500
    permutations: int = 9_999
    confirm: int = 2
    confirm_of: int = 3
    clear_after: int = 3
    keep_days: float = 730.0
    webhook: str | None = None
    command: str | None = None
    alert_timeout: float = 5.0
    alert_tries: int = 3
    clicks: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        finest = self.test_level / TESTS
        require_limits("watch", self, [
            ("recall_drop", 0 <= self.recall_drop < 1, "0 or more, below 1"),
            ("score_shift", self.score_shift > 0, "above 0"),
            ("confidence", 0.5 <= self.confidence < 1, "from 0.5 up to, not including, 1"),
            ("corpus_changed", 0 < self.corpus_changed <= 1, "above 0, at most 1"),
            ("new_words", 0 < self.new_words <= 1, "above 0, at most 1"),
            ("new_labels", self.new_labels >= 0, "0 (never) or more"),
            ("max_age_days", self.max_age_days >= 0, "0 (never) or more"),
            ("max_expired", 0 < self.max_expired <= 1, "above 0, at most 1"),
            ("false_alarms_a_year", self.false_alarms_a_year > 0, "above 0"),
            ("test_every_hours", self.test_every_hours > 0 and self.test_level < 1,
             "above 0, and such that less than one false alarm is allowed for each test"),
            ("window_days", 0 < self.window_days <= 366, "above 0, at most 366"),
                ("min_queries", self.min_queries >= 10, "10 or more"),
            ("sample", self.sample >= self.min_queries, "min_queries or more"),
            ("permutations", self.permutations + 1 >= 1 / finest,
             f"{1 / finest:,.0f} or more: with fewer no test could ever find anything at this rate of false alarms"),
            ("confirm", 1 <= self.confirm <= self.confirm_of, "from 1 to confirm_of"),
            ("confirm_of", self.confirm_of <= 100, "at most 100"),
            ("clear_after", 1 <= self.clear_after <= 100, "from 1 to 100"),
            ("keep_days", self.keep_days >= 1, "1 or more"),
            ("webhook", self.webhook is None or self.webhook.startswith(("http://", "https://")),
             "an http:// or https:// address, or not set"),
            ("alert_timeout", 0 < self.alert_timeout <= 60, "above 0, at most 60"),
            ("alert_tries", 1 <= self.alert_tries <= 10, "from 1 to 10"),
        ])  # fmt: skip

    @property
    def test_level(self) -> float:
        """The chance of any false finding in one day of tests, all tests together.

        An alarm of a day needs a finding on that day, so by linearity of expectation there are at most
        `false_alarms_a_year` in a year, whether or not the days depend on one another.
        """
        return self.false_alarms_a_year * self.test_every_hours / HOURS_A_YEAR


@dataclass(frozen=True, slots=True)
class QueryLogOptions:
    """What is kept of the queries that users ask; nothing unless it is switched on.

    Attributes:
        enabled: Whether queries are logged at all.
        share: Of the queries that is kept.
        text: `plain` keeps the words; `redacted` keeps them without e-mail addresses, links and numbers of five digits
            or more; `hashed` keeps a keyed hash alone, by which repeats are known and nothing can be read.
        max_megabytes: A file that grows larger is put aside and a new one begun.
        files: Files that were put aside and are kept; older ones are removed.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    enabled: bool = False
    share: float = 1.0
    text: LoggedText = "redacted"
    max_megabytes: float = 10.0
    files: int = 10

    def __post_init__(self) -> None:
        require_limits("query_log", self, [
            ("share", 0 < self.share <= 1, "above 0, at most 1"),
            ("max_megabytes", 0.001 <= self.max_megabytes <= 10_000, "from 0.001 to 10,000"),
            ("files", 0 <= self.files <= 10_000, "from 0 to 10,000"),
        ])  # fmt: skip
