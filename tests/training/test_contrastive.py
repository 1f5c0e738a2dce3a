"""Fine-tuning the real base model on a handful of clinical terms."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from jargonaut.encoding.devices import ComputeOptions, Precision
from jargonaut.encoding.families import Prompts
from jargonaut.errors import InputError, SettingsError
from jargonaut.protocols import SilentReporter
from jargonaut.records import Triplet
from jargonaut.training import (
    Callback,
    Checkpoints,
    EpochDone,
    ReferenceVectors,
    StepDone,
    StopTraining,
    Trained,
    TrainOptions,
    matryoshka_dims,
    train,
)
from jargonaut.training.losses import Loss, Targets, info_nce
from jargonaut.training.options import Batching

from .samples import plain_targets

# Inclusion terms of ICD-10-CM and the descriptions of their codes.
PAIRS = [
    ("Classical cholera", "Cholera due to Vibrio cholerae 01, biovar cholerae"),
    ("Infection due to Salmonella typhi", "Typhoid fever"),
    ("Bacillary dysentery", "Shigellosis"),
    ("Balantidial dysentery", "Balantidiasis"),
    ("Lambliasis", "Giardiasis"),
    ("Grippe", "Influenza with other respiratory manifestations"),
    ("Malignant pustule", "Cutaneous anthrax"),
    ("Weil's disease", "Leptospirosis icterohemorrhagica"),
    ("Hansen's disease", "Leprosy"),
    ("Lockjaw", "Other tetanus"),
    ("Whooping cough", "Pertussis"),
    ("Chickenpox", "Varicella without complication"),
    ("Shingles", "Zoster without complications"),
    ("German measles", "Rubella without complication"),
    ("Kissing disease", "Infectious mononucleosis"),
    ("Athlete's foot", "Tinea pedis"),
    ("Valley fever", "Coccidioidomycosis"),
    ("River blindness", "Onchocerciasis"),
    ("Hookworm disease", "Ancylostomiasis"),
    ("Pinworm infection", "Enterobiasis"),
    ("Kala-azar", "Visceral leishmaniasis"),
    ("Bilharziasis", "Schistosomiasis"),
    ("Hydatid disease", "Echinococcosis"),
    ("Graves' disease", "Thyrotoxicosis with diffuse goiter"),
    ("Hashimoto's thyroiditis", "Autoimmune thyroiditis"),
    ("Wet beriberi", "Thiamine deficiency with heart failure"),
    ("Lou Gehrig's disease", "Amyotrophic lateral sclerosis"),
    ("Tic douloureux", "Trigeminal neuralgia"),
    ("Pink eye", "Acute conjunctivitis"),
    ("Stye", "Hordeolum externum"),
    ("Heart attack", "Acute myocardial infarction"),
    ("Piles", "Hemorrhoids"),
    ("Heartburn", "Pyrosis"),
    ("Boil", "Furuncle"),
    ("Hives", "Urticaria"),
    ("Ingrown toenail", "Ingrowing nail"),
    ("Wry neck", "Torticollis"),
    ("Brittle bone disease", "Osteogenesis imperfecta"),
    ("Bed-wetting", "Nocturnal enuresis"),
    ("Fainting", "Syncope and collapse"),
]
QUERIES = {f"q{number}": query for number, (query, _) in enumerate(PAIRS)}
PASSAGES = {f"p{number}": passage for number, (_, passage) in enumerate(PAIRS)}
EXAMPLES = [Triplet(f"q{number}", f"p{number}") for number in range(len(PAIRS))]
FP32 = ComputeOptions(device="cpu", precision="fp32")


@pytest.fixture
def model(base_model_path: Path) -> SentenceTransformer:
    """A fresh copy of the base."""
    return SentenceTransformer(str(base_model_path), device="cpu", local_files_only=True)


def tune(
    model: SentenceTransformer,
    options: TrainOptions,
    *,
    scores: list[float] | None = None,
    prompts: Prompts | None = None,
    compute: ComputeOptions = FP32,
    callbacks: Sequence[Callback] = (),
    checkpoints: Checkpoints | None = None,
    loss: Loss | None = None,
) -> Trained:
    """Trains on the forty pairs; `scores` are what the dev set says before training and after each epoch."""
    answers = iter(scores or [])
    positives = {e.query_id: frozenset({e.positive_id}) for e in EXAMPLES}
    return train(
        model, prompts or Prompts(), EXAMPLES, QUERIES, PASSAGES, positives, {}, options, compute,
        score=(lambda _: next(answers)) if scores else None, callbacks=callbacks, checkpoints=checkpoints,
        loss=loss,
    )  # fmt: skip


def vectors_of(model: SentenceTransformer) -> ReferenceVectors:
    """The model's own vectors of all texts."""
    left, right = (model.encode(list(t.values()), normalize_embeddings=True) for t in (QUERIES, PASSAGES))
    return ReferenceVectors.of(list(QUERIES), left, list(PASSAGES), right)


