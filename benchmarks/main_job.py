"""The main job on a labelled set: quality against the base, time and peak memory.

    python -m benchmarks.main_job [DATA/financial_qa] [--json]

The data is read from where it lies (`../shared/data` by default) and never copied here.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.conditions import Conditions
from benchmarks.entrance import parser, sentences
from benchmarks.memory import resident_peak_mb
from benchmarks.page import paragraph, score
from jargonaut import Workspace
from jargonaut.cli.terminal import TerminalReporter

_MEASURES = ("nDCG@10", "recall@10")


@dataclass(frozen=True, slots=True)
class MainJobReport:
    """One run in a fresh workspace.

    Attributes:
        seconds: Wall time.
        peak_mb: Most memory that its process took.
        table: The verdict table, plain text.
        report: `report.json`, parsed.
        conditions: Where it ran.
    """

    seconds: float
    peak_mb: float
    table: str
    report: Mapping[str, Any]
    conditions: Conditions

    def to_markdown(self) -> str:
        """Time, memory and every system, for a page of `docs/`."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        stages = {stage: seconds for stage, seconds in self.report["timings"].items() if stage != "total"}
        spent = ", ".join(f"{stage} {seconds:,.0f} s" for stage, seconds in stages.items())
        took = f"It took {self.seconds:,.0f} s ({spent}) and at most {self.peak_mb:,.0f} MB."
        yield paragraph(f"{self.conditions.sentence} {took}")
        yield ""
        yield "| system | dim | nDCG@10 | recall@10 | nDCG@10 against the base, same dimension (95 % interval) |"
        yield "|---|---|---|---|---|"
        full = max(one["dim"] or 0 for one in self.report["systems"])
        for one in self.report["systems"]:
            if one["kind"] == "base" and one["dim"] != full:
                continue  # its difference to the tuned system of that dimension is shown
            scores = " | ".join(score(one["metrics"][measure]) for measure in _MEASURES)
            yield f"| {one['name']} | {one['dim'] or ''} | {scores} | {self._gain(one)} |"
        yield ""
        yield paragraph(str(self.report["sentence"]))

    def _gain(self, system: Mapping[str, Any]) -> str:
        """A tuned system's difference to its untuned counterpart; empty for the others."""
        kinds = {"tuned": "base", "hybrid-tuned": "hybrid-base"}
        wanted = {"kind": kinds.get(system["kind"]), "dim": system["dim"]}
        base = next((s["name"] for s in self.report["systems"] if {key: s[key] for key in wanted} == wanted), None)
        for c in self.report["comparisons"]:
            sides = (c["baseline"], c["baseline_dim"], c["candidate"], c["candidate_dim"], c["metric"])
            if sides == (base, system["dim"], system["name"], system["dim"], "nDCG@10"):
                return f"{_signed(c['difference'])} ({_signed(c['low'])} to {_signed(c['high'])})"
        return ""


def measure(source: Path) -> MainJobReport:
    """Runs it in a fresh workspace. Memory is the whole process's, so this should be all that the process does."""
    conditions = Conditions.here()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        result = Workspace(folder, reporter=TerminalReporter()).run(source)
    seconds = time.monotonic() - started
    return MainJobReport(seconds, resident_peak_mb(), result.table(), dict(result.report), conditions)


def part(source: Path) -> str:
    """Its part of `docs/benchmarks.md`."""
    return measure(source).to_markdown()


def main() -> None:
    """Prints the verdict table, the time and the peak memory."""
    line = parser("benchmarks.main_job", __doc__)
    line.add_argument("--json", action="store_true", help="JSON in place of the table")
    arguments = line.parse_args()
    with sentences():
        measured = measure(arguments.data)
    if arguments.json:
        print(json.dumps({"seconds": measured.seconds, "peak_mb": measured.peak_mb, **measured.report}))
        return
    print(measured.table)
    print(measured.report["sentence"])
    print(f"{arguments.data}: {measured.seconds:.0f} s, peak memory {measured.peak_mb:,.0f} MB")


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("0.", ".", 1)


if __name__ == "__main__":
    main()
