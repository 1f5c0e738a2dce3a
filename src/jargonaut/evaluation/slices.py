"""Whether the gain is everywhere: base against tuned on parts of the test queries, and the part that is worst off.

With twenty slices one looks bad by chance. So the intervals hold for all of them at once, and a slice is called worst
only where it has enough queries and its interval says so. Knows scores and labels of queries; what a label means is
handed in, but for the few that a query's own words give.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from jargonaut.errors import require_limits
from jargonaut.evaluation.measures import Scores
from jargonaut.evaluation.options import EvaluationOptions
from jargonaut.evaluation.statistics import fewest_clusters, paired_bootstrap, signed, verdict_words
from jargonaut.records import Query

METRIC = "nDCG@10"
_QUESTION = re.compile(
    r"(?:what|when|where|which|who|whom|whose|why|how|is|are|was|were|do|does|did|can|could|should|would|will|has|have"
    r"|had|may|must|am)\b|.*[?？]\s*$",
    re.IGNORECASE | re.DOTALL,
)
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class SliceOptions:
    """Parts of the test queries that are looked at one by one.

    Attributes:
        smallest: Queries below which a slice is shown and never called the worst.
        topics: Topics that test is divided into at most; fewer where each would be smaller than `smallest`.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    smallest: int = 30
    topics: int = 8

    def __post_init__(self) -> None:
        require_limits(
            "slices",
            self,
            (
                ("smallest", self.smallest >= 2, "2 or more; 30 is usual"),
                ("topics", self.topics >= 0, "0 (none) or more"),
            ),
        )


@dataclass(frozen=True, slots=True)
class SliceResult:
    """One part of the test queries; scores are nDCG@10.

    Attributes:
        by: What the queries were divided by.
        name: The part.
        n: Its queries.
        groups: Document groups among them.
        base: The base's mean.
        tuned: The tuned model's.
        difference: tuned − base.
        low: Lower end of its interval; the intervals of all slices hold together (Bonferroni).
        high: Upper end.
        p_value: Two-sided p-value of "no difference" of this slice by itself.
        eligible: Whether it is large enough to be called the worst.
    """

    by: str
    name: str
    n: int
    groups: int
    base: float
    tuned: float
    difference: float
    low: float
    high: float
    p_value: float = 1.0
    eligible: bool = True

    @property
    def label(self) -> str:
        """The part and what it is a part by."""
        return f"{self.by}: {self.name}"

    @property
    def is_loss(self) -> bool:
        """Whether the tuned model is measurably worse here, with all slices in view."""
        return self.high < 0

    @property
    def words(self) -> str:
        """The difference with its interval, or "no measurable difference"."""
        return verdict_words(self.difference, self.low, self.high)


@dataclass(frozen=True, slots=True)
class WorstSlice:
    """The slice that is worst off, if any can be named.

    Attributes:
        slice: The one with the clearest loss, else the one that gains measurably less than the rest; None where the
            differences between slices are what chance makes of them.
        sentence: The answer in a sentence.
    """

    slice: SliceResult | None
    sentence: str


def slice_results(
    base: Scores,
    tuned: Scores,
    labels: Mapping[str, Mapping[str, str]],
    clusters: Mapping[str, str],
    slicing: SliceOptions | None = None,
    options: EvaluationOptions | None = None,
) -> tuple[SliceResult, ...]:
    """Compares base and tuned on every slice; a division with one part only is left out, since that part is the whole.

    Args:
        base: The base's scores.
        tuned: The tuned model's, on the same queries.
        labels: What queries are divided by → query id → part; a query that is missing is in none.
        clusters: Query id → document group; a query that is missing stands alone.
        slicing: When a slice is large enough.
        options: How intervals are drawn; its confidence is that of all slices together.

    Returns:
        In the order of `labels`, parts by name.
    """
    slicing, options = slicing or SliceOptions(), options or EvaluationOptions()
    parts = _parts(base.query_ids, labels)
    confidence = 1 - (1 - options.confidence) / max(1, len(parts))
    return tuple(
        _result(by, name, rows, (base, tuned), clusters, slicing, options, confidence) for by, name, rows in parts
    )


def worst_slice(
    slices: Sequence[SliceResult],
    base: Scores,
    tuned: Scores,
    labels: Mapping[str, Mapping[str, str]],
    clusters: Mapping[str, str],
    options: EvaluationOptions | None = None,
) -> WorstSlice:
    """Names the worst slice where chance is no explanation, by these rules, first match first.

    1. No slice is large enough, or there is none → none is named.
    2. Some have an interval that lies below zero → the lowest difference of those.
    3. The lowest difference of all is measurably below that of all other queries → that one: it gains less.
    4. Otherwise → none is named, and the lowest is told as what it is.

    Args, but for `slices` from `slice_results`, as there.
    """
    options = options or EvaluationOptions()
    able = [one for one in slices if one.eligible]
    if not able:
        return WorstSlice(None, "no slice of test is large enough to be judged by itself")
    lost = [one for one in able if one.is_loss]
    worst = min(lost or able, key=lambda one: (one.difference, one.label))
    shown = f"{worst.label} ({worst.n:,} queries, nDCG@10 {signed(worst.difference)}"
    span = f"{shown}, {signed(worst.low)} to {signed(worst.high)})"
    if lost:
        return WorstSlice(worst, f"the tuned model is measurably worse on {span}")
    rest, high = _against_the_rest(worst, len(able), base, tuned, labels, clusters, options)
    if high < 0:
        return WorstSlice(worst, f"nothing is measurably worse; least is gained on {shown}, {signed(rest)} elsewhere)")
    return WorstSlice(
        None, f"no slice of {len(slices)} stands out; the lowest, {span}, differs from the rest by no more than chance"
    )


