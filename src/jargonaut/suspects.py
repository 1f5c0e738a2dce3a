"""Labels that evaluations doubt, and what people made of them: from a run's folder back into the pairs.

A run lists passages that both models put first and that the labels do not accept. What a person accepts of them is an
answer from then on. Knows these lists and settled decisions; how a label comes to be doubted is not its business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain

from jargonaut import formats
from jargonaut.layout import Layout
from jargonaut.pairs.review import Decision, apply, keyed, settled
from jargonaut.records import SPLITS, Pair, Passage, SplitName

SUSPECTS = "label_errors.jsonl"
"""Likely label errors as pairs, in a run's folder."""
SHEET = "label_errors.csv"
"""The same, to be filled in and read by `jargonaut pairs review --import`."""
SUSPECTED = "suspected"
"""Where such a pair says that it comes from."""


def suspects(layout: Layout, passages: Mapping[str, Passage]) -> tuple[Pair, ...]:
    """What all runs of a workspace doubt, each query and passage once; passages that are gone are left out."""
    found: dict[tuple[str, str], Pair] = {}
    for path in sorted(layout.runs.glob(f"[!.]*/{SUSPECTS}")):
        for pair in formats.read_records(path, Pair):
            if pair.passage_id in passages:
                found.setdefault((pair.query_id, pair.passage_id), pair)
    return tuple(found[key] for key in sorted(found))


def accepted(
    doubted: Sequence[Pair], passages: Mapping[str, Passage], decisions: Mapping[str, Mapping[str, Decision]]
) -> tuple[Pair, ...]:
    """Those that people accepted, as labels; an edited query takes the place of the old one.

    Args:
        doubted: From `suspects`.
        passages: Passage id → passage.
        decisions: Card → reviewer → what holds.
    """
    cards = keyed(doubted, passages) if decisions else {}
    said = {key: settled(decisions[key].values()) for key in cards if key in decisions}
    taken = [cards[key] for key, one in said.items() if one is not None and one.verdict in {"accept", "edit"}]
    return apply(taken, passages, decisions, as_gold=True).kept


def with_answers(
    pairs: Sequence[Pair], parts: Mapping[SplitName, Sequence[Pair]], answers: Sequence[Pair], *, as_gold: bool = False
) -> tuple[tuple[Pair, ...], dict[SplitName, Sequence[Pair]]]:
    """Pairs and given parts with more answers; what said that such a passage is none is gone.

    An answer joins the part that asks its query; where none does, or there are no parts, the pairs that we split. It
    comes from where the query's other answers come from, so that one more answer moves no query to another part.

    Args:
        pairs: Those that we split.
        parts: Those whose part is given.
        answers: From `accepted`.
        as_gold: Whether they are labels instead, as `[review] as_gold` has it.
    """
    if not as_gold:
        known = {pair.query_id: pair.provenance for pair in chain(pairs, *parts.values()) if pair.relevance > 0}
        answers = [replace(pair, provenance=known.get(pair.query_id, pair.provenance)) for pair in answers]
    new = {(pair.query_id, pair.passage_id) for pair in answers}
    told: dict[SplitName, Sequence[Pair]] = {}
    placed: set[tuple[str, str]] = set()
    for name in [name for name in SPLITS if name in parts]:
        asked = {pair.query_id for pair in parts[name]}
        here = [pair for pair in answers if pair.query_id in asked]
        placed |= {(pair.query_id, pair.passage_id) for pair in here}
        told[name] = (*(p for p in parts[name] if (p.query_id, p.passage_id) not in new), *here)
    rest = [pair for pair in answers if (pair.query_id, pair.passage_id) not in placed]
    return (*(p for p in pairs if (p.query_id, p.passage_id) not in new), *rest), told