def weights(model: SentenceTransformer) -> torch.Tensor:
    """A part of the model that every step moves."""
    return model.state_dict()["0.model.encoder.layer.0.output.dense.weight"].float().clone()


def test_the_loss_falls(model: SentenceTransformer) -> None:
    """Three epochs over forty pairs teach something, and the counts say how much was seen."""
    done = tune(model, TrainOptions(epochs=3, batch_size=20, lr=1e-4))
    assert done.losses[-1][1] < 0.8 * done.losses[0][1]
    assert (done.steps, done.pairs, done.best_epoch, done.dev_scores) == (6, 120, 3, ())


def test_the_best_epoch_is_kept(model: SentenceTransformer) -> None:
    """Weights are those of the best dev score among the epochs, not of the last one."""
    short = copy.deepcopy(model)
    stopped = TrainOptions(epochs=2, batch_size=40, dims=(64,), patience=0)
    tune(short, stopped, scores=[0.5, 0.7, 0.6])
    done = tune(model, TrainOptions(epochs=2, batch_size=40, dims=(64,)), scores=[0.5, 0.7, 0.6])
    assert (done.best_epoch, done.dev_scores) == (1, ((0, 0.5), (1, 0.7), (2, 0.6)))
    torch.testing.assert_close(weights(model), weights(short))


def test_a_start_that_is_better_than_every_epoch_does_not_end_training(model: SentenceTransformer) -> None:
    """Between it and the best epoch lies what is kept, so that epoch is handed back; patience counts from it."""
    done = tune(model, TrainOptions(epochs=3, batch_size=40, dims=(64,), patience=1), scores=[0.9, 0.1, 0.3, 0.2])
    assert (done.best_epoch, len(done.dev_scores)) == (2, 4)


def test_general_knowledge_is_noted_and_decides_nothing(model: SentenceTransformer, tmp_path: Path) -> None:
    """It is scored before training and after every epoch, also by a training that goes on; the best dev score wins."""
    dev, general = iter([0.5, 0.6, 0.7]), iter([0.9, 0.8, 0.1])
    told: list[float | None] = []

    def stop(event: StepDone | EpochDone) -> None:
        if isinstance(event, EpochDone):
            told.append(event.general_score)
        elif event.step == 4 and not again:
            raise KeyboardInterrupt

    def trained() -> Trained:
        positives = {e.query_id: frozenset({e.positive_id}) for e in EXAMPLES}
        return train(
            model, Prompts(), EXAMPLES, QUERIES, PASSAGES, positives, {}, TrainOptions(epochs=2, batch_size=20), FP32,
            score=lambda _: next(dev), general=lambda _: next(general), callbacks=[stop],
            checkpoints=Checkpoints(tmp_path, "one", 0),
        )  # fmt: skip

    again = False
    with pytest.raises(KeyboardInterrupt):
        trained()
    again = True
    done = trained()
    assert done.general_scores == ((0, 0.9), (1, 0.8), (2, 0.1))
    assert (done.best_epoch, told) == (2, [0.8, 0.1])


