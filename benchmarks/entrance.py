"""How a benchmark is called: its command line, and errors as sentences."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.conditions import SET
from jargonaut.errors import JargonautError


def parser(module: str, doc: str | None) -> argparse.ArgumentParser:
    """A command line that names its data.

    Args:
        module: What follows `python -m`.
        doc: The module's docstring, whose first line says what is measured.
    """
    made = argparse.ArgumentParser(prog=f"python -m {module}", description=(doc or "").partition("\n")[0])
    made.add_argument("data", nargs="?", type=Path, default=SET, help="a BEIR folder (default: %(default)s)")
    return made


@contextlib.contextmanager
def sentences() -> Iterator[None]:
    """Without a network, and with errors of ours as a sentence and an exit code."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        yield
    except JargonautError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
