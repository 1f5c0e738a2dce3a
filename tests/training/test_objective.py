"""What a recipe minimises."""

from __future__ import annotations

import math

import pytest
import torch

from jargonaut.errors import InputError, SettingsError
from jargonaut.training import DISTILLING, TrainOptions, require_fit
from jargonaut.training.dimensions import dimension_weights
from jargonaut.training.losses import Targets, cosent, distilled, guided, info_nce, matryoshka, triplet
from jargonaut.training.objective import HIGHEST_SCALE, Objective, objective
from jargonaut.training.optimizer import MasterAdamW
from jargonaut.training.weights import MasterWeights

from .samples import plain_targets

CPU = torch.device("cpu")
GENERATOR = torch.Generator().manual_seed(3)
QUERIES, PASSAGES = torch.randn(4, 16, generator=GENERATOR), torch.randn(8, 16, generator=GENERATOR)
GUIDE = tuple(torch.nn.functional.normalize(torch.randn(n, 5, generator=GENERATOR), dim=-1) for n in (4, 8))
PLAIN = plain_targets(4, 8)
TARGETS = Targets(PLAIN.positives, PLAIN.ignored, PLAIN.hard, PLAIN.grades, (GUIDE[0], GUIDE[1]))


def value(options: TrainOptions, dims: dict[int, float] | None = None) -> float:
    """The objective of a recipe on the four queries."""
    return objective(options, dims or {16: 1.0}, CPU)(QUERIES, PASSAGES, TARGETS).item()


def test_every_setting_of_a_loss_reaches_it() -> None:
    """Each is what the loss of that name gives with it, and differs from the loss without."""
    wanted = {
        TrainOptions(scale=7.0): info_nce(QUERIES, PASSAGES, TARGETS, scale=7.0),
        TrainOptions(symmetric=True): info_nce(QUERIES, PASSAGES, TARGETS, scale=20.0, symmetric=True),
        TrainOptions(hardness=5.0): info_nce(QUERIES, PASSAGES, TARGETS, scale=20.0, hardness=5.0),
        TrainOptions(loss="gist"): guided(QUERIES, PASSAGES, TARGETS, scale=20.0),
        TrainOptions(loss="gist", symmetric=True): guided(QUERIES, PASSAGES, TARGETS, scale=20.0, symmetric=True),
        TrainOptions(loss="gist", guide_margin=0.3): guided(QUERIES, PASSAGES, TARGETS, scale=20.0, margin=0.3),
        TrainOptions(loss="gist", guide_margin=0.3, guide_margin_strategy="relative"): guided(
            QUERIES, PASSAGES, TARGETS, scale=20.0, margin=0.3, margin_strategy="relative"
        ),
        TrainOptions(loss="gist", contrast_anchors=False): guided(
            QUERIES, PASSAGES, TARGETS, scale=20.0, contrast_anchors=False
        ),
        TrainOptions(loss="gist", contrast_positives=False): guided(
            QUERIES, PASSAGES, TARGETS, scale=20.0, contrast_positives=False
        ),
        TrainOptions(loss="cosent"): cosent(QUERIES, PASSAGES, TARGETS, scale=20.0),
        TrainOptions(loss="cosent", scale=7.0): cosent(QUERIES, PASSAGES, TARGETS, scale=7.0),
        TrainOptions(loss="triplet"): triplet(QUERIES, PASSAGES, TARGETS, margin=0.2),
        TrainOptions(loss="triplet", triplet_margin=0.9): triplet(QUERIES, PASSAGES, TARGETS, margin=0.9),
        TrainOptions(loss="kl", teacher="t"): distilled(QUERIES, PASSAGES, TARGETS, scale=20.0, kind="kl", share=0.5),
        TrainOptions(loss="kl", teacher="t", teacher_share=0.25): distilled(
            QUERIES, PASSAGES, TARGETS, scale=20.0, kind="kl", share=0.25
        ),
        TrainOptions(loss="margin_mse", teacher="t"): distilled(
            QUERIES, PASSAGES, TARGETS, scale=20.0, kind="margin_mse", share=0.5
        ),
    }
    found = {options: value(options) for options in wanted}
    for options, loss in wanted.items():
        assert found[options] == pytest.approx(loss.item(), abs=1e-5), options
    assert len({round(one, 5) for one in found.values()}) == len(wanted)


@pytest.mark.parametrize("loss", ["mnrl", "gist", "cosent", "triplet", "kl", "margin_mse"])
def test_every_loss_is_taken_at_every_dimension(loss: str) -> None:
    """With the weights of the dimensions."""
    options = TrainOptions(loss=loss, teacher="t" if loss in DISTILLING else "")  # type: ignore[arg-type]

    def one(queries: torch.Tensor, passages: torch.Tensor, targets: Targets) -> torch.Tensor:
        return objective(options, {queries.shape[1]: 1.0}, CPU)(queries, passages, targets)

    wanted = matryoshka(QUERIES, PASSAGES, TARGETS, loss=one, dims=(16, 4), weights=(1.0, 3.0)).item()
    assert value(options, {16: 1.0, 4: 3.0}) == pytest.approx(wanted, abs=1e-6)
    assert value(options, {16: 1.0, 4: 3.0}) != pytest.approx(value(options, {16: 1.0, 4: 1.0}), abs=1e-4)


