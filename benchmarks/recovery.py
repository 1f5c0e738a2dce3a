"""How much of what true labels teach is taught by pairs that need no labels, with and without curation.

    python -m benchmarks.recovery [DATA/financial_qa] [--json] [--passages 600] [--labels 4000] [--workspace DIR]

The labels of a set are hidden. Pairs are read off the passages' structure and written by the embedded language model,
about passages that neither test nor dev judge; models learn from them, curated and as they come, and from the true
labels, by one recipe and with one seed. Knows scores; how pairs are made is the package's job.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.conditions import Conditions, LabelledSet
from benchmarks.entrance import parser, sentences
from benchmarks.exam import MEASURE, Exam
from benchmarks.page import paragraph, score
from benchmarks.systems import RECIPE, our_model
from jargonaut import Workspace
from jargonaut.artifacts import content_hash, plain
from jargonaut.cli.terminal import TerminalReporter
from jargonaut.collection import PairCollection
from jargonaut.encoding.devices import ComputeOptions
from jargonaut.encoding.models import EMBEDDED, find_model
from jargonaut.evaluation import paired_bootstrap
from jargonaut.formats import write_jsonl
from jargonaut.protocols import Reporter
from jargonaut.records import SPLITS, Pair, Triplet, source_of
from jargonaut.settings import Settings, override
from jargonaut.training import train

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer

SETS = ("financial_qa", "medquad")
LABELS, CURATED, RAW = "true labels", "curated", "as they come"
UNCURATED = {
    "curate.language": False, "curate.merge": False, "curate.round_trip": False, "curate.max_document_share": 1.0,
    "curate.max_topic_share": 1.0,
}  # fmt: skip
"""Settings under which every pair that can be read is kept."""


@dataclass(frozen=True, slots=True)
class RecoveryOptions:
    """What is measured.

    Attributes:
        passages: Most passages that the language model is asked about.
        per_passage: Questions asked for about each.
        most: Most pairs that any model learns from.
        corpus: Most passages that are searched; those that test judges are always among them.
        epochs: Passes over the pairs.
        threads: Threads of the language model; one for each core when None.
        tokens: Longer texts are cut, wherever a model reads them.
    """

    passages: int = 600
    per_passage: int = 2
    most: int = 4000
    corpus: int = 7000
    epochs: int = 1
    threads: int | None = None
    tokens: int = 256


@dataclass(frozen=True, slots=True)
class Taught:
    """A model that learned from one kind of pairs.

    Attributes:
        pairs: How many it learned from.
        sources: Source → how many of them.
        value: Its mean nDCG@10 on test.
        gain: Its difference from the base, and the interval of that.
        ratio: Which share of the gain of true labels that is, and the interval of it; None for true labels themselves.
    """

    pairs: int
    sources: Mapping[str, int]
    value: float
    gain: tuple[float, float, float]
    ratio: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True)
class RecoveryReport:
    """What pairs without labels recover on one set.

    Attributes:
        name: Of the set.
        searched: Passages that were searched.
        questions: Test queries.
        base: The untuned model's mean nDCG@10.
        taught: Kind of pairs → the model.
        curation: What was gained by curation: difference, low, high.
        account: What the language model did, in a sentence.
        options: What was measured.
        conditions: Where.
    """

    name: str
    searched: int
    questions: int
    base: float
    taught: Mapping[str, Taught]
    curation: tuple[float, float, float]
    account: str
    options: RecoveryOptions
    conditions: Conditions

    def to_json(self) -> dict[str, Any]:
        """Everything."""
        return dict(plain(self))

    def to_markdown(self) -> str:
        """A table, for a page of `docs/`."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield paragraph(
            f"`{self.name}`, {self.questions:,} test queries over {self.searched:,} passages; passes over the pairs: "
            f"{self.options.epochs}, batch {RECIPE.batch_size}, learning rate {RECIPE.lr:g}, one seed, no mined "
            f"negatives. The base has {score(self.base)}. {self.account}"
        )
        yield ""
        yield f"| learned from | pairs | of which | {MEASURE} on test | against the base | share of the labels' gain |"
        yield "|---|---|---|---|---|---|"
        for name, one in self.taught.items():
            sources = ", ".join(f"{number:,} {source}" for source, number in one.sources.items())
            ratio = "" if one.ratio is None else _ranged(one.ratio, "{:.0%}")
            values = f"{one.pairs:,} | {sources} | {score(one.value)} | {_ranged(one.gain, '{:+.3f}')} | {ratio}"
            yield f"| {name} | {values} |"
        yield ""
        yield f"Curated against as they come: {_ranged(self.curation, '{:+.3f}')}."


