"""Training recipes against each other on several sets and seeds: the study behind the default recipe.

    python -m benchmarks.recipe run --sets financial_qa --recipes default published --seeds 13 [--store DIR]
    python -m benchmarks.recipe table [--store DIR]
    python -m benchmarks.recipe choose [--store DIR]     # by leaving each set out

Each run is one set, one recipe, one seed; its per-query scores are kept in the store, so a study can be stopped, goes
on with what is missing, and can be compared query by query later. A recipe of ours is a handful of settings, and goes
through the whole product: its curation, mining, training, guards. The published recipe is MNRL × Matryoshka, 4 epochs,
learning rate 2e-5 with cosine decay, batch 32 accumulated 16 times, no mined negatives: by sentence-transformers itself
(`published`), and by our engine with the same mathematics (`published-engine`), which takes a fraction of the time.
"""

from __future__ import annotations

import argparse
import gzip
import importlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.conditions import LabelledSet
from benchmarks.entrance import sentences
from benchmarks.exam import Exam
from benchmarks.page import score
from jargonaut.artifacts import atomic_write, content_hash, plain
from jargonaut.cli.terminal import TerminalReporter
from jargonaut.encoding.devices import ComputeOptions
from jargonaut.encoding.local import load_model, quiet_libraries
from jargonaut.encoding.models import EMBEDDED, ModelFolder, find_model
from jargonaut.encoding.packaged import MPNET
from jargonaut.errors import InputError
from jargonaut.evaluation import paired_bootstrap
from jargonaut.layout import Layout
from jargonaut.protocols import Reporter
from jargonaut.records import Triplet, positives, queries
from jargonaut.settings import Settings, override
from jargonaut.story import Story
from jargonaut.training import TrainOptions, train
from jargonaut.training.losses import Targets, info_nce

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer

DATA = Path("../shared/data")
STORE = Path("benchmarks/results/recipe")
SETS = ("financial_qa", "scifact", "nfcorpus", "medquad", "cosqa")
DIMS = (384, 256, 128, 64)
BASE, PUBLISHED, ENGINE = "base", "published", "published-engine"
_NOT_OURS = (BASE, PUBLISHED, ENGINE)
PUBLISHED_OPTIONS = TrainOptions(
    epochs=4, batch_size=512, lr=2e-5, warmup=0.1, weight_decay=0.0, scale=20.0, dims=DIMS, patience=4, per_query=0
)
MICRO = 32
"""Pairs whose passages are each other's negatives in the published recipe; 16 such batches make a step."""
RECIPES: Mapping[str, Mapping[str, Any]] = {
    "default": {},
    "in-batch": {"mine.per_pair": 0},
    "four negatives": {"mine.per_pair": 4},
    "born again": {"train.teacher": "default", "train.loss": "kl", "mine.per_pair": 4},
    "larger": {"base.model": MPNET.name, "train.dims": [768], "train.epochs": 2},
    "student of larger": {"train.teacher": "larger", "train.loss": "kl", "mine.per_pair": 4},
    "student of untuned larger": {"train.teacher": MPNET.name, "train.loss": "kl", "mine.per_pair": 4},
}
"""Name → settings that differ from the defaults. Others are named on the command line: `--set NAME train.lr=1e-4 …`. A
recipe that stands as a teacher is the model that it made of the same set with the same seed (a student of its own size:
Furlanello et al. 2018). Students have four negatives, as `train --distil` has them. `larger` needs the packages that
`jargonaut.encoding.packaged` names."""


@dataclass(frozen=True, slots=True)
class StudyOptions:
    """How many pairs are trained on, and how models are scored.

    Attributes:
        pairs: Most training queries of a set, drawn by hash; all when None. Where they have many positives, as many
            queries are taken as bring `judgements` of them for each of these: a query keeps all its positives, since
            one that is left out would be taught as a negative.
        judgements: See there.
        dev: Most dev queries, where training queries are limited.
        tokens: Most tokens of a text, in training and exam; the model's own limit when None.
        corpus: Most passages that are searched in a set's own exam; those that its queries name are always there.
        queries: Most queries of a set's own exam, drawn by hash; all when None.
        away_corpus: The same in the exams of the other sets.
        away_queries: Most queries of those.
    """

    pairs: int | None = None
    judgements: int = 3
    dev: int = 200
    tokens: int | None = None
    corpus: int = 7000
    queries: int | None = None
    away_corpus: int = 2000
    away_queries: int = 300


