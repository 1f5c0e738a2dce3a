"""The fp32 weights of a model in training, whatever format it computes in. Knows tensors; knows no loss and no text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_TABLE = 4096
"""Rows from which on the gradient of an embedding table is handed over sparse."""


class MasterWeights:
    """A model's fp32 weights, and the model itself cast to the format it computes in (Micikevicius et al. 2018).

    The masters are the tensors that the model came with, so nothing is rounded that is kept. For a model that computes
    in fp32 masters and model share their memory and nothing is copied; otherwise `follow` rounds the masters into it.

    Gradients are added up on the masters, in fp32, as each backward pass hands them over; the model keeps none. Those
    of a large embedding table touch few of its rows and are handed over sparse.

    Args:
        model: An fp32 model on its device; cast in place. One that comes in another format has been rounded already.
        dtype: What it is to compute in.
        sparse: Whether large tables hand their gradients over sparse; compiled models cannot.
    """

    def __init__(self, model: torch.nn.Module, dtype: torch.dtype, *, sparse: bool = True) -> None:
        self._model = model.float()
        self._masters = {name: tensor.detach() for name, tensor in _tensors(model)}
        model.to(dtype)
        self._shared = all(_same(tensor, self._masters[name]) for name, tensor in _tensors(model))
        self._trained = tuple((p, self._masters[name]) for name, p in model.named_parameters() if p.requires_grad)
        self.trained = tuple(master for _, master in self._trained)
        """The masters of the parameters that are trained; their `grad` holds what backward passes gave."""
        collect: list[Any] = [(p.register_post_accumulate_grad_hook, master) for p, master in self._trained]
        self._hooks = [register(_collected_on(master)) for register, master in collect]
        self._tables: list[Any] = [module for module in model.modules() if sparse and _is_table(module)]
        for table in self._tables:
            table.sparse = True

    def follow(self) -> None:
        """Brings the model's trained parameters up to their masters."""
        import torch

        if self._shared:
            return
        with torch.no_grad():
            for param, master in self._trained:
                param.copy_(master)

    def state(self) -> dict[str, torch.Tensor]:
        """The masters of what is trained, by name; `restore` takes them."""
        return {name: self._masters[name] for name, param in self._model.named_parameters() if param.requires_grad}

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Puts the masters, and the model after them, where `state` was taken."""
        import torch

        with torch.no_grad():
            for name, tensor in state.items():
                self._masters[name].copy_(tensor)
        self.follow()

    def copy(self) -> dict[str, torch.Tensor]:
        """The masters as they are now, in memory of their own."""
        return {name: master.clone() for name, master in self._masters.items()}

    def settle(self, kept: Mapping[str, torch.Tensor]) -> None:
        """Ends training: the model is fp32 again and holds what a `copy` kept.

        Buffers come back too, so that rounding leaves no trace in those that a model file does not hold.
        """
        import torch

        for hook in self._hooks:
            hook.remove()
        for table in self._tables:
            table.sparse = False
        self._model.float()
        with torch.no_grad():
            for name, tensor in _tensors(self._model):
                tensor.copy_(kept[name])


def _tensors(model: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Parameters and buffers; a tied one once."""
    return chain(model.named_parameters(), model.named_buffers())


def _same(left: torch.Tensor, right: torch.Tensor) -> bool:
    return left.dtype == right.dtype and left.data_ptr() == right.data_ptr()


def _collected_on(master: torch.Tensor) -> Callable[[torch.Tensor], None]:
    """A hook that moves a parameter's gradient to its master."""

    def collect(param: torch.Tensor) -> None:
        gradient, param.grad = param.grad, None
        if gradient is None:
            return
        if gradient.is_sparse:
            if master.grad is None:
                master.grad = master.new_zeros(master.shape)
            master.grad.index_add_(0, gradient._indices()[0], gradient._values().float())  # noqa: SLF001 - not coalesced
        elif master.grad is None:
            master.grad = gradient.float()
        else:
            master.grad.add_(gradient)

    return collect


def _is_table(module: torch.nn.Module) -> bool:
    """Whether it is an embedding table so large that filling a dense gradient with zeros costs more than the rest."""
    import torch

    kinds = (torch.nn.Embedding, torch.nn.EmbeddingBag)
    return isinstance(module, kinds) and module.num_embeddings >= _TABLE and not module.sparse
