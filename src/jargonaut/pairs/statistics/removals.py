"""The pairs that were left out, by the rule that they broke, with examples.

Knows what the rules say of themselves; applies none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jargonaut.pairs.filters import RemovedPair


@dataclass(frozen=True, slots=True)
class RemovedExample:
    """One pair that was left out: its query, the passage that it led to, and the rule's figures."""

    query: str
    passage_id: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Removal:
    """What one rule left out.

    Attributes:
        rule: Its name.
        pairs: How many pairs.
        examples: A few of them, the first ones of different queries.
    """

    rule: str
    pairs: int
    examples: tuple[RemovedExample, ...] = ()


def removals(removed: Iterable[RemovedPair], examples: int) -> tuple[Removal, ...]:
    """Counts removed pairs by rule, most frequent first; they are streamed.

    Args:
        removed: In any order.
        examples: How many to keep of each rule.
    """
    counted: dict[str, int] = {}
    kept: dict[str, dict[str, RemovedExample]] = {}
    for one in removed:
        counted[one.rule] = counted.get(one.rule, 0) + 1
        shown = kept.setdefault(one.rule, {})
        if len(shown) < examples and one.pair.query not in shown:
            shown[one.pair.query] = RemovedExample(one.pair.query, one.pair.passage_id, one.detail)
    order = sorted(counted, key=lambda rule: (-counted[rule], rule))
    return tuple(Removal(rule, counted[rule], tuple(kept[rule].values())) for rule in order)
