"""What the gate knows besides scores: pairs to learn from, how special the domain's words are, how fast it changes.

Knows figures and their sentences. How they were measured is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

JUDGED = ("label", "click", "recent-click")
"""Sources in which a person decided that a passage answers."""
_NAMES = {"label": "labels", "click": "clicks", "recent-click": "clicks", "llm": "generated", "structure": "headings"}


@dataclass(frozen=True, slots=True)
class PairEvidence:
    """Training pairs by source.

    Attributes:
        by_source: Source (`label`, `click`, `llm`, `structure`) → positive pairs.
        queries: Distinct queries among them.
    """

    by_source: Mapping[str, int] = field(default_factory=dict)
    queries: int = 0

    @property
    def judged(self) -> int:
        """Pairs that a person judged, by a label or by a click."""
        return sum(count for source, count in self.by_source.items() if source in JUDGED)

    @property
    def unjudged(self) -> int:
        """Pairs that nobody judged."""
        return sum(self.by_source.values()) - self.judged

    def worth(self, weak_weight: float) -> int:
        """Judged pairs that these are worth."""
        return int(self.judged + weak_weight * self.unjudged)

    def __str__(self) -> str:
        shown: dict[str, int] = {}
        for source, count in self.by_source.items():
            name = _NAMES.get(source, source)
            shown[name] = shown.get(name, 0) + count
        parts = ", ".join(f"{count:,} {name}" for name, count in sorted(shown.items(), key=lambda i: (-i[1], i[0])))
        return f"{sum(shown.values()):,} training pairs of {self.queries:,} queries ({parts or 'none'})"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """How special a domain's words are, and how its vectors lie.

    Attributes:
        shattered: Share of the running words that the base's tokenizer breaks into three or more pieces.
        general_shattered: The same in general English.
        rare: Share of the running words that are not among the most frequent of general English; None where the
            domain's language is another.
        general_rare: The same in general English.
        examples: Frequent words of the domain that are shattered.
        nearest: Cosine of a passage and its nearest other passage in the base's space, median.
        random: Cosine of two passages drawn at random, mean.
        passages: On how many passages this was measured.
    """

    shattered: float
    general_shattered: float
    rare: float | None
    general_rare: float
    examples: tuple[str, ...]
    nearest: float
    random: float
    passages: int

    @property
    def sentences(self) -> tuple[str, ...]:
        """The words, then the vectors."""
        shown = f" ({', '.join(self.examples)})" if self.examples else ""
        words = (
            f"{self.shattered:.1%} of the running words are shattered by the tokenizer into three or more pieces{shown}"
            f"; in general English {self.general_shattered:.1%}."
        )
        if self.rare is not None:
            words += f" {self.rare:.1%} are rare in general English; there {self.general_rare:.1%}."
        space = (
            f"For the base a passage's nearest neighbour has a cosine of {self.nearest:.2f}, a random passage "
            f"{self.random:.2f}."
        )
        return words, space


@dataclass(frozen=True, slots=True)
class Churn:
    """How fast a corpus changes, by the versions that the workspace remembers.

    Attributes:
        share: Share of the passages that were changed, added or removed from the first version to the last.
        days: Between these.
        versions: How many are remembered.
        reindex_hours: Hours that embedding the whole corpus once takes here.
    """

    share: float
    days: float
    versions: int
    reindex_hours: float

    @property
    def while_reindexed(self) -> float:
        """Share of the passages that changes while all of them are embedded once."""
        return min(1.0, self.share * self.reindex_hours / (24 * self.days)) if self.days > 0 else 0.0

    def __str__(self) -> str:
        return (
            f"{self.share:.1%} of the passages changed in {self.days:,.1f} days ({self.versions} versions of the "
            f"corpus); embedding all of them takes {self.reindex_hours:,.2f} h, in which {self.while_reindexed:.2%} "
            "change."
        )
