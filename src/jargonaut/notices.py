"""What a reader must know before trusting a run's numbers, in sentences.

Knows counts. Knows neither where they come from nor where the sentences are shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jargonaut.pairs import Leakage
from jargonaut.pairs.provenance import REAL
from jargonaut.suspects import SHEET

FEW_PAIRS = 1000
FEW_DEV_QUERIES = 50


def of_pairs(counts: Mapping[str, Any]) -> Iterator[str]:
    """About the pairs: what was left out, what is scarce, and where test comes from.

    Args:
        counts: Of the pairs artifact.
    """
    for field, words in (("unknown_queries", "judgements name an unknown query"),
                         ("unknown_passages", "judgements name an unknown passage"),
                         ("without_positive", "queries have no usable positive")):  # fmt: skip
        if counts.get(field):
            yield f"{counts[field]:,} {words}; they are left out"
    if held := counts["removed"].get("query_held_out"):
        yield f"{held:,} judgements are left out of train or dev, because dev or test asks the same query"
    if shown := counts["removed"].get("shown"):
        yield (
            f"{shown:,} judgements do not test: a language model was shown their queries before they were drawn for "
            "test (`jargonaut pairs generate` once more shows others)"
        )
    if counts.get("given") == ["test"]:
        yield (
            "the set has test judgements only, and they were divided into train, dev and test: it is no benchmark for "
            "this model any more; with a qrels/train.tsv its test would be left alone"
        )
    if counts["train"] < FEW_PAIRS:
        yield f"only {counts['train']:,} training pairs: expect a small gain and a wide interval"
    if counts["dev_queries"] < FEW_DEV_QUERIES:
        yield f"only {counts['dev_queries']:,} dev queries: the assessment and the choice of an epoch are uncertain"
    judged_by = set(counts["sources"]["test"])
    if judged_by == {"structure"}:
        lost = counts["removed"].get("round_trip", 0)
        without = f", without the {lost:,} that neither base nor BM25 could answer" if lost else ""
        yield (
            f"the questions come from the documents' own structure{without}: they are not what users ask, and a model "
            "may win here and lose there; add labels or clicks before it serves users"
        )
    elif not judged_by & set(REAL):
        yield (
            "no person judged the test: its questions are generated, so a model may win here and lose on users' "
            "questions; add labels or clicks before it serves users"
        )
    elif judged_by - {"label"}:
        yield "the test is judged by more than labels: what was clicked is not always what answers"


def of_leakage(found: Leakage, origin: str) -> Iterator[str]:
    """About what training saw of dev and test.

    Args:
        found: The counts.
        origin: `given` when the source brought its own split, else `ours`.
    """
    whose = "the source's own split" if origin == "given" else "this split"
    for part in found.shared:
        yield f"{whose} shares {part} material with training: scores on {part} may be flattered"


def of_mining(counts: Mapping[str, Any]) -> Iterator[str]:
    """About the hard negatives.

    Args:
        counts: Of the negatives artifact.
    """
    if counts["per_pair"] and not counts["negatives"]:
        yield (
            "not a single hard negative was left, so training has those of the batch alone: loosen the limits in "
            "[mine], or let `mine.fall_back` take the least similar candidates"
        )


def of_test(groups: int, fewest: int) -> Iterator[str]:
    """About what test can prove, from its number of document groups and the fewest that an interval needs."""
    if groups < fewest:
        yield f"test has {groups} document groups, too few for an interval ({fewest}): it can prove nothing"


def of_forgetting(counts: Mapping[str, Any], limit: float, alphas: Sequence[float]) -> Iterator[str]:
    """About what the tuned model lost outside its domain.

    Args:
        counts: Of the training artifact.
        limit: Loss of general knowledge that was put up with.
        alphas: Steps between base and tuned model that could be kept.
    """
    if counts["within_limit"]:
        return
    loss = counts["general"][0] - counts["general"][1]
    tried = f"even at α = {counts['alpha']:g}, which loses least" if alphas else "and no α was tried"
    yield (
        f"the tuned model loses {loss:.3f} nDCG@10 of general knowledge, more than {limit:g} ([train] general_limit), "
        f"{tried}: expect worse answers outside this domain"
    )


def of_scrutiny(found: Mapping[str, Any], folder: Path | None) -> Iterator[str]:
    """The findings beside the comparison that everybody should read, as lines for a terminal.

    Of savings the tuned model's are told, and those of systems that measurably need fewer passages.

    Args:
        found: As a report's JSON holds it.
        folder: Of the run; None where likely label errors were not written down for a review.
    """
    told = found["sentences"]
    systems = found["savings"]["systems"][1:] if found["savings"] else []
    today = found["savings"]["systems"][0]["k"] if systems else None
    fewer = {one["system"] for one in systems if one["differs"] and one["k"] and one["k"] < today} | {"tuned"}
    spared = [text for one, text in zip(systems, told["savings"], strict=True) if one["system"] in fewer]
    shown = {
        "slices": told["slices"], "robust": told["conditions"], "forgetting": told["forgetting"],
        "threshold": told["scale"], "answers": told["answers"],
        "savings": spared,
    }  # fmt: skip
    for name, sentences in shown.items():
        for place, sentence in enumerate(sentences):
            yield f"  {name if not place else '':<11} {sentence}"
    if found["label_errors"]["total"]:
        yield f"  {'labels':<11} {told['label_errors'][0]}"
        if folder is not None:
            yield f"  {'':<11} look at them: `jargonaut pairs review --suspects`, or fill in {folder / SHEET}"


_SOURCES = {
    "label": "labels",
    "click": "clicks",
    "recent-click": "clicks",
    "llm": "generated questions",
    "structure": "structure",
}


def named_sources(counts: Mapping[str, Any]) -> str:
    """Where the pairs come from, the largest source first, in words.

    Args:
        counts: Of the pairs artifact.
    """
    sizes: Counter[str] = Counter()
    for part in counts["sources"].values():
        for source, size in part.items():
            sizes[_SOURCES[source]] += size
    return ", ".join(name for name, _ in sizes.most_common())
