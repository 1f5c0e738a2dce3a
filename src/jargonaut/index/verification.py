"""Whether a collection may be served: what it holds, whether its vectors are the encoder's, and what it answers.

Each check says what was found, what was wanted, and whether that is enough. Knows a collection and its encoder; where
the remembered content, the golden queries and their reference come from is not its business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from jargonaut.errors import require_limits
from jargonaut.index.content import Digest, Sample, content_key
from jargonaut.index.store import Collection
from jargonaut.protocols import Encoder, Vectors
from jargonaut.records import Context, IndexContent, Passage

DEPTH = 10
"""Hits that recall is counted in."""
COUNT, CONTENT, TEXTS, VECTORS, APPROXIMATE, GOLDEN = (
    "count", "content", "texts", "vectors", "approximate search", "golden queries",
)  # fmt: skip
"""Names of the checks."""
INTEGRITY = frozenset({COUNT, CONTENT, TEXTS, VECTORS})
"""Those that fail only where something else wrote to the collection, or its files are damaged."""


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """What an index must pass before it can go live.

    Attributes:
        sample: Passages whose text is hashed and embedded again and compared with what is stored.
        least_cosine: The least cosine between a stored vector and the same text embedded again. Number formats and
            batch sizes move a vector by less than .001.
        least_recall: The least share of the exact 10 nearest that an approximate search must find. Asked only of an
            index that has one.
        golden: Most golden queries that are asked; 0 asks none. They are the test queries of the run that made the
            version, with their judged answers.
        golden_tolerance: How far recall@10 of the golden queries may lie below what the version reached on them before:
            in its run, else in its first verification.
        seed: Chooses the sample.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    sample: int = 128
    least_cosine: float = 0.99
    least_recall: float = 0.95
    golden: int = 200
    golden_tolerance: float = 0.05
    seed: int = 13

    def __post_init__(self) -> None:
        require_limits(
            "verify",
            self,
            [
                ("sample", self.sample >= 1, "1 or more"),
                ("least_cosine", 0 < self.least_cosine <= 1, "above 0 and at most 1"),
                ("least_recall", 0 < self.least_recall <= 1, "above 0 and at most 1"),
                ("golden", self.golden >= 0, "0 or more"),
                ("golden_tolerance", 0 <= self.golden_tolerance <= 1, "from 0 to 1"),
            ],
        )


