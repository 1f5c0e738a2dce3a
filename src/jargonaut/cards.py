"""The dataset card of a workspace's pairs: where they come from, and what they are like.

Joins the pool, the source and the settings with the card that the stage writes. Tells names and figures, never a query.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import metadata

from jargonaut.artifacts import plain
from jargonaut.pairs import CountedSplits, RemovedPair, leakage
from jargonaut.pairs.card import CardFacts, CardSource, card
from jargonaut.pairs.statistics import statistics
from jargonaut.pool import Entry
from jargonaut.records import SPLITS, Source
from jargonaut.settings import Settings
from jargonaut.sources import PreparedCorpus

_KINDS: dict[str, Source] = {"labels": "label", "clicks": "click", "questions": "llm"}
_SECTIONS = ("structure", "filter", "curate", "split")
_SHOWN = ("judgements", "left_out", "format", "impressions", "sessions", "span", "passages", "questions")


def pairs_card(
    prepared: PreparedCorpus,
    entries: Sequence[Entry],
    splits: CountedSplits,
    removed: Sequence[RemovedPair],
    settings: Settings,
) -> str:
    """Markdown for the `README.md` beside a set of pairs.

    Args:
        prepared: The corpus.
        entries: What the user added.
        splits: The pairs.
        removed: What was found and not used.
        settings: How they were made.
    """
    facts = CardFacts(
        f"Pairs of {prepared.source.path.resolve().name}", {name: f"{name}.jsonl" for name in SPLITS},
        f"../../corpus/{prepared.artifact.key}/passages.jsonl",
        origin=splits.origin, leakage=leakage(splits, (), prepared.texts),
        settings={section: plain(getattr(settings, section)) for section in _SECTIONS},
        version=metadata.version("jargonaut"),
    )  # fmt: skip
    measured = statistics(
        splits, prepared.passages, removed=removed, context=prepared.context, options=settings.statistics
    )
    return card(measured, list(_sources(prepared, entries, settings)), facts)


def _sources(prepared: PreparedCorpus, entries: Sequence[Entry], settings: Settings) -> Iterator[CardSource]:
    own = prepared.source
    if own.kind == "beir":
        yield CardSource(own.path.resolve().name, "label", own.digest)
    elif settings.structure.enabled:
        yield CardSource(own.path.resolve().name, "structure", own.digest)
    for entry in entries:
        counts = entry.artifact.counts
        detail = {name: counts[name] for name in _SHOWN if counts.get(name)}
        yield CardSource(
            entry.name, _KINDS[entry.kind], entry.key, str(counts.get("model", "")),
            str(counts.get("prompts", "")), detail,
        )  # fmt: skip
