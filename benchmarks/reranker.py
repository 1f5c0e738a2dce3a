"""What a second stage and a teacher add: dense search, the same reranked, and students of a reranker, on test.

    python -m benchmarks.reranker run --sets financial_qa --pairs 400 --tokens 128 --corpus 1500 --queries 150
    python -m benchmarks.reranker table

Each run is one set, one system, one seed, through the whole product: its mining, training, guards, calibration. The
set is cut first: so many training queries, and their passages among so many. Per-query scores are kept in the store, so
a study can be stopped and goes on with what is missing.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.conditions import LabelledSet
from benchmarks.entrance import sentences
from benchmarks.exam import MEASURE
from benchmarks.page import score
from benchmarks.recipe import DATA, SETS, Sitting, against, averaged, only, stored
from jargonaut.artifacts import content_hash
from jargonaut.cli.terminal import TerminalReporter
from jargonaut.contenders import Contenders
from jargonaut.evaluation import per_query, query_clusters
from jargonaut.formats import write_beir
from jargonaut.layout import Layout
from jargonaut.protocols import Encoder, Reporter, Reranker
from jargonaut.records import Qrel, Query, Run, SplitName, qrels, queries
from jargonaut.rerankers import named_reranker
from jargonaut.retrieval import rescored
from jargonaut.second_stage import tune_reranker
from jargonaut.settings import Settings, override
from jargonaut.story import Story

STORE = Path("benchmarks/results/reranker")
BASE, TUNED = "base", "tuned"
SYSTEMS = (BASE, "base, reranked", TUNED, "tuned, reranked", "distilled, kl", "distilled, margin_mse")
"""Every system but the last two is asked with and without the reranker; those are students of it."""
STUDENT_NEGATIVES = 4
"""Hard negatives for each pair of a student, as `train --distil` has them."""


@dataclass(frozen=True, slots=True)
class StageOptions:
    """How much is trained and asked.

    Attributes:
        pairs: Most training queries, drawn by hash.
        dev: Most dev queries.
        queries: Most test queries.
        corpus: Most passages; those that judgements name are always there.
        tokens: Most tokens of a text, and of query and passage together.
        depth: Hits that are reranked.
        settings: Further settings of the product.
    """

    pairs: int = 400
    dev: int = 60
    queries: int = 150
    corpus: int = 1500
    tokens: int = 128
    depth: int = 50
    settings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Study:
    """What is trained and where it is kept.

    Attributes:
        data: Folder of the sets.
        store: Folder of the scores.
        work: Folder of the workspaces.
        options: How much.
        reporter: Shows how far it is.
    """

    data: Path
    store: Path
    work: Path
    options: StageOptions
    reporter: Reporter

    def run(self, sets: Sequence[str], systems: Sequence[str], seeds: Sequence[int]) -> None:
        """Trains and scores what is missing."""
        for name in sets:
            source = cut(self.data / name, self.work / "sets" / name, self.options)
            for seed in seeds:
                for system in systems:
                    number = 0 if system == BASE else seed
                    if not Sitting.path(self.store, name, system, number).exists():
                        self._sit(name, source, system, number)

    def _sit(self, name: str, source: Path, system: str, seed: int) -> None:
        started = time.monotonic()
        encoder, reranker, facts = self._made(name, source, system, seed)
        trained = time.monotonic() - started
        found, each = self._examined(self._story(name, source, seed), encoder, reranker)
        kept = Sitting(name, system, seed, round(trained, 1), {**facts, "milliseconds": round(each, 1)},
                       {MEASURE: [round(float(value), 4) for value in found]}, {})  # fmt: skip
        kept.write(self.store)
        self.reporter.line(f"== {name}, {system}, seed {seed}: {found.mean():.4f}, {each:,.0f} ms to rerank a query")

    def _made(self, name: str, source: Path, system: str, seed: int) -> tuple[Encoder, Reranker | None, dict[str, Any]]:
        story = self._story(name, source, seed)
        if system == BASE:
            return story.base, None, {}
        if system == TUNED:
            return story.tuned_encoder, None, {"counts": dict(story.tuned.counts)}
        made = tune_reranker(story)
        facts = {"dev": [made.dense, made.reranked, made.alone], "weight": made.weight, "epoch": made.best_epoch,
                 "train_seconds": made.train_seconds, "version": made.version}  # fmt: skip
        if made.version is None:
            return (story.base if system.startswith(BASE) else story.tuned_encoder), None, facts
        if system.startswith("distilled"):
            taught = self._story(
                name, source, seed,
                {"train.loss": system.partition(", ")[2], "train.teacher": made.version,
                 "mine.per_pair": STUDENT_NEGATIVES},
            )  # fmt: skip
            return taught.tuned_encoder, None, {**facts, "counts": dict(taught.tuned.counts)}
        encoder = story.base if system.startswith(BASE) else story.tuned_encoder
        return encoder, named_reranker(made.version, story.settings, story.layout), facts

    def _examined(self, story: Story, encoder: Encoder, reranker: Reranker | None) -> tuple[NDArray[np.float64], float]:
        """nDCG@10 of each test query, by query id in order, and milliseconds of reranking per query."""
        asked, judged, texts = exam(story)
        run = Contenders(texts, story.settings.bm25).dense("test", encoder, asked, k=100)
        each = 0.0
        if reranker is not None:
            reranker.score(asked[0].text, [next(iter(texts.values()))])  # loaded before time is taken
            started = time.monotonic()
            run = Run("test", rescored(run, asked, texts, reranker, self.options.depth))
            each = 1000 * (time.monotonic() - started) / len(asked)
        scores = per_query(run, judged, asked).of(MEASURE)
        return np.array([scores[id_] for id_ in sorted(scores)]), each

    def _story(self, name: str, source: Path, seed: int, more: Mapping[str, Any] | None = None) -> Story:
        options = self.options
        given = dict(one.split("=", 1) for one in options.settings)
        settings = override(
            Settings(),
            {"base.max_tokens": options.tokens, "reranker.max_tokens": options.tokens, "reranker.seed": seed,
             "train.seed": seed, "reranker.depth": options.depth, **given, **(more or {})},
        )  # fmt: skip
        return Story(source, Layout(self.work / name), settings, self.reporter)


def exam(story: Story) -> tuple[list[Query], list[Qrel], dict[str, str]]:
    """Test's queries and judgements, and all passages."""
    test = story.pairs.splits.test
    return queries(test), qrels(test), story.corpus.texts


