"""Gradients are the same whether graphs are kept or every text is embedded twice."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
import torch
from sentence_transformers import SentenceTransformer

from jargonaut.encoding.families import Prompts
from jargonaut.encoding.forward import Forward
from jargonaut.records import Triplet
from jargonaut.training.batches import Batch, assemble
from jargonaut.training.losses import matryoshka_info_nce
from jargonaut.training.steps import Step, Tokens
from jargonaut.training.weights import MasterWeights

QUERIES = {"q1": "heart attack", "q2": "broken arm after a fall from a ladder", "q3": "sugar disease"}
PASSAGES = {
    "p1": "Acute myocardial infarction",
    "p2": "Fracture of the shaft of the humerus, initial encounter for closed fracture",
    "p3": "Type 2 diabetes mellitus without complications",
    "n1": "Angina pectoris, unspecified",
}
LOSS = functools.partial(matryoshka_info_nce, scale=20.0, dims=(384, 64))
EXAMPLES = [Triplet("q1", "p1", ("n1",)), Triplet("q2", "p2"), Triplet("q3", "p3", ("p1",))]


@pytest.fixture
def model(base_model_path: Path) -> SentenceTransformer:
    """The base model, on the CPU."""
    return SentenceTransformer(str(base_model_path), device="cpu")


def gradients(
    model: SentenceTransformer,
    graph_bytes: float,
    prompts: Prompts = Prompts("", ""),  # noqa: B008 - frozen
) -> tuple[float, torch.Tensor]:
    """Loss and all gradients of one step, from the same random state."""
    torch.manual_seed(5)
    model.zero_grad()
    batch: Batch = assemble(EXAMPLES, {}, {})
    tokens = Tokens.of(model, prompts, QUERIES, PASSAGES, EXAMPLES)
    loss = Step(Forward(model), tokens, LOSS, budget=32, graph_bytes=graph_bytes)(batch)
    return loss, torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


@pytest.mark.parametrize("dropout", [False, True])
def test_cached_gradients_are_those_of_kept_graphs(model: SentenceTransformer, dropout: bool) -> None:
    """Embedding twice changes neither loss nor gradients; dropout drops the same units both times."""
    model.train(dropout)
    kept, cached = gradients(model, 1e12), gradients(model, 0)
    assert kept[0] == pytest.approx(cached[0], abs=1e-6)
    torch.testing.assert_close(kept[1], cached[1], rtol=1e-4, atol=1e-6)
    assert float(kept[1].abs().max()) > 0


def test_gradients_of_bf16_micro_batches_add_up_in_fp32(model: SentenceTransformer) -> None:
    """Kept graphs give the masters what cached gradients give them, to the last bit: each micro-batch's own share."""
    del model[0].auto_model.encoder.layer[1:]  # bf16 is slow on most CPUs
    weights = MasterWeights(model, torch.bfloat16)
    tokens = Tokens.of(model, Prompts("", ""), QUERIES, PASSAGES, EXAMPLES)
    given = []
    for graph_bytes in (1e12, 0):
        Step(Forward(model), tokens, LOSS, budget=16, graph_bytes=graph_bytes)(assemble(EXAMPLES, {}, {}))
        given.append(torch.cat([m.grad.flatten() for m in weights.trained if m.grad is not None]))
        for master in weights.trained:
            master.grad = None
    assert given[0].dtype == torch.float32
    torch.testing.assert_close(given[0], given[1], rtol=0, atol=0)


def test_the_first_step_is_the_stock_loss(model: SentenceTransformer) -> None:
    """One step's loss and gradients are those of sentence-transformers' own loss on the same texts."""
    from sentence_transformers.sentence_transformer.losses import MatryoshkaLoss, MultipleNegativesRankingLoss

    model.eval()
    pairs = [Triplet("q1", "p1"), Triplet("q2", "p2"), Triplet("q3", "p3")]
    tokens = Tokens.of(model, Prompts("", ""), QUERIES, PASSAGES, pairs)
    loss = Step(Forward(model), tokens, LOSS, budget=32, graph_bytes=1e12)(assemble(pairs, {}, {}))
    ours = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
    model.zero_grad()
    stock = MatryoshkaLoss(model, MultipleNegativesRankingLoss(model), [384, 64])
    columns = [[QUERIES[e.query_id] for e in pairs], [PASSAGES[e.positive_id] for e in pairs]]
    theirs = stock([model.preprocess(texts) for texts in columns], None) / 2  # it adds where we average
    theirs.backward()
    assert loss == pytest.approx(float(theirs.detach()), abs=1e-5)
    torch.testing.assert_close(
        ours, torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]), rtol=1e-3, atol=1e-5
    )