@dataclass(frozen=True, slots=True)
class GoldenQueries:
    """Queries whose answers are known.

    Attributes:
        texts: What is asked.
        relevant: For each, the ids of the passages that answer it.
        reference: Recall@10 that was reached before; None when nobody measured it yet.
        source: Where the reference comes from, for the reader.
        references: Recall@10 of each query in the run that asked them, None where it is not known. The mean of those
            that are asked comes before `reference`, since some queries are harder than others.
    """

    texts: tuple[str, ...]
    relevant: tuple[frozenset[str], ...]
    reference: float | None = None
    source: str = ""
    references: tuple[float | None, ...] = ()

    def reached(self, most: int, there: frozenset[str]) -> dict[int, float]:
        """Place → recall@10 in the run, of those of the first `most` queries whose answers are all there."""
        known = zip(self.references[:most], self.relevant[:most], strict=True) if self.references else ()
        return {place: one for place, (one, wanted) in enumerate(known) if one is not None and wanted <= there}


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        name: What was looked at.
        found: What was found, in words.
        wanted: What would have been enough, in words.
        passed: Whether it was enough.
        value: The number behind `found`, where there is one.
    """

    name: str
    found: str
    wanted: str
    passed: bool
    value: float | None = None


def examine(
    collection: Collection,
    encoder: Encoder,
    remembered: IndexContent,
    *,
    context: Context,
    golden: GoldenQueries | None = None,
    options: VerifyOptions | None = None,
) -> tuple[IndexContent, tuple[Check, ...]]:
    """Examines a finished collection.

    Args:
        collection: Opened with this encoder.
        encoder: The one that built it, not a cache of it: what is compared must be computed again.
        remembered: What it held when it was built or last brought up to date.
        context: What was put before a passage's text when it was embedded.
        golden: Queries whose answers are known; None asks none.
        options: Sizes and thresholds.

    Returns:
        What it holds, and every check that applies.

    Raises:
        DamagedCollectionError: It cannot be read.
    """
    options = options or VerifyOptions()
    collection.check()
    found, sample = _content_and_sample(collection, options)
    counted = collection.count()
    checks = [
        Check(COUNT, f"{counted:,} passages", f"{remembered.count:,}", counted == remembered.count, counted),
        Check(CONTENT, found.digest, remembered.digest, found == remembered),
    ]
    vectors = _sampled(collection, encoder, sample, context, options, checks)
    if collection.info.approximate and len(vectors):
        checks.append(_approximate(collection, vectors, options))
    if golden is not None and golden.texts and options.golden:
        checks.append(_golden(collection, encoder, golden, options))
    return found, tuple(checks)


def _content_and_sample(collection: Collection, options: VerifyOptions) -> tuple[IndexContent, dict[str, str]]:
    """What it holds, and the ids and hashes of a sample."""
    digest, sample = Digest(), Sample(options.sample, options.seed)
    for block in collection.hashes():
        for id_, key in block.items():
            digest.add(id_, key)
            sample.add(id_, key)
    return digest.content, sample.rows


def _sampled(
    collection: Collection,
    encoder: Encoder,
    sample: Mapping[str, str],
    context: Context,
    options: VerifyOptions,
    checks: list[Check],
) -> Vectors:
    """Hashes and embeds the sample again, adds what that says, and gives its vectors as the encoder makes them."""
    passages = collection.fetch(list(sample))
    contents = {id_: passage.content(context) for id_, passage in passages.items()}
    altered = sum(_altered(passages.get(id_), contents.get(id_), key) for id_, key in sample.items())
    checks.append(Check(TEXTS, f"{altered} of {len(sample)} altered", "0", altered == 0, altered))
    stored = collection.vectors(list(passages))
    again = _unit(encoder.encode_passages(list(contents.values())))
    rows = zip(passages, again, strict=True)
    cosines = [float(stored[id_] @ row) if id_ in stored else 0.0 for id_, row in rows]
    least = min(cosines, default=0.0)
    found, wanted = f"least cosine {least:.4f} of {len(cosines)} embedded again", f"{options.least_cosine:g} or more"
    checks.append(Check(VECTORS, found, wanted, least >= options.least_cosine, least))
    return again


def _altered(passage: Passage | None, content: str | None, key: str) -> bool:
    return passage is None or content is None or content_key(passage, content) != key


def _approximate(collection: Collection, queries: Vectors, options: VerifyOptions) -> Check:
    exact = collection.search(queries, DEPTH, approximate=False)
    quick = collection.search(queries, DEPTH, approximate=True)
    shares = [
        len({hit.passage_id for hit in ours} & {hit.passage_id for hit in best}) / len(best)
        for ours, best in zip(quick, exact, strict=True)
        if best
    ]
    recall = float(np.mean(shares)) if shares else 1.0
    found, wanted = f"recall@{DEPTH} {recall:.3f} against exact search", f"{options.least_recall:.3f} or more"
    return Check(APPROXIMATE, found, wanted, recall >= options.least_recall, recall)


def _golden(collection: Collection, encoder: Encoder, golden: GoldenQueries, options: VerifyOptions) -> Check:
    answers = golden.relevant[: options.golden]
    wanted_ids = sorted(frozenset[str]().union(*answers))
    there = frozenset(collection.fetch(wanted_ids))  # what the documents no longer have, no index can find
    reached = golden.reached(options.golden, there)
    places = list(reached) or [place for place, one in enumerate(answers) if one & there]
    if not places:
        none = "none of their answers is in these documents"
        return Check(GOLDEN, none, "asked where an answer is there", passed=True)
    texts, relevant = [golden.texts[place] for place in places], [answers[place] & there for place in places]
    hits = collection.search(encoder.encode_queries(texts), DEPTH)
    found = recall_at(DEPTH, [[hit.passage_id for hit in row] for row in hits], relevant)
    shown = f"recall@{DEPTH} {found:.3f} over {len(texts)} queries"
    reference, source = golden.reference, golden.source
    if reached:
        reference, source = float(np.mean(list(reached.values()))), "on them in its run"
    if reference is None:
        first = "measured for the first time: the reference of later ones"
        return Check(GOLDEN, shown, first, passed=True, value=found)
    least = reference - options.golden_tolerance
    wanted = f"{least:.3f} or more ({reference:.3f} {source}, less {options.golden_tolerance:g})"
    return Check(GOLDEN, shown, wanted, found >= least, found)


def recall_at(k: int, rankings: Sequence[Sequence[str]], relevant: Sequence[frozenset[str]]) -> float:
    """Mean share of a query's relevant passages that are among its first `k` hits; queries without any are left out."""
    shares = [
        len(wanted & set(ranking[:k])) / len(wanted)
        for ranking, wanted in zip(rankings, relevant, strict=True)
        if wanted
    ]
    return float(np.mean(shares)) if shares else 0.0


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)
