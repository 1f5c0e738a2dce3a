"""Queries that ask the same become one, with all their positives.

Three steps, each over what the one before left apart: the same normal form; the same words, as `sameness` reads them;
the same stems, where the vectors agree. Every query resembles the one that stands for it, not merely a third. No step
compares all with all: queries meet by a key, and at most a few of a key are compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np

from jargonaut.pairs.curation.sameness import Wording, wording
from jargonaut.pairs.provenance import is_gold, stricter
from jargonaut.pairs.wording import normalised
from jargonaut.protocols import Vectors
from jargonaut.records import Pair, SplitName

Encode = Callable[[Sequence[str]], Vectors]

_MOST_COMPARED = 16
"""How many that stand for others, of one key, a query is compared with."""
_ENCODED_AT_ONCE = 16_384


@dataclass(slots=True)
class _Asked:
    """A query as its pairs give it.

    Attributes:
        id: Its id.
        text: Its text.
        gold: Whether people judged a passage for it.
        pairs: How many pairs ask it.
        split: The strictest part that one of its pairs was put in.
    """

    id: str
    text: str
    gold: bool = False
    pairs: int = 0
    split: SplitName | None = None


@dataclass(frozen=True, slots=True)
class Merged:
    """Pairs after queries were merged.

    Attributes:
        pairs: All of them, in order, with the query that stands for theirs.
        queries: Id of a query that was merged → id of the one that stands for it.
    """

    pairs: list[Pair]
    queries: dict[str, str]


def merge_queries(
    pairs: Sequence[Pair], encode: Encode | None = None, cosine: float = 0.9, language: str = "english"
) -> Merged:
    """Gives queries that ask the same one id and one text.

    The query that stands for others is one that people judged, before one with a given split, before the most frequent;
    then the first by text and id, so the order of the pairs does not count. Queries of different given splits stay
    apart, since merging them would move an answer from one part to another.

    Args:
        pairs: Any pairs.
        encode: Texts → vectors; queries that differ in inflection are merged only with it.
        cosine: Least cosine of such queries.
        language: Snowball's name of the queries' language.

    Raises:
        SettingsError: Snowball has no stemmer for `language`.
    """
    asked = _asked(pairs)
    stands: dict[int, int] = {}
    left = list(range(len(asked)))  # in order of preference
    left = _join(left, asked, stands, (_digest(normalised(one.text) or one.text) for one in asked))
    read = [wording(asked[i].text, language) for i in left]
    # A query of nothing but words that say nothing (`what is the`) is like no other.
    heads = set(_join(left, asked, stands, (_digest((one.in_order, one.words) if one.words else i)
                                            for i, one in zip(left, read, strict=True))))  # fmt: skip
    if encode is not None:
        _join_stems([(i, one) for i, one in zip(left, read, strict=True) if i in heads], asked, stands,
                    language, encode, cosine)  # fmt: skip
    return _renamed(pairs, asked, stands)


def _asked(pairs: Iterable[Pair]) -> list[_Asked]:
    """The queries, those first that may stand for others."""
    found: dict[tuple[str, str], _Asked] = {}
    for pair in pairs:
        key = (pair.query_id, pair.query)
        one = found.get(key)
        if one is None:
            one = found[key] = _Asked(*key)
        one.pairs += 1
        one.gold |= is_gold(pair)
        one.split = stricter(one.split, pair.split)
    return sorted(found.values(), key=lambda one: (not one.gold, one.split is None, -one.pairs, one.text, one.id))


def _join(left: Sequence[int], asked: Sequence[_Asked], stands: dict[int, int], keys: Iterable[Hashable]) -> list[int]:
    """Joins queries of one key with the first of it whose split is not another; gives those that still stand."""
    firsts: dict[Hashable, int | list[int]] = {}
    standing: list[int] = []
    for i, key in zip(left, keys, strict=True):
        held = firsts.get(key)
        others = [held] if isinstance(held, int) else held or []
        fitting = next((other for other in others if _fit(asked[i], asked[other])), None)
        if fitting is None:
            firsts[key] = [*others, i] if others else i
            standing.append(i)
        else:
            _put(i, fitting, asked, stands)
    return standing


def _join_stems(
    left: Sequence[tuple[int, Wording]], asked: Sequence[_Asked], stands: dict[int, int], language: str,
    encode: Encode, cosine: float,
) -> None:  # fmt: skip
    """Joins queries of the same stems whose vectors agree."""
    keyed: dict[bytes, list[int]] = defaultdict(list)
    for i, one in left:
        keyed[_digest((one.in_order, one.stems(language)))].append(i)
    crowds = [crowd for crowd in keyed.values() if len(crowd) > 1]
    for part in _parts(crowds):
        members = [i for crowd in part for i in crowd]
        vectors = _unit(encode([asked[i].text for i in members]))
        row = {i: number for number, i in enumerate(members)}
        for crowd in part:
            heads: list[int] = []
            for i in crowd:
                near = (h for h in heads[:_MOST_COMPARED] if float(vectors[row[i]] @ vectors[row[h]]) >= cosine)
                fitting = next((head for head in near if _fit(asked[i], asked[head])), None)
                if fitting is None:
                    heads.append(i)
                else:
                    _put(i, fitting, asked, stands)


def _parts(crowds: Iterable[list[int]]) -> Iterator[list[list[int]]]:
    """Crowds that are encoded together, so that not all vectors are in memory at once."""
    part: list[list[int]] = []
    size = 0
    for crowd in crowds:
        part.append(crowd)
        size += len(crowd)
        if size >= _ENCODED_AT_ONCE:
            yield part
            part, size = [], 0
    if part:
        yield part


def _fit(one: _Asked, other: _Asked) -> bool:
    return one.split is None or other.split is None or one.split == other.split


def _put(i: int, head: int, asked: Sequence[_Asked], stands: dict[int, int]) -> None:
    stands[i] = head
    if asked[head].split is None:
        asked[head].split = asked[i].split


def _renamed(pairs: Sequence[Pair], asked: Sequence[_Asked], stands: Mapping[int, int]) -> Merged:
    final: dict[tuple[str, str], _Asked] = {}
    for i, by in stands.items():
        while by in stands:
            by = stands[by]  # noqa: PLW2901 - on to the one that stands for it
        final[asked[i].id, asked[i].text] = asked[by]
    named = sorted((old, head.id) for (old, _), head in final.items() if old != head.id)
    renamed = [
        pair if (head := final.get((pair.query_id, pair.query))) is None
        else replace(pair, query_id=head.id, query=head.text)
        for pair in pairs
    ]  # fmt: skip
    return Merged(renamed, dict(reversed(named)))


def _unit(vectors: Vectors) -> Vectors:
    wide = np.asarray(vectors, np.float32)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    unit: Vectors = np.divide(wide, lengths, out=np.zeros_like(wide), where=lengths > 0)
    return unit


def _digest(value: object) -> bytes:
    return blake2b(repr(value).encode("utf-8", "surrogatepass"), digest_size=12).digest()
