"""Fitting an adapter: a softmax over many passages at every Matryoshka dimension, on vectors that are never recomputed.

A query's answers are each told from every passage of the step that is known neither to answer it nor to be nearly the
same as one that does (InfoNCE; van den Oord et al. 2018, arXiv:1807.03748). Since nothing is embedded, a step may hold
thousands of passages instead of a batch's own. Knows rows and tensors; knows no texts and no encoder.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jargonaut.adapters.lesson import Lesson, Rows
from jargonaut.adapters.maps import Adapter, identity, mapped_sides, shapes
from jargonaut.adapters.options import AdapterOptions
from jargonaut.encoding.cache import Kind
from jargonaut.protocols import Reporter, SilentReporter

if TYPE_CHECKING:
    import torch

VERSION = 3
"""Counts up when the same lesson and options give another adapter."""
_FAR = -1e4
"""Score of what is no negative: no softmax sees it, and unlike −∞ it leaves no NaN where nothing else is there."""

Score = Callable[[Adapter], float]


@dataclass(frozen=True, slots=True)
class EpochFitted:
    """One pass over the queries: its number from 1, its mean loss and its score on dev."""

    epoch: int
    loss: float
    score: float


@dataclass(frozen=True, slots=True)
class FittedAdapter:
    """What fitting came to.

    Attributes:
        adapter: Of the best epoch; the identity where no epoch was better than it.
        best_epoch: Which; 0 for the identity.
        base_score: Of the base on dev.
        score: Of `adapter` on dev, never below `base_score`.
        epochs: Every epoch, in order.
        seconds: Wall time, dev scoring included.
    """

    adapter: Adapter
    best_epoch: int
    base_score: float
    score: float
    epochs: tuple[EpochFitted, ...]
    seconds: float


def fit_adapter(
    lesson: Lesson,
    base: str,
    base_name: str,
    dims: tuple[int, ...],
    score: Score,
    options: AdapterOptions | None = None,
    *,
    device: torch.device | None = None,
    reporter: Reporter | None = None,
) -> FittedAdapter:
    """Fits a map from the identity on, and keeps the epoch that dev likes best.

    Args:
        lesson: Vectors and which answer which.
        base: Fingerprint of the encoder that made them.
        base_name: What a user calls it.
        dims: Leading components at which the loss is taken, averaged (Kusupati et al. 2022, arXiv:2205.13147).
        score: Scores an adapter on dev, higher is better; the identity is scored first.
        options: Form and recipe.
        device: Where it is computed; the CPU when None.
        reporter: Told of every epoch.
    """
    started = time.monotonic()
    options, reporter = options or AdapterOptions(), reporter or SilentReporter()
    start = identity(options.kind, options.sides, base, base_name, lesson.queries.shape[1])
    first = score(start)
    best, best_score, best_epoch = start, first, 0
    told: list[EpochFitted] = []
    for epoch, (loss, adapter) in enumerate(_Fit(lesson, start, dims, options, device).epochs(), start=1):
        if not math.isfinite(loss):
            reporter.warn(f"the loss of epoch {epoch} is no number, so fitting ends there: lower [adapter] lr")
            break
        found = score(adapter)
        told.append(EpochFitted(epoch, loss, found))
        if found > best_score:
            best, best_score, best_epoch = adapter, found, epoch
        reporter.line(f"      epoch {epoch}: loss {loss:.4f}, dev {found:.4f}")
        if epoch - best_epoch > options.patience:
            break
    return FittedAdapter(best, best_epoch, first, best_score, tuple(told), round(time.monotonic() - started, 2))


class _Fit:
    """Tensors, optimiser and the order of the queries."""

    def __init__(
        self, lesson: Lesson, start: Adapter, dims: tuple[int, ...], options: AdapterOptions,
        device: torch.device | None,
    ) -> None:  # fmt: skip
        import torch

        self._lesson, self._start, self._options, self._dims = lesson, start, options, dims
        self._device = device or torch.device("cpu")
        self._random = np.random.default_rng(options.seed)
        self._queries, self._passages = (
            torch.from_numpy(np.ascontiguousarray(one)).to(self._device) for one in (lesson.queries, lesson.passages)
        )
        self._tensors = self._begun()
        self._optimizer = torch.optim.AdamW(
            self._tensors.values(), lr=options.lr, weight_decay=options.weight_decay, fused=True
        )
        self._steps = options.epochs * math.ceil(len(lesson.answers) / options.batch_size)
        self._prefixes = [self._cut(self._passages, dim) for dim in dims] if options.sides == "query" else None

    def epochs(self) -> Iterator[tuple[float, Adapter]]:
        """Mean loss and adapter after each."""
        step, count, size = 0, len(self._lesson.answers), self._options.batch_size
        for _ in range(self._options.epochs):
            order, total = self._random.permutation(count), 0.0
            for first in range(0, count, size):
                rows = order[first : first + size]
                for group in self._optimizer.param_groups:
                    group["lr"] = self._options.lr * self._rate(step)
                loss = self._loss(rows)
                self._optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                self._optimizer.step()
                total += loss.item() * len(rows)
                step += 1
            yield total / count, self._adapter()

    def _begun(self) -> dict[str, torch.Tensor]:
        """Tensors that make the identity: the last factor is nothing, those before it are drawn."""
        import torch

        options, found = self._options, {}
        for side in mapped_sides(options.sides):
            sized = shapes(options.kind, self._start.dimension, options.rank, options.hidden)
            for place, (name, shape) in enumerate(sized.items()):
                value = np.zeros(shape, dtype=np.float32)
                if place == 1 and len(shape) == 2:
                    value = self._random.normal(0, math.sqrt(2 / shape[1]), shape).astype(np.float32)
                found[f"{side}.{name}"] = torch.from_numpy(value).to(self._device).requires_grad_()
        return found

    def _rate(self, step: int) -> float:
        """Share of the peak rate: up in a line, down as a cosine."""
        rise = self._options.warmup * self._steps
        return min(1.0, (step + 1) / max(rise, 1.0)) * 0.5 * (1 + math.cos(math.pi * step / self._steps))

    def _loss(self, rows: Rows) -> torch.Tensor:
        import torch

        columns = self._columns(rows)
        place = None if columns is None else {int(column): at for at, column in enumerate(columns)}
        lines = [self._lesson.answers[row] for row in rows]
        asked, answered = self._entries(lines, place)
        out, left = self._entries([self._lesson.ignored[row] for row in rows], place)
        shares = torch.from_numpy(np.repeat([1 / len(line) for line in lines], [len(line) for line in lines]))
        weights = (shares / len(rows)).to(self._device, torch.float32)
        queries = self._mapped(self._queries[torch.from_numpy(rows).to(self._device)], "query")
        among = self._among(columns)
        total = queries.new_zeros(())
        for number, dim in enumerate(self._dims):
            scores = self._options.scale * self._cut(queries, dim) @ among(number).T
            positive = scores[asked, answered]
            others = scores.index_put((out, left), scores.new_tensor(_FAR)).logsumexp(dim=1)
            # −log of the softmax of one answer against the negatives alone, averaged over a query's answers.
            total = total + (torch.nn.functional.softplus(others[asked] - positive) * weights).sum()
        return total / len(self._dims)

    def _columns(self, rows: Rows) -> Rows | None:
        """The passages of a step; None for all."""
        most = self._options.candidates
        if len(self._passages) <= most:
            return None
        own = [one for row in rows for one in (self._lesson.answers[row], self._lesson.hard[row])]
        drawn = self._random.choice(len(self._passages), most, replace=False)
        return np.unique(np.concatenate([*own, drawn])).astype(np.int64)

    def _entries(self, lines: list[Rows], place: dict[int, int] | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Lists of columns, one a row, as coordinates in the matrix of scores; what is not among them is left out."""
        import torch

        at = np.repeat(np.arange(len(lines)), [len(line) for line in lines])
        columns = np.concatenate(lines)
        if place is not None:
            columns = np.array([place.get(int(column), -1) for column in columns], dtype=np.int64)
            at, columns = at[columns >= 0], columns[columns >= 0]
        return torch.from_numpy(at).to(self._device), torch.from_numpy(columns).to(self._device)

    def _among(self, columns: Rows | None) -> Callable[[int], torch.Tensor]:
        """The step's passages, cut to the dimension of a number, normalised."""
        import torch

        kept = None if columns is None else torch.from_numpy(columns).to(self._device)
        if self._prefixes is not None:
            prefixes = self._prefixes
            return lambda number: prefixes[number] if kept is None else prefixes[number][kept]
        whole = self._mapped(self._passages if kept is None else self._passages[kept], "passage")
        return lambda number: self._cut(whole, self._dims[number])

    def _mapped(self, x: torch.Tensor, side: Kind) -> torch.Tensor:
        """As `Adapter.mapped`, before the normalisation."""
        one = {name: self._tensors[f"{side}.{name}"] for name in shapes(self._options.kind, 1)}
        match self._options.kind:
            case "linear":
                return x + x @ one["weight"].T + one["bias"]
            case "low_rank":
                return x + (x @ one["down"].T) @ one["up"].T
            case "mlp":
                return x + (x @ one["inner"].T + one["bias"]).relu() @ one["outer"].T

    def _cut(self, vectors: torch.Tensor, dim: int) -> torch.Tensor:
        from torch.nn import functional

        return functional.normalize(vectors[:, :dim], dim=-1)

    def _adapter(self) -> Adapter:
        tensors = {name: value.detach().float().cpu().numpy().copy() for name, value in self._tensors.items()}
        start = self._start
        return Adapter(start.kind, start.sides, start.base, start.base_name, start.dimension, tensors)
