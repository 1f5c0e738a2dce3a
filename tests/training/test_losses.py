"""Losses against a reference and by hand."""

from __future__ import annotations

import pytest
import torch
from sentence_transformers.util import cos_sim

from jargonaut.training.losses import info_nce, matryoshka_info_nce


@pytest.fixture
def vectors() -> tuple[torch.Tensor, torch.Tensor]:
    """Six queries, six positives and six hard negatives."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(6, 16, generator=generator), torch.randn(12, 16, generator=generator)


def test_it_is_multiple_negatives_ranking(vectors: tuple[torch.Tensor, torch.Tensor]) -> None:
    """The value is sentence-transformers' MultipleNegativesRankingLoss on the same embeddings."""
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    queries, passages = vectors
    loss = MultipleNegativesRankingLoss(torch.nn.Identity(), scale=20.0, similarity_fct=cos_sim)  # type: ignore[arg-type]
    wanted = loss.compute_loss_from_embeddings([queries, passages[:6], passages[6:]], torch.empty(0))
    made = info_nce(queries, passages, torch.arange(6), torch.zeros(6, 12, dtype=torch.bool), scale=20.0)
    assert made.item() == pytest.approx(wanted.item(), abs=1e-5)


def test_it_is_the_cross_entropy_of_cosines(vectors: tuple[torch.Tensor, torch.Tensor]) -> None:
    """Written out: minus the mean log probability of each query's own positive."""
    queries, passages = vectors
    scores = 20.0 * cos_sim(queries, passages)
    wanted = (scores.exp().sum(1).log() - scores.diagonal()).mean()
    made = info_nce(queries, passages, torch.arange(6), torch.zeros(6, 12, dtype=torch.bool), scale=20.0)
    assert made.item() == pytest.approx(wanted.item(), abs=1e-5)


def test_an_ignored_passage_has_no_effect(vectors: tuple[torch.Tensor, torch.Tensor]) -> None:
    """Neither the loss nor a gradient knows of it."""
    queries, passages = vectors
    ignored = torch.zeros(6, 12, dtype=torch.bool)
    ignored[:, 8] = True
    passages.requires_grad_()
    made = info_nce(queries, passages, torch.arange(6), ignored, scale=20.0)
    kept = [column for column in range(12) if column != 8]
    without = info_nce(queries, passages[kept], torch.arange(6), ignored[:, kept], scale=20.0)
    made.backward()
    assert made.item() == pytest.approx(without.item(), abs=1e-6)
    assert passages.grad is not None
    assert passages.grad[8].abs().sum().item() == 0


def test_matryoshka_is_the_mean_over_dimensions(vectors: tuple[torch.Tensor, torch.Tensor]) -> None:
    """Each dimension has the same weight."""
    queries, passages = vectors
    targets, ignored = torch.arange(6), torch.zeros(6, 12, dtype=torch.bool)
    parts = [info_nce(queries[:, :d], passages[:, :d], targets, ignored, scale=20.0).item() for d in (16, 8, 4)]
    made = matryoshka_info_nce(queries, passages, targets, ignored, scale=20.0, dims=(16, 8, 4))
    assert made.item() == pytest.approx(sum(parts) / 3, abs=1e-5)
