"""What the engine's speed costs in quality: the same pairs and the same recipe, trained by either engine.

    python -m benchmarks.quality [DATA/financial_qa] [--json] [--seeds 3] [--pairs 2560] [--dropout]

Every model is scored by the same encoder on the same test queries over the whole corpus. Knows seeds and scores; how a
system trains is known by `systems`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any

from benchmarks.conditions import Conditions, LabelledSet
from benchmarks.entrance import parser, sentences
from benchmarks.exam import MEASURE, Exam
from benchmarks.page import paragraph, score
from benchmarks.systems import RECIPE, our_model, require_trainer, stock_model, train_ours, train_stock
from jargonaut.artifacts import plain
from jargonaut.cli.terminal import TerminalReporter
from jargonaut.protocols import Reporter

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


@dataclass(frozen=True, slots=True)
class QualityOptions:
    """What is trained.

    Attributes:
        seeds: How many seeds, counted up from the recipe's own.
        pairs: Training pairs.
        dropout: Whether jargonaut trains with dropout, as sentence-transformers always does.
    """

    seeds: int = 3
    pairs: int = 2560
    dropout: bool = False


@dataclass(frozen=True, slots=True)
class QualityReport:
    """nDCG@10 on the test queries.

    Attributes:
        base: The untuned model's.
        ours: One for each seed.
        stock: One for each seed, in the same order.
        options: What was trained.
        conditions: Where.
    """

    base: float
    ours: tuple[float, ...]
    stock: tuple[float, ...]
    options: QualityOptions
    conditions: Conditions

    @property
    def verdict(self) -> str:
        """Where our mean lies against the stock seeds: `within`, `above` or `below` their spread."""
        ours = mean(self.ours)
        return "below" if ours < min(self.stock) else "above" if ours > max(self.stock) else "within"

    def to_json(self) -> dict[str, Any]:
        """Scores and verdict, and the conditions."""
        conditions = plain(self.conditions)
        return {
            "measure": MEASURE,
            "base": self.base,
            "ours": _summary(self.ours),
            "stock": _summary(self.stock),
            "ours_against_stock_seeds": self.verdict,
            "options": plain(self.options),
            "recipe": plain(replace(RECIPE, dropout=self.options.dropout)),
            "date": conditions.pop("date"),
            "versions": conditions.pop("versions"),
            "machine": conditions,
        }

    def to_markdown(self) -> str:
        """A table of every seed, for a page of `docs/`."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        seeds = [str(RECIPE.seed + number) for number in range(len(self.ours))]
        dropout = "with dropout on both sides" if self.options.dropout else "dropout off in jargonaut, on in the other"
        yield paragraph(
            f"{self.conditions.sentence} {self.options.pairs:,} pairs, batch {RECIPE.batch_size}, learning rate "
            f"{RECIPE.lr:g}, warm-up {RECIPE.warmup:g} and cosine decay, {RECIPE.epochs} epoch, {dropout}. "
            f"The base has {_score(self.base)}."
        )
        yield ""
        yield f"| {MEASURE} on test | {' | '.join(f'seed {seed}' for seed in seeds)} | mean | standard deviation |"
        yield f"|---|{'---|' * (len(seeds) + 2)}"
        for name, scores in (("jargonaut", self.ours), ("sentence-transformers", self.stock)):
            spread = _score(stdev(scores)) if len(scores) > 1 else ""
            yield f"| {name} | {' | '.join(map(_score, scores))} | **{_score(mean(scores))}** | {spread} |"
        yield ""
        yield f"Our mean lies {self.verdict} what the seeds of sentence-transformers span."


def measure(source: LabelledSet, options: QualityOptions, reporter: Reporter) -> QualityReport:
    """Trains and scores one model for each engine and seed."""
    conditions = Conditions.here()
    pairs = source.pairs()[: options.pairs]
    options = replace(options, pairs=len(pairs))
    exam = Exam.of(source, "none")
    base = _mean(exam, our_model())
    reporter.line(f"  base: {base:.4f}")
    found: dict[str, list[float]] = {"ours": [], "stock": []}
    for number in range(options.seeds):
        recipe = replace(RECIPE, seed=RECIPE.seed + number, dropout=options.dropout)
        sides: tuple[tuple[str, Callable[[], SentenceTransformer], Callable[..., None]], ...] = (
            ("ours", our_model, train_ours),
            ("stock", stock_model, train_stock),
        )
        for name, load, train in sides:
            model = load()
            train(model, pairs, recipe)
            found[name].append(_mean(exam, model))
            reporter.line(f"  {name}, seed {recipe.seed}: {found[name][-1]:.4f}")
    return QualityReport(base, tuple(found["ours"]), tuple(found["stock"]), options, conditions)


def part(source: Path) -> str:
    """Its part of `docs/benchmarks.md`."""
    return measure(LabelledSet.read(source), QualityOptions(), TerminalReporter()).to_markdown()


def main() -> None:
    """Measures, then prints the scores as Markdown or JSON."""
    defaults = QualityOptions()
    line = parser("benchmarks.quality", __doc__)
    line.add_argument("--json", action="store_true", help="JSON in place of Markdown")
    line.add_argument("--seeds", type=int, default=defaults.seeds, help="seeds (default: %(default)s)")
    line.add_argument("--pairs", type=int, default=defaults.pairs, help="training pairs (default: %(default)s)")
    line.add_argument("--dropout", action="store_true", help="dropout on in jargonaut too")
    arguments = line.parse_args()
    options = QualityOptions(arguments.seeds, arguments.pairs, arguments.dropout)
    with sentences():
        require_trainer()
        report = measure(LabelledSet.read(arguments.data), options, TerminalReporter())
    print(json.dumps(report.to_json(), indent=1) if arguments.json else report.to_markdown())


def _mean(exam: Exam, model: SentenceTransformer) -> float:
    return float(exam.scores(model)[0].mean())


def _summary(scores: Sequence[float]) -> dict[str, Any]:
    spread = stdev(scores) if len(scores) > 1 else None
    return {"seeds": list(scores), "mean": mean(scores), "sd": spread, "low": min(scores), "high": max(scores)}


def _score(value: float) -> str:
    """With a digit more than elsewhere, since seeds differ by little."""
    return score(value, 4)


if __name__ == "__main__":
    main()