def test_training_stops_when_patience_ends(model: SentenceTransformer) -> None:
    """More epochs without a better score than patience allows are not run."""
    done = tune(model, TrainOptions(epochs=9, batch_size=40, dims=(64,), patience=1), scores=[0.5, 0.4, 0.3, 0.2])
    assert (len(done.dev_scores), done.steps) == (4, 3)


def test_a_loss_that_is_no_number_stops_training(model: SentenceTransformer) -> None:
    """The notice says where and what to do, and the weights are as before."""
    before = weights(model)
    done = tune(model, TrainOptions(batch_size=20, scale=1e39), scores=[0.5])
    (notice,) = [told for told in done.notices if "stopped" in told]
    assert "stopped at step 1, where the loss became nan; nothing of it is kept" in notice
    assert "[train] lr" in notice
    assert (done.best_epoch, done.steps) == (0, 0)
    torch.testing.assert_close(weights(model), before, rtol=0, atol=0)


def test_the_first_loss_is_that_of_the_untouched_model(model: SentenceTransformer) -> None:
    """Micro-batches change no mathematics: the loss is the whole batch's, prompts included."""
    left = model.encode(["query: " + text for text in QUERIES.values()], convert_to_tensor=True)
    right = model.encode(list(PASSAGES.values()), convert_to_tensor=True)
    wanted = info_nce(left, right, plain_targets(40, 40), scale=20.0)
    done = tune(model, TrainOptions(epochs=1, batch_size=40, dims=(384,)), prompts=Prompts("query: "))
    assert done.losses == ((1, pytest.approx(wanted.item(), abs=1e-3)),)


def test_a_prompt_that_is_not_pooled_is_not_trained_on(model: SentenceTransformer) -> None:
    """Training pools as encoding does, where a model leaves its prompt out of the mean."""
    model[1].include_prompt = False
    left = model.encode(list(QUERIES.values()), prompt="Find: ", convert_to_tensor=True)
    right = model.encode(list(PASSAGES.values()), convert_to_tensor=True)
    wanted = info_nce(left, right, plain_targets(40, 40), scale=20.0)
    done = tune(model, TrainOptions(epochs=1, batch_size=40, dims=(384,)), prompts=Prompts("Find: "))
    assert done.losses == ((1, pytest.approx(wanted.item(), abs=1e-3)),)


@pytest.mark.parametrize("dim", [0, -1, 385])
def test_a_dimension_that_the_model_has_not_is_refused(dim: int) -> None:
    """The setting is named."""
    with pytest.raises(InputError, match=rf"(?s)\[train\] dims.*384 dimensions.*{dim} "):
        matryoshka_dims(384, (dim,))


def test_dimensions_are_the_models_own_and_powers_of_two_unless_asked() -> None:
    """Largest first, each once."""
    assert (matryoshka_dims(384, ()), matryoshka_dims(384, (64, 64))) == ((384, 256, 128, 64), (384, 64))


def test_a_single_pair_cannot_be_trained_on(model: SentenceTransformer) -> None:
    """There would be no negatives."""
    with pytest.raises(InputError, match="two pairs"):
        train(model, Prompts(), EXAMPLES[:1], QUERIES, PASSAGES, {}, {}, TrainOptions(), FP32)


@pytest.mark.parametrize(
    ("key", "value"),
    [("lr", 0.0), ("lr", -1.0), ("lr", float("inf")), ("epochs", 0), ("warmup", 1.0), ("warmup", -0.1), ("scale", 0.0),
     ("scale", float("nan")), ("patience", -1), ("batch_size", 1), ("weight_decay", -0.1), ("max_norm", 0.0)],
)  # fmt: skip
def test_a_recipe_outside_its_limits_is_refused(key: str, value: float) -> None:
    """Setting, value and limit."""
    with pytest.raises(SettingsError, match=rf"(?s)\[train\] {key}: {key} is {value}\n.*{key} must be"):
        TrainOptions(**{key: value})


