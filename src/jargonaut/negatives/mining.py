"""Hard negatives from a dense ranking of train passages, false negatives taken out.

It is handed rankings over passages that may be mined; which those are (never test or dev passages) is the caller's
promise, and a passage outside `allowed` is refused again here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from jargonaut.records import Pair, Run, Triplet

VERSION = 1


@dataclass(frozen=True, slots=True)
class MiningOptions:
    """How to choose hard negatives.

    Attributes:
        per_pair: Hard negatives per pair; 0 trains on in-batch negatives alone.
        depth: Ranks that are looked at.
        skip: First ranks that are left out.
        max_percent: A candidate whose score is at least this share of the positive's own is taken for a false negative
            (TopK-PercPos of NV-Retriever, Moreira et al. 2024).
    """

    per_pair: int = 1
    depth: int = 50
    skip: int = 0
    max_percent: float = 0.95


@dataclass(frozen=True, slots=True)
class MinedNegatives:
    """What mining found.

    Attributes:
        triplets: One per pair, in the pairs' order; a pair may have fewer negatives than asked.
        removed: Candidates taken out, by rule.
        fell_back: Pairs whose candidates the threshold rejected almost all, so that ranks decided instead.
    """

    triplets: tuple[Triplet, ...]
    removed: Mapping[str, int]
    fell_back: int

    @property
    def negatives(self) -> int:
        """Hard negatives in all."""
        return sum(len(triplet.negative_ids) for triplet in self.triplets)


def mine(
    pairs: Sequence[Pair],
    ranking: Run,
    positive_score: Callable[[str, str], float],
    text_key: Callable[[str], str],
    groups: Mapping[str, str],
    allowed: Collection[str],
    options: MiningOptions,
) -> MinedNegatives:
    """Chooses hard negatives for every positive pair.

    Args:
        pairs: Training pairs. Those of relevance 0 are curated hard negatives and are taken before mined ones.
        ranking: Train queries → train passages with similarity scores, at least `options.depth` deep.
        positive_score: (query id, passage id) → similarity on the ranking's own scale.
        text_key: Passage id → key under which equal texts are equal.
        groups: Passage id → near-duplicate group.
        allowed: Passages that may serve as negatives.
        options: How many and which.
    """
    relevant: dict[str, set[str]] = {}
    curated: dict[str, list[str]] = {}
    for pair in pairs:
        if pair.relevance > 0:
            relevant.setdefault(pair.query_id, set()).add(pair.passage_id)
        elif pair.passage_id in allowed:
            curated.setdefault(pair.query_id, []).append(pair.passage_id)
    removed: Counter[str] = Counter()
    fell_back = 0
    triplets: list[Triplet] = []
    for pair in pairs:
        if pair.relevance <= 0:
            continue
        known = relevant[pair.query_id]
        texts = {text_key(p) for p in known}
        near = {groups.get(p, p) for p in known}
        chosen = [p for p in curated.get(pair.query_id, []) if p not in known][: options.per_pair]
        ceiling = positive_score(pair.query_id, pair.passage_id) * options.max_percent
        rejected: list[str] = []
        for hit in ranking.top(pair.query_id, options.depth)[options.skip :]:
            if len(chosen) >= options.per_pair:
                break
            rule = _false_negative(
                hit.passage_id, known=known, texts=texts, near=near, text_key=text_key, groups=groups, allowed=allowed
            )
            if rule is None and hit.passage_id in chosen:
                rule = "curated already"
            if rule is None and hit.score >= ceiling:
                rule = "scores like the positive"
                rejected.append(hit.passage_id)
            if rule is None:
                chosen.append(hit.passage_id)
            else:
                removed[rule] += 1
        if not chosen and rejected and options.per_pair:
            # The threshold took everything, as it does in small or uniform corpora: the lowest ranks are the safest.
            fell_back += 1
            chosen = rejected[-options.per_pair :]
        triplets.append(Triplet(pair.query_id, pair.passage_id, tuple(chosen)))
    return MinedNegatives(tuple(triplets), dict(removed), fell_back)


def _false_negative(
    passage_id: str,
    *,
    known: set[str],
    texts: set[str],
    near: set[str],
    text_key: Callable[[str], str],
    groups: Mapping[str, str],
    allowed: Collection[str],
) -> str | None:
    """The rule by which a candidate cannot be a negative, if there is one."""
    if passage_id not in allowed:
        return "held out"
    if passage_id in known:
        return "a known positive"
    if text_key(passage_id) in texts:
        return "same text as a positive"
    if groups.get(passage_id, passage_id) in near:
        return "near-duplicate of a positive"
    return None
