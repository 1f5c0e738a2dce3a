"""The golden set at work: which queries are asked, what of them expired or leaked, what the live system scores.

Joins golden sets, the pairs of versions and the live searcher. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from jargonaut import evaluation, formats
from jargonaut.exams import kept_artifact
from jargonaut.layout import Layout
from jargonaut.monitoring import Change, GoldenQuery, GoldenSet, GoldenSets, WatchOptions, digest_of
from jargonaut.pairs import question
from jargonaut.records import Pair, Qrel, Query, Run
from jargonaut.registry import ModelVersion
from jargonaut.watching.asking import Asker, two_scores
from jargonaut.watching.snapshot import Trained

Holds = Callable[[Sequence[str]], Collection[str]]
"""Given ids of passages, gives those that are there."""
FEW = 30
"""Golden queries below which little can be seen."""


def golden_set(layout: Layout, trained: Trained | None) -> GoldenSet | None:
    """The frozen golden set; where none was frozen, the test split that the live version came with.

    Raises:
        MismatchError: The frozen set was altered.
    """
    frozen = GoldenSets(layout.golden).current()
    if frozen is not None:
        return frozen
    if trained is None or trained.pairs is None:
        return None
    name = f"test split of {trained.version.version}"
    found = golden_pairs(trained.pairs.splits.test, name)
    return GoldenSet(f"{name}, not frozen", digest_of(found), found) if found else None


def golden_pairs(pairs: Sequence[Pair], source: str) -> tuple[GoldenQuery, ...]:
    """Pairs as golden queries, one for each query."""
    texts: dict[str, str] = {}
    answers: dict[str, dict[str, int]] = {}
    for pair in pairs:
        if pair.relevance > 0:
            texts.setdefault(pair.query_id, pair.query)
            answers.setdefault(pair.query_id, {})[pair.passage_id] = pair.relevance
    by_id = {one.id: one for one in (GoldenQuery(texts[id_], answers[id_], source) for id_ in answers)}
    return tuple(by_id[id_] for id_ in sorted(by_id))


def leaked(golden: GoldenSet, versions: Sequence[ModelVersion], layout: Layout, language: str) -> frozenset[str] | None:
    """Golden queries that a version, or one that it came from, was trained on, by what they ask and not by their id.

    Args:
        golden: The set.
        versions: The live version and its ancestors.
        layout: Where pairs are kept.
        language: Of the queries.

    Returns:
        Ids; None where the pairs of one are gone.
    """
    made = [kept_artifact(one, "pairs", layout) for one in versions if one.base]
    asked = {question(one.query, language): one.id for one in golden.queries}
    found: set[str] = set()
    for artifact in made:
        if artifact is None or not (artifact.path / "train.jsonl").exists():
            return None
        rows = formats.read_records(artifact.path / "train.jsonl", Pair)
        texts = {pair.query for pair in rows if pair.relevance > 0}
        found.update(asked[gist] for gist in {question(text, language) for text in texts} if gist in asked)
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the live system answered to golden queries.

    Attributes:
        ids: The queries that count, in order.
        recall: Recall@10 of each.
        ndcg: nDCG@10 of each.
        top: Score of each one's best hit; 0 where it has none.
        clusters: Query → group of documents.
        expired: Queries whose passages are gone, from the index and from the documents.
        missing: Passages that the documents have and the index has not.
        milliseconds: A query, encoding and search.
        stale: Whether the vector cache held other vectors than the encoder makes now.
    """

    ids: tuple[str, ...]
    recall: tuple[float, ...]
    ndcg: tuple[float, ...]
    top: tuple[float, ...]
    clusters: Mapping[str, str]
    expired: frozenset[str]
    missing: int = 0
    milliseconds: float = 0.0
    stale: bool = False

    @property
    def scores(self) -> dict[str, list[float]]:
        """Query → recall, nDCG and best score, as the reference keeps them."""
        rows = zip(self.ids, self.recall, self.ndcg, self.top, strict=True)
        return {id_: [round(v, 6) for v in values] for id_, *values in rows}


