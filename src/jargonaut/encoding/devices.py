"""What this machine can do fast: device, number format, threads. Asked once, at the edge."""

from __future__ import annotations

import math
import os
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from jargonaut.errors import SettingsError, require_limits

if TYPE_CHECKING:
    import torch

_UNKNOWN_MEMORY = 8 * 2**30
"""Taken where the system does not tell how much memory is free."""
_LOCAL_RANK = "LOCAL_RANK"
"""Where launchers write which of a machine's processes this is."""
Precision = Literal["auto", "fp32", "bf16"]


@dataclass(frozen=True, slots=True)
class ComputeOptions:
    """Where and in which number format a model runs.

    Attributes:
        device: `auto` takes all CUDA GPUs to encode and the first GPU to train, else the CPU; or any torch device name,
            or several with commas between them, such as `cuda:0,cuda:1`: texts are encoded in a process for each,
            training uses the first.
        precision: `auto` takes bf16 where the hardware multiplies it natively, else fp32. A CPU without native bf16 is
            hundreds of times slower in it, so `auto` never guesses.
        batch_tokens: Tokens per micro-batch, padding counted; 0 takes what suits the device: small on a CPU, where
            activations must stay near the cores, large on a GPU.
        compile: Whether torch compiles the model, which takes a minute or more, pads texts again, and needs a C++
            compiler on a CPU.
        checkpoint_minutes: Minutes of training that a kill may lose at most; 0 makes no checkpoints.
    """

    device: str = "auto"
    precision: Precision = "auto"
    batch_tokens: int = 0
    compile: bool = False
    checkpoint_minutes: float = 5.0

    def __post_init__(self) -> None:
        require_limits(
            "compute", self, (
                ("batch_tokens", self.batch_tokens >= 0, "0 or more"),
                ("checkpoint_minutes", 0 <= self.checkpoint_minutes < math.inf, "0 or more"),
            ),
        )  # fmt: skip


def choose_devices(name: str) -> tuple[torch.device, ...]:
    """The torch devices that texts are encoded on: all CUDA GPUs for `auto` where there are several, else those named.

    Args:
        name: `auto`, a device name, or several with commas between them; one may be named twice.

    Raises:
        SettingsError: A name means nothing to torch, or this machine has no such device.
    """
    import torch

    if _LOCAL_RANK in os.environ:
        return (choose_device(name),)
    if name == "auto" and torch.cuda.device_count() > 1:
        return tuple(torch.device("cuda", number) for number in range(torch.cuda.device_count()))
    return tuple(_named(one.strip()) if one.strip() != "auto" else choose_device("auto") for one in name.split(","))


def choose_device(name: str) -> torch.device:
    """The torch device that `auto` or a device name stands for; the first one where several are named.

    Of several processes that a launcher started on this machine, each takes its own: of the GPUs that `auto` or `cuda`
    stand for, or of those named.

    Raises:
        SettingsError: The name means nothing to torch, or this machine has no such device.
    """
    import torch

    rank = int(os.environ[_LOCAL_RANK]) if _LOCAL_RANK in os.environ else None
    chosen = _own_name(name, rank)
    if chosen != "auto":
        return _named(chosen)
    if torch.cuda.is_available():
        return torch.device("cuda") if rank is None else _named(f"cuda:{rank}")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def _own_name(name: str, rank: int | None) -> str:
    """Which of the names is this process's, by its number on this machine; the first without one."""
    names = [one.strip() for one in name.split(",")]
    chosen = names[(rank or 0) % len(names)]
    return f"cuda:{rank}" if chosen == "cuda" and rank is not None else chosen


def _named(name: str) -> torch.device:
    """The device of this name, tried out: torch takes names of devices that are not there."""
    import torch

    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, ImportError) as error:  # each back end refuses in its own way
        here = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
        here += ["mps"] if torch.backends.mps.is_available() else []
        reason = textwrap.shorten(str(error), 100, placeholder=" …") or type(error).__name__
        raise SettingsError(
            f"the device {name!r} cannot be used here ({reason})",
            where="[compute] device",
            remedy=f"say `auto`, or one that this machine has: {', '.join(here)}; `jargonaut doctor` shows why a GPU "
            "is not seen",
        ) from error
    return device


def token_budget(options: ComputeOptions, device: torch.device, *, packed: bool) -> int:
    """Tokens per micro-batch on a device; where rows are padded, smaller micro-batches waste less."""
    if options.batch_tokens > 0:
        return options.batch_tokens
    if device.type != "cpu":
        return 32_768
    return 2048 if packed else 512


def free_memory(device: torch.device) -> int:
    """Bytes that are free on a device; for a CPU those that are available without swapping, within its container."""
    import torch

    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free = 1024 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return _UNKNOWN_MEMORY
    allowed = container_limit()
    return free if allowed is None else max(0, min(free, allowed - _container_bytes("memory.current")))


def container_limit() -> int | None:
    """Bytes of memory that this container may use; None outside one, and in one without a limit."""
    try:
        return _container_bytes("memory.max")
    except (OSError, ValueError):
        return None


def _container_bytes(name: str) -> int:
    return int((Path("/sys/fs/cgroup") / name).read_text(encoding="ascii"))


def native_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bf16 matrices in hardware."""
    import torch

    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, check, bool)()) for check in checks)


def choose_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """The number format that a precision stands for on a device."""
    import torch

    if precision == "auto":
        return torch.bfloat16 if native_bf16(device) else torch.float32
    return torch.bfloat16 if precision == "bf16" else torch.float32
