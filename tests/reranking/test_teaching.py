"""Teaching: whose gradients a step leaves, what is never a negative, and a training that goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from jargonaut.encoding.devices import ComputeOptions
from jargonaut.errors import InputError
from jargonaut.records import Triplet
from jargonaut.reranking import PairScorer, RerankerOptions, load_cross_encoder, train_reranker
from jargonaut.reranking.teaching import PairStep, bce, drawn_groups, listwise
from jargonaut.training import Checkpoints, StepDone
from jargonaut.training.batches import assemble

CPU = ComputeOptions(device="cpu", precision="fp32")
PASSAGES = {f"p{n}": f"passage {n} " + "with words " * n for n in range(6)}
QUERIES = {f"q{n}": f"question {n}" for n in range(4)}
EXAMPLES = [Triplet(f"q{n}", f"p{n}", (f"p{n + 1}", f"p{n + 2}")) for n in range(4)]
KNOWN = {f"q{n}": frozenset({f"p{n}"}) for n in range(4)}


@pytest.mark.parametrize("loss", ["listwise", "bce"])
def test_a_step_leaves_the_gradient_of_the_mean_loss(cross_folder: Path, loss: str) -> None:
    """In windows of one query and micro-batches of one pair, or all at once: that of the plain computation."""
    options = RerankerOptions(loss=loss, random_negatives=1)  # type: ignore[arg-type]  # two of its names
    batch = assemble(EXAMPLES, KNOWN, {})
    found = []
    for window, tokens in ((1, 1), (10**6, 10**6)):
        model = load_cross_encoder(cross_folder, CPU, training=True)
        scorer = PairScorer(model, ComputeOptions(device="cpu", precision="fp32", batch_tokens=tokens))
        step = PairStep(scorer, QUERIES, PASSAGES, options, window=window, discard=model.zero_grad)
        value = step(batch, (1, 2))
        found.append((value, [p.grad.clone() for p in model.parameters() if p.grad is not None]))
    model = load_cross_encoder(cross_folder, CPU, training=True)
    groups = list(drawn_groups(batch, options, np.random.default_rng((1, 2))))
    one = {"listwise": listwise, "bce": bce}[loss]
    scorer = PairScorer(model, CPU)
    each = [
        one(scorer.forward(scorer.tokens([(QUERIES[g.query_id], PASSAGES[p]) for p in g.passage_ids]))) for g in groups
    ]
    wanted = torch.stack(each).mean()
    wanted.backward()  # type: ignore[no-untyped-call]
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    for value, made in found:
        assert value == pytest.approx(wanted.item(), abs=1e-5)
        for ours, plain in zip(made, gradients, strict=True):
            torch.testing.assert_close(ours, plain, atol=1e-5, rtol=1e-3)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 7), st.lists(st.integers(0, 7), max_size=4)), min_size=1),
    st.integers(0, 3), st.integers(0, 4),
)  # fmt: skip
def test_what_answers_is_never_a_negative(rows: Sequence[tuple[int, int, list[int]]], hard: int, easy: int) -> None:
    """Neither another known positive nor a near-duplicate of one, mined or drawn; and no passage comes twice."""
    examples = [Triplet(f"q{q}", f"p{p}", tuple(f"p{n}" for n in negatives)) for q, p, negatives in rows]
    known: dict[str, frozenset[str]] = {}
    for one in examples:
        known[one.query_id] = known.get(one.query_id, frozenset()) | {one.positive_id}
    near = {"p6": "twins", "p7": "twins"}
    options = RerankerOptions(negatives=max(hard, 1), random_negatives=easy)
    for group in drawn_groups(assemble(examples, known, near), options, np.random.default_rng(0)):
        positive, *others = group.passage_ids
        answers = known[group.query_id]
        assert positive in answers
        assert not answers & set(others)
        assert not {near.get(a, a) for a in answers} & {near.get(o, o) for o in others}
        assert len(set(group.passage_ids)) == len(group.passage_ids)
        assert len(others) <= options.negatives + easy


def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(cross_folder: Path, tmp_path: Path) -> None:
    """Killed after any step with a checkpoint, it ends with the same weights."""
    options = RerankerOptions(epochs=2, batch_size=2, lr=1e-3)

    def trained(checkpoints: Checkpoints | None, stop: int = 0) -> list[torch.Tensor]:
        class Killed(BaseException):
            pass

        def kill(event: object) -> None:
            if isinstance(event, StepDone) and event.step == stop:
                raise Killed

        model = load_cross_encoder(cross_folder, CPU, training=True)
        try:
            train_reranker(model, EXAMPLES, QUERIES, PASSAGES, KNOWN, {}, options, CPU,
                           checkpoints=checkpoints, callbacks=[kill])  # fmt: skip
        except Killed:
            return []
        return [p.detach().clone() for p in model.parameters()]

    whole = trained(None)
    assert trained(Checkpoints(tmp_path, "one", 0.0), stop=3) == []
    assert (tmp_path / "one").exists()
    for left, right in zip(whole, trained(Checkpoints(tmp_path, "one", 0.0)), strict=True):
        torch.testing.assert_close(left, right, atol=1e-6, rtol=1e-5)


def test_pairs_without_any_negative_are_refused(cross_folder: Path) -> None:
    """Two pairs with one and the same answer, and nothing mined."""
    model = load_cross_encoder(cross_folder, CPU, training=True)
    alike = [Triplet("q0", "p0"), Triplet("q1", "p0")]
    known = {"q0": frozenset({"p0"}), "q1": frozenset({"p0"})}
    with pytest.raises(InputError, match="nothing to learn from"):
        train_reranker(model, alike, QUERIES, PASSAGES, known, {}, RerankerOptions(epochs=1), CPU)
    with pytest.raises(InputError, match="two pairs"):
        train_reranker(model, alike[:1], QUERIES, PASSAGES, known, {}, RerankerOptions(epochs=1), CPU)


def test_answers_of_a_query_come_in_turn(cross_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where some of them are plenty for an epoch, it takes no more, and that is said."""
    monkeypatch.setattr("jargonaut.training.lesson._PLENTY", 4)
    queries, passages = {"q0": "red", "q1": "blue"}, {f"p{number}": f"word {number}" for number in range(16)}
    examples = [Triplet(f"q{number % 2}", f"p{number}") for number in range(16)]
    known = {query: frozenset(e.positive_id for e in examples if e.query_id == query) for query in queries}
    model = load_cross_encoder(cross_folder, CPU, training=True)
    done = train_reranker(model, examples, queries, passages, known, {}, RerankerOptions(epochs=2, batch_size=4), CPU)
    assert (done.steps, done.pairs) == (2, 8)
    assert done.notices == ("an epoch takes at most 2 pairs of each query, 4 of 16; later epochs take further ones",)
