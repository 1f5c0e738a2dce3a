"""The systems that are measured: jargonaut's engine, and sentence-transformers as its documentation shows it.

Each is made once, with its model loaded, and then works on one load after another. Knows how either library is called;
knows nothing of processes, rounds or results.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from benchmarks.conditions import MAX_TOKENS, TextPair
from jargonaut.encoding.devices import ComputeOptions
from jargonaut.encoding.local import LocalEncoder, load_model, quiet_libraries
from jargonaut.encoding.models import EMBEDDED, find_model
from jargonaut.errors import JargonautError
from jargonaut.protocols import Item, SilentReporter
from jargonaut.records import Triplet
from jargonaut.training import TrainOptions, train

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

RECIPE = TrainOptions(epochs=1, batch_size=64, dims=(384, 256, 128, 64))
"""What both sides train with; of `dropout` and `graph_gib` sentence-transformers knows nothing."""


@dataclass(frozen=True, slots=True)
class Load:
    """Work for one round: pairs to train on, or passages to encode.

    Attributes:
        pairs: Training pairs.
        passages: Texts.
        batch: Pairs per step.
    """

    pairs: tuple[TextPair, ...] = ()
    passages: tuple[str, ...] = ()
    batch: int = RECIPE.batch_size

    def __len__(self) -> int:
        return len(self.pairs or self.passages)

    @property
    def texts(self) -> tuple[str, ...]:
        """The passages, in pairs or alone."""
        return self.passages or tuple(passage for _, passage in self.pairs)


class Clock:
    """Seconds from the moment that a system turns to its first step until its last one is done.

    Args:
        tick: Hears of the start and of each step that is done.
    """

    def __init__(self, tick: Callable[[], None] = lambda: None) -> None:
        self._tick = tick
        self._started = 0.0
        self.seconds = 0.0

    def start(self) -> None:
        """The first step's data is asked for."""
        self._started = time.perf_counter()
        self._tick()

    def step(self) -> None:
        """A step is done."""
        self._tick()

    def stop(self) -> None:
        """The last step is done."""
        import torch

        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.seconds = time.perf_counter() - self._started


System: TypeAlias = Callable[[Load, Clock], None]
"""A loaded model and a way to work with it."""


def jargonaut_training(options: TrainOptions = RECIPE) -> System:
    """`jargonaut.training.train`, tokenising and all, in the precision that `auto` takes."""
    model = our_model()

    def work(load: Load, clock: Clock) -> None:
        train_ours(model, load.pairs, replace(options, batch_size=load.batch), clock)

    return work


def stock_training(*, bf16: bool = False, cached: bool = False) -> System:
    """`SentenceTransformerTrainer` with its defaults."""
    model = stock_model()

    def work(load: Load, clock: Clock) -> None:
        train_stock(model, load.pairs, replace(RECIPE, batch_size=load.batch), clock, bf16=bf16, cached=cached)

    return work


def jargonaut_encoding() -> System:
    """`LocalEncoder.encode_passages`."""
    encoder = LocalEncoder(find_model(EMBEDDED), max_tokens=MAX_TOKENS)

    def work(load: Load, clock: Clock) -> None:
        clock.start()
        encoder.encode_passages(load.passages)
        clock.stop()

    return work


def stock_encoding() -> System:
    """`SentenceTransformer.encode` with its defaults."""
    model = stock_model()

    def work(load: Load, clock: Clock) -> None:
        clock.start()
        model.encode(list(load.passages))
        clock.stop()

    return work


SYSTEMS: Mapping[str, Callable[[], System]] = {
    "ours": jargonaut_training,
    "ours, dropout": partial(jargonaut_training, replace(RECIPE, dropout=True)),
    "ours, cached": partial(jargonaut_training, replace(RECIPE, graph_gib=0)),
    "ours, encoding": jargonaut_encoding,
    "stock": stock_training,
    "stock, bf16": partial(stock_training, bf16=True),
    "stock, cached": partial(stock_training, cached=True),
    "stock, encoding": stock_encoding,
}
"""Name → how it is made; made in the process that works with it."""


