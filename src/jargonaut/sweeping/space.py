"""Which settings a sweep varies, and between what. Knows settings and ranges; how they are drawn, a trial knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jargonaut.artifacts import plain
from jargonaut.settings import Settings, override

if TYPE_CHECKING:
    import optuna

LR, EPOCHS, SCALE, PER_PAIR, BATCH = "train.lr", "train.epochs", "train.scale", "mine.per_pair", "train.batch_size"
SWEPT = (LR, EPOCHS, SCALE, PER_PAIR, BATCH)
LOGARITHMIC = frozenset({LR, SCALE})
_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Space:
    """The ranges of a sweep, each wide enough for the settings that it starts from.

    Attributes:
        lr: Lowest and highest.
        epochs: Fewest and most.
        scale: Lowest and highest.
        per_pair: Fewest and most.
        batch_sizes: All, ascending.
    """

    lr: tuple[float, float]
    epochs: tuple[int, int]
    scale: tuple[float, float]
    per_pair: tuple[int, int]
    batch_sizes: tuple[int, ...]

    @classmethod
    def of(cls, settings: Settings) -> Space:
        """The ranges that the settings name, today's values among them."""
        sweep, train = settings.sweep, settings.train
        return cls(
            (min(sweep.lr[0], train.lr), max(sweep.lr[1], train.lr)),
            (min(sweep.epochs[0], train.epochs), max(sweep.epochs[1], train.epochs)),
            (min(sweep.scale[0], train.scale), max(sweep.scale[1], train.scale)),
            (min(sweep.per_pair[0], settings.mine.per_pair), max(sweep.per_pair[1], settings.mine.per_pair)),
            tuple(sorted({*sweep.batch_size, train.batch_size})),
        )

    def drawn(self, trial: optuna.Trial, today: Mapping[str, Any]) -> dict[str, Any]:
        """What a trial is to try: setting → value; numbers are rounded, so that they can be written down."""
        found = {
            LR: trial.suggest_float(LR, *self.lr, log=True),
            EPOCHS: trial.suggest_int(EPOCHS, *self.epochs),
            SCALE: trial.suggest_float(SCALE, *self.scale, log=True),
            PER_PAIR: trial.suggest_int(PER_PAIR, *self.per_pair),
            BATCH: trial.suggest_categorical(BATCH, self.batch_sizes),
        }
        return {
            name: float(f"{value:.{_DIGITS}g}") if isinstance(value, float) and value != today[name] else value
            for name, value in found.items()
        }


def values_of(settings: Settings) -> dict[str, Any]:
    """What settings say of everything that a sweep varies: setting → value."""
    return {name: getattr(getattr(settings, name.partition(".")[0]), name.partition(".")[2]) for name in SWEPT}


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
