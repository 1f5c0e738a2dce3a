"""Decisions → pairs: the rejected ones removed, the edited ones replaced, the rest as they were.

Knows pairs and settled decisions; pairs that nobody decided stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from jargonaut.pairs.filters import RemovedPair
from jargonaut.pairs.review.cards import keys_of
from jargonaut.pairs.review.decisions import Decision, settled
from jargonaut.pairs.wording import query_id
from jargonaut.records import Pair, Passage

RULE = "review"


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What a review left of pairs; `kept` and `removed` are as in `Filtered`.

    Attributes:
        kept: In the order of the input, edited ones in the place of those that they replace.
        removed: Rejected ones, with their reason; the rule is `review`.
        accepted: How many of the kept were accepted as they are.
        edited: How many of the kept have another query now; one that came to the same as another pair is its repeat.
    """

    kept: tuple[Pair, ...]
    removed: tuple[RemovedPair, ...] = ()
    accepted: int = 0
    edited: int = 0


def apply(
    pairs: Iterable[Pair],
    passages: Mapping[str, Passage],
    decisions: Mapping[str, Mapping[str, Decision]],
    *,
    as_gold: bool = False,
) -> Reviewed:
    """Pairs as a review leaves them.

    Args:
        pairs: Any pairs; those of relevance 0 and of unknown passages pass.
        passages: Passage id → passage.
        decisions: Card → reviewer → what holds, as `DecisionStore.in_force` gives it.
        as_gold: Whether accepted and edited pairs count as labels from here on: people judged them.
    """
    listed = list(pairs)
    keys = keys_of(listed, passages)
    final = {key: one for key in set(keys) if (one := settled(decisions.get(key, {}).values())) is not None}
    kept: list[Pair] = []
    removed: list[RemovedPair] = []
    accepted = edited = 0
    for pair, key in zip(listed, keys, strict=True):
        decision = final.get(key)
        if decision is None:
            kept.append(pair)
        elif decision.verdict == "reject":
            removed.append(RemovedPair(pair, RULE, _detail(decision)))
        elif decision.verdict == "accept":
            accepted += 1
            kept.append(_gold(pair) if as_gold else pair)
        else:
            other = replace(pair, query_id=query_id(decision.edited_query), query=decision.edited_query)
            edited += 1
            kept.append(_gold(other) if as_gold else other)
    return Reviewed(tuple(kept), tuple(removed), accepted, edited)


def _gold(pair: Pair) -> Pair:
    return replace(pair, provenance="label")


def _detail(decision: Decision) -> str:
    return ": ".join(part for part in (decision.reason, decision.comment) if part)
