"""Losses over the embeddings of one whole batch. They know tensors, not models, texts or files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    import torch

    Scale: TypeAlias = "float | torch.Tensor"


@dataclass(frozen=True, slots=True)
class Targets:
    """What a loss is told of n queries and m passages beside their embeddings.

    Attributes:
        positives: For each query the row of its positive among the passages, shape (n,).
        ignored: True where a passage must not count as a negative of a query, because it is known or suspected to
            answer it too, shape (n, m). Never true at a query's own positive.
        hard: True where a passage is one of the query's own hard negatives, shape (n, m).
        grades: How relevant each passage is to each query, NaN where that is not known, shape (n, m).
        guide: Embeddings of the queries and of the passages by a model that is not in training, L2-normalised, shapes
            (n, g) and (m, g); None without one.
        taught: How well a teacher says that each passage answers each query, as a logit, NaN where it was not asked,
            shape (n, m); None without one. A teacher that has embeddings is the guide.
    """

    positives: torch.Tensor
    ignored: torch.Tensor
    hard: torch.Tensor
    grades: torch.Tensor
    guide: tuple[torch.Tensor, torch.Tensor] | None = None
    taught: torch.Tensor | None = None


Loss: TypeAlias = "Callable[[torch.Tensor, torch.Tensor, Targets], torch.Tensor]"
"""(embeddings of n queries, shape (n, dimension); of m distinct passages, shape (m, dimension); targets) → a scalar.
The embeddings have any length. Any such function can be trained."""


def info_nce(
    queries: torch.Tensor,
    passages: torch.Tensor,
    targets: Targets,
    *,
    scale: Scale,
    symmetric: bool = False,
    hardness: float = 0.0,
) -> torch.Tensor:
    """InfoNCE with in-batch and hard negatives (van den Oord et al. 2018, arXiv:1807.03748).

    Also known as multiple negatives ranking (Henderson et al. 2017, arXiv:1705.00652).

    Args:
        queries: As `Loss` has them.
        passages: As `Loss` has them.
        targets: Positives, and what is no negative.
        scale: Inverse temperature that multiplies the cosine similarity.
        symmetric: Whether each positive must also find its query among the batch's (CLIP; Radford et al. 2021,
            arXiv:2103.00020); the two directions are averaged.
        hardness: Adds this many times its own cosine, through which no gradient flows, to every negative's score, so
            that harder ones count for more (Lan et al. 2025, arXiv:2503.04812).

    Returns:
        The mean loss, a scalar.
    """
    cosines = _cosines(queries, passages)
    scores = cosines * scale
    if hardness:
        added = hardness * cosines.detach()
        scores = scores + added.scatter(1, targets.positives[:, None], 0.0)
    loss = _cross_entropy(scores, targets.positives, targets.ignored)
    return (loss + _backwards(cosines * scale, targets, _shared(targets))) / 2 if symmetric else loss


def guided(
    queries: torch.Tensor,
    passages: torch.Tensor,
    targets: Targets,
    *,
    scale: Scale,
    symmetric: bool = False,
    margin: float = 0.0,
    margin_strategy: Literal["absolute", "relative"] = "absolute",
    contrast_anchors: bool = True,
    contrast_positives: bool = True,
) -> torch.Tensor:
    """InfoNCE without the negatives that a guide finds closer than the positive (GIST).

    Solatorio 2024, arXiv:2402.16829.

    Args:
        queries: As `Loss` has them.
        passages: As `Loss` has them.
        targets: Positives, what is no negative, and the guide's embeddings.
        scale: Inverse temperature that multiplies the cosine similarity.
        symmetric: As in `info_nce`.
        margin: How much less similar than the positive a negative must be for the guide.
        margin_strategy: `absolute` takes `margin` off the similarity of the positive, `relative` that share of it.
        contrast_anchors: Whether the batch's other queries are negatives of a query too.
        contrast_positives: Whether the batch's other positives are negatives of a positive too.

    Returns:
        The mean loss, a scalar.

    Raises:
        ValueError: There are no embeddings of a guide.
    """
    import torch

    if targets.guide is None:
        raise ValueError("a guided loss needs the guide's embeddings")
    asked, told = targets.guide
    believed = asked @ told.T
    own = believed.gather(1, targets.positives[:, None])
    limit = own - (own.abs() * margin if margin_strategy == "relative" else margin)
    close = (believed > limit).scatter(1, targets.positives[:, None], value=False)
    cosines = _cosines(queries, passages)
    scores, left_out = [cosines], [close | targets.ignored]
    shared = _shared(targets)
    if contrast_anchors:
        scores.append(_cosines(queries, queries))
        left_out.append((asked @ asked.T > limit) | shared)
    if contrast_positives:
        answers, known = passages[targets.positives], told[targets.positives]
        scores.append(_cosines(answers, answers))
        left_out.append((known @ known.T > limit) | shared)
    loss = _cross_entropy(torch.cat(scores, dim=1) * scale, targets.positives, torch.cat(left_out, dim=1))
    if not symmetric:
        return loss
    closer = believed[:, targets.positives] > limit.T  # for each positive the queries that it suits better than its own
    return (loss + _backwards(cosines * scale, targets, shared | closer.T)) / 2


def cosent(queries: torch.Tensor, passages: torch.Tensor, targets: Targets, *, scale: Scale) -> torch.Tensor:
    """CoSENT: whatever pair has the higher grade shall have the higher cosine.

    Huang et al. 2024, doi:10.1109/TASLP.2024.3402087.

    Every query and passage of the batch whose grade is known make a pair, so that in-batch passages of grade 0 are
    below all positives, and positives of a low grade below those of a high one, whichever query they belong to. The sum
    over pairs of pairs is taken grade by grade, in time that grows with the number of pairs.

    Args:
        queries: As `Loss` has them.
        passages: As `Loss` has them.
        targets: Grades.
        scale: Inverse temperature that multiplies the cosine similarity.

    Returns:
        log(1 + the sum of exp(scale × (cosine of the lower − cosine of the higher grade))), a scalar.
    """
    import torch

    known = ~targets.grades.isnan()
    grades, scores = targets.grades[known], _cosines(queries, passages)[known] * scale
    terms = [0.0 * scores.sum()]
    for grade in torch.unique(grades)[1:]:
        below, here = scores[grades < grade], scores[grades == grade]
        terms.append(torch.logsumexp(below, 0) + torch.logsumexp(-here, 0))
    return torch.logsumexp(torch.stack(terms), 0)


def triplet(queries: torch.Tensor, passages: torch.Tensor, targets: Targets, *, margin: float) -> torch.Tensor:
    """Triplet loss on cosine distances (Schroff et al. 2015, arXiv:1503.03832).

    Each of a query's own hard negatives makes a triplet. A query that has none takes the batch's passage that is
    closest to it (batch hard; Hermans et al. 2017, arXiv:1703.07737).

    Args:
        queries: As `Loss` has them.
        passages: As `Loss` has them.
        targets: Positives, hard negatives, and what is no negative.
        margin: How much closer than a negative the positive must be, as a difference of cosines.

    Returns:
        The mean over all triplets, a scalar; 0 where there is none.
    """
    import torch

    cosines = _cosines(queries, passages)
    positive = cosines.gather(1, targets.positives[:, None])
    others = ~targets.ignored.scatter(1, targets.positives[:, None], value=True)
    closest = cosines.masked_fill(~others, -torch.inf).argmax(1, keepdim=True)
    without = ~targets.hard.any(1, keepdim=True) & others.any(1, keepdim=True)
    chosen = targets.hard | (torch.zeros_like(targets.hard).scatter(1, closest, value=True) & without)
    losses = (cosines - positive + margin).relu()[chosen]
    return losses.sum() / max(1, losses.numel())


def distilled(
    queries: torch.Tensor,
    passages: torch.Tensor,
    targets: Targets,
    *,
    scale: Scale,
    kind: Literal["margin_mse", "kl"],
    share: float,
) -> torch.Tensor:
    """What a teacher says of a query's passages, joined with InfoNCE over the batch.

    `kl` is the divergence of the student's distribution over them from the teacher's; `margin_mse` the squared
    difference of both margins between positive and negative (Hofstätter et al. 2020, arXiv:2010.02666), in units in
    which it has about the size of a cross-entropy. A teacher with embeddings is asked about the whole batch.

    Args:
        queries: As `Loss` has them.
        passages: As `Loss` has them.
        targets: Positives, what is no negative, and the teacher's scores or embeddings.
        scale: Inverse temperature that multiplies the cosine similarity, the student's and that of a teacher with
            embeddings.
        kind: Which of the two.
        share: How much of the loss is the teacher's, above 0 and up to 1.

    Returns:
        The mean loss, a scalar.

    Raises:
        ValueError: There is no teacher.
    """
    import torch

    taught = targets.taught
    if taught is None:
        if targets.guide is None:
            raise ValueError("a student needs a teacher's scores, or its embeddings")
        asked, told = targets.guide
        taught = (asked @ told.T) * scale
        # What is known to answer too is not told from the positive.
        taught = taught.detach().masked_fill(targets.ignored, torch.nan)
    own = targets.positives[:, None]
    scores = _cosines(queries, passages) * scale
    asked_about = ~taught.isnan()
    asked_about &= asked_about.gather(1, own)  # where the positive has no score there is nothing to compare with
    several = asked_about.sum(1) > 1
    if kind == "kl":
        wanted = torch.log_softmax(taught.masked_fill(~asked_about, -torch.inf)[several], dim=1)
        given = torch.log_softmax(scores.masked_fill(~asked_about, -torch.inf)[several], dim=1)
        apart = (wanted.exp() * (wanted - given)).masked_fill(~asked_about[several], 0.0)
        loss = apart.sum() / max(1, int(several.sum()))
    else:
        negatives = asked_about.scatter(1, own, value=False)
        margins = (scores.gather(1, own) - scores) - (taught.gather(1, own) - taught)
        loss = (margins[negatives] ** 2).sum() / scale / max(1, int(negatives.sum()))
    if share >= 1:
        return loss
    return share * loss + (1 - share) * info_nce(queries, passages, targets, scale=scale)


def matryoshka(
    queries: torch.Tensor,
    passages: torch.Tensor,
    targets: Targets,
    *,
    loss: Loss,
    dims: Sequence[int],
    weights: Sequence[float] = (),
) -> torch.Tensor:
    """Any loss, averaged over the leading `dims` components (Matryoshka learning).

    Kusupati et al. 2022, arXiv:2205.13147.

    Args:
        queries: As `Loss` has them.
        passages: As `Loss` has them.
        targets: Handed to the loss as they are.
        loss: What is averaged.
        dims: How many leading components it is taken of.
        weights: What each of `dims` weighs; all alike when empty. Their sum changes nothing.
    """
    shares = list(weights) or [1.0] * len(dims)
    total = queries.new_zeros(())
    for dim, share in zip(dims, shares, strict=True):
        if share:
            total = total + share * loss(queries[:, :dim], passages[:, :dim], targets)
    return total / sum(shares)


def _cosines(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Cosine similarities, fp32, shape (rows of `left`, rows of `right`)."""
    from torch.nn import functional

    return functional.normalize(left.float(), dim=-1) @ functional.normalize(right.float(), dim=-1).T


def _cross_entropy(scores: torch.Tensor, wanted: torch.Tensor, left_out: torch.Tensor) -> torch.Tensor:
    from torch.nn import functional

    return functional.cross_entropy(scores.masked_fill(left_out, float("-inf")), wanted)


def _shared(targets: Targets) -> torch.Tensor:
    """Which two queries of the batch share an answer, each with itself included, shape (n, n)."""
    same = targets.positives[:, None] == targets.positives[None, :]
    other = targets.ignored[:, targets.positives]
    return same | other | other.T


def _backwards(scores: torch.Tensor, targets: Targets, left_out: torch.Tensor) -> torch.Tensor:
    """Each positive must find its query among the batch's.

    Args:
        scores: Of queries and passages, shape (n, m).
        targets: Positives.
        left_out: True at [i, j] where query j is no negative of the positive of query i; the diagonal is not looked at.
    """
    import torch

    count = len(targets.positives)
    rows = torch.arange(count, device=scores.device)
    own = torch.eye(count, dtype=torch.bool, device=scores.device)
    return _cross_entropy(scores[:, targets.positives].T, rows, left_out & ~own)