def query_kind(text: str, stop_words: Collection[str] = ()) -> str:
    """`question`, `keywords` (no word without a topic), or `statement`.

    Args:
        text: A query.
        stop_words: Words without a topic, case folded.
    """
    if _QUESTION.match(text.strip()):
        return "question"
    words = [word.casefold() for word in _WORD.findall(text)]
    return "statement" if any(word in stop_words for word in words) else "keywords"


def word_count(text: str) -> int:
    """How many words a text has; a script without spaces counts as one, so characters are counted there."""
    words = len(_WORD.findall(text))
    return words if len(text) < 40 * max(1, words) else len(text)


def length_bands(sizes: Mapping[str, int], unit: str) -> dict[str, str]:
    """Query id → a third of the queries by size, named by its limits; one band where all are of about one size.

    Args:
        sizes: Query id → size.
        unit: What the size counts, such as `words`.
    """
    if not sizes:
        return {}
    values = np.array(list(sizes.values()))
    low, high = (int(limit) for limit in np.quantile(values, [1 / 3, 2 / 3], method="lower"))
    least = int(values.min())
    names = (_band(least, low, unit), _band(low + 1, high, unit), f"{high + 1:,} {unit} and more")
    return {id_: names[(size > low) + (size > high)] for id_, size in sizes.items()}


def _band(low: int, high: int, unit: str) -> str:
    return f"{low:,} {unit}" if low >= high else f"{low:,} to {high:,} {unit}"


def kinds_of(queries: Sequence[Query], stop_words: Collection[str] = ()) -> dict[str, str]:
    """Query id → its kind, see `query_kind`."""
    stops = frozenset(stop_words)
    return {query.id: query_kind(query.text, stops) for query in queries}


def _parts(ids: Sequence[str], labels: Mapping[str, Mapping[str, str]]) -> list[tuple[str, str, list[int]]]:
    found: list[tuple[str, str, list[int]]] = []
    for by, label_of in labels.items():
        rows: dict[str, list[int]] = {}
        for row, query_id in enumerate(ids):
            if query_id in label_of:
                rows.setdefault(label_of[query_id], []).append(row)
        if len(rows) > 1:
            found += [(by, name, rows[name]) for name in sorted(rows, key=_natural)]
    return found


def _natural(name: str) -> list[tuple[int, str]]:
    """A sort key by which 4 comes before 10."""
    parts = re.split(r"(\d+)", name.replace(",", ""))
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts if part]


def _result(
    by: str, name: str, rows: Sequence[int], scores: tuple[Scores, Scores], clusters: Mapping[str, str],
    slicing: SliceOptions, options: EvaluationOptions, confidence: float,
) -> SliceResult:  # fmt: skip
    base, tuned = (one.values[METRIC][rows] for one in scores)
    groups = [clusters.get(scores[0].query_ids[row], scores[0].query_ids[row]) for row in rows]
    number = len(set(groups))
    found = paired_bootstrap(base, tuned, groups, resamples=options.resamples, confidence=confidence, seed=options.seed)
    able = len(rows) >= slicing.smallest and number >= fewest_clusters(confidence)
    return SliceResult(
        by, name, len(rows), number, float(base.mean()), float(tuned.mean()), found.difference, found.low, found.high,
        1.0 if found.p_value is None else found.p_value, able,
    )  # fmt: skip


def _against_the_rest(
    worst: SliceResult, looked_at: int, base: Scores, tuned: Scores, labels: Mapping[str, Mapping[str, str]],
    clusters: Mapping[str, str], options: EvaluationOptions,
) -> tuple[float, float]:  # fmt: skip
    """The rest's difference, and the upper end of the interval of (slice − rest); it holds for all slices at once.

    (slice − rest) is one mean over all queries: d·n/n_slice inside, −d·n/n_rest outside, with the sizes as they are.
    """
    label_of = labels[worst.by]
    inside = np.array([label_of.get(query_id) == worst.name for query_id in base.query_ids])
    difference = tuned.values[METRIC] - base.values[METRIC]
    if inside.all():
        return float(difference.mean()), 1.0
    rest = float(difference[~inside].mean())
    # Centred, so that the two sides' own means do not count as spread between queries.
    weights = np.where(inside, len(inside) / inside.sum(), -len(inside) / (~inside).sum())
    spread = np.where(inside, difference - worst.difference, difference - rest) * weights
    scale = float(np.abs(spread).max()) or 1.0
    groups = [clusters.get(query_id, query_id) for query_id in base.query_ids]
    confidence = 1 - (1 - options.confidence) / looked_at
    found = paired_bootstrap(
        np.zeros(len(inside)), spread / scale, groups, resamples=options.resamples, confidence=confidence,
        seed=options.seed,
    )  # fmt: skip
    if len(set(groups)) < fewest_clusters(confidence):
        return rest, 1.0
    return rest, worst.difference - rest + scale * found.high
