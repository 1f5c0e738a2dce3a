"""What can be learned from a set of examples, and how carefully: what contradicts itself, what has no negatives.

Knows ids and the recipe; knows no texts and no models.
"""

from __future__ import annotations

import bisect
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from jargonaut.errors import InputError
from jargonaut.records import Pair, Triplet
from jargonaut.training.batches import drawn_count
from jargonaut.training.options import TrainOptions

_SAFEST = {"lr": 2e-5, "batch_size": 32}
"""What few pairs are trained with: enough steps for an epoch to mean something, small ones."""
_PLENTY = 6000
"""Pairs that are plenty for an epoch, where the others are further answers to the same queries."""
_SEEN = 11_500
"""Pairs, repeats counted, that are enough: two passes over financial_qa, where a third added nothing."""
_MOST_PASSES = 3
_ONE_FOR_MANY = 0.5
"""Share of the examples that may have one answer before a reader is told."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is trained on.

    Attributes:
        examples: Those handed in, without negatives that are known positives.
        options: The recipe in force.
        epochs: Most passes over the examples.
        notices: What was changed and why, and what is doubtful, in sentences.
    """

    examples: tuple[Triplet, ...]
    options: TrainOptions
    epochs: int
    notices: tuple[str, ...]


def prepared(
    examples: Sequence[Triplet],
    positives: Mapping[str, frozenset[str]],
    groups: Mapping[str, str],
    options: TrainOptions,
    *,
    again: bool = False,
) -> Lesson:
    """Looks at the examples before anything is trained.

    Args:
        examples: Queries with a positive and hard negatives.
        positives: Query id → all its known positives.
        groups: Passage id → near-duplicate group.
        options: The recipe as the user has it.
        again: Whether negatives are mined again after the first pass.

    Raises:
        InputError: There are fewer than two examples, or an epoch would take fewer; or there is not a single negative.
    """
    if len(examples) < 2:
        raise InputError("training needs at least two pairs")
    cleared = tuple(_without_positives(example, positives) for example in examples)
    lost = sum(len(e.negative_ids) for e in examples) - sum(len(e.negative_ids) for e in cleared)
    notices = [_negatives_told(cleared, groups)]
    epochs = passes(cleared, options, again=again)
    if again and epochs == 1:
        notices.append("negatives are mined again after the first of several passes, and there is one only")
    if lost:
        notices.append(f"{lost:,} hard negatives are also positives of their query; as negatives they are left out")
    if options.per_query is None:
        most, told = answers_taken(cleared)
        if told:
            notices.append(f"{told} (`train.per_query = 0` takes all)")
            options = replace(options, per_query=most)
    taken = drawn_count(cleared, options.per_query)
    if taken < 2:
        raise InputError(f"with {options.per_query} pair of each query an epoch has a single pair",
                         where="[train] per_query", remedy="let an epoch take more of them, or say none")  # fmt: skip
    cautious = careful(options, taken)
    if cautious != options:
        changed = ", ".join(
            f"{key} {getattr(cautious, key):g} instead of {getattr(options, key):g}"
            for key in _SAFEST if getattr(cautious, key) != getattr(options, key)
        )  # fmt: skip
        where = "" if taken == len(cleared) else " in an epoch"
        notices.append(f"with only {taken:,} pairs{where} training is careful: {changed} (`train.few_pairs = 0` keeps "
                       "the recipe as it is)")  # fmt: skip
    return Lesson(cleared, cautious, epochs, tuple(filter(None, notices)))


def _without_positives(example: Triplet, positives: Mapping[str, frozenset[str]]) -> Triplet:
    """An example without negatives that answer its query."""
    known = positives.get(example.query_id, frozenset()) | {example.positive_id}
    if known.isdisjoint(example.negative_ids):
        return example
    return replace(example, negative_ids=tuple(n for n in example.negative_ids if n not in known))


def _negatives_told(examples: Sequence[Triplet], groups: Mapping[str, str]) -> str:
    """What there is to say of the negatives; nothing where there are enough.

    Raises:
        InputError: There is none.
    """
    answers = Counter(groups.get(e.positive_id, e.positive_id) for e in examples)
    ((_, most),) = answers.most_common(1)
    if len(answers) == 1 and not any(e.negative_ids for e in examples):
        raise InputError(
            f"all {len(examples):,} pairs have the same passage, or a near-duplicate of it, as their answer, and there "
            "are no hard negatives: there is nothing to tell it from",
            where="training", remedy="add pairs about other passages, or mine negatives ([mine] per_pair)",
        )  # fmt: skip
    if most > _ONE_FOR_MANY * len(examples):
        return f"{most:,} of {len(examples):,} pairs have the same passage as their answer: they teach little"
    return ""


def answers_taken(examples: Sequence[Triplet] | Sequence[Pair]) -> tuple[int, str]:
    """How many examples of a query an epoch takes at most, and a sentence that says so; 0 and none where it takes all.

    It takes as few as bring `_PLENTY`, where that spares at least half of the epoch.
    """
    found = _fewest(examples, _PLENTY)
    taken = drawn_count(examples, found)
    if 2 * taken > len(examples):
        return 0, ""
    return found, (
        f"an epoch takes at most {found} pair{'s' * (found > 1)} of each query, {taken:,} of {len(examples):,}; later "
        "epochs take further ones"
    )


def pairs_of_epoch(examples: Sequence[Triplet] | Sequence[Pair], per_query: int | None) -> int:
    """How many examples an epoch takes with this `[train] per_query`."""
    return drawn_count(examples, answers_taken(examples)[0] if per_query is None else per_query)


def passes(examples: Sequence[Triplet] | Sequence[Pair], options: TrainOptions, *, again: bool = False) -> int:
    """Most passes over the examples: what the recipe says, or one to three, as comes nearest to `_SEEN` pairs.

    Two at least, where the first takes half of the answers or fewer, or, `again`, negatives are mined anew after it.
    """
    if options.epochs is not None:
        return options.epochs
    pairs = pairs_of_epoch(examples, options.per_query)
    least = 2 if again or 2 * pairs <= len(examples) else 1
    return min(_MOST_PASSES, max(least, math.floor(_SEEN / max(1, pairs) + 0.5)))


def _fewest(examples: Sequence[Triplet] | Sequence[Pair], wanted: int) -> int:
    """So many examples of each query bring as many as are wanted, or all."""
    counts = np.array([*Counter(example.query_id for example in examples).values()])
    highest = int(counts.max(initial=0))
    return bisect.bisect_left(range(highest), wanted, key=lambda most: int(np.minimum(counts, most).sum()))


def careful(options: TrainOptions, pairs: int) -> TrainOptions:
    """The recipe for so many pairs; what is not the default was chosen, and stays."""
    if pairs >= options.few_pairs:
        return options
    defaults: dict[str, Any] = {each.name: each.default for each in fields(options)}
    changed: dict[str, Any] = {
        key: safest for key, safest in _SAFEST.items() if safest < getattr(options, key) == defaults[key]
    }
    if options.lora_rank:  # the model's own rate is not used
        changed.pop("lr", None)
    return replace(options, **changed)