@dataclass(frozen=True, slots=True)
class Sitting:
    """One trained model's exams.

    Attributes:
        set: Trained on.
        recipe: How.
        seed: With which seed.
        seconds: What training took, mining and dev scoring included.
        facts: What is known of the training.
        home: Dimension → nDCG@10 of each query of the set's own exam.
        away: Other set → nDCG@10 of each query of its exam, whole vectors.
    """

    set: str
    recipe: str
    seed: int
    seconds: float
    facts: Mapping[str, Any]
    home: Mapping[str, Sequence[float]]
    away: Mapping[str, Sequence[float]]

    def write(self, store: Path) -> None:
        """Keeps it."""
        path = self.path(store, self.set, self.recipe, self.seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as temporary:
            temporary.write_bytes(gzip.compress(json.dumps(plain(self)).encode(), mtime=0))

    @classmethod
    def read(cls, path: Path) -> Sitting:
        """What was kept."""
        return cls(**json.loads(gzip.decompress(path.read_bytes())))

    @staticmethod
    def path(store: Path, name: str, recipe: str, seed: int) -> Path:
        """Where it is kept."""
        return store / name / f"{recipe.replace(' ', '-')}-{seed}.json.gz"


@dataclass(frozen=True, slots=True)
class Study:
    """What is trained and where it is kept.

    Attributes:
        data: Folder of the sets.
        store: Folder of the scores.
        work: Folder of the workspaces: one for each set, so that vectors and negatives are made once.
        recipes: Name → settings.
        options: How models are scored.
        reporter: Shows how far it is.
    """

    data: Path
    store: Path
    work: Path
    recipes: Mapping[str, Mapping[str, Any]]
    options: StudyOptions
    reporter: Reporter

    def run(self, sets: Sequence[str], recipes: Sequence[str], seeds: Sequence[int], *, away: bool) -> None:
        """Trains and scores what is missing: models, and the other sets' exams of those that sat only their own."""
        for name in sets:
            for seed in seeds:
                for recipe in [BASE, *recipes]:
                    number = 0 if recipe == BASE else seed
                    path = Sitting.path(self.store, name, recipe, number)
                    known = Sitting.read(path) if path.exists() else None
                    if known is None or (away and not known.away):
                        self._sit(name, recipe, number, known, away=away)

    def _sit(self, name: str, recipe: str, seed: int, known: Sitting | None, *, away: bool) -> None:
        started = time.monotonic()
        model, facts = self._trained(name, recipe, seed)
        seconds = round(time.monotonic() - started, 1)
        if known is None:
            dims = tuple(sorted({*DIMS, model.get_embedding_dimension() or DIMS[0]}, reverse=True))
            home = dict(zip(map(str, dims), self._exam(name, home=True).scores(model, dims), strict=True))
            known = Sitting(name, recipe, seed, seconds, facts, _rounded(home), {})
        if away:
            known = replace(known, away=_rounded(self._abroad(name, recipe, model)))
        known.write(self.store)
        scores = f"{_means(known.home)} in {known.seconds:,.0f} s; away {_means(known.away)}"
        self.reporter.line(f"== {name}, {recipe}, seed {seed}: {scores}")

    def _abroad(self, name: str, recipe: str, model: SentenceTransformer) -> dict[str, NDArray[np.float64]]:
        """Scores in the other sets' exams. The base's are the same whatever set it is a row of."""
        kept = self.store.glob(f"*/{BASE}-0.json.gz") if recipe == BASE else ()
        known = {other: np.asarray(scores) for path in kept for other, scores in Sitting.read(path).away.items()}
        others = [other for other in SETS if other != name]
        return {
            other: known[other] if other in known else self._exam(other, home=False).scores(model)[0]
            for other in others
        }

    def _exam(self, name: str, *, home: bool) -> Exam:
        source, options = LabelledSet.read(self.data / name), self.options
        if home:
            return Exam.of(source, "title", corpus=options.corpus, queries=options.queries)
        return Exam.of(source, "title", corpus=options.away_corpus, queries=options.away_queries)

    def _trained(self, name: str, recipe: str, seed: int) -> tuple[SentenceTransformer, dict[str, Any]]:
        if recipe == BASE:
            return _loaded(find_model(EMBEDDED), self.options.tokens), {}
        if recipe in (PUBLISHED, ENGINE):
            story = self._story(name, {})
            teach: Callable[..., None] = teach_stock if recipe == PUBLISHED else teach_engine
            model = _loaded(find_model(EMBEDDED), self.options.tokens)
            teach(model, story, replace(PUBLISHED_OPTIONS, seed=seed), self.reporter)
            return model, {}
        story = self._story(name, {**self._settings(name, recipe, seed), "train.seed": seed})
        found = story.tuned
        kept = {"stage_seconds": found.seconds, "counts": plain(found.counts), "settings": dict(self.recipes[recipe])}
        return _loaded(story.tuned_folder, self.options.tokens), kept

    def _settings(self, name: str, recipe: str, seed: int) -> Mapping[str, Any]:
        settings = self.recipes[recipe]
        teacher = settings.get("train.teacher", "")
        if teacher not in self.recipes:
            return settings
        known = self._story(name, {**self._settings(name, teacher, seed), "train.seed": seed})
        return {**settings, "train.teacher": str(known.tuned_folder.path)}

    def _story(self, name: str, changed: Mapping[str, Any]) -> Story:
        limit = {} if self.options.tokens is None else {"base.max_tokens": self.options.tokens}
        settings = override(Settings(), {**changed, **limit})
        source = self.data / name if self.options.pairs is None else limited(self.data / name, self.work, self.options)
        return Story(source, Layout(self.work / name), settings, self.reporter)


def limited(source: Path, work: Path, options: StudyOptions) -> Path:
    """The same set with as many training and dev queries as are wanted; its other files are linked to.

    Args:
        source: A BEIR folder.
        work: The new folder lies in here.
        options: How many.
    """
    folder = work / "limited" / source.name
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    for path in (*source.glob("corpus.jsonl*"), source / "queries.jsonl", source / "qrels" / "test.tsv"):
        link = folder / path.relative_to(source)
        if not link.is_symlink():
            link.symlink_to(path.resolve())
    kept = LabelledSet.read(source)
    most = options.judgements * (options.pairs or 0)
    for split, judged, asked, bound in (
        ("train", kept.train, options.pairs, most), ("dev", kept.dev, options.dev, None),
    ):  # fmt: skip
        answers: dict[str, list[str]] = {}
        for one in judged:
            answers.setdefault(one.query_id, []).append(one.passage_id)
        rows: list[str] = []
        for query in sorted(answers, key=content_hash)[:asked]:
            if bound is not None and rows and len(rows) + len(answers[query]) > bound:
                continue
            rows += [f"{query}\t{passage}\t1" for passage in sorted(answers[query], key=content_hash)]
        text = "\n".join(["query-id\tcorpus-id\tscore", *rows])
        (folder / "qrels" / f"{split}.tsv").write_text(text + "\n", encoding="utf-8")
    return folder


def teach_engine(model: SentenceTransformer, story: Story, options: TrainOptions, reporter: Reporter) -> None:
    """The published recipe by our engine: one loss for each 32 pairs of a step, and their mean."""
    import torch

    def accumulated(queries: torch.Tensor, passages: torch.Tensor, targets: Targets) -> torch.Tensor:
        total = queries.new_zeros(())
        for first in range(0, len(queries), MICRO):
            rows = slice(first, first + MICRO)
            own = torch.unique(targets.positives[rows])
            block = Targets(
                torch.searchsorted(own, targets.positives[rows]), targets.ignored[rows][:, own],
                targets.hard[rows][:, own], targets.grades[rows][:, own],
            )  # fmt: skip
            asked, among = queries[rows], passages[own]
            losses = [info_nce(asked[:, :dim], among[:, :dim], block, scale=options.scale) for dim in options.dims]
            total = total + torch.stack(losses).mean() * len(asked)
        return total / len(queries)

    examples, asked, known = _examples(story)
    train(
        model, find_model(EMBEDDED).prompts, examples, asked, story.corpus.texts, known, story.corpus.near_duplicates,
        options, ComputeOptions(), loss=accumulated, reporter=reporter,
    )  # fmt: skip


def teach_stock(model: SentenceTransformer, story: Story, options: TrainOptions, reporter: Reporter) -> None:
    """The published recipe by sentence-transformers."""
    import torch
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.sentence_transformer import losses
    from sentence_transformers.training_args import BatchSamplers

    del reporter
    datasets: Any = importlib.import_module("datasets")
    examples, asked, _ = _examples(story)
    columns = {
        "anchor": [asked[one.query_id] for one in examples],
        "positive": [story.corpus.texts[one.positive_id] for one in examples],
    }
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(sys.stderr):
        arguments = SentenceTransformerTrainingArguments(
            output_dir=folder, per_device_train_batch_size=MICRO, gradient_accumulation_steps=16,
            num_train_epochs=options.epochs or 1, learning_rate=options.lr, warmup_steps=options.warmup,
            lr_scheduler_type="cosine", seed=options.seed, use_cpu=not torch.cuda.is_available(),
            batch_sampler=BatchSamplers.NO_DUPLICATES, save_strategy="no", report_to="none", disable_tqdm=True,
        )  # fmt: skip
        inner = losses.MultipleNegativesRankingLoss(model, scale=options.scale)
        SentenceTransformerTrainer(
            model=model, args=arguments, train_dataset=datasets.Dataset.from_dict(columns),
            loss=losses.MatryoshkaLoss(model, inner, list(options.dims)),
        ).train()  # fmt: skip


def _examples(story: Story) -> tuple[list[Triplet], dict[str, str], Mapping[str, frozenset[str]]]:
    splits = story.pairs.splits
    examples = [Triplet(pair.query_id, pair.passage_id) for pair in positives(splits.train)]
    return examples, {q.id: q.text for q in queries(splits.train)}, story.pairs.known_positives


def _loaded(folder: ModelFolder, tokens: int | None) -> SentenceTransformer:
    import torch

    with quiet_libraries():
        return load_model(folder, ComputeOptions(), max_tokens=tokens, dtype=torch.float32)


def _rounded(scores: Mapping[str, NDArray[np.float64]]) -> dict[str, list[float]]:
    return {name: [round(float(value), 4) for value in each] for name, each in scores.items()}


def _means(scores: Mapping[str, Sequence[float]]) -> str:
    return ", ".join(f"{name} {np.mean(each):.4f}" for name, each in scores.items()) or "not sat"


def table(store: Path, data: Path, options: StudyOptions, dim: int, *, unseen: bool, rival: str = ENGINE) -> str:
    """Every set and recipe: mean over seeds at each dimension, gains over base and another recipe, and time.

    Args:
        store: Folder of the scores.
        data: Folder of the sets.
        options: How models were scored.
        dim: Dimension at which gains are taken.
        unseen: Whether only those test queries count none of whose answers answers a train query. Sets of which no
            query is left are left out.
        rival: The other recipe: the published one, by our engine.
    """
    return "\n".join(_table(store, data, options, dim, unseen=unseen, rival=rival))


def _table(store: Path, data: Path, options: StudyOptions, dim: int, *, unseen: bool, rival: str) -> Iterator[str]:
    dims = " | ".join(f"{dim}-d" for dim in DIMS)
    yield f"| set | recipe | seeds | {dims} | against the base | against {rival} | away | s |"
    yield f"|---|---|---|{'---|' * len(DIMS)}---|---|---|---|"
    for name, everything in stored(store).items():
        source = LabelledSet.read(data / name)
        exam = Exam.of(source, "title", corpus=options.corpus, queries=options.queries)
        counted = exam.unseen(source.train) if unseen else [True] * len(exam.asked)
        if not any(counted):
            continue
        found, clusters = only(everything, counted), list(compress(exam.clusters, counted))
        for recipe, seeds in sorted(found.items(), key=lambda item: (item[0] != BASE, item[0])):
            values = " | ".join(score(float(averaged(seeds, str(each)).mean()), 4) for each in DIMS)
            gains = [against(found.get(other), seeds, clusters, str(dim)) for other in (BASE, rival)]
            away = _away(found.get(BASE), seeds)
            seconds = float(np.mean([one.seconds for one in seeds]))
            yield f"| {name} | {recipe} | {len(seeds)} | {values} | {' | '.join(gains)} | {away} | {seconds:,.0f} |"


def only(found: Mapping[str, Sequence[Sitting]], counted: Sequence[bool]) -> dict[str, list[Sitting]]:
    """The same exams with some of their queries."""
    return {
        recipe: [replace(one, home={dim: list(compress(scores, counted)) for dim, scores in one.home.items()})
                 for one in seeds]
        for recipe, seeds in found.items()
    }  # fmt: skip


def stored(store: Path, name: str = "*") -> dict[str, dict[str, list[Sitting]]]:
    """Set → recipe → what was kept of each seed; of one set alone where it is named."""
    found: dict[str, dict[str, list[Sitting]]] = {}
    for path in sorted(store.glob(f"{name}/*.json.gz")):
        one = Sitting.read(path)
        found.setdefault(one.set, {}).setdefault(one.recipe, []).append(one)
    return found


def chosen_without(gains: Mapping[str, Mapping[str, float]]) -> dict[str, str]:
    """For each set the recipe that gains most on the others, on average; only recipes that ran on all sets count.

    Args:
        gains: Set → recipe → what it gains over the base there.

    Raises:
        InputError: There are fewer than two sets, or fewer than two recipes ran on all.
    """
    common = sorted(_common(gains))
    if len(gains) < 2 or len(common) < 2:
        raise InputError("leaving a set out takes two sets or more, and two recipes or more that ran on all of them",
                         remedy="name sets that have some in common (--sets), or run what is missing")  # fmt: skip
    return {
        left: max(common, key=lambda recipe: sum(gains[name][recipe] for name in gains if name != left))
        for left in gains
    }


def choice(store: Path, sets: Sequence[str]) -> Iterator[str]:
    """What would have been the default if a set had not been there, and what that gains on this set.

    Recipes are compared on the seeds that all of them had. Sets without a base are left out, and named.

    Raises:
        InputError: There is nothing to choose from.
    """
    found = {name: recipes for name, recipes in stored(store).items() if name in sets and BASE in recipes}
    if missing := [name for name in sets if name not in found]:
        yield f"Without {', '.join(missing)}, which the store does not have.\n"
    ours = {name: {one: seeds for one, seeds in each.items() if one not in _NOT_OURS} for name, each in found.items()}
    common = _common(ours)
    gains = {
        name: _gains({one: seeds for one, seeds in each.items() if one in common}, found[name][BASE])
        for name, each in ours.items()
    }
    yield "| left out | chosen by the others | gains on it | the default gains | the best on it |"
    yield "|---|---|---|---|---|"
    for name, recipe in chosen_without(gains).items():
        own = gains[name]
        best = max(own, key=lambda each: own[each])
        default = f"{own['default']:+.4f}" if "default" in own else ""
        yield f"| {name} | {recipe} | {own[recipe]:+.4f} | {default} | {best}: {own[best]:+.4f} |"


def _common(found: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Recipes that ran on all sets."""
    return set.intersection(*map(set, found.values())) if found else set()


def _gains(recipes: Mapping[str, Sequence[Sitting]], base: Sequence[Sitting]) -> dict[str, float]:
    """Recipe → its gain over the base, on the seeds that all of them had."""
    shared = set.intersection(*({one.seed for one in seeds} for seeds in recipes.values())) if recipes else set()
    before = _mean(base)
    return {
        name: _mean([one for one in seeds if one.seed in shared]) - before for name, seeds in recipes.items() if shared
    }


def _mean(seeds: Sequence[Sitting]) -> float:
    """Over queries, seeds and dimensions, each dimension alike."""
    return float(np.mean([averaged(seeds, str(dim)).mean() for dim in DIMS]))


def averaged(seeds: Sequence[Sitting], column: str = str(DIMS[0])) -> NDArray[np.float64]:
    """Each query's score in a column of the exam at home, averaged over seeds."""
    found: NDArray[np.float64] = np.asarray([one.home[column] for one in seeds], dtype=np.float64).mean(axis=0)
    return found


def against(
    other: Sequence[Sitting] | None, seeds: Sequence[Sitting], clusters: Sequence[str], column: str = str(DIMS[0])
) -> str:
    """The paired difference to another recipe with its interval; empty where there is none, or it is the same.

    Where both had some seeds in common, those alone are compared.
    """
    if not other or other[0].recipe == seeds[0].recipe:
        return ""
    common = {one.seed for one in other} & {one.seed for one in seeds}
    one, two = ([each for each in part if not common or each.seed in common] for part in (other, seeds))
    found = paired_bootstrap(averaged(one, column), averaged(two, column), clusters)
    return f"{found.difference:+.4f} ({found.low:+.4f} to {found.high:+.4f})"


def _away(base: Sequence[Sitting] | None, seeds: Sequence[Sitting]) -> str:
    """The mean and the worst change on other sets, over the seeds that sat their exams."""
    travelled = [one for one in seeds if one.away]
    if not base or not travelled or not base[0].away or seeds[0].recipe == BASE:
        return ""
    changes = {
        name: float(np.mean([np.mean(one.away[name]) for one in travelled]) - np.mean(base[0].away[name]))
        for name in travelled[0].away
    }
    worst = min(changes, key=lambda name: changes[name])
    return f"{np.mean(list(changes.values())):+.4f}, worst {changes[worst]:+.4f} ({worst})"


def main() -> None:
    """Runs what is missing, or prints the table."""
    line = argparse.ArgumentParser(prog="python -m benchmarks.recipe", description=(__doc__ or "").partition("\n")[0])
    line.add_argument("what", choices=("run", "table", "choose"))
    line.add_argument("--data", type=Path, default=DATA, help="folder of the sets (default: %(default)s)")
    line.add_argument("--store", type=Path, default=STORE, help="folder of the scores (default: %(default)s)")
    line.add_argument("--work", type=Path, help="folder of the workspaces (default: a temporary one)")
    line.add_argument("--sets", nargs="+", default=list(SETS))
    line.add_argument("--recipes", nargs="+", default=["default", ENGINE])
    line.add_argument("--seeds", nargs="+", type=int, default=[13, 14, 15])
    line.add_argument("--pairs", type=int, help="most training queries of a set; also bounds its dev queries")
    line.add_argument("--tokens", type=int, help="most tokens of a text")
    line.add_argument("--corpus", type=int, default=StudyOptions().corpus, help="most passages of an exam")
    line.add_argument("--queries", type=int, help="most queries of an exam")
    line.add_argument("--away", action="store_true", help="sit the other sets' exams too")
    line.add_argument("--dim", type=int, choices=DIMS, default=DIMS[0], help="dimension of the table's gains")
    line.add_argument(
        "--against", default=ENGINE, help="table: recipe that others are compared with (default: %(default)s)"
    )
    line.add_argument("--unseen", action="store_true", help="only test queries whose answers train does not have")
    line.add_argument("--set", nargs="+", action="append", default=[], metavar="NAME KEY=VALUE", help="a recipe more")
    arguments = line.parse_args()
    more = {name: dict(one.split("=", 1) for one in changes) for name, *changes in arguments.set}
    options = StudyOptions(
        pairs=arguments.pairs, tokens=arguments.tokens, corpus=arguments.corpus, queries=arguments.queries
    )
    with sentences():
        if arguments.what == "choose":
            print(*choice(arguments.store, arguments.sets), sep="\n")
            return
        if arguments.what == "table":
            print(table(
                arguments.store, arguments.data, options, arguments.dim, unseen=arguments.unseen,
                rival=arguments.against,
            ))  # fmt: skip
            return
        with tempfile.TemporaryDirectory() as folder:
            study = Study(
                arguments.data, arguments.store, arguments.work or Path(folder), {**RECIPES, **more}, options,
                TerminalReporter(),
            )  # fmt: skip
            study.run(arguments.sets, [*arguments.recipes, *more], arguments.seeds, away=arguments.away)


if __name__ == "__main__":
    main()
