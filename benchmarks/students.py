"""Students beside their teacher: how much faster they encode, and how much of its quality they keep.

    python -m benchmarks.students run [--work DIR] [--store FILE]
    python -m benchmarks.students table [--store FILE]
    python -m benchmarks.students speed --static FOLDER

One labelled set with few pairs and short texts. Base, tuned model, word vectors as they are distilled and after the
pairs, and the tuned model with 3 and 2 of its layers, after they were taught what it makes of some passages, and
after the pairs. Each is scored as it is done, so that a study can be stopped and goes on with what is missing.
`speed` times word vectors beside the embedded base, by processor time on one thread: on the words that the base reads,
and on whole texts.
"""

from __future__ import annotations

import argparse
import functools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.conditions import LabelledSet
from benchmarks.exam import MEASURE, Exam
from benchmarks.recipe import DATA, StudyOptions, limited
from jargonaut import pairs, training
from jargonaut.artifacts import write_json
from jargonaut.cli.terminal import TerminalReporter
from jargonaut.encoding.cache import CachedEncoder
from jargonaut.encoding.devices import ComputeOptions, Precision
from jargonaut.encoding.forward import Forward
from jargonaut.encoding.local import LocalEncoder, load_model, quiet_libraries
from jargonaut.encoding.models import EMBEDDED, ModelFolder, find_model
from jargonaut.encoding.packing import micro_batches, tokenize
from jargonaut.evaluation import paired_bootstrap, per_query
from jargonaut.layout import Layout
from jargonaut.registry import Registry
from jargonaut.retrieval import dense_run
from jargonaut.schooling import teach_static
from jargonaut.settings import Settings, override
from jargonaut.sources import tokenizer_of
from jargonaut.story import Story
from jargonaut.teaching import Teaching

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

    from jargonaut.protocols import Vectors

STORE = Path("benchmarks/results/students.json")
SET, TOKENS = "financial_qa", 128
OPTIONS = StudyOptions(pairs=600, tokens=TOKENS, corpus=1500, queries=250)
READ = 2000
"""Passages whose teacher's vectors students are taught."""
IMITATED = 1200
"""Passages that layers are taught to imitate the teacher on; they cost a training, where word vectors cost a fit."""
TIMED, TIMED_SLOW = 1500, 96
"""Passages by which encoding is timed: of word vectors, and of a transformer."""
LAYERS = (3, 2)
FORMATS: tuple[Precision, ...] = ("bf16", "fp32")
SPEED_SETS, SPEED_TOKENS, SPEED_TIMES = ("financial_qa", "medquad", "scifact"), (128, 256), 3


