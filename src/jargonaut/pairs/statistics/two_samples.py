"""Whether a classifier can tell two samples of texts apart (Lopez-Paz and Oquab 2017), and by which words they differ.

If both samples come from one distribution, no classifier is right more often than a coin on texts that it has not seen.
Knows features and labels; knows nothing of pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jargonaut.pairs.statistics.vocabulary import WordCounts

FOLDS = 5
_STRENGTH = 10.0  # inverse of the penalty; unit vectors need a weak one
_DIRECTIONS = 64
_PRIOR_WORDS = 1000.0
_SHUFFLES = 20
_CLEAR_Z = 1.96

Kinds = NDArray[np.bool_]
"""Which sample each text belongs to."""


@dataclass(frozen=True, slots=True)
class Told:
    """How well a classifier tells two samples of equal size apart, on texts that it was not trained on.

    Attributes:
        each: Texts of each sample.
        accuracy: Share of the texts that it puts right; 0.5 is a coin's.
        low: Lower end of its 95 % interval (Wilson 1927), wider by what shuffled labels vary more than coins do, since
            the texts share judges.
        high: Upper end.
        auc: Probability that it ranks a text of the one above a text of the other, mean of the folds.
        p_value: (b + 1) / (m + 1), where b of m shuffles of the labels are told apart at least as well.
        permutations: m.
    """

    each: int
    accuracy: float
    low: float
    high: float
    auc: float
    p_value: float
    permutations: int


@dataclass(frozen=True, slots=True)
class WordShift:
    """A word that one of two samples has more of.

    Attributes:
        word: Its usual spelling.
        z: Log-odds ratio over its standard error; above 0 the first sample has more.
        first: Occurrences in the first sample.
        second: Occurrences in the second.
    """

    word: str
    z: float
    first: int
    second: int


def tell_apart(features: Any, kinds: Kinds, groups: Sequence[int], *, permutations: int, seed: int) -> Told | None:
    """Trains and tests a logistic regression by cross-validation, on true labels and on shuffled ones.

    Labels are shuffled within the folds, so that every shuffle is as balanced as the truth.

    Args:
        features: Dense or sparse matrix, (texts, features).
        kinds: Which sample each text belongs to; both are about equally large.
        groups: Texts of one group lie in one fold.
        permutations: How often labels are shuffled.
        seed: Of folds and shuffles.

    Returns:
        None where the groups are too few, or too unequal, for folds with both kinds.
    """
    from sklearn.metrics import roc_auc_score

    fold = _folds(kinds, groups, seed)
    folds = [(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(FOLDS)]
    if any(len(set(kinds[part].tolist())) < 2 for parts in folds for part in parts):
        return None
    points = _reduced(features, seed)
    margins = _margins(points, kinds, folds)
    accuracy = _accuracy(margins, kinds)
    auc = float(np.mean([roc_auc_score(kinds[test], margins[test]) for _, test in folds]))
    rng = np.random.default_rng(seed)
    by_chance = np.empty(permutations)
    for number in range(permutations):
        shuffled = kinds.copy()
        for _, test in folds:
            shuffled[test] = rng.permutation(kinds[test])
        by_chance[number] = _accuracy(_margins(points, shuffled, folds), shuffled)
    as_good = int((by_chance >= accuracy - 1e-12).sum())
    p_value = (as_good + 1) / (permutations + 1)
    return Told(int(kinds.sum()), accuracy, *_interval(accuracy, len(kinds), by_chance), auc, p_value, permutations)


def _folds(kinds: Kinds, groups: Sequence[int], seed: int) -> NDArray[np.int64]:
    """The fold of each text: groups of one make-up are dealt out in turn, so that folds are alike."""
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    size = int(group.max()) + 1
    make_up = np.bincount(group[kinds], minlength=size) * len(kinds) + np.bincount(group[~kinds], minlength=size)
    order = np.random.default_rng(seed).permutation(size)
    order = order[np.argsort(make_up[order], kind="stable")]
    fold = np.empty(size, dtype=np.int64)
    fold[order] = np.arange(size) % FOLDS
    return fold[group]


def _reduced(features: Any, seed: int) -> NDArray[np.float64]:
    """The directions in which texts differ most, found without labels: hundreds of fits are quick on these."""
    from sklearn.decomposition import TruncatedSVD

    least = min(features.shape)
    if least <= _DIRECTIONS + 1:
        return np.asarray(features.toarray() if hasattr(features, "toarray") else features, dtype=np.float64)
    found: NDArray[np.float64] = TruncatedSVD(_DIRECTIONS, random_state=seed).fit_transform(features)
    return found


def _margins(features: Any, kinds: Kinds, folds: Sequence[tuple[Any, Any]]) -> NDArray[np.float64]:
    """How far on the first sample's side each text is put by a model that was trained on the other folds."""
    from sklearn import config_context
    from sklearn.linear_model import LogisticRegression

    margins = np.empty(len(kinds))
    model = LogisticRegression(C=_STRENGTH, class_weight="balanced", solver="liblinear", tol=0.01, random_state=0)
    with config_context(assume_finite=True, skip_parameter_validation=True):  # hundreds of small fits on one matrix
        for train, test in folds:
            margins[test] = model.fit(features[train], kinds[train]).decision_function(features[test])
    return margins


