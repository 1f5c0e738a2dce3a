"""What a reader of the figures should look at, each in a sentence that ends with what to do.

Knows when a figure is bad news. Measures nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jargonaut.pairs.provenance import GENERATED, REAL
from jargonaut.pairs.statistics.options import StatisticsOptions

if TYPE_CHECKING:
    from jargonaut.pairs.statistics.summary import PairStatistics

ENOUGH_TRAIN_QUERIES = 1000
_FEW = 20  # shares of fewer say nothing
_MANY_REPEATS = 0.1
_SOME_REPEATS = 0.01
_SHOWN_CHARS = 60


def notices(found: PairStatistics, options: StatisticsOptions) -> tuple[str, ...]:
    """Every notice, the gravest first."""
    return tuple(
        sentence
        for about in (_leaks, _sizes, _one_document, _copied, _uncovered, _repeats, _gap, _test_set)
        for sentence in about(found, options)
    )


def shown(text: str, limit: int = _SHOWN_CHARS) -> str:
    """A user's text on one line, without control characters, cut to a limit."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _leaks(found: PairStatistics, _: StatisticsOptions) -> Iterator[str]:
    twice = found.duplicates
    if twice.in_several_parts:
        example = f' (such as "{shown(twice.part_examples[0])}")' if twice.part_examples else ""
        parts = ", ".join(found.counts.by_split)
        yield (
            f"{twice.in_several_parts:,} queries stand in more than one of {parts}{example}: "
            "scores on them mean nothing. Let the pairs be split again, or drop these queries from training."
        )
    elif twice.near_in_several_parts > _SOME_REPEATS * found.counts.total.queries:
        yield (
            f"{twice.near_in_several_parts:,} groups of nearly equal queries stand in more than one part: scores are a "
            "little too good. Merge near-duplicate queries before the split."
        )
    judging = found.counts.positives_by_source_and_split.get("recent-click", {}).get("train", 0)
    if judging:
        yield (
            f"{judging:,} of the newest clicks, which are kept to judge a model, stand in train. Let the pairs be "
            "split again."
        )
    if found.counts.unknown_passages:
        yield (
            f"{found.counts.unknown_passages:,} pairs name a passage that the corpus does not hold, so they train and "
            "test nothing. Add the pairs again to the corpus as it is now."
        )


def _sizes(found: PairStatistics, _: StatisticsOptions) -> Iterator[str]:
    if not found.counts.total.positives:
        yield "There is no positive pair. Add labels or clicks, or generate questions."
        return
    train = found.counts.by_split.get("train")
    if train is not None and train.queries < ENOUGH_TRAIN_QUERIES:
        yield (
            f"Train has {train.queries:,} queries; below about {ENOUGH_TRAIN_QUERIES:,} fine-tuning gains little. Add "
            "labels or clicks, or generate questions."
        )


def _one_document(found: PairStatistics, options: StatisticsOptions) -> Iterator[str]:
    largest = found.coverage.largest[0] if found.coverage.largest else None
    if largest is None or found.coverage.documents < 3 or found.counts.total.positives < _FEW:
        return
    if largest.share > options.dominant_document:
        yield (
            f'{largest.share:.0%} of the pairs come from one document, "{shown(largest.id)}": the model would learn '
            "that one. Lower [filter] max_per_document, or make pairs for the others."
        )


def _copied(found: PairStatistics, options: StatisticsOptions) -> Iterator[str]:
    for source, measured in found.overlap.items():
        if measured.overlap.pairs >= _FEW and measured.overlap.mean >= options.high_overlap:
            yield (
                f"{source} queries repeat {measured.overlap.mean:.0%} of their words from the positive: retrieval will "
                f"look solved, and is not. {_remedy_for_copies(source)}"
            )


def _remedy_for_copies(source: str) -> str:
    match source:
        case "llm":
            return "Generate more how-to and symptom questions, or down-weight the too easy ones."
        case "structure":
            return "Add questions that people or a language model wrote, and judge on those."
    return "Look at some of them; people who know the text ask so. Judge on queries of other origin too."


def _uncovered(found: PairStatistics, options: StatisticsOptions) -> Iterator[str]:
    coverage = found.coverage
    if not coverage.documents or not found.counts.total.positives:
        return
    without = 1 - coverage.document_share
    if without < options.uncovered_documents:
        return
    topics = [topic.name for topic in coverage.topics.all[:3] if topic.share < 0.5]
    listed = f" Least asked for: {'; '.join(shown(name) for name in topics)}." if topics else ""
    yield f"{without:.0%} of the documents have no pair.{listed} Generate questions for the passages without one."


def _repeats(found: PairStatistics, options: StatisticsOptions) -> Iterator[str]:
    twice, total = found.duplicates, found.counts.total
    if total.positives >= _FEW and twice.repeated_pairs > _MANY_REPEATS * total.positives:
        yield (
            f"{twice.repeated_pairs:,} of {total.positives:,} pairs are there twice, so they count twice in training. "
            "Merge them."
        )
    if total.queries >= _FEW and twice.near_queries > _MANY_REPEATS * total.queries:
        yield (
            f"{twice.near_queries:,} of {total.queries:,} queries nearly repeat another one. Merge them and unite "
            "their positives, or each is a false negative of the other."
        )
    if twice.crowded_passages > _MANY_REPEATS * found.coverage.overall.passages:
        yield (
            f"{twice.crowded_passages:,} passages have more than {options.many_queries} queries (the most: "
            f'{twice.most_queries:,}, "{shown(twice.most_queried)}"). Ask less of these and more of others.'
        )


def _gap(found: PairStatistics, options: StatisticsOptions) -> Iterator[str]:
    told = found.gap.classifier if found.gap is not None else None
    if told is None or told.p_value > 0.05 or told.accuracy < options.clear_gap:
        return
    yield (
        f"Generated queries read unlike real ones ({told.accuracy:.0%} are told apart). Give some of the real ones as "
        "examples to the generator, vary the kinds of questions, and judge on real queries only."
    )


def _test_set(found: PairStatistics, _: StatisticsOptions) -> Iterator[str]:
    by_source = found.counts.positives_by_source_and_split
    real = sum(by_source.get(source, {}).get("test", 0) for source in REAL)
    made = sum(by_source.get(source, {}).get("test", 0) for source in GENERATED)
    if made and not real:
        yield (
            "The test set holds no query of a real user: it shows progress on generated ones. A few hundred labelled "
            "queries would tell more."
        )
    elif made:
        yield (
            f"{made:,} of {made + real:,} pairs of the test set are generated, and count as much as real ones. Give "
            "test labels only."
        )
