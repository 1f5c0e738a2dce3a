"""Which candidates may answer after all: the rules against false negatives, over whole blocks of candidates at once.

A rule sees row numbers and scores. Every candidate gets the first rule that it breaks, in the order of `RULES`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jargonaut.negatives.options import MiningOptions
from jargonaut.negatives.pooling import NOTHING, Ranking, Rows

HELD = "held out"
KNOWN = "a known positive"
SAME_TEXT = "same text as a positive"
NEAR = "near-duplicate of a positive"
CURATED = "curated already"
TOO_CLOSE = "scores like the positive"
TOO_HIGH = "scores too high"
AGREED = "two scorers put it beside the positive"
JUDGED = "a judge takes it for an answer"
RULES = ("", HELD, KNOWN, SAME_TEXT, NEAR, CURATED, TOO_CLOSE, TOO_HIGH, AGREED, JUDGED)
"""Rules by code; 0 is none."""
FALSE = frozenset((SAME_TEXT, NEAR, TOO_CLOSE, TOO_HIGH, AGREED, JUDGED))
"""Rules against candidates that may well answer."""
CODE = {rule: np.int8(code) for code, rule in enumerate(RULES)}
Codes = NDArray[np.int8]


class Membership:
    """A set of (query, value) pairs that is asked for many at once.

    Args:
        queries: Query rows.
        values: Whole numbers, one for each.
    """

    def __init__(self, queries: Rows, values: Rows) -> None:
        self._values, codes = np.unique(values, return_inverse=True)
        self._keys = np.unique(queries * max(1, len(self._values)) + codes)

    def holds(self, queries: Rows, values: Rows) -> NDArray[np.bool_]:
        """Whether (query, value) is in the set, for each value of shape (n, any); `queries` is of shape (n,)."""
        if not len(self._keys):
            return np.zeros(values.shape, np.bool_)
        place = np.minimum(np.searchsorted(self._values, values), len(self._values) - 1)
        keys = queries[:, None] * len(self._values) + place
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        found: NDArray[np.bool_] = (self._values[place] == values) & (self._keys[at] == keys)
        return found


class TextHashes:
    """A number for the text of each passage, equal for equal texts; made when it is first asked for.

    Args:
        ids: Passage ids by row.
        key: Passage id → key under which equal texts are equal.
    """

    def __init__(self, ids: Sequence[str], key: Callable[[str], str]) -> None:
        self._ids, self._key = ids, key
        self._hashes = np.zeros(len(ids), np.int64)
        self._made = np.zeros(len(ids), np.bool_)

    def of(self, rows: Rows) -> Rows:
        """Hashes of some rows, in their shape; rows of -1 give anything."""
        for row in np.unique(rows[~self._made[rows]]).tolist():
            text = self._key(self._ids[row]).encode("utf-8", "surrogatepass")
            self._hashes[row] = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), signed=True)
            self._made[row] = True
        return self._hashes[rows]


def group_codes(ids: Sequence[str], row: Mapping[str, int], groups: Mapping[str, str]) -> Rows:
    """A number for the near-duplicate group of each passage; one that is in no group has a number of its own."""
    codes = np.arange(len(ids), dtype=np.int64)
    others: dict[str, int] = {}
    for passage, group in groups.items():
        if passage in row:  # a group is named after a passage, or by any other word
            codes[row[passage]] = row[group] if group in row else others.setdefault(group, len(ids) + len(others))
    return codes


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known beside scores.

    Attributes:
        known: (query, passage row) of known answers.
        texts: (query, text hash) of known answers.
        groups: (query, group) of known answers.
        curated: (query, passage row) of negatives that a person or a log named.
        answers: (query, passage row) of what a judge takes for an answer.
        hashes: Text hashes.
        group_of: Group by passage row.
        allowed: By passage row, whether it may be a negative.
    """

    known: Membership
    texts: Membership
    groups: Membership
    curated: Membership
    answers: Membership
    hashes: TextHashes
    group_of: Rows
    allowed: NDArray[np.bool_]

    @classmethod
    def of(
        cls, known: Iterable[tuple[int, int]], curated: Sequence[tuple[int, int]], answers: Iterable[tuple[int, int]],
        hashes: TextHashes, group_of: Rows, allowed: NDArray[np.bool_],
    ) -> Facts:  # fmt: skip
        """The same from (query, passage row) pairs."""
        queries, rows = columns(sorted(known))
        return cls(
            Membership(queries, rows), Membership(queries, hashes.of(rows)), Membership(queries, group_of[rows]),
            Membership(*columns(curated)), Membership(*columns(sorted(answers))), hashes, group_of, allowed,
        )  # fmt: skip

    def certain(self, queries: Rows, rows: Rows) -> Codes:
        """The rule that needs no score, for each candidate of shape (n, any); `queries` is of shape (n,)."""
        codes = np.zeros(rows.shape, np.int8)
        for rule, broken in (
            (HELD, ~self.allowed[rows]),
            (KNOWN, self.known.holds(queries, rows)),
            (SAME_TEXT, self.texts.holds(queries, self.hashes.of(rows))),
            (NEAR, self.groups.holds(queries, self.group_of[rows])),
        ):
            codes[(codes == 0) & broken] = CODE[rule]
        return codes


