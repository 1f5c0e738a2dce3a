"""The gate's advice on labelled sets beside what training then gained.

    python -m benchmarks.gate [DATA/financial_qa] [--sets … --passages 1500 --queries 200 --stores DIR …]

`assess` looks at dev and trains nothing; what training gained is read from the stores of `benchmarks.recipe`, where the
same sets were trained on and scored on test. Both are shown, and whether they agree: "fine-tune" where training gained
measurably, anything else where it did not. Knows stores and assessments; trains nothing itself.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.conditions import Conditions
from benchmarks.entrance import parser, sentences
from benchmarks.page import paragraph, score
from benchmarks.recipe import BASE, ENGINE, PUBLISHED, STORE, averaged, stored
from jargonaut.cli.terminal import TerminalReporter
from jargonaut.evaluation import Alternative, Assessment, Interval, paired_bootstrap
from jargonaut.layout import Layout
from jargonaut.protocols import Reporter
from jargonaut.settings import Settings, override
from jargonaut.story import Story

SETS = ("financial_qa", "medquad", "scifact", "nfcorpus", "cosqa", "stackfaq")
_PREFERRED = ("default", ENGINE, PUBLISHED)
"""Recipes whose gain is shown, the first that was trained."""
_INSTEAD = ("hybrid is enough", "something else is enough")
"""Rules that name something to use in place of training: what training gains over the base says nothing of those."""


@dataclass(frozen=True, slots=True)
class GateOptions:
    """How much is measured.

    Attributes:
        passages: Most passages that are searched.
        queries: Most dev queries that are asked.
        tokens: Most tokens of a text; the model's own limit when None.
        sets: Which sets.
        stores: Folders of trained models' scores, the first that has a set counts.
    """

    passages: int = 1500
    queries: int = 200
    tokens: int | None = None
    sets: tuple[str, ...] = SETS
    stores: tuple[Path, ...] = (STORE, STORE.with_name("recipe-128"), STORE.with_name("recipe-600"))


@dataclass(frozen=True, slots=True)
class Trained:
    """What training gained.

    Attributes:
        recipe: How it was trained, and from which store.
        gain: nDCG@10 on test against the base, whole vectors.
        base: The base's nDCG@10.
    """

    recipe: str
    gain: Interval
    base: float


def assessed(data: Path, work: Path, options: GateOptions, reporter: Reporter) -> Assessment:
    """What the gate says of one set.

    Args:
        data: The set's folder.
        work: Its workspace.
        options: How much is measured.
        reporter: Shows how far it is.
    """
    changed = {"assess.passages": options.passages, "assess.queries": options.queries}
    if options.tokens is not None:
        changed["base.max_tokens"] = options.tokens
    return Story(data, Layout(work), override(Settings(), changed), reporter).assessment


def trained(name: str, stores: Sequence[Path]) -> Trained | None:
    """What training gained on a set, by the most preferred recipe of the first store that has it; None where none has.

    Its queries count as independent here, since a store keeps scores alone.
    """
    kept = [(store, stored(store, name).get(name, {})) for store in stores]
    for recipe, (store, found) in itertools.product(_PREFERRED, kept):
        if BASE in found and recipe in found:
            before, after = (averaged(found[each]) for each in (BASE, recipe))
            labels = [str(number) for number in range(len(before))]
            gain = paired_bootstrap(before, after, labels)
            return Trained(f"{recipe}, {store.name}", gain, float(before.mean()))
    return None


def agrees(verdict: str, gain: Interval) -> bool:
    """Whether the advice fits what came of training."""
    return (verdict == "fine_tune") == (gain.low > 0)


def table(cases: Sequence[tuple[str, Assessment, Trained | None]]) -> Iterator[str]:
    """One line for each set."""
    yield "| set | base, dev | best hybrid, dev | verdict | by the rule | training gained on test | agrees |"
    yield "|---|---|---|---|---|---|---|"
    for name, found, after in cases:
        base = found.alternatives[0]
        hybrid = max((a for a in found.alternatives if a.kind == "hybrid"), key=lambda a: a.ndcg_at_10)
        gained = "not trained" if after is None else f"{after.gain.verdict_words} [{after.recipe}]"
        rule = found.reasons[0].rule
        cells = name, _shown(base), _shown(hybrid), f"`{found.verdict}`", rule, gained, _fits(found, after)
        yield f"| {' | '.join(cells)} |"


def _fits(found: Assessment, after: Trained | None) -> str:
    """Whether the advice fits, in words; empty where nobody trained."""
    if after is None:
        return ""
    if found.reasons[0].rule in _INSTEAD:
        return "not told by this"
    return "yes" if agrees(found.verdict, after.gain) else "**no**"


def part(source: Path, options: GateOptions | None = None, work: Path | None = None) -> str:
    """The part of the page: every set beside the given one that is there."""
    options, reporter = options or GateOptions(), TerminalReporter()
    sets = [name for name in options.sets if (source.parent / name).is_dir()]
    with tempfile.TemporaryDirectory() as folder:
        cases = []
        for name in sets:
            reporter.line(f"{name}:")
            found = assessed(source.parent / name, (work or Path(folder)) / name, options, reporter)
            cases.append((name, found, trained(name, options.stores)))
    limit = "" if options.tokens is None else f", texts cut to {options.tokens} tokens"
    lines = [
        paragraph(
            f"{Conditions.here().sentence} At most {options.queries:,} dev queries over {options.passages:,} passages "
            f"of each set{limit}; found is the share of answers that the rules look at, then nDCG@10."
        ),
        "", *table(cases),
    ]  # fmt: skip
    return "\n".join(lines)


def main() -> None:
    """Prints the table."""
    line = parser("benchmarks.gate", __doc__)
    defaults = GateOptions()
    line.add_argument("--passages", type=int, default=defaults.passages, help="most passages (default: %(default)s)")
    line.add_argument("--queries", type=int, default=defaults.queries, help="most dev queries (default: %(default)s)")
    line.add_argument("--tokens", type=int, help="most tokens of a text")
    line.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    line.add_argument("--stores", nargs="+", type=Path, default=list(defaults.stores), help="of benchmarks.recipe")
    line.add_argument("--work", type=Path, help="folder of the workspaces (default: a temporary one)")
    given = line.parse_args()
    options = GateOptions(given.passages, given.queries, given.tokens, tuple(given.sets), tuple(given.stores))
    with sentences():
        print(part(given.data, options, given.work))


def _shown(one: Alternative) -> str:
    return f"{score(one.found)} / {score(one.ndcg_at_10)}"


if __name__ == "__main__":
    main()
