"""Several processes that train one model together, each on its part of every batch.

Micro-batches are dealt out, the vectors of all of them meet in every process, so that the loss is that of the whole
batch with all its in-batch negatives; each process sends its own part of the gradients back through the model, and they
are added up. The mathematics is that of one process. `torchrun` and `accelerate launch` start such processes. Knows
tensors and `torch.distributed`; knows no model.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import torch

_T = TypeVar("_T")
_PATIENCE = dt.timedelta(days=7)
"""How long processes wait for one another: the others sit idle while the first one prepares the data."""


@dataclass(frozen=True, slots=True)
class World:
    """The processes that train together.

    Attributes:
        rank: Number of this one, from 0.
        size: How many they are.
    """

    rank: int = 0
    size: int = 1

    @classmethod
    def joined(cls) -> World:
        """The processes that a launcher started, or that the caller has brought together; one process without them."""
        from torch import distributed

        if not distributed.is_available():
            return ALONE
        if not distributed.is_initialized():
            if not launched():
                return ALONE
            distributed.init_process_group(_backends(), timeout=_PATIENCE)
        return cls(distributed.get_rank(), distributed.get_world_size())

    def leave(self) -> None:
        """Ends what `joined` began; not after an error, since others may still wait for this process."""
        if self.size > 1:
            from torch import distributed

            distributed.destroy_process_group()

    def share(self, work: Sequence[_T]) -> list[_T]:
        """This process's part of work that is sorted by its size."""
        return list(work[self.rank :: self.size])

    def gathered(
        self, parts: Sequence[torch.Tensor], rows: Sequence[torch.Tensor], matrix: torch.Tensor
    ) -> torch.Tensor:
        """Every process's vectors in one matrix, the same everywhere; no gradient flows through it.

        Args:
            parts: This process's vectors, each of shape (n, dimension).
            rows: Where they belong, each of shape (n,).
            matrix: Zeros to put them in, shape (rows of all processes, dimension).
        """
        for part, here in zip(parts, rows, strict=True):
            matrix[here] = part.detach()
        return self.summed([matrix])[0]

    def summed(self, tensors: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
        """Adds up every process's tensors, in place."""
        if self.size > 1:
            import torch.distributed

            for work in [torch.distributed.all_reduce(tensor, async_op=True) for tensor in tensors]:
                work.wait()
        return tensors

    def agreed(self, value: float) -> float:
        """The first process's value, everywhere."""
        if self.size == 1:
            return value
        import torch.distributed

        told = _carried(value)
        torch.distributed.broadcast(told, src=0)
        return float(told)

    def total(self, value: float) -> float:
        """The sum of every process's value, everywhere."""
        return value if self.size == 1 else float(self.summed([_carried(value)])[0])


ALONE = World()


def _carried(value: float) -> torch.Tensor:
    """A number as a tensor that can be sent."""
    import torch.distributed

    alone = torch.distributed.get_backend() == "nccl"  # as a caller may have set it up: it carries no CPU tensors
    return torch.tensor([value], dtype=torch.float64, device="cuda" if alone else "cpu")


def launched() -> bool:
    """Whether a launcher started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def _backends() -> str:
    """What carries tensors between processes: those of a GPU, and small ones of the CPU."""
    import torch

    return "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