def test_the_edges_of_the_limits_are_allowed() -> None:
    """No warm-up, no patience, no decay, one epoch."""
    assert TrainOptions(epochs=1, warmup=0.0, patience=0, weight_decay=0.0, batch_size=2).epochs == 1


def test_epochs_nobody_chose_are_what_the_pairs_ask_for(
    model: SentenceTransformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two passes of two steps, where eighty pairs are enough; the rate has fallen to its end after the last."""
    monkeypatch.setattr("jargonaut.training.lesson._SEEN", 80)
    steps: list[StepDone] = []
    options = TrainOptions(batch_size=20, dims=(64,), few_pairs=0)
    done = tune(model, options, callbacks=[lambda event: steps.append(event) if isinstance(event, StepDone) else None])
    assert (done.steps, done.pairs) == (4, 80)
    assert steps[-1].lr < steps[0].lr / 2


class Listening(SilentReporter):
    """A reporter that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        """Keeps it."""
        self.warnings.append(text)

    def line(self, text: str) -> None:
        """Keeps it."""
        self.lines.append(text)


def test_the_score_to_beat_is_said_first(model: SentenceTransformer) -> None:
    """The base's dev score stands above those of the epochs."""
    reporter, answers = Listening(), iter([0.5123, 0.6])
    train(
        model, Prompts(), EXAMPLES[:2], QUERIES, PASSAGES, {}, {}, TrainOptions(epochs=1, dims=(64,)), FP32,
        score=lambda _: next(answers), reporter=reporter,
    )  # fmt: skip
    assert reporter.lines[0] == "  epoch 0 (the base): dev nDCG@10 0.5123"
    assert reporter.lines[1].startswith("  epoch 1: loss ")
    assert reporter.lines[1].endswith(", dev nDCG@10 0.6000")


@pytest.mark.parametrize("best", [1, 2])
def test_weights_trained_in_bf16_are_kept_in_fp32(model: SentenceTransformer, best: int) -> None:
    """The model computes and is scored in bf16; what it is left with was never rounded, in any epoch."""
    model[0].model.encoder.layer = model[0].model.encoder.layer[:1]  # bf16 is slow where it is not native
    before = weights(model)
    scored: list[torch.dtype] = []

    def score(scored_model: SentenceTransformer) -> float:
        scored.append(next(scored_model.parameters()).dtype)
        return 0.6 if len(scored) - 1 == best else 0.4

    train(
        model, Prompts(), EXAMPLES[:2], QUERIES, PASSAGES, {}, {}, TrainOptions(epochs=2, lr=1e-5, dims=(64,)),
        ComputeOptions(device="cpu", precision="bf16"), score=score,
    )  # fmt: skip
    after = weights(model)
    assert scored == [torch.bfloat16] * 3
    assert {value.dtype for value in model.state_dict().values() if value.is_floating_point()} == {torch.float32}
    assert (after != after.bfloat16().float()).float().mean() > 0.9
    assert not torch.equal(after, before)
    torch.testing.assert_close(after, before, atol=3e-5, rtol=0)  # two steps of 1e-5; a bf16 step is up to 5e-4 here


MANY = [Triplet(f"q{number % 10}", f"p{number}") for number in range(40)]
"""Ten queries with four answers each."""


def train_in_turn(
    model: SentenceTransformer, batching: Batching, callback: Callback, checkpoints: Checkpoints | None = None
) -> Trained:
    """Two epochs that take one answer of each query."""
    known = {f"q{query}": frozenset(e.positive_id for e in MANY if e.query_id == f"q{query}") for query in range(10)}
    options = TrainOptions(epochs=2, batch_size=5, lr=1e-4, dims=(64,), per_query=1, few_pairs=0, batching=batching)
    near = vectors_of(model) if batching == "similar" else None
    return train(model, Prompts(), MANY, QUERIES, PASSAGES, known, {}, options, FP32, base_vectors=near,
                 callbacks=[callback], checkpoints=checkpoints)  # fmt: skip


@pytest.mark.parametrize("batching", ["shuffled", "similar"])
def test_an_epoch_of_few_answers_is_a_short_one(model: SentenceTransformer, batching: Batching) -> None:
    """Ten of forty pairs an epoch: two steps each, and the rate has fallen to its end after the last."""
    steps: list[StepDone] = []
    done = train_in_turn(model, batching, lambda event: steps.append(event) if isinstance(event, StepDone) else None)
    assert (done.steps, done.pairs) == (4, 20)
    assert steps[-1].lr < steps[0].lr / 2


def test_a_killed_training_goes_on_with_the_answers_whose_turn_it_is(base_model_path: Path, tmp_path: Path) -> None:
    """In the middle of the second epoch, whose answers are others than the first one's: the same weights."""

    def fresh() -> SentenceTransformer:
        return SentenceTransformer(str(base_model_path), device="cpu", local_files_only=True)

    whole, broken, again = fresh(), fresh(), fresh()
    told = train_in_turn(whole, "shuffled", lambda _: None)
    with pytest.raises(Killed):
        train_in_turn(broken, "shuffled", kill_at(4), Checkpoints(tmp_path, "one", 0))
    assert train_in_turn(again, "shuffled", lambda _: None, Checkpoints(tmp_path, "one")) == told
    torch.testing.assert_close(weights(again), weights(whole), rtol=0, atol=0)


class Killed(BaseException):
    """Stands for the end of a process."""


def kill_at(step: int) -> Callback:
    """A callback that ends everything after a step was taken, before its checkpoint is written."""

    def callback(event: StepDone | EpochDone) -> None:
        if isinstance(event, StepDone) and event.step == step:
            raise Killed

    return callback


@pytest.mark.slow
@pytest.mark.parametrize(("step", "precision"), [(2, "fp32"), (4, "fp32"), (5, "fp32"), (8, "fp32"), (3, "bf16")])
def test_a_killed_training_goes_on_as_if_nothing_had_happened(
    base_model_path: Path, tmp_path: Path, step: int, precision: Precision
) -> None:
    """In the middle of an epoch or at its end, dropout on: the same losses, scores, best epoch and weights."""
    options = TrainOptions(epochs=3, batch_size=10, lr=1e-4, dims=(64,), dropout=True)
    compute = ComputeOptions(device="cpu", precision=precision, batch_tokens=64)
    scores = [0.5, 0.7, 0.6, 0.8]

    def fresh() -> SentenceTransformer:
        model = SentenceTransformer(str(base_model_path), device="cpu", local_files_only=True)
        del model[0].auto_model.encoder.layer[1:]  # bf16 is slow on most CPUs
        return model

    whole = fresh()
    told = tune(whole, options, scores=scores, compute=compute)
    broken = fresh()
    kept = Checkpoints(tmp_path, "one", 0)
    with pytest.raises(Killed):
        tune(broken, options, scores=scores, compute=compute, callbacks=[kill_at(step)], checkpoints=kept)
    judged = 1 + (step - 2) // 4  # the first score, and one for each epoch judged before the checkpoint
    again = fresh()
    kept = Checkpoints(tmp_path, "one")
    assert tune(again, options, scores=scores[judged:], compute=compute, checkpoints=kept) == told
    torch.testing.assert_close(weights(again), weights(whole), rtol=0, atol=0)


def test_callbacks_are_told_of_steps_and_epochs(model: SentenceTransformer) -> None:
    """Numbers as a log wants them, in order."""
    events: list[StepDone | EpochDone] = []
    tune(
        model, TrainOptions(epochs=1, batch_size=20, lr=1e-4, dims=(64,)), scores=[0.1, 0.2], callbacks=[events.append]
    )
    first, second, epoch = events
    assert isinstance(first, StepDone)
    assert isinstance(second, StepDone)
    assert (first.step, second.step, first.epoch, first.pairs) == (1, 2, 1, 20)
    assert first.loss > 0
    assert first.norm > 0
    assert 0 < second.lr <= 1e-4
    assert epoch == EpochDone(1, (first.loss + second.loss) / 2, 0.2, 1)


def test_a_callback_may_stop_training(model: SentenceTransformer) -> None:
    """The best epoch so far is kept."""

    def stop(event: StepDone | EpochDone) -> None:
        if isinstance(event, StepDone) and event.step == 3:
            raise StopTraining

    done = tune(model, TrainOptions(epochs=9, batch_size=20, dims=(64,)), scores=[0.1, 0.2], callbacks=[stop])
    assert (done.steps, done.best_epoch) == (3, 1)


def test_a_stop_keeps_what_was_learned_where_nothing_judges(model: SentenceTransformer) -> None:
    """Without dev scores the last weights are kept, and the losses of all steps."""

    def stop(event: StepDone | EpochDone) -> None:
        if isinstance(event, StepDone) and event.step == 3:
            raise StopTraining

    before = weights(model)
    done = tune(model, TrainOptions(epochs=9, batch_size=20, dims=(64,)), callbacks=[stop])
    assert (done.steps, done.best_epoch, done.losses[-1][0]) == (3, 2, 3)
    assert not torch.equal(weights(model), before)


@pytest.mark.parametrize("options", [{"freeze_embeddings": True}, {"freeze_layers": 2}])
def test_frozen_parts_do_not_move(model: SentenceTransformer, options: dict[str, int]) -> None:
    """Everything above them does, and afterwards nothing is frozen."""
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    tune(model, TrainOptions(epochs=1, batch_size=20, lr=1e-3, dims=(64,), **options))  # type: ignore[arg-type]
    moved = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    still = ("0.model.embeddings.", "0.model.encoder.layer.0.", "0.model.encoder.layer.1.")
    assert not [name for name in moved if name.startswith(still if "freeze_layers" in options else still[:1])]
    assert "0.model.encoder.layer.2.output.dense.weight" in moved
    assert all(param.requires_grad for param in model.parameters())


def test_a_model_cannot_be_frozen_whole(model: SentenceTransformer) -> None:
    """The message says how many layers there are."""
    with pytest.raises(InputError, match="the model has 6, and one at least must learn"):
        tune(model, TrainOptions(freeze_layers=6))


def test_any_loss_over_embeddings_can_be_trained(model: SentenceTransformer) -> None:
    """A loss sees the whole batch's vectors, and its gradients move the model."""
    shapes: list[tuple[int, ...]] = []

    def apart(queries: torch.Tensor, passages: torch.Tensor, targets: Targets) -> torch.Tensor:
        told = (queries, passages, targets.positives, targets.ignored, targets.hard, targets.grades)
        shapes.extend(tuple(tensor.shape) for tensor in told)
        return (1 - torch.cosine_similarity(queries, passages[targets.positives])).mean()

    positives = {e.query_id: frozenset({e.positive_id}) for e in EXAMPLES}
    before = weights(model)
    train(
        model, Prompts(), EXAMPLES, QUERIES, PASSAGES, positives, {}, TrainOptions(epochs=1, batch_size=40), FP32,
        loss=apart,
    )  # fmt: skip
    assert shapes == [(40, 384), (40, 384), (40,), (40, 40), (40, 40), (40, 40)]
    assert not torch.equal(weights(model), before)


def test_similar_pairs_need_to_be_told_where_they_lie(model: SentenceTransformer) -> None:
    """Without the base's vectors the setting is refused, not passed over."""
    with pytest.raises(InputError, match=r"(?s)\[train\] batching.*base_vectors"):
        tune(model, TrainOptions(batching="similar"))


def test_similar_pairs_meet_in_training(model: SentenceTransformer) -> None:
    """The same pairs in batches of neighbours: the first loss is higher, since the in-batch negatives are harder."""
    base = vectors_of(model)
    once = TrainOptions(epochs=1, batch_size=8, lr=1e-9, dims=(384,))
    positives = {e.query_id: frozenset({e.positive_id}) for e in EXAMPLES}
    losses = [
        train(model, Prompts(), EXAMPLES, QUERIES, PASSAGES, positives, {}, options, FP32, base_vectors=base).losses[0][
            1
        ]
        for options in (once, replace(once, batching="similar"))
    ]
    assert losses[1] > 1.2 * losses[0]


def poisoned_after(steps: int) -> Loss:
    """A loss that is right for some steps and no number from then on."""
    taken = iter(range(10**6))

    def loss(queries: torch.Tensor, passages: torch.Tensor, targets: Targets) -> torch.Tensor:
        value = info_nce(queries, passages, targets, scale=20.0)
        return value if next(taken) < steps else value * torch.nan

    return loss


@pytest.mark.parametrize("scores", [[0.5, 0.7], None])
def test_what_was_good_is_kept_when_training_goes_wrong(
    base_model_path: Path, model: SentenceTransformer, scores: list[float] | None
) -> None:
    """The best epoch where dev judges, else the last whole one: never weights after which the loss was no number."""
    options = TrainOptions(epochs=3, batch_size=20, lr=1e-4, dims=(384,))
    done = tune(model, options, scores=scores, loss=poisoned_after(3))
    assert (done.best_epoch, done.steps) == (1, 3)
    assert any(
        "stopped at step 4, where the loss became nan; the weights of epoch 1 are kept" in n for n in done.notices
    )
    other = SentenceTransformer(str(base_model_path), device="cpu", local_files_only=True)
    tune(other, options, loss=poisoned_after(99), callbacks=[stop_after_epoch_one])
    torch.testing.assert_close(weights(model), weights(other), rtol=0, atol=0)


def stop_after_epoch_one(event: StepDone | EpochDone) -> None:
    """A callback."""
    if isinstance(event, EpochDone):
        raise StopTraining


def test_a_loss_that_explodes_stops_training(model: SentenceTransformer) -> None:
    """It is said at once, and the epochs that are left are not run."""
    reporter, taken = Listening(), iter(range(10**6))

    def explodes(queries: torch.Tensor, passages: torch.Tensor, targets: Targets) -> torch.Tensor:
        return info_nce(queries, passages, targets, scale=20.0) * (1.0 if next(taken) < 5 else 50.0)

    positives = {e.query_id: frozenset({e.positive_id}) for e in EXAMPLES}
    options = TrainOptions(epochs=9, batch_size=10, dims=(384,))
    done = train(
        model, Prompts(), EXAMPLES, QUERIES, PASSAGES, positives, {}, options, FP32, loss=explodes, reporter=reporter
    )
    (told,) = [told for told in reporter.warnings if "training was stopped at step 10, where the loss rose to" in told]
    assert told in done.notices
    assert (done.steps, done.best_epoch) == (9, 2)


def test_the_temperature_is_learned_with_the_model(model: SentenceTransformer) -> None:
    """From the scale that is set, and told at the end; a fixed one is not."""
    done = tune(model, TrainOptions(epochs=2, batch_size=20, dims=(64,), learn_temperature=True, temperature_lr=0.05))
    assert done.scale is not None
    assert 0.01 < abs(done.scale - 20.0) < 10
    assert tune(model, TrainOptions(epochs=1, batch_size=20, dims=(64,))).scale is None


@pytest.mark.slow
def test_a_killed_training_goes_on_with_its_temperature(model: SentenceTransformer, tmp_path: Path) -> None:
    """And with the moments of its optimiser: the same end, to the last bit."""
    del model[0].auto_model.encoder.layer[1:]
    options = TrainOptions(epochs=2, batch_size=10, lr=1e-4, dims=(64,), learn_temperature=True, temperature_lr=0.05)
    whole, broken, again = copy.deepcopy(model), copy.deepcopy(model), copy.deepcopy(model)
    told = tune(whole, options)
    with pytest.raises(Killed):
        tune(broken, options, callbacks=[kill_at(6)], checkpoints=Checkpoints(tmp_path, "one", 0))
    assert tune(again, options, checkpoints=Checkpoints(tmp_path, "one")) == told
    torch.testing.assert_close(weights(again), weights(whole), rtol=0, atol=0)


@pytest.mark.parametrize(
    "options", [TrainOptions(loss="gist"), TrainOptions(loss="cosent"), TrainOptions(loss="triplet")]
)
def test_every_loss_teaches(model: SentenceTransformer, options: TrainOptions) -> None:
    """In three epochs each brings queries nearer to their passages than to others."""
    before = found(model)
    options = replace(options, epochs=3, batch_size=20, lr=1e-4)
    positives = {e.query_id: frozenset({e.positive_id}) for e in EXAMPLES}
    done = train(
        model, Prompts(), EXAMPLES, QUERIES, PASSAGES, positives, {}, options, FP32, guide_vectors=vectors_of(model)
    )
    assert done.losses[-1][1] < 0.9 * done.losses[0][1]
    assert found(model) > before


def found(model: SentenceTransformer) -> int:
    """How many of the forty queries find their passage first."""
    known = vectors_of(model)
    return int(((known.queries @ known.passages.T).argmax(1) == np.arange(40)).sum())


def test_a_guided_loss_needs_a_guide(model: SentenceTransformer) -> None:
    """The setting is named."""
    with pytest.raises(InputError, match=r"(?s)\[train\] loss.*guide_vectors"):
        tune(model, TrainOptions(loss="gist"))


@pytest.mark.slow
def test_a_small_memory_is_enough(model: SentenceTransformer) -> None:
    """Training whose first micro-batch does not fit goes on with smaller ones, to the same losses, and says so."""
    whole = tune(copy.deepcopy(model), TrainOptions(epochs=1, batch_size=20, dims=(64,)))

    def refuse(_: torch.nn.Module, __: object, told: dict[str, torch.Tensor]) -> None:
        if told["input_ids"].numel() > 60:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    model[0].auto_model.embeddings.register_forward_pre_hook(refuse, with_kwargs=True)
    done = tune(model, TrainOptions(epochs=1, batch_size=20, dims=(64,)))
    assert [loss for _, loss in done.losses] == pytest.approx([loss for _, loss in whole.losses], rel=1e-4)
    assert any("memory ran out in training, so micro-batches were cut to" in told for told in done.notices)


def test_negatives_are_mined_again_after_the_first_epoch(model: SentenceTransformer, base_model_path: Path) -> None:
    """Once, with the weights as they are then; the second epoch learns from passages that the first never saw."""
    asked: list[torch.Tensor] = []
    before, seen = weights(model), dict(PASSAGES)
    harder = [Triplet(e.query_id, e.positive_id, (f"p{(n + 1) % 40}", "new")) for n, e in enumerate(EXAMPLES)]
    passages = seen | {"new": "Sequelae of cerebrovascular disease"}

    def remine(trained: SentenceTransformer) -> list[Triplet]:
        asked.append(weights(trained))
        return harder

    positives = {e.query_id: frozenset({e.positive_id}) for e in EXAMPLES}
    steps: list[int] = []
    done = train(
        model, Prompts(), EXAMPLES, QUERIES, passages, positives, {}, TrainOptions(epochs=3, batch_size=20), FP32,
        callbacks=[lambda event: steps.append(event.epoch) if isinstance(event, StepDone) else None], remine=remine,
    )  # fmt: skip
    assert (len(asked), steps) == (1, [1, 1, 2, 2, 3, 3])
    assert not torch.equal(asked[0], before)
    other = SentenceTransformer(str(base_model_path), device="cpu", local_files_only=True)
    plain = tune(other, TrainOptions(epochs=3, batch_size=20))
    assert done.losses[0] == plain.losses[0]
    assert done.losses[1][1] > plain.losses[1][1]  # more passages to tell apart