def measure(folder: Path, options: RecoveryOptions, workspace: Path, reporter: Reporter) -> RecoveryReport:
    """Makes pairs without labels, trains on them and on the labels, and scores all.

    Args:
        folder: A BEIR folder.
        options: How much.
        workspace: Where pairs are made; what is there already is not made again.
        reporter: Shows how far it is.
    """
    conditions, source = Conditions.here(), LabelledSet.read(folder)
    settings = override(Settings(), {"base.max_tokens": options.tokens, "local_llm.threads": options.threads})
    collection, account = _unlabelled(source, options, settings, workspace, reporter)
    kinds = {
        LABELS: _label_pairs(source),
        CURATED: _pairs(collection),
        RAW: _pairs(_opened(workspace, override(settings, UNCURATED), reporter)),
    }
    kinds = {name: _chosen(pairs, options.most) for name, pairs in kinds.items()}
    exam = Exam.of(source, collection.corpus.context, corpus=options.corpus)
    (base,) = exam.scores(_model(options))
    reporter.line(f"  base: {base.mean():.4f}")
    found: dict[str, NDArray[np.float64]] = {}
    for name, pairs in kinds.items():
        (found[name],) = exam.scores(_taught(pairs, exam.texts, options))
        reporter.line(f"  {name}, {len(pairs):,} pairs: {found[name].mean():.4f}")
    clusters = exam.clusters
    gained = paired_bootstrap(found[RAW], found[CURATED], clusters)
    taught = {
        name: Taught(
            len(kinds[name]), _counted(kinds[name]), float(found[name].mean()), _gain(base, found[name], clusters),
            None if name == LABELS else share(base, found[LABELS], found[name], clusters),
        )
        for name in kinds
    }  # fmt: skip
    return RecoveryReport(
        folder.name, len(exam.passages), len(exam.asked), float(base.mean()), taught,
        (gained.difference, gained.low, gained.high), account, options, conditions,
    )  # fmt: skip


def share(
    base: NDArray[np.float64], labels: NDArray[np.float64], other: NDArray[np.float64], clusters: Sequence[str],
    *, resamples: int = 10_000, seed: int = 0,
) -> tuple[float, float, float]:  # fmt: skip
    """Which share of one gain over the base another is: the ratio of means, with a 95 % percentile interval.

    Args:
        base: Scores of each query, shape (queries,).
        labels: Those of the model whose gain counts as the whole, same order.
        other: Those of the model whose gain is measured.
        clusters: The unit that is drawn, of each query.
        resamples: How often.
        seed: Same seed, same interval.
    """
    _, unit = np.unique(np.asarray(clusters), return_inverse=True)
    number = int(unit.max()) + 1
    whole = np.bincount(unit, labels - base, minlength=number)
    part = np.bincount(unit, other - base, minlength=number)
    drawn = np.random.default_rng(seed).integers(0, number, size=(resamples, number))
    ratios = part[drawn].sum(axis=1) / whole[drawn].sum(axis=1)
    low, high = np.quantile(ratios, (0.025, 0.975))
    return float(part.sum() / whole.sum()), float(low), float(high)


def _unlabelled(
    source: LabelledSet, options: RecoveryOptions, settings: Settings, workspace: Path, reporter: Reporter
) -> tuple[PairCollection, str]:
    """A workspace over the passages that no held-out label names, with questions of the embedded model in its pool."""
    held = {q.passage_id for q in (*source.test, *source.dev)}
    workspace.mkdir(parents=True, exist_ok=True)
    write_jsonl(_corpus(workspace), [
        {"id": p.id, "title": p.title, "text": p.text} for p in source.passages if p.id not in held
    ])  # fmt: skip
    collection = _opened(workspace, settings, reporter)
    job = collection.plan_questions(per_passage=options.per_passage, limit=options.passages, local=True)
    entry = collection.generate(job).entry
    return collection, f"{entry.artifact.counts['cost']}."


def _opened(workspace: Path, settings: Settings, reporter: Reporter) -> PairCollection:
    return Workspace(workspace, settings=settings, reporter=reporter).pairs(_corpus(workspace))