def ask(
    golden: GoldenSet,
    asker: Asker,
    indexed: Holds,
    documents: Holds | None,
    groups: Mapping[str, str],
) -> Asked:
    """Searches golden queries as a service would, and scores what comes back; nothing is asked where none is left.

    Args:
        golden: The set.
        asker: Asks what is live.
        indexed: Of some passages, those that the live collection holds.
        documents: The same of the documents as they are now; None where that is not known.
        groups: Passage → group of documents.

    Raises:
        JargonautError: The live system does not answer.
    """
    named = sorted({passage for one in golden.queries for passage in one.positives})
    there = set(indexed(named))
    gone = [passage for passage in named if passage not in there]
    withdrawn = set(gone) - set(documents(gone) if documents is not None and gone else ())
    alive = [one for one in golden.queries if not withdrawn.issuperset(one.positives)]
    expired = frozenset(one.id for one in golden.queries) - {one.id for one in alive}
    missing = len(set(named) - there - withdrawn)
    if not alive:
        return Asked((), (), (), (), {}, expired, missing)
    said = asker.ask([one.query for one in alive])
    by_id = {one.id: answer for one, answer in zip(alive, said.answers, strict=True)}
    rankings = {id_: {hit.passage.id: hit.score for hit in answer.hits} for id_, answer in by_id.items()}
    judged = [Qrel(one.id, p, grade) for one in alive for p, grade in one.positives.items() if p not in withdrawn]
    scores = evaluation.per_query(Run("live", rankings), judged, [Query(one.id, one.query) for one in alive])
    return Asked(
        scores.query_ids, tuple(scores.values["recall@10"].tolist()), tuple(scores.values["nDCG@10"].tolist()),
        tuple(two_scores(by_id[id_])[0] for id_ in scores.query_ids), evaluation.query_clusters(judged, groups),
        expired, missing, said.milliseconds, said.stale,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reference:
    """What golden queries scored when the live system was last accepted.

    Attributes:
        pointer: Version and collection that it was measured on.
        scores: Query → recall, nDCG and best score.
    """

    pointer: tuple[str, str] = ("", "")
    scores: Mapping[str, Sequence[float]] = field(default_factory=dict)


def change(before: Reference, now: Asked, column: int, options: WatchOptions) -> Change | None:
    """How a mean over golden queries moved since the reference, over the queries that both know.

    Args:
        before: The reference.
        now: Today's.
        column: 0 for recall, 1 for nDCG, 2 for the best hit's score.
        options: Confidence and seed.
    """
    today = now.scores
    shared = [id_ for id_ in now.ids if id_ in before.scores]
    if not shared:
        return None
    one = np.array([before.scores[id_][column] for id_ in shared])
    other = np.array([today[id_][column] for id_ in shared])
    means = float(one.mean()), float(other.mean())
    if np.array_equal(one, other):  # the usual day: the same system, the same answers
        return Change(*means, 0.0, 0.0, len(shared))
    span = evaluation.paired_bootstrap(
        one, other, [now.clusters[id_] for id_ in shared], confidence=options.confidence, seed=options.seed
    )
    return Change(*means, span.low, span.high, len(shared))


def followed(before: Reference | None, now: Asked, pointer: tuple[str, str], recall: Change | None) -> Reference:
    """The reference from now on.

    It stays while the same pointer is live; queries that are new to it begin with what they score today. Where another
    is live that finds no less, that one is the reference: the gate, or a person, made it live.
    """
    if before is None or not before.scores:
        return Reference(pointer, now.scores)
    if before.pointer != pointer and recall is not None and recall.now >= recall.before:
        return Reference(pointer, now.scores)
    return Reference(before.pointer, {**now.scores, **before.scores})
