"""Gradients are the same whether graphs are kept or every text is embedded twice."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from jargonaut.encoding.families import Prompts
from jargonaut.encoding.forward import Forward
from jargonaut.errors import JargonautError
from jargonaut.protocols import SilentReporter
from jargonaut.records import Triplet
from jargonaut.training.batches import Batch, assemble
from jargonaut.training.losses import Loss, cosent, distilled, guided, info_nce, matryoshka, triplet
from jargonaut.training.references import ReferenceVectors
from jargonaut.training.steps import Step, Tokens, is_out_of_memory
from jargonaut.training.weights import MasterWeights

QUERIES = {"q1": "heart attack", "q2": "broken arm after a fall from a ladder", "q3": "sugar disease"}
PASSAGES = {
    "p1": "Acute myocardial infarction",
    "p2": "Fracture of the shaft of the humerus, initial encounter for closed fracture",
    "p3": "Type 2 diabetes mellitus without complications",
    "n1": "Angina pectoris, unspecified",
}
LOSS = functools.partial(matryoshka, loss=functools.partial(info_nce, scale=20.0), dims=(384, 64))
EXAMPLES = [Triplet("q1", "p1", ("n1",)), Triplet("q2", "p2"), Triplet("q3", "p3", ("p1",))]


RANDOM = np.random.default_rng(0)
GUIDE = ReferenceVectors.of(
    list(QUERIES), RANDOM.normal(size=(3, 8)).astype(np.float32), list(PASSAGES),
    RANDOM.normal(size=(4, 8)).astype(np.float32),
)  # fmt: skip
LOSSES: dict[str, Loss] = {
    "mnrl": LOSS,
    "symmetric": functools.partial(info_nce, scale=20.0, symmetric=True, hardness=5.0),
    "gist": functools.partial(guided, scale=20.0, margin=0.5),
    "gist, symmetric": functools.partial(guided, scale=20.0, margin=0.5, symmetric=True),
    "cosent": functools.partial(cosent, scale=20.0),
    "triplet": functools.partial(triplet, margin=0.9),
    "kl": functools.partial(distilled, scale=20.0, kind="kl", share=0.5),
    "margin_mse": functools.partial(distilled, scale=20.0, kind="margin_mse", share=0.5),
}


@pytest.fixture
def model(base_model_path: Path) -> SentenceTransformer:
    """The base model, on the CPU."""
    return SentenceTransformer(str(base_model_path), device="cpu")


def gradients(model: SentenceTransformer, graph_bytes: float, loss: Loss = LOSS) -> tuple[float, torch.Tensor]:
    """Loss and all gradients of one step, from the same random state."""
    torch.manual_seed(5)
    model.zero_grad()
    batch: Batch = assemble(EXAMPLES, {}, {}, {"q1": {"p1": 2, "p3": 1}})
    tokens = Tokens.of(model, Prompts("", ""), QUERIES, PASSAGES, EXAMPLES)
    value = Step(Forward(model), tokens, loss, budget=32, graph_bytes=graph_bytes, guide=GUIDE)(batch)
    return value, torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


@pytest.mark.parametrize("dropout", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_cached_gradients_are_those_of_kept_graphs(model: SentenceTransformer, name: str, dropout: bool) -> None:
    """Embedding twice changes neither any loss nor its gradients; dropout drops the same units both times."""
    model.train(dropout)
    kept, cached = gradients(model, 1e12, LOSSES[name]), gradients(model, 0, LOSSES[name])
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


class Small:
    """Memory for so many tokens in one forward pass, and for so many in all graphs that lie there at once."""

    def __init__(self, model: SentenceTransformer, each: int, graphs: float = float("inf")) -> None:
        self.each, self.graphs, self.held, self.refused = each, graphs, 0, 0
        embeddings = model[0].auto_model.embeddings
        embeddings.register_forward_pre_hook(lambda _module, _args, told: self._take(told["input_ids"].numel()),
                                              with_kwargs=True)  # fmt: skip
        embeddings.register_forward_hook(lambda _module, _args, out: self._release_with(out))

    def _take(self, tokens: int) -> None:
        self.held += tokens if torch.is_grad_enabled() else 0
        if tokens > self.each or self.held > self.graphs:
            self.refused, self.held = self.refused + 1, 0  # an error frees what lies there
            raise torch.OutOfMemoryError(f"CUDA out of memory. Tried to allocate memory for {tokens} tokens")

    def _release_with(self, out: torch.Tensor) -> None:
        if out.requires_grad:
            out.register_hook(lambda _: setattr(self, "held", 0))


class Listening(SilentReporter):
    """A reporter that keeps its warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        """Keeps it."""
        self.warnings.append(text)


