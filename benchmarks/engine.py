"""The engine side by side with sentence-transformers: speed and peak memory of training and encoding.

    python -m benchmarks.engine [DATA/financial_qa] [--json] [--rounds 3] [--quick]

In each task every system sits in a process of its own and works while the others are idle, in rounds that alternate. A
round's load is the same for all and differs from the other rounds'; the clock covers everything from the first step to
the last, and one step before the first round does not count. Knows tasks and rounds; how a system works is known by
`systems`, what the measurements come to by `figures`.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.conditions import Conditions, LabelledSet, TextPair, mean_tokens
from benchmarks.curve import drawn
from benchmarks.entrance import parser, sentences
from benchmarks.figures import LENGTHS, EngineReport, Measurement
from benchmarks.systems import Load, require_trainer
from benchmarks.workers import STEP, Round, Stopped, Worker
from jargonaut.cli.terminal import TerminalReporter
from jargonaut.errors import InputError
from jargonaut.protocols import Reporter

CHART = Path("docs/engine.svg")
LARGE = 512


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How much is measured.

    Attributes:
        rounds: Rounds of each task.
        limit: Seconds that a system may take for a step of 64 pairs before it is stopped.
        steps: Steps of 64 pairs in a round of plain training.
        steps_by_length: The same for each length of passages on the curve.
        large_steps: Steps of 512 pairs in a round.
        passages: Passages of the corpus in a round of encoding.
        long_passages: The same for long ones.
    """

    rounds: int = 3
    limit: float = 120.0
    steps: int = 3
    steps_by_length: tuple[int, ...] = (4, 3, 2, 1)
    large_steps: int = 1
    passages: int = 2200
    long_passages: int = 360

    @classmethod
    def quick(cls) -> EngineOptions:
        """One round of few steps: what the figures are about, in a few minutes."""
        return cls(rounds=1, limit=60, steps=1, steps_by_length=(1, 0, 0, 1), passages=600, long_passages=96)


@dataclass(frozen=True, slots=True)
class Task:
    """The same work for several systems.

    Attributes:
        name: As in `figures.TARGETS`.
        systems: Who does it.
        warm_up: Done once, not counted.
        rounds: What counts.
    """

    name: str
    systems: tuple[str, ...]
    warm_up: Load
    rounds: tuple[Load, ...]

    @property
    def tokens(self) -> float:
        """Mean tokens per passage."""
        return mean_tokens([text for load in self.rounds for text in load.texts])


def measure(source: LabelledSet, options: EngineOptions, reporter: Reporter) -> EngineReport:
    """Does every task.

    Raises:
        InputError: The set is too small for so many rounds.
    """
    conditions = Conditions.here()
    plan = list(tasks(source, options))  # all of it first: whether the set suffices is told at once
    found = [one for task in plan for one in _measured(task, options.limit, reporter)]
    return EngineReport(tuple(found), conditions)


def tasks(source: LabelledSet, options: EngineOptions) -> Iterator[Task]:
    """What is measured, in order.

    Raises:
        InputError: The set is too small for so many rounds.
    """
    rounds, pairs = options.rounds, source.pairs()
    trained = ("ours", "stock", "ours, dropout", "stock, bf16")
    yield _training("train", trained, pairs, rounds, options.steps * STEP)
    cached = ("ours, cached", "stock, cached", "ours")
    yield _training(f"train-{LARGE}", cached, pairs, rounds, options.large_steps * LARGE, batch=LARGE)
    for tokens, steps in zip(LENGTHS, options.steps_by_length, strict=True):
        if steps:
            pairs = source.pairs_of_length(tokens)
            yield _training(f"train-{tokens}-tokens", ("ours", "stock"), pairs, rounds, steps * STEP)
    yield _encoding("encode", source.texts(), rounds, options.passages)
    yield _encoding("encode-long", source.passages_of_length(LENGTHS[-1]), rounds, options.long_passages)


def _training(
    name: str, systems: tuple[str, ...], pairs: Sequence[TextPair], rounds: int, size: int, batch: int = STEP
) -> Task:
    first, *parts = _parts(name, len(pairs), rounds, size)
    loads = (Load(pairs=tuple(pairs[part]), batch=batch) for part in parts)
    return Task(name, systems, Load(pairs=tuple(pairs[first]), batch=batch), tuple(loads))


def _encoding(name: str, passages: Sequence[str], rounds: int, size: int) -> Task:
    first, *parts = _parts(name, len(passages), rounds, size)
    loads = (Load(passages=tuple(passages[part])) for part in parts)
    return Task(name, ("ours, encoding", "stock, encoding"), Load(passages=tuple(passages[first])), tuple(loads))