def _interval(accuracy: float, texts: int, by_chance: NDArray[np.float64]) -> tuple[float, float]:
    """Wilson's interval for as many texts as would vary by chance as much as these did."""
    spread = float(np.mean(np.square(by_chance - by_chance.mean())))
    alone = min(float(texts), 0.25 / spread) if spread else float(texts)
    square = _CLEAR_Z**2 / alone
    middle = (accuracy + square / 2) / (1 + square)
    half = np.sqrt(accuracy * (1 - accuracy) * square + square**2 / 4) / (1 + square)
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))


def _accuracy(margins: NDArray[np.float64], kinds: Kinds) -> float:
    return float(((margins > 0) == kinds).mean())


def character_features(texts: Sequence[str]) -> Any:
    """TF-IDF of the characters' n-grams (2 to 4) as a sparse matrix; how texts are spelt and what they are about."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(2, 4), min_df=2, sublinear_tf=True, max_features=30_000, dtype=np.float64
    )
    try:
        return vectorizer.fit_transform(texts)
    except ValueError:  # no n-gram occurs twice
        return None


def vocabulary_distance(counted: WordCounts, kinds: Kinds, seed: int) -> tuple[float, float]:
    """Jensen-Shannon divergence of two samples' words, and what it is by chance.

    Two finite samples of the same words differ, the more so the smaller they are; the second number, the mean over
    shuffled labels, says by how much.

    Returns:
        Both in bits, from 0 (the same words equally often) to 1 (no word in common).
    """
    rng = np.random.default_rng(seed)
    shuffles = [_divergence(counted, rng.permutation(kinds)) for _ in range(_SHUFFLES)]
    return _divergence(counted, kinds), float(np.mean(shuffles))


def _divergence(counted: WordCounts, kinds: Kinds) -> float:
    from scipy.spatial.distance import jensenshannon

    one, other = counted.of(kinds), counted.of(~kinds)
    if not one.sum() or not other.sum():
        return 0.0 if one.sum() == other.sum() else 1.0
    return float(np.nan_to_num(jensenshannon(one, other, base=2)) ** 2)


def word_shifts(counted: WordCounts, kinds: Kinds, limit: int) -> tuple[tuple[WordShift, ...], tuple[WordShift, ...]]:
    """The words that the first sample (`kinds` true) and the second have more of, the clearest first.

    Log-odds ratios with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008), which keeps rare words from
    winning by chance; only words with |z| of 1.96 or more.
    """
    one, other = counted.of(kinds), counted.of(~kinds)
    both = one + other
    if not one.sum() or not other.sum():
        return (), ()
    prior = both * (_PRIOR_WORDS / both.sum())
    first, second = one + prior, other + prior
    odds = [np.log(side / np.maximum(side.sum() - side, 1e-9)) for side in (first, second)]
    z = (odds[0] - odds[1]) / np.sqrt(1 / np.maximum(first, 1e-9) + 1 / np.maximum(second, 1e-9))

    def clearest(signed: NDArray[np.float64]) -> tuple[WordShift, ...]:
        order = [i for i in np.argsort(-signed, kind="stable")[:limit] if signed[i] >= _CLEAR_Z]
        return tuple(WordShift(counted.names[i], float(z[i]), int(one[i]), int(other[i])) for i in order)

    return clearest(z), clearest(-z)
