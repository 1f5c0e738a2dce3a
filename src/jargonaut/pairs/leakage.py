"""What a split's held-out parts have in common with what training sees, counted.

Counts from the pairs and texts as they are, not from how the split was made: it would find a bug in the split.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from jargonaut.artifacts import content_hash
from jargonaut.pairs.wording import normalised
from jargonaut.records import Pair, PairSplits


@dataclass(frozen=True, slots=True)
class Leakage:
    """How much of test and dev training sees; zeros are the promise where the split is ours.

    Attributes:
        test_passages_in_train: Positives of test whose id training sees, as positive or negative.
        test_texts_in_train: Positives of test whose text, in normal form, training sees under any id.
        test_groups_in_train: Groups (documents, near-duplicates) of test positives of which training sees a passage.
        test_queries_in_train: Queries of test whose text, in normal form, train asks too.
        dev_passages_in_train: As for test.
        dev_texts_in_train: As for test.
        dev_groups_in_train: As for test.
        dev_queries_in_train: As for test.
        mined_from_test: Distinct mined negatives that lie in the group of a positive of dev or test.
    """

    test_passages_in_train: int = 0
    test_texts_in_train: int = 0
    test_groups_in_train: int = 0
    test_queries_in_train: int = 0
    dev_passages_in_train: int = 0
    dev_texts_in_train: int = 0
    dev_groups_in_train: int = 0
    dev_queries_in_train: int = 0
    mined_from_test: int = 0

    @property
    def shared(self) -> tuple[str, ...]:
        """Which of the held-out parts, `test` and `dev`, training saw something of."""
        return tuple(part for part in ("test", "dev") if any(self.of(part).values()))

    def of(self, part: str) -> dict[str, int]:
        """What training saw of one part: passages, texts, groups and queries → how many."""
        kinds = ("passages", "texts", "groups", "queries")
        return {kind: int(getattr(self, f"{part}_{kind}_in_train")) for kind in kinds}

    @property
    def clean(self) -> bool:
        """Whether training saw nothing of dev or test."""
        return self == Leakage()


def leakage(splits: PairSplits, negative_ids: Collection[str], texts: Mapping[str, str]) -> Leakage:
    """Compares what training sees with dev and test.

    Args:
        splits: The pairs in parts.
        negative_ids: Every passage that was mined as a hard negative.
        texts: Passage id → text; a passage that is missing is not compared by text.
    """
    seen = {pair.passage_id for pair in splits.train} | set(negative_ids)
    seen_texts = {_text_hash(texts[passage]) for passage in seen if passage in texts}
    seen_groups = {splits.groups.get(passage, passage) for passage in seen}
    asked = {normalised(pair.query) for pair in splits.train if pair.relevance > 0}

    def counts(pairs: Iterable[Pair]) -> tuple[int, int, int, int]:
        relevant = [pair for pair in pairs if pair.relevance > 0]
        passages = {pair.passage_id for pair in relevant}
        groups = {splits.groups.get(passage, passage) for passage in passages}
        return (
            len(passages & seen),
            sum(_text_hash(texts[passage]) in seen_texts for passage in passages if passage in texts),
            len(groups & seen_groups),
            len({normalised(pair.query) for pair in relevant} & asked),
        )

    judged = (pair for pair in (*splits.dev, *splits.test) if pair.relevance > 0)
    held = {splits.groups.get(pair.passage_id, pair.passage_id) for pair in judged}
    mined = sum(splits.groups.get(passage, passage) in held for passage in set(negative_ids))
    return Leakage(*counts(splits.test), *counts(splits.dev), mined)


def _text_hash(text: str) -> str:
    return content_hash(normalised(text))