def _parts(name: str, available: int, rounds: int, size: int) -> list[slice]:
    """Rows of the warm-up, then of each round; none is used twice."""
    if STEP + rounds * size > available:
        raise InputError(
            f"{name} needs {STEP + rounds * size:,} rows for {rounds} rounds, and the set has {available:,}",
            remedy="fewer --rounds",
        )
    return [slice(STEP), *(slice(STEP + number * size, STEP + (number + 1) * size) for number in range(rounds))]


class _Side:
    """One system of a task: its worker, and its rounds so far.

    Args:
        name: Of the system.
        limit: Seconds that it may take for a step of 64 pairs.
        reporter: Hears of every round.
    """

    def __init__(self, name: str, limit: float, reporter: Reporter) -> None:
        self.name = name
        self.worker = Worker(name)
        self._limit, self._reporter = limit, reporter
        self._rounds: list[Round] = []
        self._stopped: Stopped | None = None

    def turn(self, load: Load, label: str, *, counts: bool = True) -> None:
        """Works on a load, unless it was stopped before."""
        if self._stopped is not None:
            return
        try:
            done = self.worker.run(load, self._limit)
        except Stopped as stopped:
            self._stopped = stopped
            self._reporter.warn(f"{label}, {self.name}: {stopped.reason}")
            return
        self._reporter.line(f"  {label}, {self.name}: {done.rate:.1f}/s")
        if counts:
            self._rounds.append(done)

    def measurement(self, task: Task) -> Measurement:
        """What its rounds come to."""
        stopped = self._stopped
        return Measurement(
            task=task.name,
            system=self.name,
            unit="pairs" if task.warm_up.pairs else "passages",
            rates=tuple(done.rate for done in self._rounds),
            peaks_mb=tuple(done.peak_mb for done in self._rounds),
            tokens=task.tokens,
            at_most=stopped.at_most if stopped and not self._rounds else None,
            reason=stopped.reason if stopped else "",
        )


def _measured(task: Task, limit: float, reporter: Reporter) -> list[Measurement]:
    """Lets the systems of a task take turns; another one begins in each round."""
    with contextlib.ExitStack() as stack:
        sides: list[_Side] = []
        for name in task.systems:
            sides.append(_Side(name, limit, reporter))
            stack.callback(sides[-1].worker.close)
            sides[-1].turn(task.warm_up, f"{task.name}, warm-up", counts=False)
        for number, load in enumerate(task.rounds):
            first = number % len(sides)
            for side in sides[first:] + sides[:first]:
                side.turn(load, f"{task.name}, round {number + 1}")
    return [side.measurement(task) for side in sides]


def draw(report: EngineReport, path: Path) -> None:
    """Writes the curve of training speed against passage length, where it was measured."""
    if report.curve:
        points = {
            "jargonaut": [(ours.tokens, ours.rate or 0.0) for ours, _ in report.curve],
            "sentence-transformers": [(theirs.tokens, theirs.rate or 0.0) for _, theirs in report.curve],
        }
        path.write_text(drawn(points, "tokens per passage", "pairs trained a second"), encoding="utf-8")


def part(source: Path) -> str:
    """Its part of `docs/benchmarks.md`; the curve is drawn beside the page."""
    report = measure(LabelledSet.read(source), EngineOptions(), TerminalReporter())
    draw(report, CHART)
    return report.to_markdown(CHART.name)


def main() -> None:
    """Measures, then prints the figures as Markdown or JSON."""
    line = parser("benchmarks.engine", __doc__)
    line.add_argument("--json", action="store_true", help="JSON in place of Markdown")
    line.add_argument("--quick", action="store_true", help="one round of few steps")
    line.add_argument("--rounds", type=int, help="rounds of each task (default: 3)")
    line.add_argument("--limit", type=float, help="seconds for a step of 64 pairs (default: 120; 60 with --quick)")
    line.add_argument("--chart", type=Path, help=f"where the curve goes (default: {CHART}; nowhere with --quick)")
    arguments = line.parse_args()
    asked = {key: value for key in ("rounds", "limit") if (value := getattr(arguments, key)) is not None}
    options = replace(EngineOptions.quick() if arguments.quick else EngineOptions(), **asked)
    with sentences():
        require_trainer()
        report = measure(LabelledSet.read(arguments.data), options, TerminalReporter())
    chart: Path | None = arguments.chart or (None if arguments.quick else CHART)
    if chart:
        draw(report, chart)
    address = chart.name if chart else None
    print(json.dumps(report.to_json(), indent=1) if arguments.json else report.to_markdown(address))


if __name__ == "__main__":
    main()