def test_the_deployed_dimension_weighs_more() -> None:
    """Its own weight where the others have one; the largest serves where none is named."""
    options = TrainOptions(deployed_weight=3.0)
    assert dimension_weights((384, 128, 64), options, 128) == (1.0, 3.0, 1.0)
    assert dimension_weights((384, 128), options, None) == (3.0, 1.0)
    assert dimension_weights((384, 128), TrainOptions(dim_weights=(0.0, 2.0)), 384) == (0.0, 2.0)


def test_weights_for_other_dimensions_are_refused() -> None:
    """The message counts both and names the dimensions."""
    with pytest.raises(
        InputError, match=r"(?s)\[train\] dim_weights: 2 weights are given for 3 dimensions, 384, 128, 64"
    ):
        dimension_weights((384, 128, 64), TrainOptions(dim_weights=(1.0, 2.0)), None)


@pytest.mark.parametrize(
    ("options", "what"),
    [(TrainOptions(freeze_layers=6), "6 layers cannot be frozen: the model has 6"), (TrainOptions(dims=(512,)), "512"),
     (TrainOptions(dims=(64,), dim_weights=(1.0,)), "1 weights are given for 2")],
)  # fmt: skip
def test_a_recipe_that_a_model_cannot_follow_is_refused(options: TrainOptions, what: str) -> None:
    """Before anything is mined."""
    with pytest.raises(InputError, match=what):
        require_fit(options, 384, 6)


@pytest.mark.parametrize("options", [TrainOptions(freeze_embeddings=True), TrainOptions(lora_rank=4)])
def test_word_vectors_have_nothing_to_freeze_or_adapt(options: TrainOptions) -> None:
    """Which is said before anything is mined; all else of a recipe fits them."""
    require_fit(TrainOptions(), 256, None, static=True)
    with pytest.raises(InputError, match="word vectors alone"):
        require_fit(options, 256, None, static=True)


def test_a_recipe_fits_where_nothing_speaks_against_it() -> None:
    """A folder that does not tell its layers is asked when it is loaded; a model may have 64 dimensions, or fewer."""
    require_fit(TrainOptions(freeze_layers=99), 384, None)
    require_fit(TrainOptions(freeze_layers=5, lora_rank=4), 64, 6)
    require_fit(TrainOptions(), 32, 6)


@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("learn_temperature", {"loss": "triplet", "learn_temperature": True}),
        ("symmetric", {"loss": "cosent", "symmetric": True}),
        ("hardness", {"loss": "gist", "hardness": 1.0}),
        ("guide", {"guide": "some-model"}),
        ("dim_weights", {"dim_weights": (-1.0,)}),
        ("dim_weights", {"dim_weights": (0.0, 0.0)}),
        ("scale", {"scale": 200.0, "learn_temperature": True}),
        ("triplet_margin", {"triplet_margin": 0.0}),
        ("lora_rank", {"lora_rank": -1}),
        ("lora_dropout", {"lora_dropout": 1.0}),
        ("lora_lr", {"lora_lr": 0.0}),
        ("max_rise", {"max_rise": 1.0}),
        ("neighbourhood", {"neighbourhood": -1}),
        ("deployed_weight", {"deployed_weight": 0.0}),
        ("guide_margin", {"guide_margin": math.nan}),
        ("temperature_lr", {"temperature_lr": 0.0}),
    ],
)
def test_a_setting_that_a_loss_would_pass_over_is_refused(key: str, options: dict[str, object]) -> None:
    """As one outside its limits is."""
    with pytest.raises(SettingsError, match=rf"\[train\] {key}"):
        TrainOptions(**options)  # type: ignore[arg-type]


def learned(scale: float, lr: float, steps: int) -> Objective:
    """A temperature after some steps on well-separated vectors, which ask for a high scale."""
    goal = objective(TrainOptions(scale=scale, learn_temperature=True), {4: 1.0}, CPU)
    model = torch.nn.Linear(1, 1)
    adamw = MasterAdamW(
        MasterWeights(model, torch.float32), lr=1e-3, weight_decay=0.1, steps=steps, warmup=0.0, max_norm=1.0,
        beside=goal.parameters, beside_lr=lr,
    )  # fmt: skip
    for _ in range(steps):
        model(torch.ones(1, 1)).sum().backward()
        goal(torch.eye(4), torch.eye(4), plain_targets(4, 4)).backward()  # type: ignore[no-untyped-call]
        adamw.step()
        goal.clamp()
    return goal


def test_the_temperature_is_learned_and_stays_within_its_limits() -> None:
    """Vectors that are well apart ask for an ever higher scale, which ends at the limit."""
    once, long = learned(5.0, 0.01, 5), learned(5.0, 1.0, 60)
    assert once.scale is not None
    assert 5.0 < once.scale < 5.3
    assert long.scale == pytest.approx(HIGHEST_SCALE, rel=1e-4)


def test_a_fixed_temperature_is_none_to_learn() -> None:
    """Nothing is handed to the optimiser, and nothing is told."""
    goal = objective(TrainOptions(), {16: 1.0}, CPU)
    assert (goal.parameters, goal.scale, goal.state()) == ([], None, {})


def test_a_learned_temperature_comes_back() -> None:
    """As a checkpoint keeps it."""
    first = learned(5.0, 0.1, 5)
    second = objective(TrainOptions(scale=5.0, learn_temperature=True), {4: 1.0}, CPU)
    second.restore(first.state())
    assert second.scale == first.scale != pytest.approx(5.0)
