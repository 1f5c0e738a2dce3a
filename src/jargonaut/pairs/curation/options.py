"""The options of curation. Knows limits; obeys none of them."""

from __future__ import annotations

from dataclasses import dataclass

from jargonaut.errors import require_limits

RIVALS = 8
"""How many rivals of a positive are remembered for each ranking."""


@dataclass(frozen=True, slots=True)
class CurationOptions:
    """Which pairs are worth learning from.

    What people judged (`label`) is only ever merged with its repeats. Rules that look at rankings or scores also leave
    the newest clicks alone: they judge a model, and must not be picked by what a model finds easy.

    Attributes:
        language: Whether a query in another script or language than its passage is removed.
        merge: Whether queries that say the same are made one, with all their positives.
        merge_cosine: Queries that differ only in inflection are merged from this cosine of their vectors on.
        round_trip: Whether a positive must be found by its own query (`round_trip_k` of [filter] says how far).
        round_trip_clicks: Whether that holds for clicks too; what people chose though no search finds it is often
            the jargon to be learnt.
        margin: A passage that is no known answer is a rival where its score is at least 1 - margin times that of the
            query's best positive.
        generic_rivals: A query with this many rivals in every ranking is too generic, at most 8.
        remove_ambiguous: Whether queries that an unrelated passage answers equally well, and too generic ones, are
            removed; they are flagged in any case.
        easy_overlap: A pair is easy where at least this share of its query's content words is in the passage and every
            ranking puts the passage first, far before any rival.
        easy_margin: Far is where the best rival scores at most 1 - easy_margin times as much.
        max_easy_share: Most of the training positives that may be easy; 1 keeps all. The hardest are kept, and never
            fewer than 1,000.
        judge: Whether the language model of [llm] judges the positives that people did not.
        judge_threshold: A positive is removed where the judge scores it lower, from 0 to 1.
        cross_encoder: A cross-encoder that scores them too: a reranker such as `v3`, a folder or a hub id.
        cross_encoder_threshold: A positive is removed where it scores lower, from 0 to 1. It is low, since
            cross-encoders do not know the jargon either.
        max_document_share: Most of the positives that one document may supply; never less than three times an equal
            share.
        max_topic_share: The same for one topic.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    language: bool = True
    merge: bool = True
    merge_cosine: float = 0.9
    round_trip: bool = True
    round_trip_clicks: bool = False
    margin: float = 0.05
    generic_rivals: int = 5
    remove_ambiguous: bool = False
    easy_overlap: float = 0.8
    easy_margin: float = 0.2
    max_easy_share: float = 1.0
    judge: bool = False
    judge_threshold: float = 0.5
    cross_encoder: str | None = None
    cross_encoder_threshold: float = 0.1
    max_document_share: float = 0.05
    max_topic_share: float = 0.25

    def __post_init__(self) -> None:
        share = "above 0, at most 1"
        require_limits(
            "curate",
            self,
            (
                ("merge_cosine", -1 <= self.merge_cosine <= 1, "from -1 to 1, such as 0.9"),
                ("margin", 0 <= self.margin < 1, "from 0 to below 1, such as 0.05"),
                ("generic_rivals", 1 <= self.generic_rivals <= RIVALS, f"from 1 to {RIVALS}"),
                ("easy_overlap", 0 <= self.easy_overlap <= 1, "from 0 to 1, such as 0.8"),
                ("easy_margin", 0 <= self.easy_margin < 1, "from 0 to below 1, such as 0.2"),
                ("max_easy_share", 0 <= self.max_easy_share <= 1, "from 0 to 1"),
                ("judge_threshold", 0 <= self.judge_threshold <= 1, "from 0 to 1"),
                ("cross_encoder_threshold", 0 <= self.cross_encoder_threshold <= 1, "from 0 to 1"),
                ("max_document_share", 0 < self.max_document_share <= 1, share),
                ("max_topic_share", 0 < self.max_topic_share <= 1, share),
            ),
        )