@dataclass(frozen=True, slots=True)
class Block:
    """Some pairs and their candidates.

    Attributes:
        queries: Query rows, shape (n,).
        positives: Passage rows, shape (n,).
        positive_scores: Similarities, shape (n,).
        rows: Candidates, best first, shape (n, width); -1 where there are no more.
        scores: Similarities, same shape.
    """

    queries: Rows
    positives: Rows
    positive_scores: NDArray[np.float32]
    rows: Rows
    scores: NDArray[np.float32]


def broken(
    block: Block, facts: Facts, options: MiningOptions, words: Ranking | None
) -> tuple[Codes, NDArray[np.bool_]]:
    """The rule that each candidate breaks, and which of those too close to the positive may serve in need.

    Args:
        block: Pairs and candidates.
        facts: What is known of them.
        options: Thresholds.
        words: BM25's answers, for agreement.
    """
    there = block.rows != NOTHING
    codes = facts.certain(block.queries, block.rows)
    close, high = _too_close(block, options), _too_high(block, options)
    agreed, judged = _agreed(block, options, words), facts.answers.holds(block.queries, block.rows)
    already = facts.curated.holds(block.queries, block.rows)
    for rule, found in ((CURATED, already), (TOO_CLOSE, close), (TOO_HIGH, high), (AGREED, agreed), (JUDGED, judged)):
        codes[(codes == 0) & found] = CODE[rule]
    in_need = ((codes == CODE[TOO_CLOSE]) | (codes == CODE[TOO_HIGH])) & ~agreed & ~judged & there
    codes[~there] = -1
    return codes, in_need


def _too_close(block: Block, options: MiningOptions) -> NDArray[np.bool_]:
    """Which score about as high as the positive."""
    positive, scores = block.positive_scores.astype(np.float64)[:, None], block.scores.astype(np.float64)
    close = np.zeros(block.rows.shape, np.bool_)
    if options.max_percent is not None:
        close |= scores >= _share(positive, options.max_percent)
    if options.margin is not None:
        close |= scores > positive - options.margin
    return close


def _too_high(block: Block, options: MiningOptions) -> NDArray[np.bool_]:
    if options.max_score is None:
        return np.zeros(block.rows.shape, np.bool_)
    high: NDArray[np.bool_] = block.scores >= options.max_score
    return high


def _agreed(block: Block, options: MiningOptions, words: Ranking | None) -> NDArray[np.bool_]:
    """Which the model and BM25 both put beside the positive."""
    if options.agreement is None or words is None:
        return np.zeros(block.rows.shape, np.bool_)
    rows, scores = words.rows[block.queries], words.scores[block.queries]
    own = np.where(rows == block.positives[:, None], scores, -np.inf).max(axis=1, initial=-np.inf)
    said = np.full(block.rows.shape, -np.inf, np.float32)
    for rank in range(rows.shape[1]):
        said = np.where(block.rows == rows[:, rank : rank + 1], scores[:, rank : rank + 1], said)
    positive = block.positive_scores.astype(np.float64)[:, None]
    near = block.scores >= _share(positive, options.agreement)
    found: NDArray[np.bool_] = near & np.isfinite(own)[:, None] & (said >= own[:, None])
    return found


def _share(positive: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """A share of the positive's score; of a negative one as much below it (or above) as of a positive one."""
    return np.where(positive >= 0, positive * share, positive * (2 - share))


def columns(pairs: Sequence[tuple[int, int]]) -> tuple[Rows, Rows]:
    """(a, b) pairs as two columns."""
    both = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]
