"""What the gate measures on: some of dev's queries, and the passages that they are searched in.

Knows a corpus and its pairs. Test is never among them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jargonaut import evaluation
from jargonaut.artifacts import content_hash
from jargonaut.errors import InputError
from jargonaut.evaluation import AssessmentOptions, Depth
from jargonaut.records import Pair, PairSplits, Passage, Qrel, Query, positives, qrels, queries, source_of
from jargonaut.sources import PreparedCorpus


@dataclass(frozen=True, slots=True)
class Sample:
    """Queries with their answers, and what is searched.

    Attributes:
        asked: The queries, in an order without meaning, so that the first of them are a sample too.
        judged: Judgements of them.
        passages: What is searched, in the corpus' order.
        texts: The words that stand for each of these.
        structural: Ids of queries that were read off the documents' own structure.
        clusters: Query id → document group.
        depth: How deep the gate's rules look into rankings of so many passages.
    """

    asked: tuple[Query, ...]
    judged: tuple[Qrel, ...]
    passages: tuple[Passage, ...]
    texts: tuple[str, ...]
    structural: frozenset[str]
    clusters: Mapping[str, str]
    depth: Depth

    @classmethod
    def of(cls, corpus: PreparedCorpus, splits: PairSplits, options: AssessmentOptions) -> Sample:
        """Draws it, by hash, so that another size holds the same first ones.

        Raises:
            InputError: Dev holds no query with an answer.
        """
        asked = tuple(sorted(queries(splits.dev), key=lambda query: content_hash(query.id)))[: options.queries]
        if not asked:
            raise InputError(
                "dev holds no query with an answer, so nothing can be assessed", where="qrels/dev.tsv",
                remedy="add judgements with a score above 0 to dev, or give train.tsv alone, from which dev is taken",
            )  # fmt: skip
        kept = {query.id for query in asked}
        dev = tuple(pair for pair in splits.dev if pair.query_id in kept)
        passages = _searched(corpus.passages, dev, options.passages)
        judged = tuple(qrels(dev))
        return cls(
            asked, judged, passages, tuple(corpus.texts[passage.id] for passage in passages), _structural(dev),
            evaluation.query_clusters(judged, splits.groups), Depth.of(len(passages), len(corpus.passages)),
        )  # fmt: skip

    @property
    def ids(self) -> list[str]:
        """Ids of the passages."""
        return [passage.id for passage in self.passages]

    @property
    def relevant(self) -> Mapping[str, int]:
        """Query id → how many passages answer it."""
        return Counter(judgement.query_id for judgement in self.judged if judgement.relevance > 0)

    @property
    def share(self) -> float:
        """Passages of the corpus for each that is searched."""
        return self.depth.corpus / max(1, self.depth.passages)


def _searched(passages: Sequence[Passage], dev: tuple[Pair, ...], most: int) -> tuple[Passage, ...]:
    """All that answer a query, and others drawn by hash; all there are where they are no more than `most`."""
    if len(passages) <= most:
        return tuple(passages)
    wanted = {pair.passage_id for pair in positives(dev)}
    others = sorted((p.id for p in passages if p.id not in wanted), key=content_hash)
    wanted |= set(others[: max(0, most - len(wanted))])
    return tuple(passage for passage in passages if passage.id in wanted)


def _structural(dev: tuple[Pair, ...]) -> frozenset[str]:
    return frozenset(pair.query_id for pair in dev if source_of(pair.provenance) == "structure")
