"""Labels that are probably wrong: passages that both models put first and that the labels do not accept.

Most test sets have answers that nobody judged. Where two models agree on one, and it is as similar to its query as
right answers are, a person should look. Both may still be wrong: it is a list to be read, not a correction. Knows runs
and judgements; what a person then decides, and what becomes of it, is not its business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from jargonaut.records import Qrel, Query, Run


@dataclass(frozen=True, slots=True)
class LabelError:
    """A query whose first hit both models agree on, which the labels do not accept, and which looks right.

    Attributes:
        query: What was asked.
        passage_id: The hit.
        judged: Whether somebody looked at it and rejected it; otherwise nobody judged it.
        repeats_answer: Whether it is a near-duplicate of a passage that is accepted.
        positive_id: The accepted passage that the tuned model ranks highest; the first one where it ranks none.
        positive_rank: Its rank with the tuned model, from 1; None where it was not found.
        base_score: Similarity of the hit with the base.
        tuned_score: The same with the tuned model.
        margin: How much more similar than `positive_id` it is with the tuned model; than the last hit where that was
            not found.
    """

    query: Query
    passage_id: str
    judged: bool
    repeats_answer: bool
    positive_id: str
    positive_rank: int | None
    base_score: float
    tuned_score: float
    margin: float


@dataclass(frozen=True, slots=True)
class LabelErrors:
    """Every such query.

    Attributes:
        all: Near-duplicates of an answer first, then by margin, the largest first.
        queries: Queries that were looked at.
        agreed: Those of them whose first hit both models agree on and the labels do not accept, whether or not it looks
            right.
        least: Cosine of the tuned model from which a hit looks right: half of the accepted first hits have as much.
            None where no accepted passage comes first, and every such hit is listed.
    """

    all: tuple[LabelError, ...] = ()
    queries: int = 0
    agreed: int = 0
    least: float | None = None

    @property
    def sentence(self) -> str:
        """The answer in one line."""
        if not self.all:
            return "no passage that both models put first looks like an answer that is missing from the labels"
        repeats = sum(one.repeats_answer for one in self.all)
        told = f"; {repeats:,} of them are near-duplicates of an accepted answer" if repeats else ""
        return (
            f"for {self.agreed:,} of {self.queries:,} queries both models put first what the labels do not accept; "
            f"{len(self.all):,} of these hits are as similar as right ones usually are: the labels may be wrong{told}"
        )


def likely_label_errors(
    queries: Sequence[Query],
    qrels: Sequence[Qrel],
    base: Run,
    tuned: Run,
    near_duplicates: Mapping[str, str] | None = None,
) -> LabelErrors:
    """The queries whose first hit is the same passage with both models, not an accepted one, and looks right.

    A hit looks right when its cosine with the tuned model is at least the median of that of accepted first hits, or
    when it is a near-duplicate of an accepted passage.

    Args:
        queries: Each with a positive; one without is not looked at.
        qrels: Judgements.
        base: What the base answered.
        tuned: What the tuned model answered.
        near_duplicates: Passage id → near-duplicate group; a passage that is missing stands alone.
    """
    groups = near_duplicates or {}
    grades: dict[str, dict[str, int]] = {}
    for one in qrels:
        of_query = grades.setdefault(one.query_id, {})
        of_query[one.passage_id] = max(one.relevance, of_query.get(one.passage_id, 0))
    found = []
    looked_at = 0
    for query in queries:
        judged = grades.get(query.id, {})
        accepted = [passage_id for passage_id, grade in judged.items() if grade > 0]
        before, after = base.top(query.id, 1), tuned.top(query.id, 1)
        looked_at += bool(accepted)
        if not accepted or not before or not after or before[0].passage_id != after[0].passage_id:
            continue
        hit = after[0].passage_id
        if judged.get(hit, 0) > 0:
            continue
        ranked = tuned.rankings[query.id]
        place = {passage_id: rank for rank, passage_id in enumerate(ranked, start=1)}
        best = min(accepted, key=lambda passage_id: place.get(passage_id, len(place) + 1))
        rival = ranked.get(best, min(ranked.values()))
        answers = {groups.get(passage_id, passage_id) for passage_id in accepted}
        found.append(
            LabelError(
                query, hit, hit in judged, groups.get(hit, hit) in answers, best, place.get(best), before[0].score,
                after[0].score, after[0].score - rival,
            )
        )  # fmt: skip
    right = [
        hits[0].score
        for query in queries
        if (hits := tuned.top(query.id, 1)) and grades.get(query.id, {}).get(hits[0].passage_id, 0) > 0
    ]
    least = median(right) if right else None
    likely = [one for one in found if one.repeats_answer or least is None or one.tuned_score >= least]
    likely.sort(key=lambda one: (not one.repeats_answer, -one.margin, one.query.id))
    return LabelErrors(tuple(likely), looked_at, len(found), least)