@dataclass
class Study:
    """What is made, and where.

    Attributes:
        data: Folder of the sets.
        work: The workspace.
        store: The results.
        tuned: A model that was tuned on the same pairs; None tunes one.
    """

    data: Path
    work: Path
    store: Path
    tuned: Path | None = None

    def run(self) -> None:
        """Makes and scores what is missing."""
        makers: dict[str, Callable[[], dict[str, Any]]] = {
            "base": lambda: self._scored(self.story.base_folder, TOKENS),
            "tuned": lambda: self._scored(self.teacher, TOKENS),
            "static": functools.partial(self._static, 0),
            "static, taught the pairs": functools.partial(self._static, Settings().static.epochs),
            **{f"{n} layers": functools.partial(self._student_of_layers, n, taught=False) for n in LAYERS},
            **{
                f"{n} layers, taught the pairs": functools.partial(self._student_of_layers, n, taught=True)
                for n in LAYERS
            },
        }
        done = json.loads(self.store.read_text(encoding="utf-8")) if self.store.exists() else {}
        for name, make in makers.items():
            if name not in done:
                started = time.monotonic()
                done[name] = make()
                done[name]["made_and_scored_seconds"] = round(time.monotonic() - started, 1)
                write_json(self.store, done)
                mean = float(np.mean(done[name]["scores"]))
                self.reporter.line(f"== {name}: {mean:.4f}, {done[name]['rate']:,.0f} texts/s")

    @cached_property
    def reporter(self) -> TerminalReporter:
        """Shows how far it is."""
        return TerminalReporter()

    @cached_property
    def exam(self) -> Exam:
        """What everybody sits."""
        source = LabelledSet.read(self.data / SET)
        return Exam.of(source, "title", corpus=OPTIONS.corpus, queries=OPTIONS.queries)

    @cached_property
    def story(self) -> Story:
        """The set with few pairs, in its workspace."""
        settings = override(Settings(), {"base.max_tokens": TOKENS, "static.passages": READ})
        source = limited(self.data / SET, self.work, OPTIONS)
        return Story(source, Layout(self.work / SET), settings, self.reporter)

    @cached_property
    def teacher(self) -> ModelFolder:
        """The tuned model."""
        return find_model(str(self.tuned)) if self.tuned else self.story.tuned_folder

    def _scored(self, folder: ModelFolder, tokens: int | None) -> dict[str, Any]:
        encoder, layout = LocalEncoder(folder, max_tokens=tokens), self.story.layout
        cached = CachedEncoder(encoder, layout.vectors, self.reporter)
        texts = [self.exam.texts[passage.id] for passage in self.exam.passages]
        asked = [query.text for query in self.exam.asked]
        run = dense_run(
            "model", [query.id for query in self.exam.asked], cached.encode_queries(asked),
            [passage.id for passage in self.exam.passages], cached.encode_passages(texts), k=10,
        )  # fmt: skip
        found = per_query(run, self.exam.judged, self.exam.asked).of(MEASURE)
        some = texts[: TIMED if folder.static else TIMED_SLOW]
        encoder.encode_passages(some[:8])
        started = time.perf_counter()
        encoder.encode_passages(some)
        rate = len(some) / (time.perf_counter() - started)
        return {"scores": [found[query.id] for query in self.exam.asked], "rate": rate, "dimension": encoder.dimension}

    def _static(self, epochs: int) -> dict[str, Any]:
        story = self.story
        settings = override(story.settings, {"static.epochs": epochs})
        registry = Registry(story.layout.registry, story.layout.models)
        teacher = LocalEncoder(self.teacher, max_tokens=TOKENS)
        base = registry.register_base(
            story.base_folder.path, name="base", fingerprint=story.base.fingerprint, dimension=story.base.dimension,
            max_tokens=TOKENS,
        )  # fmt: skip
        tuned = registry.register(
            self.teacher.path, name="tuned", fingerprint=teacher.fingerprint, dimension=teacher.dimension,
            base=base.version, run_id="", max_tokens=TOKENS, query_prompt="", passage_prompt="",
        )  # fmt: skip
        made = teach_static(story.varied(settings), registry, tuned.version)
        return self._scored(find_model(str(made.version.path), query_prompt="", passage_prompt=""), None)

    def _student_of_layers(self, count: int, *, taught: bool) -> dict[str, Any]:
        start = self._imitating(count)
        return self._scored(self._with_pairs(count, start) if taught else start, TOKENS)

    def _imitating(self, count: int) -> ModelFolder:
        """The teacher with some of its layers, taught its vectors."""
        story, folder = self.story, self.work / f"layers-{count}"
        if not (folder / "modules.json").exists():
            import torch

            held = pairs.held_out(story.pairs.splits)
            allowed = [text for id_, text in story.corpus.texts.items() if id_ not in held]
            drawn = np.random.default_rng(story.settings.static.seed).permutation(len(allowed))[:IMITATED]
            texts = [allowed[row] for row in np.sort(drawn)]
            teacher = CachedEncoder(LocalEncoder(self.teacher, max_tokens=TOKENS), story.layout.vectors, self.reporter)
            model = load_model(self.teacher, ComputeOptions(), max_tokens=TOKENS, dtype=torch.float32)
            pruned(model, count)
            imitate(model, texts, teacher.encode_passages(texts))
            with quiet_libraries():
                model.save(str(folder), create_model_card=False)
        return find_model(str(folder), query_prompt="", passage_prompt="")

    def _with_pairs(self, count: int, start: ModelFolder) -> ModelFolder:
        """The same after the training of any candidate."""
        story = self.story
        base = CachedEncoder(LocalEncoder(start, max_tokens=TOKENS), story.layout.vectors, self.reporter)
        dims = training.matryoshka_dims(base.dimension, ())
        recipe = replace(story.settings.train, dims=dims)
        teaching = Teaching(story.corpus, story.pairs, story.mined, base, start, recipe, base.dimension,
                            story.settings, story.layout, self.reporter)  # fmt: skip
        taught = self.work / f"layers-{count}-taught"
        if not (taught / "model" / "modules.json").exists():
            taught.mkdir(exist_ok=True)
            teaching.train(taught)
        return find_model(str(taught / "model"), query_prompt="", passage_prompt="")


def pruned(model: SentenceTransformer, count: int) -> None:
    """Keeps `count` layers of a BERT-like model, evenly spaced, the first and the last among them."""
    import torch

    transformer: Any = model[0].auto_model
    layers = transformer.encoder.layer
    kept = sorted({round(place) for place in np.linspace(0, len(layers) - 1, count)})
    transformer.encoder.layer = torch.nn.ModuleList([layers[number] for number in kept])
    transformer.config.num_hidden_layers = len(kept)


