"""What curation did: the pairs that are kept, what became of the others, and the same in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from jargonaut.pairs.filters import RemovedPair
from jargonaut.records import Pair

_RULES = {
    "query_too_short": "their query is too short",
    "query_too_long": "their query is too long",
    "passage_unknown": "their passage is not in the corpus",
    "passage_too_short": "their passage is too short",
    "language": "query and passage are in different languages",
    "duplicate": "they repeat another pair",
    "contradicted": "people judged the same passage to be no answer",
    "round_trip": "their query does not find them",
    "ambiguous": "an unrelated passage answers their query equally well",
    "generic": "many unrelated passages answer their query equally well",
    "judge": "the judge scored them low",
    "cross_encoder": "the cross-encoder scored them low",
    "easy": "they are easy, and there are enough of such",
    "document_cap": "their document has more than its absolute share",
    "document_share": "their document has more than its share",
    "topic_share": "their topic has more than its share",
}
RULES = tuple(_RULES)
"""All rules that remove, in the order in which they are applied."""


@dataclass(frozen=True, slots=True)
class Flag:
    """Something to know about a pair that was not removed for it.

    Attributes:
        pair: As it is kept.
        rule: `ambiguous`, `generic` or `easy`.
        detail: The figures.
    """

    pair: Pair
    rule: str
    detail: str


@dataclass(frozen=True, slots=True)
class Curated:
    """The pairs that are kept and what became of the others.

    Every pair that came in is in `kept` or in `removed`, and in one of them only. A pair whose query was merged has the
    id and the words of the query that stands for it, unless it was removed as a repeat or before the merging.

    Attributes:
        kept: In the order of the input.
        removed: In the order of the rules, then of the input.
        merged: Id of a query that was merged → id of the one that stands for it.
        flags: What was noticed about kept pairs, in the order of the input.
        unscored: `judge` or `cross_encoder` → how many positives it had no score for; they passed.
        skipped: Rule → what it lacked to be applied.
    """

    kept: tuple[Pair, ...]
    removed: tuple[RemovedPair, ...] = ()
    merged: Mapping[str, str] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()
    unscored: Mapping[str, int] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """Rule → how many pairs it removed, in the order of the rules; rules that removed none have a 0."""
        found = Counter(one.rule for one in self.removed)
        return {rule: found[rule] for rule in RULES}

    @property
    def flagged(self) -> dict[str, int]:
        """Rule → how many kept pairs it flagged."""
        return dict(sorted(Counter(flag.rule for flag in self.flags).items()))

    def sentences(self) -> list[str]:
        """What happened, for a terminal: how many came and stayed, each rule that did something, what was not done."""
        total = len(self.kept) + len(self.removed)
        lines = [f"{len(self.kept):,} of {_counted(total, 'pair')} kept"]
        if self.merged:
            lines.append(f"{_counted(len(self.merged), 'query', 'queries')} merged into others that ask the same")
        lines += [f"{rule}: {n:,} removed ({_RULES[rule]})" for rule, n in self.counts.items() if n]
        lines += [f"{rule}: {n:,} kept pairs flagged ({_FLAGS[rule]})" for rule, n in self.flagged.items()]
        lines += [
            f"{rule}: {_counted(n, 'positive')} had no score and passed" for rule, n in self.unscored.items() if n
        ]
        lines += [f"{rule}: not applied ({reason})" for rule, reason in self.skipped.items()]
        return lines


_FLAGS = {
    "ambiguous": "an unrelated passage answers the query equally well",
    "generic": "many unrelated passages answer the query equally well",
    "easy": "the passage repeats the query's words and every ranking puts it first, far before the next",
}


def _counted(number: int, noun: str, plural: str = "") -> str:
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