def cut(source: Path, folder: Path, options: StageOptions) -> Path:
    """A smaller set of the same kind: so many queries of each split, and so many passages.

    Args:
        source: A BEIR folder.
        folder: The new one.
        options: How many.
    """
    kept = LabelledSet.read(source)
    judged: dict[SplitName, list[Qrel]] = {}
    parts: tuple[tuple[SplitName, Sequence[Qrel], int], ...] = (
        ("train", kept.train, options.pairs), ("dev", kept.dev, options.dev), ("test", kept.test, options.queries),
    )  # fmt: skip
    for split, rows, most in parts:
        wanted = set(sorted({one.query_id for one in rows}, key=content_hash)[:most])
        judged[split] = [one for one in rows if one.query_id in wanted]
    named = {one.passage_id for rows in judged.values() for one in rows}
    ordered = sorted(kept.passages, key=lambda p: (p.id not in named, content_hash(p.id)))
    asked = {one.query_id for rows in judged.values() for one in rows}
    write_beir(
        folder, ordered[: max(options.corpus, len(named))],
        [Query(id_, text) for id_, text in kept.queries.items() if id_ in asked], judged,
    )  # fmt: skip
    return folder


def table(store: Path, data: Path, options: StageOptions, *, unseen: bool = False) -> str:
    """Every set and system: mean over seeds, and what it adds to the base and to the directly tuned model.

    Args:
        store: Folder of the scores.
        data: Folder of the sets.
        options: How models were scored.
        unseen: Whether only those test queries count none of whose answers answers a train query.
    """
    return "\n".join(_table(store, data, options, unseen=unseen))


