"""What one look has found so far: figures, facts for the rules, notices, and what the next look must know.

Knows what the parts of a look share. Measures nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from jargonaut.errors import JargonautError
from jargonaut.layout import Layout
from jargonaut.monitoring import Facts, Signal
from jargonaut.registry import Live, ModelVersion, Registry
from jargonaut.sources import PreparedCorpus
from jargonaut.watching.snapshot import Trained, ancestry, trained_on


@dataclass
class Sheet:
    """One look's sheet; its parts write on it in turn.

    Attributes:
        layout: The workspace's paths.
        registry: Versions.
        live: What is live.
        version: Its version.
        at: When the look began, UTC.
        facts: What the rules look at.
        read: Gives the passages of the documents as they are now.
        number: Of the pass; 0 where nothing can be kept.
        golden: Which golden set is asked.
        signals: Figures.
        notices: What a reader should know.
        notes: What the next look must know, by name.
        fresh: One new or changed passage each of some documents.
    """

    layout: Layout
    registry: Registry
    live: Live
    version: ModelVersion
    at: datetime
    facts: Facts
    read: Callable[[], PreparedCorpus]
    number: int = 0
    golden: str = ""
    signals: list[Signal] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    fresh: tuple[str, ...] = ()

    @property
    def pointer(self) -> tuple[str, str]:
        """Version and collection that are live."""
        return self.live.version, self.live.index

    @cached_property
    def trained(self) -> Trained | None:
        """What the live version was made from."""
        return trained_on(self.registry, self.version, self.layout)

    @cached_property
    def ancestors(self) -> list[ModelVersion]:
        """The live version and those that it was tuned from."""
        return ancestry(self.registry, self.version)

    @cached_property
    def documents(self) -> PreparedCorpus | None:
        """The passages of the documents as they are now; None, and a notice, where they cannot be read."""
        try:
            return self.read()
        except (JargonautError, OSError) as error:
            self.notice(f"the documents cannot be read, so nothing is said of them: {error}")
            return None

    def notice(self, text: str) -> None:
        """Tells something on one line, once."""
        line = text.replace("\n", " ")
        if line not in self.notices:
            self.notices.append(line)
