"""What curation is told: real rankings, topics that hold together, a real cross-encoder's scores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from jargonaut.encoding.devices import ComputeOptions
from jargonaut.errors import ModelError
from jargonaut.evidence import cross_scorer, ranker, topics_of
from jargonaut.protocols import Vectors
from jargonaut.records import Pair
from jargonaut.retrieval import BM25Options

if TYPE_CHECKING:
    from collections.abc import Sequence

CPU = ComputeOptions(device="cpu", precision="fp32")
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


@pytest.mark.slow
def test_a_cross_encoder_scores_each_pair(base_model_path: Path, tmp_path: Path) -> None:
    """A real one, from a folder: a score from 0 to 1 for each pair, in order."""
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    config = BertConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, num_labels=1)
    BertForSequenceClassification(config).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(str(base_model_path)).save_pretrained(tmp_path)
    pairs = [Pair("q1", "what pumps", "heart"), Pair("q2", "what carries", "bone")]
    scores = cross_scorer(str(tmp_path), TEXTS, CPU)(pairs)
    assert len(scores) == 2
    assert all(score is not None and 0 <= score <= 1 for score in scores)
    assert scores == cross_scorer(str(tmp_path), TEXTS, CPU)(pairs)


def test_a_cross_encoder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """With what to do."""
    with pytest.raises(ModelError, match="cross-encoder"):
        cross_scorer(str(tmp_path / "none"), TEXTS, CPU)([Pair("q", "x", "heart")])
