"""What a corpus is about, and which of its subjects no pair asks for.

Topics are clusters of passages (k-means) by their vectors or, where there are none, by their words (TF-IDF reduced by
a truncated SVD: latent semantic analysis, Deerwester et al. 1990). Each is named by its most telling words (class-based
TF-IDF, Grootendorst 2022). They are an aid to the eye: where one ends and the next begins is a matter of taste.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jargonaut.pairs.clusters import fitted
from jargonaut.pairs.statistics.distributions import sampled
from jargonaut.pairs.statistics.options import StatisticsOptions
from jargonaut.pairs.statistics.vocabulary import WordCounts, word_counts
from jargonaut.protocols import Vectors
from jargonaut.records import Passage

_NAME_WORDS = 4
_LEAST_PASSAGES = 20
_PASSAGES_PER_TOPIC = 10
_COMPONENTS = 64
_EXAMPLE_CHARS = 240
_READ_CHARS = 2_000


@dataclass(frozen=True, slots=True)
class Topic:
    """Passages about one subject.

    Attributes:
        words: Its most telling words, the strongest first.
        passages: How many passages of the sample it holds.
        covered: How many of them have a pair.
        positives: Positives that lead to them.
        example: Id of a passage in its middle, one without a pair if there is one.
        example_text: How that passage begins.
    """

    words: tuple[str, ...]
    passages: int
    covered: int
    positives: int
    example: str
    example_text: str

    @property
    def name(self) -> str:
        """What a reader calls it."""
        return ", ".join(self.words)

    @property
    def share(self) -> float:
        """Share of its passages with a pair."""
        return self.covered / self.passages


@dataclass(frozen=True, slots=True)
class Topics:
    """A corpus by subject.

    Attributes:
        all: Every topic, the least covered first; empty where the corpus is too small.
        based_on: What likeness was judged by.
        measured: Passages that were looked at.
        of: Passages of the corpus.
    """

    all: tuple[Topic, ...] = ()
    based_on: Literal["vectors", "words"] = "words"
    measured: int = 0
    of: int = 0


def topics(
    passages: Sequence[Passage], per_passage: NDArray[np.int64], vectors: Vectors | None, options: StatisticsOptions,
    language: str = "english",
) -> Topics:  # fmt: skip
    """Divides a corpus by subject.

    Args:
        passages: The corpus.
        per_passage: Positives that lead to each passage.
        vectors: Shape (passages, dimension), or None.
        options: How many topics, from how many passages.
        language: Snowball's name of the passages' language.
    """
    rows = sampled(np.arange(len(passages)), options.topic_passages, options.seed)
    based_on: Literal["vectors", "words"] = "words" if vectors is None else "vectors"
    none = Topics((), based_on, len(rows), len(passages))
    wanted = min(options.topics, len(rows) // _PASSAGES_PER_TOPIC)
    if len(rows) < _LEAST_PASSAGES or wanted < 2:
        return none
    counted = word_counts([passages[i].content("title")[:_READ_CHARS] for i in rows], language)
    points = _word_points(counted, options.seed) if vectors is None else np.asarray(vectors[rows], dtype=np.float32)
    if points is None or not np.isfinite(points).all():
        return none
    labels, distances = _clusters(points, wanted, options.seed)
    found = []
    telling = _telling(counted, labels)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        asked = per_passage[rows[members]]
        nearest = members[np.lexsort((distances[members], asked > 0))[0]]
        passage = passages[rows[nearest]]
        beginning = " ".join(passage.content("title")[: 2 * _EXAMPLE_CHARS].split())[:_EXAMPLE_CHARS]
        found.append(
            Topic(telling[label], len(members), int((asked > 0).sum()), int(asked.sum()), passage.id, beginning)
        )
    found.sort(key=lambda topic: (topic.share, -topic.passages, topic.words))
    return Topics(tuple(found), based_on, len(rows), len(passages))


def topic_names(texts: Sequence[str], vectors: Vectors, wanted: int, seed: int, language: str = "english") -> list[str]:
    """The topic of each text, by its most telling words; none at all where fewer than two topics are wanted.

    Args:
        texts: Any texts.
        vectors: Theirs, shape (texts, dimension).
        wanted: How many topics, at most.
        seed: Of the first centres.
        language: Snowball's name of the texts' language.
    """
    if wanted < 2 or len(texts) < wanted or not np.isfinite(vectors).all():
        return []
    labels, _ = _clusters(np.asarray(vectors, dtype=np.float32), wanted, seed)
    telling = _telling(word_counts([text[:_READ_CHARS] for text in texts], language), labels)
    return [", ".join(telling[int(label)]) for label in labels]


def _word_points(counted: WordCounts, seed: int) -> NDArray[np.float32] | None:
    """Passages as points whose angle says how alike their words are; None where there are too few words."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.preprocessing import normalize

    often = np.asarray((counted.counts > 0).sum(axis=0)).ravel()
    telling = np.flatnonzero((often >= 2) & (often <= 0.5 * counted.counts.shape[0]))
    if len(telling) < 3:
        return None
    weighted: Any = TfidfTransformer(sublinear_tf=True).fit_transform(counted.counts[:, telling])
    components = min(_COMPONENTS, len(telling) - 1, counted.counts.shape[0] - 1)
    points: NDArray[np.float32] = normalize(TruncatedSVD(components, random_state=seed).fit_transform(weighted))
    return points.astype(np.float32)


def _clusters(points: NDArray[np.float32], wanted: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The cluster of each point, and how far it lies from its middle."""
    means = fitted(points, wanted, seed)
    labels = means.labels_
    return labels.astype(np.int64), np.linalg.norm(points - means.cluster_centers_[labels], axis=1)


def _telling(counted: WordCounts, labels: NDArray[np.int64]) -> dict[int, tuple[str, ...]]:
    """Cluster → the words that it has much of and the others little."""
    per_topic = {int(label): counted.of(labels == label) for label in np.unique(labels)}
    overall = np.sum(list(per_topic.values()), axis=0)
    average = overall.sum() / max(1, len(per_topic))
    long_enough = np.array([len(name) > 1 or not name.isascii() for name in counted.names], dtype=bool)
    rarity = np.log1p(average / np.maximum(overall, 1.0)) * long_enough
    found = {}
    for label, often in per_topic.items():
        weight = often / max(1.0, float(often.sum())) * rarity
        order = [i for i in np.argsort(-weight, kind="stable")[:_NAME_WORDS] if weight[i] > 0]
        found[label] = tuple(counted.names[i] for i in order) or ("no words",)
    return found
