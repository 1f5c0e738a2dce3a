"""The fp32 weights of a model in training, whatever format it computes in. Knows tensors; knows no loss and no text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


class MasterWeights:
    """A model's fp32 weights, and the model itself cast to the format it computes in (Micikevicius et al. 2018).

    The masters are the tensors that the model came with, so nothing is rounded that is kept. For a model that computes
    in fp32 masters and model share their memory and nothing is copied; otherwise `follow` rounds the masters into it.

    Args:
        model: An fp32 model on its device; cast in place. One that comes in another format has been rounded already.
        dtype: What it is to compute in.
    """

    def __init__(self, model: torch.nn.Module, dtype: torch.dtype) -> None:
        self._model = model.float()
        self._masters = {name: tensor.detach() for name, tensor in _tensors(model)}
        model.to(dtype)
        self._shared = all(_same(tensor, self._masters[name]) for name, tensor in _tensors(model))
        self.trained = tuple((p, self._masters[name]) for name, p in model.named_parameters() if p.requires_grad)
        """Each parameter that is trained, as the model computes with it, and its master."""

    def follow(self) -> None:
        """Brings the model's trained parameters up to their masters."""
        import torch

        if self._shared:
            return
        with torch.no_grad():
            for param, master in self.trained:
                param.copy_(master)

    def copy(self) -> dict[str, torch.Tensor]:
        """The masters as they are now, in memory of their own."""
        return {name: master.clone() for name, master in self._masters.items()}

    def settle(self, kept: Mapping[str, torch.Tensor] | None = None) -> None:
        """Ends training: the model is fp32 again and holds its masters, or what a `copy` kept.

        Buffers come back too, so that rounding leaves no trace in those that a model file does not hold.
        """
        import torch

        self._model.float()
        with torch.no_grad():
            for name, tensor in _tensors(self._model):
                tensor.copy_((kept or self._masters)[name])


def _tensors(model: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Parameters and buffers; a tied one once."""
    return chain(model.named_parameters(), model.named_buffers())


def _same(left: torch.Tensor, right: torch.Tensor) -> bool:
    return left.dtype == right.dtype and left.data_ptr() == right.data_ptr()
