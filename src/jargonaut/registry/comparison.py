"""Two model versions side by side: what each came from, and how each scored.

Knows versions. A difference of two scores is shown as it is: whether it is more than chance says the report of a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jargonaut.artifacts import plain
from jargonaut.registry.versions import ModelVersion

_NOT_COMPARED = frozenset({"metrics", "lineage"})


@dataclass(frozen=True, slots=True)
class Difference:
    """One property of two versions.

    Attributes:
        name: Its name; parts of a nested one are joined by dots (`lineage.options.train.epochs`).
        first: Its value in the first version; None where that has none.
        second: Its value in the second.
    """

    name: str
    first: Any
    second: Any

    @property
    def same(self) -> bool:
        """Whether both have the same value."""
        return bool(self.first == self.second)

    @property
    def change(self) -> float | None:
        """Second − first, of a metric; None otherwise."""
        if not self.name.startswith("metrics.") or self.first is None or self.second is None:
            return None
        return float(self.second) - float(self.first)


def compare(first: ModelVersion, second: ModelVersion) -> tuple[Difference, ...]:
    """Every property of either version: their own first, then metrics, then lineage."""
    ours, theirs = dict(_flat(first)), dict(_flat(second))
    return tuple(Difference(name, ours.get(name), theirs.get(name)) for name in dict.fromkeys([*ours, *theirs]))


def flattened(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested mappings, their names joined by dots, in order."""
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from flattened(value, f"{name}.")
        else:
            yield name, value


def _flat(version: ModelVersion) -> Iterator[tuple[str, Any]]:
    fields = plain(version)
    yield from ((name, value) for name, value in fields.items() if name not in _NOT_COMPARED)
    yield from flattened({"metrics": fields["metrics"], "lineage": fields["lineage"]})
