"""Scores of a cross-encoder: those of sentence-transformers, whatever is scored beside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import CrossEncoder

from jargonaut.encoding.devices import ComputeOptions
from jargonaut.encoding.local import quiet_libraries
from jargonaut.encoding.models import find_model
from jargonaut.errors import ModelError
from jargonaut.protocols import Reranker
from jargonaut.reranking import LocalReranker, PairScorer, has_head, load_cross_encoder
from tests.tinymodels import FAMILIES, built

CPU = ComputeOptions(device="cpu", precision="fp32")
PAIRS = [
    ("what pumps blood", "the heart"), ("what", "a text that is far longer than the model reads " * 20), ("", ""),
    ("a question that goes on and on " * 20, "short"), ("what pumps blood", "the liver does not, as is well known"),
]  # fmt: skip


def test_they_are_sentence_transformers_own(cross_folder: Path) -> None:
    """Short, empty and overlong pairs, in any company: `CrossEncoder(folder).predict` gives the same."""
    made = LocalReranker(find_model(str(cross_folder)), CPU)
    stock = CrossEncoder(str(cross_folder), device="cpu").predict(PAIRS, show_progress_bar=False)
    np.testing.assert_allclose(made.score_pairs(PAIRS), stock, atol=1e-6)
    np.testing.assert_allclose([made.score(q, [p])[0] for q, p in PAIRS], stock, atol=1e-6)


def test_nothing_to_score_is_nothing(cross_folder: Path) -> None:
    """No passage gives no score, and loads no model."""
    made = LocalReranker(find_model(str(cross_folder)), CPU)
    assert made.score("what", []) == made.score_pairs([]) == made.logits([]) == []
    assert "scorer" not in made.__dict__


def test_it_is_a_reranker_whose_identity_follows_files_and_limit(cross_folder: Path) -> None:
    """Another token limit gives other scores, so it is another reranker."""
    folder = find_model(str(cross_folder))
    made = LocalReranker(folder, CPU)
    assert isinstance(made, Reranker)
    assert made.fingerprint == LocalReranker(folder, ComputeOptions(device="cpu")).fingerprint
    assert made.fingerprint != LocalReranker(folder, CPU, max_tokens=32).fingerprint


def test_sixteen_bits_leave_no_ties(cross_folder: Path) -> None:
    """The last layer computes in fp32, so that scores of different pairs differ."""
    model = load_cross_encoder(cross_folder, ComputeOptions(device="cpu", precision="bf16"))
    found = PairScorer(model, CPU).logits([("what", f"passage {number}") for number in range(100)])
    assert next(iter(model.parameters())).dtype == torch.bfloat16
    assert len(set(found.tolist())) > 90


def test_a_new_head_is_the_same_for_the_same_seed(tiny_folder: Callable[[str], Path], cross_folder: Path) -> None:
    """An encoder gets a head whose weights its seed decides; a cross-encoder has one already."""
    start = tiny_folder("bert")
    assert (has_head(start), has_head(cross_folder)) == (False, True)
    one, same, other = (
        PairScorer(load_cross_encoder(start, CPU, seed=seed), CPU).logits(PAIRS).tolist() for seed in (1, 1, 2)
    )
    assert one == same != other


@pytest.mark.parametrize("model_type", ["roberta", "xlm-roberta", "camembert", "mpnet", "bert", "distilbert"])
def test_no_limit_goes_beyond_the_positions_of_a_model(model_type: str, base_model_path: Path, tmp_path: Path) -> None:
    """A long pair is scored though more tokens are allowed than it has positions for, here and by who loads it."""
    family = FAMILIES[model_type]
    settings = {**family.settings, "max_position_embeddings": 66}
    start = built(replace(family, settings=settings), base_model_path, tmp_path / "start")
    before = {"mpnet": 2, "bert": 0, "distilbert": 0}.get(model_type, 1)  # the tokenizer's padding is 0, MPNet's own 1
    model = load_cross_encoder(start, CPU, max_tokens=256, training=True)
    scorer = PairScorer(model, CPU)
    assert scorer.max_tokens == 66 - before
    assert max(len(row.ids) for row in scorer.tokens(PAIRS)) == 66 - before
    with quiet_libraries():
        model.save_pretrained(str(tmp_path / "saved"), create_model_card=False)
    stock = CrossEncoder(str(tmp_path / "saved"), device="cpu").predict(
        PAIRS, activation_fn=torch.nn.Identity(), show_progress_bar=False
    )
    np.testing.assert_allclose(scorer.logits(PAIRS), stock, atol=1e-5)


def test_a_limit_below_what_a_model_can_read_holds(cross_folder: Path) -> None:
    """The tokenizer's own, 48 tokens, where none is given; else the one that is given, be it less or more."""
    limits = [PairScorer(load_cross_encoder(cross_folder, CPU, max_tokens=n), CPU).max_tokens for n in (None, 24, 64)]
    assert limits == [48, 24, 64]


def test_a_folder_that_holds_none_is_told(tmp_path: Path) -> None:
    """With what to do."""
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_cross_encoder(tmp_path, CPU)
