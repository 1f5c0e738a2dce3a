"""One step of every family beside sentence-transformers' stock losses, on tiny models."""

from __future__ import annotations

import functools

import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import MatryoshkaLoss, MultipleNegativesRankingLoss

from jargonaut.encoding.families import Prompts
from jargonaut.encoding.forward import Forward
from jargonaut.records import Triplet
from jargonaut.training.batches import assemble
from jargonaut.training.losses import info_nce, matryoshka
from jargonaut.training.steps import Step, Tokens

QUERIES = {"q1": "heart attack", "q2": "broken arm after a fall from a ladder", "q3": "sugar disease"}
PASSAGES = {
    "p1": "Acute myocardial infarction",
    "p2": "Fracture of the shaft of the humerus, initial encounter for closed fracture. " * 9,
    "p3": "Type 2 diabetes mellitus without complications",
}
EXAMPLES = [Triplet("q1", "p1"), Triplet("q2", "p2"), Triplet("q3", "p3")]


def taught(model: SentenceTransformer) -> torch.Tensor:
    """All gradients that lie on the model, which are taken off it."""
    found = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
    model.zero_grad()
    return found


def test_a_step_is_the_stock_loss(tiny: SentenceTransformer) -> None:
    """Packed, one step's loss and gradients are those of sentence-transformers' own loss on the same padded texts."""
    tiny.zero_grad()
    dims = (tiny.get_embedding_dimension(), 16)
    tokens = Tokens.of(tiny, Prompts(), QUERIES, PASSAGES, EXAMPLES)
    learned = functools.partial(matryoshka, loss=functools.partial(info_nce, scale=20.0), dims=dims)
    loss = Step(Forward(tiny), tokens, learned, budget=1000, graph_bytes=1e12)(assemble(EXAMPLES, {}, {}))
    ours = taught(tiny)
    stock = MatryoshkaLoss(tiny, MultipleNegativesRankingLoss(tiny), list(dims))
    columns = [[QUERIES[e.query_id] for e in EXAMPLES], [PASSAGES[e.positive_id] for e in EXAMPLES]]
    theirs = stock([tiny.preprocess(texts) for texts in columns], None) / len(dims)  # it adds where we average
    theirs.backward()
    assert loss == pytest.approx(float(theirs.detach()), abs=1e-5)
    wanted = taught(tiny)
    assert float((ours - wanted).norm() / wanted.norm()) < 1e-4
