"""Which settings a sweep varies, and between what. Knows settings and ranges; how they are drawn, a trial knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jargonaut.artifacts import plain
from jargonaut.settings import Settings, override
from jargonaut.training import careful

if TYPE_CHECKING:
    import optuna

LR, LORA_LR, EPOCHS, SCALE = "train.lr", "train.lora_lr", "train.epochs", "train.scale"
PER_PAIR, BATCH, FEW = "mine.per_pair", "train.batch_size", "train.few_pairs"
SWEPT = (LR, LORA_LR, EPOCHS, SCALE, PER_PAIR, BATCH)
"""Everything that a sweep may vary; of the two rates only the one that the recipe learns with."""
LOGARITHMIC = frozenset({LR, LORA_LR, SCALE})
_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Space:
    """What a sweep varies for a recipe, and what every trial has in common beside the settings.

    Attributes:
        first: Setting → value of the first trial, which is today's recipe; every range holds it.
        ranges: Setting → lowest and highest; only what the recipe learns by.
        batch_sizes: All, ascending.
        held: Setting → value that every trial has. With few pairs training would put its own rate and batch size in the
            place of the defaults; in a sweep a trial is what it says it is, and the first one is that careful recipe.
    """

    first: Mapping[str, Any]
    ranges: Mapping[str, tuple[float, float]]
    batch_sizes: tuple[int, ...]
    held: Mapping[str, Any]

    @classmethod
    def of(cls, settings: Settings, pairs: int, epochs: int) -> Space:
        """The ranges that the settings name, for so many training pairs and passes over them."""
        sweep = settings.sweep
        recipe = careful(settings.train, pairs)
        named = {LR: sweep.lr, LORA_LR: sweep.lora_lr, EPOCHS: sweep.epochs, SCALE: sweep.scale,
                 PER_PAIR: sweep.per_pair}  # fmt: skip
        without = {LR if recipe.lora_rank else LORA_LR} | ({SCALE} if recipe.loss == "triplet" else set())
        today = {name: getattr(recipe, name.partition(".")[2]) for name in SWEPT if name != PER_PAIR}
        today[PER_PAIR] = settings.mine.per_pair
        today[EPOCHS] = epochs
        return cls(
            {name: today[name] for name in SWEPT if name not in without},
            {
                name: (min(lowest, today[name]), max(highest, today[name]))
                for name, (lowest, highest) in named.items() if name not in without
            },
            tuple(sorted({*sweep.batch_size, recipe.batch_size})),
            {FEW: 0} if pairs < settings.train.few_pairs else {},
        )  # fmt: skip

    def drawn(self, trial: optuna.Trial) -> dict[str, Any]:
        """What a trial is to try: setting → value; numbers are rounded, so that they can be written down."""
        found: dict[str, Any] = {}
        for name in self.first:
            if name == BATCH:
                found[name] = trial.suggest_categorical(name, self.batch_sizes)
            elif name in LOGARITHMIC:
                found[name] = trial.suggest_float(name, *self.ranges[name], log=True)
            else:
                lowest, highest = self.ranges[name]
                found[name] = trial.suggest_int(name, int(lowest), int(highest))
        rounded = {
            name: float(f"{value:.{_DIGITS}g}") if isinstance(value, float) and value != self.first[name] else value
            for name, value in found.items()
        }
        return {**rounded, **self.held}


def with_values(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """Settings with what a trial tries."""
    return override(settings, values)


def fixed(settings: Settings) -> dict[str, Any]:
    """What trials have in common, as JSON values: with other ones, scores could not be compared."""
    held = {"train": plain(settings.train), "mine": plain(settings.mine), "precision": settings.compute.precision}
    for name in SWEPT:
        section, _, key = name.partition(".")
        del held[section][key]
    del held["train"]["graph_gib"]  # how much memory training takes changes no gradient
    return held


def fragment(values: Mapping[str, Any]) -> str:
    """Settings as lines of a `jargonaut.toml`."""
    sections: dict[str, list[str]] = {}
    for name, value in values.items():
        section, _, key = name.partition(".")
        sections.setdefault(section, []).append(f"{key} = {value!r}")
    return "\n".join("\n".join([f"[{section}]", *lines, ""]) for section, lines in sections.items())
