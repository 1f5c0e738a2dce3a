"""How hard negatives are chosen: the section `[mine]` of the settings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from jargonaut.errors import require_limits, unless_used

CandidateSource = Literal["dense", "bm25", "section", "document"]
Sampling = Literal["top", "uniform", "softmax"]
Search = Literal["exact", "approximate"]


@dataclass(frozen=True, slots=True)
class MiningOptions:
    """How to choose hard negatives.

    Attributes:
        per_pair: Hard negatives per pair; 0 trains on in-batch negatives alone.
        depth: Ranks that are looked at.
        skip: First ranks that are left out.
        sources: Where candidates come from: `dense` (nearest to the query), `bm25` (by words), `section` and `document`
            (the positive's neighbours under the same headings, in the same document). The rankings of several are
            joined by reciprocal rank fusion (Cormack, Clarke & Büttcher 2009).
        model: What `dense` and all similarities are computed with: `base`, a registered version such as `v1`, a folder
            or a hub id.
        max_percent: A candidate whose score is at least this share of the positive's own is taken for a false negative
            (TopK-PercPos of NV-Retriever, Moreira et al. 2024). Not set: no such limit.
        margin: The same for one that scores less than so much below the positive (TopK-MarginPos, as above).
        max_score: The same for one that scores so much or more, whatever the positive scores (TopK-Abs, as above).
        fall_back: Whether a pair whose candidates these limits reject nearly all takes the least similar of them.
        agreement: A candidate is also taken for a false negative when two scorers that work differently agree: its
            similarity is at least this share of the positive's, and BM25 scores it no lower than the positive. Where
            BM25 does not find the positive among its first ranks it has no say. Not set: not asked.
        cross_encoder: A cross-encoder (a reranker such as `v3`, a folder or a hub id) that judges what was chosen.
        judge: Whether the language model of `[llm]` judges what was chosen. Every answer is kept and paid for once.
        answers_from: From this score of either judge on, from 0 to 1, a candidate becomes a second positive.
        doubtful_from: From this score on it is at least no negative.
        sampling: Which of the candidates that are left: the first (`top`), any (`uniform`), or the more similar the
            likelier (`softmax`).
        temperature: Of `softmax`, in units of similarity: the smaller, the more it is like `top`.
        seed: Of the draws.
        remine: Whether negatives are mined again, with the model as it is then, after the first epoch of training.
        search: `exact`, or `approximate`: a shortlist by the leading components of the vectors, whose recall is
            measured.
        memory_gib: Memory, in GiB, that mining may take; vectors that need more than half of it stay on disk.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    per_pair: int = 1
    depth: int = 50
    skip: int = 0
    sources: tuple[CandidateSource, ...] = ("dense",)
    model: str = "base"
    max_percent: float | None = 0.95
    margin: float | None = None
    max_score: float | None = None
    fall_back: bool = True
    agreement: float | None = None
    cross_encoder: str = ""
    judge: bool = False
    answers_from: float = 0.9
    doubtful_from: float = 0.5
    sampling: Sampling = "top"
    temperature: float = 0.05
    seed: int = 13
    remine: bool = False
    search: Search = "exact"
    memory_gib: float = 4.0

    def __post_init__(self) -> None:
        known, given = get_args(CandidateSource), self.sources
        require_limits(
            "mine",
            self,
            (
                ("per_pair", self.per_pair >= 0, "0 or more"),
                ("depth", self.depth >= 1, "1 or more"),
                ("skip", 0 <= self.skip < self.depth, "0 or more, and below depth, or no rank is left"),
                ("sources", bool(given) and set(given) <= set(known), f"one or more of {', '.join(known)}"),
                ("sources", len(set(given)) == len(given), "sources that differ"),
                ("model", bool(self.model.strip()), "`base`, a version, a folder or a hub id"),
                ("max_percent", _above_zero(self.max_percent), "above 0, such as 0.95, or not set"),
                ("margin", _any_number(self.margin, least=0.0), "0 or more, or not set"),
                ("max_score", _any_number(self.max_score), "a similarity, such as 0.8, or not set"),
                ("agreement", _above_zero(self.agreement), "above 0, such as 0.85, or not set"),
                ("cross_encoder", not (self.cross_encoder and self.judge), "empty where a language model judges"),
                ("answers_from", 0 < self.answers_from <= 1, "above 0, at most 1"),
                ("doubtful_from", 0 < self.doubtful_from <= self.answers_from, "above 0, at most answers_from"),
                ("sampling", self.sampling in get_args(Sampling), f"one of {', '.join(get_args(Sampling))}"),
                ("temperature", 0 < self.temperature < math.inf, "above 0, such as 0.05"),
                ("seed", 0 <= self.seed < 2**63, "0 or more and fit into 63 bits"),
                ("search", self.search in get_args(Search), f"one of {', '.join(get_args(Search))}"),
                ("memory_gib", 0 < self.memory_gib < math.inf, "above 0, such as 4"),
                *unless_used(
                    self,
                    (
                        (self.sampling == "softmax", "with `softmax`", ("temperature",)),
                        (self.wants_judge, "with a cross-encoder or a judge", ("answers_from", "doubtful_from")),
                    ),
                ),
            ),
        )

    @property
    def renews(self) -> bool:
        """Whether negatives are mined again; where none are wanted, there is nothing to mine."""
        return self.remine and self.per_pair > 0

    @property
    def wants_words(self) -> bool:
        """Whether BM25 must search."""
        return "bm25" in self.sources or self.agreement is not None

    @property
    def wants_judge(self) -> bool:
        """Whether somebody judges what was chosen."""
        return self.judge or bool(self.cross_encoder)


def _above_zero(value: float | None) -> bool:
    return value is None or 0 < value < math.inf


def _any_number(value: float | None, least: float = -math.inf) -> bool:
    return value is None or (math.isfinite(value) and value >= least)