def _table(store: Path, data: Path, options: StageOptions, *, unseen: bool) -> Iterator[str]:
    yield f"| set | system | seeds | {MEASURE} | against the base | against the tuned | ms to rerank | s to train |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, everything in stored(store).items():
        of, met = _asked(data / name, options)
        counted = [not unseen or id_ not in met for id_ in of]
        if not any(counted):
            continue
        found, clusters = only(everything, counted), list(compress(of.values(), counted))
        for system in (each for each in SYSTEMS if each in found):
            seeds = found[system]
            gains = " | ".join(against(found.get(other), seeds, clusters, MEASURE) for other in (BASE, TUNED))
            each, took = (float(np.mean([value(one) for one in seeds])) for value in (_milliseconds, _seconds))
            cells = (name, system, str(len(seeds)), score(float(averaged(seeds, MEASURE).mean()), 4), gains,
                     f"{each:,.0f}" if each else "", f"{took:,.0f}")  # fmt: skip
            yield f"| {' | '.join(cells)} |"


def _asked(source: Path, options: StageOptions) -> tuple[dict[str, str], set[str]]:
    """Test query id → unit of the bootstrap, in the order of the scores; and the ids whose answers train asks for."""
    kept = LabelledSet.read(source)
    wanted = set(sorted({one.query_id for one in kept.test}, key=content_hash)[: options.queries])
    judged, taught = [one for one in kept.test if one.query_id in wanted], {one.passage_id for one in kept.train}
    met = {one.query_id for one in judged if one.passage_id in taught}
    return dict(sorted(query_clusters(judged, {}).items())), met


def _milliseconds(one: Sitting) -> float:
    return float(one.facts["milliseconds"])


def _seconds(one: Sitting) -> float:
    return one.seconds


def main() -> None:
    """Runs what is missing, or prints the table."""
    defaults = StageOptions()
    line = argparse.ArgumentParser(prog="python -m benchmarks.reranker", description=(__doc__ or "").partition("\n")[0])
    line.add_argument("what", choices=("run", "table"))
    line.add_argument("--data", type=Path, default=DATA, help="folder of the sets (default: %(default)s)")
    line.add_argument("--store", type=Path, default=STORE, help="folder of the scores (default: %(default)s)")
    line.add_argument("--work", type=Path, help="folder of the workspaces (default: a temporary one)")
    line.add_argument("--sets", nargs="+", default=list(SETS))
    line.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=SYSTEMS)
    line.add_argument("--seeds", nargs="+", type=int, default=[13])
    line.add_argument("--pairs", type=int, default=defaults.pairs, help="most training queries of a set")
    line.add_argument("--dev", type=int, default=defaults.dev, help="most dev queries")
    line.add_argument("--queries", type=int, default=defaults.queries, help="most test queries")
    line.add_argument("--corpus", type=int, default=defaults.corpus, help="most passages")
    line.add_argument("--tokens", type=int, default=defaults.tokens, help="most tokens of a text")
    line.add_argument("--depth", type=int, default=defaults.depth, help="hits that are reranked")
    line.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="further settings")
    line.add_argument("--unseen", action="store_true",
                      help="table: only test queries none of whose answers answers a train query")  # fmt: skip
    given = line.parse_args()
    options = StageOptions(
        given.pairs, given.dev, given.queries, given.corpus, given.tokens, given.depth, tuple(given.set)
    )
    with sentences():
        if given.what == "table":
            print(table(given.store, given.data, options, unseen=given.unseen))
            return
        with tempfile.TemporaryDirectory() as folder:
            study = Study(given.data, given.store, given.work or Path(folder), options, TerminalReporter())
            study.run(given.sets, given.systems, given.seeds)


if __name__ == "__main__":
    main()
