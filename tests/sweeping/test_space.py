"""What a sweep varies for a recipe."""

from __future__ import annotations

from typing import Any

import pytest

from jargonaut.settings import Settings, override
from jargonaut.sweeping.space import Space, fixed

MANY = 5_000


def space(pairs: int = MANY, **changes: Any) -> Space:
    """What is varied of the default recipe with some changes."""
    settings = override(Settings(), {name.replace("__", "."): value for name, value in changes.items()})
    return Space.of(settings, pairs, settings.train.epochs or 2)


def test_today_lies_within_every_range() -> None:
    """A range that does not hold today's setting is widened to it."""
    found = space(train__lr=1e-3, train__epochs=9, train__batch_size=48)
    assert found.first["train.lr"] == found.ranges["train.lr"][1] == 1e-3
    assert found.ranges["train.epochs"] == (1, 9)
    assert found.batch_sizes == (48, 64, 128, 256)
    assert found.held == {}


def test_adapters_are_swept_by_their_own_rate() -> None:
    """The model's rate would change nothing."""
    found = space(train__lora_rank=8)
    assert "train.lr" not in found.first
    assert found.first["train.lora_lr"] == 3e-4
    assert found.ranges["train.lora_lr"] == (1e-4, 1e-3)
    assert "train.lora_lr" not in space().first


def test_a_loss_without_temperature_varies_none() -> None:
    """Trials that differ in nothing would only look like several."""
    assert "train.scale" not in space(train__loss="triplet").first
    assert "train.scale" in space(train__loss="cosent").first


def test_with_few_pairs_a_trial_is_what_it_says() -> None:
    """The first is the careful recipe, and no other has its default batch size replaced without a word."""
    found = space(pairs=200)
    assert (found.first["train.lr"], found.first["train.batch_size"]) == (2e-5, 32)
    assert found.held == {"train.few_pairs": 0}
    assert space(pairs=200, train__few_pairs=0).held == {}
    assert space(pairs=200, train__lr=1e-4, train__batch_size=16).held == {"train.few_pairs": 0}


@pytest.mark.parametrize(("name", "value"), [("train.lora_lr", 5e-4), ("mine.per_pair", 3), ("train.scale", 30.0)])
def test_what_is_swept_is_not_held(name: str, value: float) -> None:
    """Another value of it begins no other study."""
    settings = override(Settings(), {"train.lora_rank": 8})
    assert fixed(settings) == fixed(override(settings, {name: value}))
