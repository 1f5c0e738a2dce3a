"""All benchmarks, and their figures put into the measured parts of `docs/benchmarks.md`.

    python -m benchmarks [DATA/financial_qa] [--only engine clicks ...]

Knows which benchmarks there are and where their figures go; measures nothing itself.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks import (
    clicks,
    curation,
    engine,
    evaluation,
    gate,
    generation,
    index,
    main_job,
    mining,
    monitoring,
    quality,
    recovery,
    stores,
)
from benchmarks.conditions import LabelledSet
from benchmarks.entrance import parser, sentences
from benchmarks.page import with_part
from benchmarks.systems import require_trainer
from jargonaut.artifacts import atomic_write

PAGE = Path("docs/benchmarks.md")
BENCHMARKS: dict[str, Callable[[Path], str]] = {
    "engine": engine.part,
    "quality": quality.part,
    "main_job": main_job.part,
    "clicks": clicks.part,
    "curation": curation.part,
    "generation": generation.part,
    "recovery": recovery.part,
    "mining": mining.part,
    "index": index.part,
    "stores": stores.part,
    "evaluation": evaluation.part,
    "monitoring": monitoring.part,
    "gate": gate.part,
}
"""Name of its part of the page → what measures it and gives Markdown."""
MADE_UP = frozenset({"curation", "generation", "index", "stores"})
"""Those that draw what they measure with and have no peer: they need neither a labelled set nor a trainer."""


def main() -> None:
    """Runs one after another, each in a process of its own; the page is written after each, so none is lost."""
    line = parser("benchmarks", __doc__)
    line.add_argument("--only", nargs="+", choices=BENCHMARKS, default=[*BENCHMARKS], help="parts of the page")
    arguments = line.parse_args()
    source = arguments.data
    with sentences():
        if not MADE_UP.issuperset(arguments.only):
            require_trainer()
            LabelledSet.read(source)
        for name in BENCHMARKS:  # found out now, not after an hour
            with_part(PAGE.read_text(encoding="utf-8"), name, "")
        for name in arguments.only:
            print(f"{name}:", file=sys.stderr)
            text = _apart(BENCHMARKS[name], source)
            page = with_part(PAGE.read_text(encoding="utf-8"), name, text)
            with atomic_write(PAGE) as temporary:
                temporary.write_text(page, encoding="utf-8")


def _apart(benchmark: Callable[[Path], str], source: Path) -> str:
    """Runs a benchmark in a process of its own, since peak memory is a process's."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(benchmark, source).result()


if __name__ == "__main__":
    main()
