"""What a training that was killed goes on from: weights, optimiser and place in the epoch, in a folder.

Tensors are safetensors, the rest is JSON; a checkpoint is written under another name and renamed, so one that is there
is whole. Knows files; knows no model and no optimiser.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jargonaut.artifacts import held, write_json
from jargonaut.errors import JargonautError

if TYPE_CHECKING:
    import torch

_FACTS = "checkpoint.json"
_TENSORS = "state.safetensors"
_FORGOTTEN = 14 * 86400.0
"""Age in seconds at which another training's checkpoint is removed: nobody came back for it."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a training stood.

    Attributes:
        step: Optimiser steps taken.
        facts: JSON values.
        tensors: Everything else.
    """

    step: int
    facts: Mapping[str, Any]
    tensors: Mapping[str, torch.Tensor]


class Checkpoints:
    """The newest checkpoint of one training, and what it keeps beside.

    Args:
        root: Folder that holds one folder for each training.
        identity: Stands for everything that goes into the training; another one starts from nothing.
        seconds: Time between two checkpoints; 0 makes one after every step.
    """

    def __init__(self, root: Path, identity: str, seconds: float = 300.0) -> None:
        self.folder = root / identity
        self._seconds = seconds
        self._lock: int | None = None
        self._last = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether enough time has passed since the last one."""
        return time.monotonic() - self._last >= self._seconds

    def save(self, checkpoint: Checkpoint) -> None:
        """Writes a checkpoint, then removes the one before.

        Of several processes that run the same training at once, only the first writes.

        Raises:
            JargonautError: The disk does not take it.
        """
        from safetensors import SafetensorError

        final = self.folder / f"step-{checkpoint.step}"
        building = self.folder / f".{final.name}-{os.getpid()}"
        try:
            if not self._ours():
                return
            shutil.rmtree(building, ignore_errors=True)
            building.mkdir(parents=True)
            _write(building / _TENSORS, checkpoint.tensors)
            write_json(building / _FACTS, {"step": checkpoint.step, "facts": checkpoint.facts})
            shutil.rmtree(final, ignore_errors=True)
            building.rename(final)
        except (OSError, SafetensorError) as error:
            shutil.rmtree(building, ignore_errors=True)
            reason = getattr(error, "strerror", None) or error
            raise JargonautError(
                f"the checkpoint of the training cannot be written ({reason})", where=str(self.folder),
                remedy="free some space and run again, or go on without more checkpoints "
                "(`--set compute.checkpoint_minutes=0`)",
            ) from error  # fmt: skip
        for other in self.folder.glob("step-*"):
            if other != final:
                shutil.rmtree(other, ignore_errors=True)
        self._last = time.monotonic()

    def load(self) -> Checkpoint | None:
        """The newest whole checkpoint; None when there is none."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        for path in sorted(self.folder.glob("step-*"), key=lambda each: -int(each.name.removeprefix("step-"))):
            with contextlib.suppress(OSError, ValueError, KeyError, SafetensorError):  # damaged: an older one, or none
                told = json.loads((path / _FACTS).read_text(encoding="utf-8"))
                return Checkpoint(int(told["step"]), told["facts"], load_file(path / _TENSORS))
        return None

    def remove(self) -> None:
        """Removes this training's checkpoints, since its model is stored, and old ones that nobody came back for."""
        if self.folder.exists() and self._ours():
            shutil.rmtree(self.folder, ignore_errors=True)
        for other in self.folder.parent.glob("*"):
            with contextlib.suppress(OSError):
                if time.time() - other.stat().st_mtime > _FORGOTTEN:
                    shutil.rmtree(other, ignore_errors=True)

    def _ours(self) -> bool:
        """Whether this process writes here: the first to ask does, and clears away what killed ones left."""
        if self._lock is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = held(self.folder / "lock")
            if self._lock is not None:
                weakref.finalize(self, os.close, self._lock)
                for left in self.folder.glob(".step-*"):
                    shutil.rmtree(left, ignore_errors=True)
        return self._lock is not None


def _write(path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    from safetensors.torch import save_file

    save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, path)
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