def our_model() -> SentenceTransformer:
    """The embedded model as jargonaut loads it for training."""
    import torch

    return load_model(find_model(EMBEDDED), ComputeOptions(), max_tokens=MAX_TOKENS, dtype=torch.float32)


def stock_model() -> SentenceTransformer:
    """The embedded model as sentence-transformers loads it."""
    from sentence_transformers import SentenceTransformer

    with quiet_libraries():
        model = SentenceTransformer(str(find_model(EMBEDDED).path), local_files_only=True)
    model.max_seq_length = MAX_TOKENS
    return model


def train_ours(
    model: SentenceTransformer, pairs: Sequence[TextPair], options: TrainOptions, clock: Clock | None = None
) -> None:
    """Trains with jargonaut. Everything that `train` does counts, tokenising and the fp32 masters too."""
    clock = clock or Clock()
    ids = [str(number) for number in range(len(pairs))]
    queries = {id_: query for id_, (query, _) in zip(ids, pairs, strict=True)}
    passages = {id_: passage for id_, (_, passage) in zip(ids, pairs, strict=True)}
    examples = [Triplet(id_, id_) for id_ in ids]
    known = {id_: frozenset({id_}) for id_ in ids}
    prompts = find_model(EMBEDDED).prompts
    clock.start()
    train(model, prompts, examples, queries, passages, known, {}, options, ComputeOptions(), reporter=_Steps(clock))
    clock.stop()


def train_stock(
    model: SentenceTransformer,
    pairs: Sequence[TextPair],
    options: TrainOptions,
    clock: Clock | None = None,
    *,
    bf16: bool = False,
    cached: bool = False,
) -> None:
    """Trains with sentence-transformers. Building the trainer does not count.

    What `options` says is set where the trainer knows it; checkpoints and progress bars are off, since neither is
    training.
    """
    import torch
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.sentence_transformer import losses

    datasets: Any = importlib.import_module("datasets")  # untyped, and not there in every environment
    kind = losses.CachedMultipleNegativesRankingLoss if cached else losses.MultipleNegativesRankingLoss
    columns = {"anchor": [query for query, _ in pairs], "positive": [passage for _, passage in pairs]}
    # The trainer prints its log; stdout is for results.
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        arguments = SentenceTransformerTrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=options.batch_size,
            num_train_epochs=options.epochs or 1,
            learning_rate=options.lr,
            warmup_steps=options.warmup,
            lr_scheduler_type="cosine",
            weight_decay=options.weight_decay,
            max_grad_norm=options.max_norm,
            seed=options.seed,
            bf16=bf16,
            use_cpu=not torch.cuda.is_available(),
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        trainer = SentenceTransformerTrainer(
            model=model,
            args=arguments,
            train_dataset=datasets.Dataset.from_dict(columns),
            loss=losses.MatryoshkaLoss(model, kind(model, scale=options.scale), list(options.dims)),
            callbacks=[_stock_steps(clock or Clock())],
        )
        trainer.train()


def require_trainer() -> None:
    """Makes sure that sentence-transformers can train here.

    Raises:
        JargonautError: A library that its trainer needs is missing.
    """
    missing = [name for name in ("accelerate", "datasets") if importlib.util.find_spec(name) is None]
    if missing:
        raise JargonautError(
            f"the trainer of sentence-transformers needs {' and '.join(missing)}", remedy="pip install -e '.[bench]'"
        )


class _Steps(SilentReporter):
    """Tells a clock of jargonaut's steps: a batch is asked for when the one before it is done."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def track(self, items: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
        """Passes batches through."""
        del description, total
        for item in items:
            yield item
            self._clock.step()


def _stock_steps(clock: Clock) -> Any:
    """A trainer callback that tells a clock of the trainer's steps."""
    from transformers import TrainerCallback

    class Steps(TrainerCallback):
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            clock.start()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            clock.step()

        def on_train_end(self, *_: Any, **__: Any) -> None:
            clock.stop()

    return Steps()