def imitate(model: SentenceTransformer, texts: Sequence[str], targets: Vectors, *, epochs: int = 1) -> None:
    """Teaches a model the vectors of another by their cosine, over texts that nobody judged."""
    import torch

    torch.manual_seed(13)
    forward, wanted = Forward(model), torch.from_numpy(targets)
    ids = tokenize(model, texts)
    plans = [rows for _ in range(epochs) for rows in micro_batches([len(row) for row in ids], 2048, packed=True)]
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-4, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-4, total_steps=len(plans), pct_start=0.1)
    for number in torch.randperm(len(plans)).tolist():
        rows = plans[number]
        made = torch.nn.functional.normalize(forward([ids[row] for row in rows]).float(), dim=-1)
        loss = (1 - (made * wanted[rows]).sum(dim=-1)).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    model.eval()


def table(store: Path, data: Path) -> str:
    """Every student: nDCG@10, its share of the tuned model's, the paired difference, and how fast it encodes."""
    return "\n".join(_rows(json.loads(store.read_text(encoding="utf-8")), data))


def _rows(found: dict[str, Any], data: Path) -> Iterator[str]:
    exam = Exam.of(LabelledSet.read(data / SET), "title", corpus=OPTIONS.corpus, queries=OPTIONS.queries)
    yield "| model | dim | nDCG@10 | of the tuned one's | against it (95 % interval) | texts/s | times its speed |"
    yield "|---|---|---|---|---|---|---|"
    tuned = found["tuned"]
    best = np.array(tuned["scores"])
    for name, one in found.items():
        mine = np.array(one["scores"])
        against = paired_bootstrap(best, mine, exam.clusters)
        shown = "" if name == "tuned" else against.verdict_words
        yield (
            f"| {name} | {one['dimension']} | {mine.mean():.3f} | {mine.mean() / best.mean():.0%} | {shown} | "
            f"{one['rate']:,.0f} | {one['rate'] / tuned['rate']:,.1f} |"
        )


def speed(data: Path, static: Path) -> Iterator[str]:
    """Texts a second of processor time, on one thread: the embedded base in both number formats, and word vectors.

    Args:
        data: Folder of the sets.
        static: Folder of a model of word vectors.
    """
    import torch

    torch.set_num_threads(1)
    base, words = find_model(EMBEDDED), find_model(str(static), query_prompt="", passage_prompt="")
    tokenizer, student = tokenizer_of(base), LocalEncoder(words)
    yield "| set | characters | tokens | base, bf16 | base, fp32 | word vectors, same words | whole texts | factor |"
    yield "|---|---|---|---|---|---|---|---|"
    for name in SPEED_SETS:
        texts = [one.content("title") for one in LabelledSet.read(data / name).passages[:TIMED]]
        whole = _rate(student, texts)
        for most in SPEED_TOKENS:
            read = [_begun(tokenizer, text, most - 2) for text in texts]
            same = _rate(student, read)
            slow = [
                _rate(LocalEncoder(base, ComputeOptions(precision=precision), max_tokens=most), texts[:TIMED_SLOW])
                for precision in FORMATS
            ]
            length = sum(map(len, texts)) / len(texts)
            cells = (name, f"{length:,.0f}", str(most), *(f"{one:.3g}" for one in slow), f"{same:,.0f}",
                     f"{whole:,.0f}", " and ".join(f"{same / one:.0f}" for one in slow))  # fmt: skip
            yield f"| {' | '.join(cells)} |"


def _begun(tokenizer: Tokenizer, text: str, most: int) -> str:
    """The words of a text that fit into so many tokens."""
    found = tokenizer.encode(text, add_special_tokens=False)
    return text if len(found.ids) <= most else text[: found.offsets[most - 1][1]]


def _rate(encoder: LocalEncoder, texts: Sequence[str]) -> float:
    """Texts a second of processor time, the median of some times."""
    encoder.encode_passages(texts[:8])
    found = []
    for _ in range(SPEED_TIMES):
        started = time.process_time()
        encoder.encode_passages(texts)
        found.append(len(texts) / (time.process_time() - started))
    return float(np.median(found))


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the study, or prints what it found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "table", "speed"])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--work", type=Path, default=Path("students-work"))
    parser.add_argument("--store", type=Path, default=STORE)
    parser.add_argument("--tuned", type=Path, help="a model that was tuned on the same pairs; else one is tuned")
    parser.add_argument("--static", type=Path, help="speed: a model of word vectors, as `train --static` leaves it")
    given = parser.parse_args(arguments)
    if given.what == "speed":
        for line in speed(given.data, given.static):
            print(line, flush=True)
        return
    if given.what == "run":
        given.work.mkdir(parents=True, exist_ok=True)
        Study(given.data, given.work, given.store, given.tuned).run()
    print(table(given.store, given.data))


if __name__ == "__main__":
    main()
