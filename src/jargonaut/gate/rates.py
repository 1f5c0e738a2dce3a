"""How fast an encoder is: a local one is timed on a few passages, what an endpoint took is remembered.

Knows clocks and one small file. An endpoint is never asked only to be timed, for that would be paid.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from jargonaut.artifacts import write_json
from jargonaut.protocols import Encoder

_TIMED = 48
_ENOUGH = 16
"""Texts from which on a measurement of an endpoint is believed."""


class Rates:
    """Seconds for one text or one call, by what did it; they outlive a process.

    Args:
        path: A JSON file; a damaged one is forgotten.
        clock: Seconds, never going back.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self.clock = path, clock

    def seconds(self, key: str) -> float | None:
        """What was remembered."""
        value = self._known().get(key)
        return float(value) if isinstance(value, (int, float)) else None

    def remember(self, key: str, seconds: float, count: int) -> None:
        """Keeps what so many took, unless they are too few to tell."""
        if count >= _ENOUGH:
            write_json(self._path, {**self._known(), key: seconds / count})

    def timed(self, encoder: Encoder, texts: Sequence[str]) -> float:
        """Seconds for a passage, timed on some of these with an encoder that remembers nothing."""
        step = max(1, len(texts) // _TIMED)
        some = texts[::step][:_TIMED]
        encoder.encode_passages(some[:2])  # loads the model
        started = self.clock()
        encoder.encode_passages(some)
        return (self.clock() - started) / max(1, len(some))

    def _known(self) -> dict[str, float]:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}
