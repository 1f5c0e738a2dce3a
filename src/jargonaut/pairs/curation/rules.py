"""The rules that look at rankings: the round trip, ambiguous and too generic queries, easy pairs.

A rule says of rows of pairs what is wrong with them. What becomes of them is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from jargonaut.pairs.curation.options import CurationOptions
from jargonaut.pairs.curation.standing import NOT_ASKED, NOT_FOUND, Standing
from jargonaut.pairs.provenance import may_be_doubted
from jargonaut.pairs.wording import content_stems
from jargonaut.records import Pair, source_of

_BLOCK = 65_536


def lost(pairs: Sequence[Pair], standings: Sequence[Standing], k: int, *, clicks: bool) -> dict[int, str]:
    """Positives that their own query does not find.

    Consistency filtering as in Promptagator (Dai et al., 2022, arXiv:2209.11755), with the union of the rankings, so
    that neither the words alone nor the base model alone decide.

    Args:
        pairs: Positives.
        standings: Their standing in one or more rankings.
        k: They must be among the first `k` of one ranking.
        clicks: Whether that is asked of clicks too.

    Returns:
        Row of a pair → its rank in each ranking. A query that some ranking was not asked is passed over.

    Raises:
        ValueError: A ranking is too short to say, and holds fewer hits than there are passages.
    """
    for one in standings:
        if one.depth < min(k, len(one.passage_ids)) and one.depth and (one.rank == NOT_FOUND).any():
            raise ValueError(f"{one.name} was searched to a depth of {one.depth}, which cannot show the first {k}")
    found = np.zeros(len(pairs), bool)
    for one in standings:
        found |= (one.rank == NOT_ASKED) | ((one.rank > NOT_FOUND) & (one.rank <= k))
    return {
        row: ", ".join(one.place(row) for one in standings)
        for row in np.flatnonzero(~found).tolist()
        if may_be_doubted(pairs[row]) and (clicks or source_of(pairs[row].provenance) != "click")
    }


def rivalled(standings: Sequence[Standing], options: CurationOptions) -> dict[int, tuple[str, str]]:
    """Positives whose query is answered as well by passages unrelated to all its positives.

    Ambiguous: one and the same passage is a rival in every ranking. Too generic: every ranking has many rivals. Both
        are judged by the query's best positive, so all its pairs share the verdict.

    Args:
        standings: Standing of the positives in one or more rankings.
        options: How close a rival is, and how many are many.

    Returns:
        Row of a pair → `ambiguous` or `generic`, and the figures.
    """
    found: dict[int, tuple[str, str]] = {}
    count = len(standings[0].rank)
    for start in range(0, count, _BLOCK):
        block = [one.take(np.arange(start, min(count, start + _BLOCK))) for one in standings]
        close = [(one.closeness >= 1 - options.margin) & (one.rivals >= 0) for one in block]
        fewest = np.min([each.sum(axis=1) for each in close], axis=0)
        shared = close[0]
        for other, its in zip(block[1:], close[1:], strict=True):
            same = block[0].rivals[:, :, None] == other.rivals[:, None, :]
            shared = shared & (same & its[:, None, :]).any(axis=2)
        generic, ambiguous = fewest >= options.generic_rivals, shared.any(axis=1)
        for row in np.flatnonzero(generic | ambiguous):
            verdict = ("generic", f"{int(fewest[row])} or more rivals in every ranking") if generic[row] else (
                "ambiguous", _rival(block, int(row), int(shared[row].argmax()))
            )  # fmt: skip
            found[start + int(row)] = verdict
    return found


def _rival(standings: Sequence[Standing], row: int, column: int) -> str:
    """Which passage it is, and how close in each ranking."""
    rival = standings[0].rivals[row, column]
    shares = (float(one.closeness[row][one.rivals[row] == rival][0]) for one in standings)
    figures = ", ".join(f"{share:.0%} in {one.name}" for share, one in zip(shares, standings, strict=True))
    return f"{standings[0].passage_ids[rival]} scores, of the best positive's score, {figures}"


def easy(
    pairs: Sequence[Pair], standings: Sequence[Standing], texts: Mapping[str, str], options: CurationOptions,
    language: str,
) -> dict[int, tuple[float, str]]:  # fmt: skip
    """Positives from which little can be learnt: the words are copied, and every ranking has the passage far in front.

    Args:
        pairs: Positives.
        standings: Their standing in one or more rankings.
        texts: Passage id → text.
        options: What is easy.
        language: Snowball's name of the texts' language.

    Returns:
        Row of a pair → how close its best rival comes, at most 1, and the figures.
    """
    first = np.ones(len(pairs), bool)
    nearest: NDArray[np.float32] = np.zeros(len(pairs), np.float32)
    for one in standings:
        first &= one.rank == 1
        nearest = np.maximum(nearest, one.closeness[:, 0])
    rows = np.flatnonzero(first & (nearest <= 1 - options.easy_margin)).tolist()
    rows.sort(key=lambda row: pairs[row].passage_id)  # so that a passage's stems are made once and held by none
    found: dict[int, tuple[float, str]] = {}
    current, stems = "", frozenset[str]()
    for row in rows:
        pair = pairs[row]
        if pair.passage_id != current:
            current, stems = pair.passage_id, content_stems(texts.get(pair.passage_id, ""), language)
        asked = content_stems(pair.query, language)
        share = len(asked & stems) / len(asked) if asked else 0.0
        if asked and share >= options.easy_overlap:
            detail = f"{share:.0%} of its words are the passage's, the next passage scores {nearest[row]:.0%} as much"
            found[row] = float(nearest[row]), detail
    return dict(sorted(found.items()))


def below(scores: Sequence[float | None], pairs: Sequence[Pair], threshold: float) -> dict[int, str]:
    """Positives that may be doubted and whose score is below a threshold; an unknown score is not."""
    return {
        row: f"{score:.2f}, at least {threshold:g} wanted"
        for row, (score, pair) in enumerate(zip(scores, pairs, strict=True))
        if score is not None and score < threshold and may_be_doubted(pair)
    }
