"""The most memory that this process has taken so far, in MB of 1,000,000 bytes."""

from __future__ import annotations

import resource
import sys
from pathlib import Path


def resident_peak_mb() -> float:
    """Most resident memory."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        # Of this program alone, whereas getrusage also counts what its parent had when it was started.
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024 / 1e6
    except (OSError, StopIteration):
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def model_peak_mb() -> float:
    """Most memory where models run: a GPU's, else resident."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return float(torch.cuda.max_memory_reserved() / 1e6)
    return resident_peak_mb()
