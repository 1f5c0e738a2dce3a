"""What curation is told: real rankings, topics that hold together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jargonaut.evidence import ranker, topics_of
from jargonaut.protocols import Vectors
from jargonaut.records import Pair
from jargonaut.retrieval import BM25Options

if TYPE_CHECKING:
    from collections.abc import Sequence

TEXTS = {"heart": "the heart pumps blood", "liver": "the liver cleans the blood", "bone": "a bone carries weight"}


class Letters:
    """An encoder whose vectors are counts of letters: exact, fast, and good enough to rank by."""

    name = fingerprint = "letters"
    dimension = 26

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Counts, normalised."""
        counts = np.array([[text.lower().count(chr(97 + n)) for n in range(26)] for text in texts], np.float32)
        unit: Vectors = counts / np.maximum(1e-9, np.linalg.norm(counts, axis=1, keepdims=True))
        return unit

    encode_passages = encode_queries


def test_a_positive_stands_where_both_searchers_put_it() -> None:
    """First where the words are its own; not found where no word is shared."""
    rank = ranker(TEXTS, {}, {}, Letters(), BM25Options(), 2)
    pairs = [Pair("q1", "the liver cleans the blood", "liver"), Pair("q2", "quartz", "heart")]
    base, lexical = rank(pairs)
    assert (base.name, lexical.name) == ("base", "BM25")
    assert (base.rank[0], lexical.rank[0]) == (1, 1)
    assert lexical.rank[1] == 0


def test_topics_hold_what_is_alike() -> None:
    """Every passage has one, the same each time; texts of one kind share theirs."""
    texts = {f"{word}-{n}": f"{word * 3} {n}" for word in ("zzz", "aaa") for n in range(40)}
    found = topics_of(Letters(), texts)
    assert found == topics_of(Letters(), texts)
    assert found.keys() == texts.keys()
    of = {word: {found[f"{word}-{n}"] for n in range(40)} for word in ("zzz", "aaa")}
    assert of["zzz"].isdisjoint(of["aaa"])


def test_a_small_corpus_has_no_topics() -> None:
    """Three passages are no two subjects."""
    assert topics_of(Letters(), TEXTS) == {}
