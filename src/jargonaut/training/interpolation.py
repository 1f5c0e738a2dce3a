"""Between the base and the tuned model: weights that keep most of what was learned and forget little.

A tuned model finds less outside its domain than its base. Weights on the straight line between the two often lose far
less there while they keep the gain (WiSE-FT, Wortsman et al. 2022; LM-Cocktail, Xiao et al. 2023). Knows weights, and
numbers that it is handed functions for; knows no data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from jargonaut.encoding.devices import ComputeOptions, choose_dtype
from jargonaut.errors import MismatchError
from jargonaut.protocols import Reporter, SilentReporter

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

_ROUNDING = 1e-9
"""A loss that is as large as the limit is within it, whatever floating point makes of the difference."""


@dataclass(frozen=True, slots=True)
class Blend:
    """Weights `alpha · tuned + (1 − alpha) · base`, and what they score.

    Attributes:
        alpha: 0 is the base, 1 the tuned model.
        dev: Score on dev.
        general: Score on general knowledge.
    """

    alpha: float
    dev: float
    general: float

    def fits(self, start: Blend, limit: float) -> bool:
        """Whether it loses no more of the general knowledge that `start` has than `limit`."""
        return start.general - self.general <= limit + _ROUNDING


@dataclass(frozen=True, slots=True)
class Interpolation:
    """The line between base and tuned model, and where on it the kept weights lie.

    Attributes:
        blends: Everything that was measured, from the base on.
        alpha: Of what was kept.
        limit: Loss of general knowledge that was put up with.
    """

    blends: tuple[Blend, ...]
    alpha: float
    limit: float

    @property
    def start(self) -> Blend:
        """The base."""
        return self.blends[0]

    @property
    def kept(self) -> Blend:
        """What was kept."""
        return next(blend for blend in self.blends if blend.alpha == self.alpha)

    @property
    def within_limit(self) -> bool:
        """Whether that forgets no more than the limit."""
        return self.kept.fits(self.start, self.limit)


def interpolate(
    model: SentenceTransformer,
    base: Mapping[str, torch.Tensor],
    start: Blend,
    end: Blend,
    *,
    alphas: Sequence[float],
    limit: float,
    score: Callable[[SentenceTransformer], float],
    general: Callable[[SentenceTransformer], float],
    chance: float,
    compute: ComputeOptions,
    reporter: Reporter | None = None,
) -> Interpolation:
    """Puts weights between base and tuned ones into `model`, among those that forget little enough.

    Kept is the step nearest to the tuned model that dev cannot tell from the best of these, the base among them: what
    was learned is given back for a reason, not by chance. Where all of them are clearly worse than the base, the base
    is kept. Where none forgets little enough, half the smallest alpha is tried, too, unless that is 1. Where that
    forgets too much as well, the weights that forget least are kept, if they are better on dev than the base. Steps are
    tried from the tuned model towards the base; once one that forgets little enough is clearly worse on dev than
    another that is better than the base, the rest is left out. Where the next step towards the tuned model forgets too
    much, and dev cannot tell it from the best either, one halfway to it is tried too.

    What it holds is the model, its tuned weights and the base's; it computes in the format that `compute` stands for,
    as training does, and leaves the model in fp32.

    Args:
        model: The tuned model, in fp32.
        base: The base's parameters and buffers by name, as `tensors_of` gives them, on any device.
        start: The base and its scores, alpha 0.
        end: The tuned model and its scores, alpha 1; neither is measured again.
        alphas: What may be kept besides the base, each above 0 and at most 1; not empty.
        limit: Loss of general knowledge against the base that is put up with.
        score: Dev score of a model, higher is better.
        general: Its score on general knowledge.
        chance: Difference of dev scores that says nothing; a larger one is clear.
        compute: Precision in which the model is scored.
        reporter: Where each step is told.

    Raises:
        MismatchError: The base has other weights than the model.
    """
    report = reporter or SilentReporter()
    line = _Line(model, base, compute)
    measured = {start.alpha: start, end.alpha: end}
    tried: list[Blend] = []
    best: Blend | None = None
    fitting: list[Blend] = []
    chosen = end.alpha

    def at(alpha: float) -> Blend:
        if alpha not in measured:
            line.move(alpha)
            measured[alpha] = Blend(alpha, score(model), general(model))
        blend = measured[alpha]
        tried.append(blend)
        report.line(f"  α = {alpha:g}: dev nDCG@10 {blend.dev:.4f}, general knowledge {blend.general:.4f}")
        return blend

    steps = sorted(set(alphas), reverse=True)
    try:
        for alpha in steps:
            blend = at(alpha)
            if not blend.fits(start, limit):
                continue
            if best is not None and best.dev > start.dev and blend.dev < best.dev - chance:
                break
            fitting.append(blend)
            if best is None or blend.dev > best.dev:
                best = blend
        if best is None and steps[-1] < 1 and (nearer := at(steps[-1] / 2)).fits(start, limit):
            best = nearer
            fitting.append(nearer)
        if best is None:
            least = max(tried, key=lambda each: (each.general, each.dev))
            found = least if least.dev > start.dev else start  # what forgets too much must at least be better here
        else:
            bar = max(best.dev, start.dev) - chance
            found = next((blend for blend in fitting if blend.dev >= bar), start)
            above = tried[max(tried.index(found) - 1, 0)] if found in tried else found
            if not above.fits(start, limit) and above.dev >= bar:
                between = at((found.alpha + above.alpha) / 2)
                if between.fits(start, limit) and between.dev >= bar:
                    found = between
            if found.alpha and found.dev < best.dev:
                report.line(f"  α = {found.alpha:g} is kept, which dev cannot tell from α = {best.alpha:g}")
        chosen = found.alpha
    finally:
        line.settle(chosen)
    return Interpolation(tuple(measured[alpha] for alpha in sorted(measured)), chosen, limit)


def tensors_of(model: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Floating-point parameters and buffers by name; a tied one once."""
    for name, tensor in chain(model.named_parameters(), model.named_buffers()):
        if tensor.is_floating_point():
            yield name, tensor.detach()


class _Line:
    """A model that moves between two sets of weights."""

    def __init__(self, model: SentenceTransformer, base: Mapping[str, torch.Tensor], compute: ComputeOptions) -> None:
        self._model, self._base = model, base
        self._tuned = dict(tensors_of(model))
        shapes = {name: tensor.shape for name, tensor in self._tuned.items()}
        if shapes != {name: tensor.shape for name, tensor in base.items()}:
            raise MismatchError("the base model and the tuned one have different weights")
        model.to(choose_dtype(compute.precision, model.device))
        for name, tensor in tensors_of(model):
            if tensor.data_ptr() == self._tuned[name].data_ptr():  # it computes in fp32, so this would be overwritten
                self._tuned[name] = tensor.clone()

    def move(self, alpha: float) -> None:
        """Gives the model the weights at `alpha`."""
        import torch

        with torch.no_grad():
            for name, tensor in tensors_of(self._model):
                tuned = self._tuned[name]
                tensor.copy_(torch.lerp(self._base[name].to(tuned), tuned, alpha) if alpha < 1 else tuned)

    def settle(self, alpha: float) -> None:
        """The same, in fp32."""
        self._model.float()
        self.move(alpha)