@pytest.mark.slow
@pytest.mark.parametrize("graph_bytes", [1e12, 0])
def test_a_step_without_enough_memory_is_repeated_with_half_the_micro_batch(
    model: SentenceTransformer, graph_bytes: float
) -> None:
    """The loss and the gradients are those of enough memory; it is said once, however often it happens."""
    wanted = gradients(model, graph_bytes)
    model.zero_grad()
    forward = Forward(model)
    assert forward.packed  # tried out before memory is short
    small, reporter = Small(model, 20), Listening()
    tokens = Tokens.of(model, Prompts("", ""), QUERIES, PASSAGES, EXAMPLES)
    step = Step(forward, tokens, LOSS, budget=4096, graph_bytes=graph_bytes, report=reporter)
    loss = step(assemble(EXAMPLES, {}, {}))
    found = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
    assert small.refused >= 2
    assert loss == pytest.approx(wanted[0], abs=1e-6)
    torch.testing.assert_close(found, wanted[1], rtol=1e-4, atol=1e-6)
    assert len(reporter.warnings) == 1
    assert "cut to" in step.short_of_memory
    refused = small.refused
    step(assemble(EXAMPLES, {}, {}))
    assert small.refused == refused  # what was learned about memory holds


def test_graphs_that_do_not_fit_are_not_kept(model: SentenceTransformer) -> None:
    """Where each micro-batch fits and all their graphs do not, gradients are cached, without those of the first try."""
    wanted = gradients(model, 1e12)
    model.zero_grad()
    small = Small(model, 32, graphs=40)
    assert gradients(model, 1e12)[0] == pytest.approx(wanted[0], abs=1e-6)
    found = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
    torch.testing.assert_close(found, wanted[1], rtol=1e-4, atol=1e-6)
    assert small.refused == 1


def test_memory_for_no_text_at_all_is_a_sentence(model: SentenceTransformer) -> None:
    """Rather than halving for ever."""
    forward = Forward(model)
    assert forward.packed
    Small(model, 3)
    tokens = Tokens.of(model, Prompts("", ""), QUERIES, PASSAGES, EXAMPLES)
    with pytest.raises(JargonautError, match="not enough memory to train on a text of"):
        Step(forward, tokens, LOSS, budget=4096, graph_bytes=1e12)(assemble(EXAMPLES, {}, {}))


@pytest.mark.parametrize(
    "words",
    [
        "DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes",
        "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: not enough memory",
        "CUDA error: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    ],
)
def test_allocators_that_only_have_words_are_understood(words: str) -> None:
    """A CPU's, and those of a GPU's libraries."""
    assert is_out_of_memory(RuntimeError(words))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_other_errors_are_not_memory(model: SentenceTransformer) -> None:
    """They come through as they are."""

    def broken(*_: object) -> torch.Tensor:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    tokens = Tokens.of(model, Prompts("", ""), QUERIES, PASSAGES, EXAMPLES)
    with pytest.raises(RuntimeError, match="mat1"):
        Step(Forward(model), tokens, broken, budget=4096, graph_bytes=1e12)(assemble(EXAMPLES, {}, {}))
