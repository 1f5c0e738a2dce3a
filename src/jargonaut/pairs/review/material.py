"""What a workspace brings to a review.

Knows records; where they come from and where they are shown is not its business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jargonaut.pairs.review.sampling import ReviewOptions
from jargonaut.records import Pair, Passage


@dataclass(frozen=True, slots=True)
class Material:
    """The pairs that are reviewed and where decisions about them are kept.

    Attributes:
        pairs: All pairs.
        passages: Passage id → passage.
        decisions: The file that decisions are kept in.
        options: As the settings say.
        language: Snowball's name of the language.
        suspects: Passages that are no answer by the labels, and probably are one: a review may accept them.
    """

    pairs: Sequence[Pair]
    passages: Mapping[str, Passage]
    decisions: Path
    options: ReviewOptions = field(default_factory=ReviewOptions)
    language: str = "english"
    suspects: Sequence[Pair] = ()
