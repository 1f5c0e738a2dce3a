"""How pairs are counted and measured: samples, topics, the test of generated against real queries, when to warn.

Knows numbers only.
"""

from __future__ import annotations

from dataclasses import dataclass

from jargonaut.errors import require_limits


@dataclass(frozen=True, slots=True)
class StatisticsOptions:
    """How a set of pairs is measured.

    Attributes:
        sample: Most pairs of a source whose words are measured; more say no more.
        topics: Most topics that the corpus is divided into; a small corpus gets fewer.
        topic_passages: Most passages that topics are made from.
        many_queries: A passage with more queries than this is counted as crowded.
        gap_queries: Most generated, and most real, queries that the classifier is asked to tell apart.
        min_gap_queries: With fewer of either kind they are not compared.
        permutations: How often labels are shuffled for the classifier's p-value; 199 can show 0.005.
        dominant_document: Warn when one document supplies more than this share of the positives.
        high_overlap: Warn when a source's mean word overlap reaches this.
        uncovered_documents: Warn when at least this share of the documents has no pair.
        clear_gap: Warn when the classifier is right at least this often.
        examples: How many examples stand beside a figure.
        seed: Decides every sample, the topics and the shuffles.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    sample: int = 10_000
    topics: int = 24
    topic_passages: int = 10_000
    many_queries: int = 10
    gap_queries: int = 500
    min_gap_queries: int = 50
    permutations: int = 199
    dominant_document: float = 0.3
    high_overlap: float = 0.7
    uncovered_documents: float = 0.4
    clear_gap: float = 0.75
    examples: int = 3
    seed: int = 13

    def __post_init__(self) -> None:
        share = "above 0, at most 1"
        require_limits(
            "statistics",
            self,
            (
                ("sample", self.sample >= 100, "100 or more"),
                ("topics", 2 <= self.topics <= 1000, "from 2 to 1000"),
                ("topic_passages", self.topic_passages >= 100, "100 or more"),
                ("many_queries", self.many_queries >= 1, "1 or more"),
                ("min_gap_queries", self.min_gap_queries >= 20, "20 or more; fewer show nothing"),
                ("gap_queries", self.gap_queries >= self.min_gap_queries, "no less than min_gap_queries"),
                ("permutations", self.permutations >= 19, "19 or more, such as 199"),
                ("dominant_document", 0 < self.dominant_document <= 1, share),
                ("high_overlap", 0 < self.high_overlap <= 1, share),
                ("uncovered_documents", 0 < self.uncovered_documents <= 1, share),
                ("clear_gap", 0.5 < self.clear_gap <= 1, "above 0.5, at most 1"),
                ("examples", self.examples >= 0, "0 or more"),
                ("seed", 0 <= self.seed < 2**32, "0 or more and fit into 32 bits"),
            ),
        )
