"""Losses against sentence-transformers' own, and by hand."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers.util import cos_sim

from jargonaut.training.losses import Loss, Targets, cosent, distilled, guided, info_nce, matryoshka, triplet

from .samples import plain_targets

Vectors = tuple[torch.Tensor, torch.Tensor]


def with_guide(targets: Targets, seed: int = 1) -> Targets:
    """The same, with random vectors of a guide that finds about half of the passages closer than the positive."""
    generator = torch.Generator().manual_seed(seed)
    shapes = (targets.ignored.shape[0], 8), (targets.ignored.shape[1], 8)
    asked, told = (torch.nn.functional.normalize(torch.randn(*s, generator=generator), dim=-1) for s in shapes)
    return Targets(targets.positives, targets.ignored, targets.hard, targets.grades, (asked, told))


def far(count: int) -> Vectors:
    """Vectors of a guide that finds nothing but the positive close."""
    return torch.cat([torch.eye(count), torch.eye(count)], 1) / 2**0.5, torch.cat([torch.eye(count)] * 2, 1) / 2**0.5


@pytest.fixture
def vectors() -> Vectors:
    """Six queries, six positives and six hard negatives."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(6, 16, generator=generator), torch.randn(12, 16, generator=generator)


def stock(name: str, **arguments: Any) -> Any:
    """One of sentence-transformers' losses, which need a model only to embed."""
    from sentence_transformers.sentence_transformer import losses

    return getattr(losses, name)(torch.nn.Identity(), **arguments)


