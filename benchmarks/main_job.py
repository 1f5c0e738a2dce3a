"""The main job on a labelled set: quality against the base, time and peak memory.

    python -m benchmarks.main_job [DATA/financial_qa] [--json]

The data is read from where it lies (`../shared/data` by default) and never copied here.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from jargonaut import Workspace
from jargonaut.cli.terminal import TerminalReporter

DEFAULT = Path("../shared/data/financial_qa")


def main() -> None:
    """Runs it in a fresh workspace and prints the verdict table, the time and the peak memory."""
    arguments = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    source = Path(arguments[0]) if arguments else DEFAULT
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        result = Workspace(folder, reporter=TerminalReporter()).run(source)
    seconds = time.monotonic() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if "--json" in sys.argv:
        print(json.dumps({"seconds": seconds, "peak_mb": memory, **result.report}))
        return
    print(result.table())
    print(result.report["sentence"])
    print(f"{source}: {seconds:.0f} s, peak memory {memory:,.0f} MB")


if __name__ == "__main__":
    main()
