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
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jargonaut.artifacts import write_json
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
        self._last = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether enough time has passed since the last one."""
        return time.monotonic() - self._last >= self._seconds

    def save(self, checkpoint: Checkpoint) -> None:
        """Writes a checkpoint, then removes the one before.

        Raises:
            JargonautError: The disk does not take it.
        """
        final = self.folder / f"step-{checkpoint.step}"
        building = self.folder / f".{final.name}-{os.getpid()}"
        try:
            shutil.rmtree(building, ignore_errors=True)
            building.mkdir(parents=True)
            _write(building / _TENSORS, checkpoint.tensors)
            write_json(building / _FACTS, {"step": checkpoint.step, "facts": checkpoint.facts})
            shutil.rmtree(final, ignore_errors=True)
            building.rename(final)
        except OSError as error:
            shutil.rmtree(building, ignore_errors=True)
            raise JargonautError(
                f"the checkpoint of the training cannot be written ({error.strerror or error})", where=str(self.folder),
                remedy="free some space, or train without checkpoints (`--set compute.checkpoint_minutes=0`)",
            ) from error  # fmt: skip
        for other in self.folder.glob("step-*"):
            if other != final:
                shutil.rmtree(other, ignore_errors=True)
        self._last = time.monotonic()

    def load(self) -> Checkpoint | None:
        """The newest whole checkpoint; None when there is none. Clears away what killed or forgotten trainings left."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        self._clear()
        for path in sorted(self.folder.glob("step-*"), key=lambda each: -int(each.name.removeprefix("step-"))):
            with contextlib.suppress(OSError, ValueError, KeyError, SafetensorError):  # damaged: an older one, or none
                told = json.loads((path / _FACTS).read_text(encoding="utf-8"))
                return Checkpoint(int(told["step"]), told["facts"], load_file(path / _TENSORS))
        return None

    def remove(self) -> None:
        """Removes all of this training's checkpoints: it is done."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _clear(self) -> None:
        for left in self.folder.glob(".step-*"):
            shutil.rmtree(left, ignore_errors=True)
        if not self.folder.parent.exists():
            return
        for other in self.folder.parent.iterdir():
            with contextlib.suppress(OSError):
                if other != self.folder and time.time() - other.stat().st_mtime > _FORGOTTEN:
                    shutil.rmtree(other, ignore_errors=True)


def _write(path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    from safetensors.torch import save_file

    save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, path)
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