def _corpus(workspace: Path) -> Path:
    return workspace / "passages.jsonl"


def _pairs(collection: PairCollection) -> list[Pair]:
    """All pairs of a workspace; test and dev are other queries here, so nothing has to be held out."""
    splits = collection.prepared.splits
    return [pair for name in SPLITS for pair in splits.part(name) if pair.relevance > 0]


def _label_pairs(source: LabelledSet) -> list[Pair]:
    return [Pair(q.query_id, source.queries[q.query_id], q.passage_id, 1, "label") for q in source.train]


def _chosen(pairs: Sequence[Pair], most: int) -> list[Pair]:
    """Some, drawn by hash, each source in full before structure fills up."""
    ordered = sorted(pairs, key=lambda pair: content_hash(pair.query, pair.passage_id))
    written = [pair for pair in ordered if source_of(pair.provenance) in {"llm", "label"}]
    others = [pair for pair in ordered if source_of(pair.provenance) not in {"llm", "label"}]
    return [*written, *others][:most]


def _model(options: RecoveryOptions) -> SentenceTransformer:
    """The base."""
    model = our_model()
    model.max_seq_length = options.tokens
    return model


def _taught(pairs: Sequence[Pair], texts: Mapping[str, str], options: RecoveryOptions) -> SentenceTransformer:
    """A model that learned from some pairs."""
    known: dict[str, set[str]] = {}
    for pair in pairs:
        known.setdefault(pair.query_id, set()).add(pair.passage_id)
    model = _model(options)
    train(
        model, find_model(EMBEDDED).prompts, [Triplet(pair.query_id, pair.passage_id) for pair in pairs],
        {pair.query_id: pair.query for pair in pairs}, texts, {id_: frozenset(ids) for id_, ids in known.items()}, {},
        replace(RECIPE, epochs=options.epochs), ComputeOptions(), reporter=TerminalReporter(),
    )  # fmt: skip
    return model


def _gain(base: NDArray[np.float64], tuned: NDArray[np.float64], clusters: Sequence[str]) -> tuple[float, float, float]:
    found = paired_bootstrap(base, tuned, clusters)
    return found.difference, found.low, found.high


def _counted(pairs: Sequence[Pair]) -> dict[str, int]:
    return dict(Counter(source_of(pair.provenance) for pair in pairs).most_common())


def _ranged(found: tuple[float, float, float], form: str) -> str:
    middle, low, high = (form.format(value).replace("-", "−") for value in found)
    return f"{middle} ({low} to {high})"


def part(source: Path) -> str:
    """Its part of `docs/benchmarks.md`; the sets lie beside `source`."""
    reports = []
    for name in SETS:
        with tempfile.TemporaryDirectory() as folder:
            reports.append(measure(source.parent / name, RecoveryOptions(), Path(folder), TerminalReporter()))
    return "\n\n".join([paragraph(reports[0].conditions.sentence), *(report.to_markdown() for report in reports)])


def main() -> None:
    """Measures, then prints Markdown or JSON."""
    arguments = _arguments()
    asked = ("passages", "per_passage", "most", "corpus", "epochs", "threads", "tokens")
    options = RecoveryOptions(**{name: getattr(arguments, name) for name in asked})
    with sentences(), tempfile.TemporaryDirectory() as folder:
        report = measure(arguments.data, options, arguments.workspace or Path(folder), TerminalReporter())
    print(json.dumps(report.to_json(), indent=1) if arguments.json else report.to_markdown())


def _arguments() -> argparse.Namespace:
    defaults = RecoveryOptions()
    line = parser("benchmarks.recovery", __doc__)
    line.add_argument("--json", action="store_true", help="JSON in place of Markdown")
    line.add_argument("--workspace", type=Path, help="where pairs are made and kept, to go on after a stop")
    for name, meaning in (
        ("passages", "passages asked about"), ("per-passage", "questions for each"), ("most", "pairs of each model"),
        ("corpus", "passages searched"), ("epochs", "passes over the pairs"), ("threads", "threads that write"),
        ("tokens", "tokens that models read of a text"),
    ):  # fmt: skip
        default = getattr(defaults, name.replace("-", "_"))
        line.add_argument(f"--{name}", type=int, default=default, help=f"{meaning} (default: %(default)s)")
    return line.parse_args()


if __name__ == "__main__":
    main()