SYMMETRIC = {"directions": ("query_to_doc", "doc_to_query"), "partition_mode": "per_direction"}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({}, {}),
        ({"symmetric": True}, SYMMETRIC),
        ({"hardness": 5.0}, {"hardness_mode": "all_negatives", "hardness_strength": 5.0}),
        (
            {"symmetric": True, "hardness": 9.0},
            SYMMETRIC | {"hardness_mode": "all_negatives", "hardness_strength": 9.0},
        ),
    ],
)
def test_it_is_multiple_negatives_ranking(vectors: Vectors, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Value and gradients are those of MultipleNegativesRankingLoss on the same embeddings."""
    queries, passages = (each.requires_grad_() for each in vectors)
    loss = stock("MultipleNegativesRankingLoss", scale=20.0, similarity_fct=cos_sim, **theirs)
    wanted = loss.compute_loss_from_embeddings([queries, passages[:6], passages[6:]], torch.empty(0))
    made = info_nce(queries, passages, plain_targets(6, 12), scale=20.0, **ours)
    assert made.item() == pytest.approx(wanted.item(), abs=1e-5)
    for one, other in zip(*(torch.autograd.grad(x, [queries, passages]) for x in (made, wanted)), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


class Tabled(torch.nn.Module):
    """Stands for a model whose embeddings are known: a column's features hold them."""

    tokenizer = None
    max_seq_length = 1

    def forward(self, features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The embeddings."""
        return {"sentence_embedding": features[self.key]}

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key


@pytest.mark.parametrize("strategy", ["absolute", "relative"])
@pytest.mark.parametrize("margin", [0.0, 0.1, -0.2])
@pytest.mark.parametrize(("anchors", "positives"), [(True, True), (False, True), (True, False), (False, False)])
def test_it_is_guided_in_sample_selection(
    vectors: Vectors, strategy: Any, margin: float, anchors: bool, positives: bool
) -> None:
    """The value is GISTEmbedLoss's, whichever contrasts it takes and however its margin is meant."""
    from sentence_transformers.sentence_transformer.losses import GISTEmbedLoss

    queries, passages = vectors
    targets = with_guide(plain_targets(6, 12))
    assert targets.guide is not None
    asked, told = targets.guide
    columns = [(queries, asked), (passages[:6], told[:6]), (passages[6:], told[6:])]
    theirs = GISTEmbedLoss.__new__(GISTEmbedLoss)  # its own constructor wants tokenizers
    torch.nn.Module.__init__(theirs)
    theirs.model, theirs.guide, theirs.temperature, theirs.must_retokenize = Tabled("own"), Tabled("guide"), 0.05, False
    theirs.similarity_fct, theirs.cross_entropy_loss = torch.nn.CosineSimilarity(dim=-1), torch.nn.CrossEntropyLoss()
    theirs.margin_strategy, theirs.margin, theirs.gather_across_devices = strategy, margin, False
    theirs.contrast_anchors, theirs.contrast_positives = anchors, positives
    wanted = theirs([{"own": own, "guide": guide} for own, guide in columns], torch.empty(0))
    made = guided(
        queries, passages, targets, scale=20.0, margin=margin, margin_strategy=strategy, contrast_anchors=anchors,
        contrast_positives=positives,
    )  # fmt: skip
    assert made.item() == pytest.approx(wanted.item(), abs=1e-5)


def test_a_guide_takes_false_negatives_out(vectors: Vectors) -> None:
    """What it finds closer than the positive has no gradient; all else has."""
    queries, passages = vectors
    passages.requires_grad_()
    asked = torch.nn.functional.normalize(torch.ones(6, 4), dim=-1)
    told = torch.tensor([[1.0, 1, 0, 0]] * 6 + [[1.0, 1, 1, 1]] * 2 + [[1.0, 0, 0, 0]] * 4)
    targets = plain_targets(6, 12)
    targets = Targets(
        targets.positives, targets.ignored, targets.hard, targets.grades,
        (asked, torch.nn.functional.normalize(told, dim=-1)),
    )  # fmt: skip
    guided(queries, passages, targets, scale=20.0, contrast_anchors=False, contrast_positives=False).backward()
    assert passages.grad is not None
    assert (passages.grad.abs().sum(1) > 0).tolist() == [True] * 6 + [False] * 2 + [True] * 4


def test_a_guided_loss_wants_a_guide(vectors: Vectors) -> None:
    """It does not become another loss in silence."""
    with pytest.raises(ValueError, match="guide"):
        guided(*vectors, plain_targets(6, 12), scale=20.0)


def test_it_is_the_triplet_loss(vectors: Vectors) -> None:
    """The value is TripletLoss's on cosine distances."""
    from sentence_transformers.sentence_transformer.losses.triplet import TripletDistanceMetric

    queries, passages = vectors
    loss = stock("TripletLoss", distance_metric=TripletDistanceMetric.COSINE, triplet_margin=0.3)
    wanted = loss.compute_loss_from_embeddings([queries, passages[:6], passages[6:]], torch.empty(0))
    made = triplet(queries, passages, plain_targets(6, 12), margin=0.3)
    assert made.item() == pytest.approx(wanted.item(), abs=1e-5)


def test_a_query_without_hard_negatives_takes_the_closest_passage(vectors: Vectors) -> None:
    """But never its positive, nor what is ignored."""
    queries, passages = vectors
    targets = plain_targets(6, 6)
    targets.ignored[0, 3] = True
    cosines = cos_sim(queries, passages[:6])
    cosines[0, 3] = -2
    hardest = cosines.masked_fill(torch.eye(6, dtype=torch.bool), -2).max(1).values
    wanted = (hardest - cosines.diagonal() + 0.3).relu().mean()
    assert triplet(queries, passages[:6], targets, margin=0.3).item() == pytest.approx(wanted.item(), abs=1e-5)


@given(st.lists(st.integers(-1, 3), min_size=12, max_size=12), st.integers(0, 99))
def test_it_is_cosent(told: list[int], seed: int) -> None:
    """The value is CoSENTLoss's on all pairs whose grade is known, whatever the grades; -1 stands for unknown."""
    generator = torch.Generator().manual_seed(seed)
    queries, passages = torch.randn(3, 8, generator=generator), torch.randn(4, 8, generator=generator)
    grades = torch.tensor(told, dtype=torch.float32).reshape(3, 4)
    known = grades >= 0
    targets = plain_targets(3, 4)
    targets = Targets(targets.positives, targets.ignored, targets.hard, grades.masked_fill(~known, torch.nan))
    left, right = (torch.nonzero(known)[:, side] for side in (0, 1))
    if not len(left):
        return
    wanted = stock("CoSENTLoss").compute_loss_from_embeddings([queries[left], passages[right]], grades[known])
    assert cosent(queries, passages, targets, scale=20.0).item() == pytest.approx(wanted.item(), abs=1e-4)


def test_cosent_takes_grades_into_account(vectors: Vectors) -> None:
    """Among two positives the one of the lower grade is pushed away, the other drawn near."""
    queries, passages = vectors[0], vectors[1][:6].clone().requires_grad_()
    targets = plain_targets(6, 6)
    targets.grades.fill_(torch.nan)
    targets.grades[0, 0], targets.grades[0, 1] = 3, 1
    cosent(queries, passages, targets, scale=20.0).backward()
    assert passages.grad is not None
    towards = (passages.grad[:2] @ queries[0]).tolist()
    assert towards[0] < 0 < towards[1]
    assert passages.grad[2:].abs().sum() == 0


def test_it_is_the_cross_entropy_of_cosines(vectors: Vectors) -> None:
    """Written out: minus the mean log probability of each query's own positive."""
    queries, passages = vectors
    scores = 20.0 * cos_sim(queries, passages)
    wanted = (scores.exp().sum(1).log() - scores.diagonal()).mean()
    made = info_nce(queries, passages, plain_targets(6, 12), scale=20.0)
    assert made.item() == pytest.approx(wanted.item(), abs=1e-5)


SCALED: list[Loss] = [
    functools.partial(info_nce, scale=20.0),
    functools.partial(info_nce, scale=20.0, symmetric=True, hardness=5.0),
    functools.partial(guided, scale=20.0),
    functools.partial(guided, scale=20.0, symmetric=True, margin=0.1),
    functools.partial(cosent, scale=20.0),
    functools.partial(triplet, margin=0.3),
    functools.partial(distilled, scale=20.0, kind="kl", share=0.5),
    functools.partial(distilled, scale=20.0, kind="margin_mse", share=0.5),
]
"""Every loss."""


@pytest.mark.parametrize("loss", SCALED)
def test_an_ignored_passage_has_no_effect(vectors: Vectors, loss: Loss) -> None:
    """Neither the loss nor a gradient knows of it."""
    queries, passages = vectors
    targets = with_guide(plain_targets(6, 12))
    targets.ignored[:, 8] = True
    targets.hard[:, 8] = False
    targets.grades[:, 8] = torch.nan
    passages.requires_grad_()
    made = loss(queries, passages, targets)
    kept = [column for column in range(12) if column != 8]
    assert targets.guide is not None
    rest = Targets(targets.positives, targets.ignored[:, kept], targets.hard[:, kept], targets.grades[:, kept],
                   (targets.guide[0], targets.guide[1][kept]))  # fmt: skip
    without = loss(queries, passages[kept], rest)
    made.backward()
    assert made.item() == pytest.approx(without.item(), abs=1e-6, rel=1e-5)
    assert passages.grad is not None
    assert passages.grad[8].abs().sum().item() == 0


@pytest.mark.parametrize("loss", SCALED)
def test_no_negatives_are_no_disaster(vectors: Vectors, loss: Loss) -> None:
    """One passage that answers everything leaves nothing to tell it from: zero, with gradients of zero."""
    queries, passages = vectors[0].requires_grad_(), vectors[1][:1].clone().requires_grad_()
    targets = Targets(
        torch.zeros(6, dtype=torch.long), torch.zeros(6, 1, dtype=torch.bool), torch.zeros(6, 1, dtype=torch.bool),
        torch.ones(6, 1),
    )  # fmt: skip
    made = loss(queries, passages, with_guide(targets))
    made.backward()
    assert made.item() == pytest.approx(0.0, abs=1e-6)
    for each in (queries, passages):
        assert each.grad is not None
        assert each.grad.abs().max() < 1e-6


@pytest.mark.parametrize("loss", SCALED[1:4])
def test_two_queries_with_one_answer_are_no_negatives_of_each_other(vectors: Vectors, loss: Loss) -> None:
    """In no direction: neither the query, nor its other positive, nor the way back from the passage."""
    queries, passages = vectors
    targets = with_guide(plain_targets(6, 12))
    both = Targets(
        torch.arange(2), torch.tensor([[False, True], [True, False]]), targets.hard[:2, :2], targets.grades[:2, :2],
        targets.guide and (targets.guide[0][:2], targets.guide[1][:2]),
    )  # fmt: skip
    alone = loss(queries[:2], passages[:2], both)
    apart = loss(queries[:2], passages[:2], replace(both, ignored=torch.zeros(2, 2, dtype=torch.bool), guide=far(2)))
    assert alone.item() == pytest.approx(0.0, abs=1e-6)
    assert apart.item() > 0.1


@pytest.mark.parametrize(("weights", "shares"), [((), (1, 1, 1)), ((3.0, 1.0, 0.0), (3, 1, 0))])
def test_matryoshka_is_the_mean_over_dimensions(
    vectors: Vectors, weights: tuple[float, ...], shares: tuple[int, ...]
) -> None:
    """Each dimension has the same weight, or the one it is given."""
    queries, passages = vectors
    targets = plain_targets(6, 12)
    one = functools.partial(info_nce, scale=20.0)
    parts = [one(queries[:, :d], passages[:, :d], targets).item() for d in (16, 8, 4)]
    made = matryoshka(queries, passages, targets, loss=one, dims=(16, 8, 4), weights=weights)
    wanted = sum(share * part for share, part in zip(shares, parts, strict=True)) / sum(shares)
    assert made.item() == pytest.approx(wanted, abs=1e-5)


def taught(queries: torch.Tensor, passages: torch.Tensor, scale: float) -> torch.Tensor:
    """What the student itself says, of each query's positive and one hard negative."""
    said = cos_sim(queries, passages).detach() * scale
    asked = torch.zeros_like(said, dtype=torch.bool)
    rows = torch.arange(len(said))
    asked[rows, rows] = asked[rows, rows + len(said)] = True
    return said.masked_fill(~asked, torch.nan)


@pytest.mark.parametrize("kind", ["kl", "margin_mse"])
def test_who_says_what_the_teacher_says_has_nothing_to_learn(vectors: Vectors, kind: Any) -> None:
    """No loss and no gradient; with another teacher there is one; a constant added to the teacher changes nothing."""
    queries, passages = (each.requires_grad_() for each in vectors)
    said = taught(queries, passages, 20.0)
    targets = replace(plain_targets(6, 12), taught=said)
    made = distilled(queries, passages, targets, scale=20.0, kind=kind, share=1.0)
    assert made.item() == pytest.approx(0.0, abs=1e-5)
    assert torch.autograd.grad(made, [queries])[0].abs().max() < 1e-4
    other = said.flip(0).roll(1, 1) * 3
    wrong = [
        distilled(queries, passages, replace(targets, taught=torch.where(said.isnan(), said, each)), scale=20.0,
                  kind=kind, share=1.0).item()
        for each in (other.nan_to_num(2.0), other.nan_to_num(2.0) + 7.0)
    ]  # fmt: skip
    assert wrong[0] > 0.01
    assert wrong[0] == pytest.approx(wrong[1], rel=1e-4)


def test_kl_is_torchs_own(vectors: Vectors) -> None:
    """The divergence from the teacher's distribution over the passages that it was asked about."""
    queries, passages = vectors
    said = taught(queries, passages, 20.0)
    said[:, :6] = torch.where(said[:, :6].isnan(), said[:, :6], 1.5)
    targets = replace(plain_targets(6, 12), taught=said)
    made = distilled(queries, passages, targets, scale=20.0, kind="kl", share=1.0)
    rows = torch.arange(6)
    columns = torch.stack([rows, rows + 6], 1)
    given = (cos_sim(queries, passages) * 20.0).gather(1, columns).log_softmax(1)
    wanted = torch.nn.functional.kl_div(
        given, said.gather(1, columns).log_softmax(1), log_target=True, reduction="batchmean"
    )
    assert made.item() == pytest.approx(wanted.item(), abs=1e-6)


def test_a_teacher_that_was_asked_nothing_teaches_nothing(vectors: Vectors) -> None:
    """Queries without two scores are passed over; what is left of the loss is InfoNCE's share, and all is finite."""
    queries, passages = (each.requires_grad_() for each in vectors)
    targets = replace(plain_targets(6, 12), taught=torch.full((6, 12), torch.nan))
    for kind in ("kl", "margin_mse"):
        made = distilled(queries, passages, targets, scale=20.0, kind=kind, share=0.25)  # type: ignore[arg-type]
        assert made.item() == pytest.approx(0.75 * info_nce(queries, passages, targets, scale=20.0).item(), rel=1e-5)
        assert torch.isfinite(torch.autograd.grad(made, [queries])[0]).all()


def test_a_teacher_with_vectors_is_asked_about_the_batch(vectors: Vectors) -> None:
    """The student's own vectors as the teacher's leave nothing to learn; without a teacher it is an error."""
    queries, passages = vectors
    unit = tuple(torch.nn.functional.normalize(each, dim=-1) for each in vectors)
    targets = replace(plain_targets(6, 12), guide=unit)
    assert distilled(queries, passages, targets, scale=20.0, kind="kl", share=1.0).item() == pytest.approx(0, abs=1e-5)
    with pytest.raises(ValueError, match="needs a teacher"):
        distilled(queries, passages, plain_targets(6, 12), scale=20.0, kind="kl", share=1.0)
