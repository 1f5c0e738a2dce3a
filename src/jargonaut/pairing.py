"""Pairs of every source, reviewed and split, as one content-addressed artifact.

What was gathered, the labels that a BEIR folder brings, and what people decided about both meet here. Joins the stage
`pairs` with the corpus and the files that they leave; knows nothing of training or evaluation.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from jargonaut import formats, pairs
from jargonaut.artifacts import Artifact, content_hash, ensure
from jargonaut.cards import pairs_card
from jargonaut.errors import InputError
from jargonaut.gathering import collected
from jargonaut.labelled import labelled_parts
from jargonaut.layout import Layout
from jargonaut.monitoring import GoldenSet, GoldenSets
from jargonaut.pairs.curation.sameness import gist
from jargonaut.pairs.review import Decision, DecisionStore, ReviewOptions, apply, settled
from jargonaut.pool import Entry, Pool
from jargonaut.protocols import Encoder, Reporter
from jargonaut.records import SPLITS, BadRow, Pair, SplitName, queries, source_of
from jargonaut.settings import Settings
from jargonaut.sources import PreparedCorpus, left_out_counts
from jargonaut.suspects import accepted, suspects, with_answers

PAIRS_VERSION = 7

Decisions = Mapping[str, Mapping[str, Decision]]
"""What people decided about pairs: card → reviewer → decision."""


class PreparedPairs:
    """A pairs artifact; its files are read when first asked for."""

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact

    @cached_property
    def removed(self) -> tuple[pairs.RemovedPair, ...]:
        """Pairs that were found and not used, each with the rule that removed it."""
        return tuple(_removed(self.artifact))

    @cached_property
    def known_positives(self) -> dict[str, frozenset[str]]:
        """Train query id → every passage that is known to answer it, those that were removed as pairs included."""
        return pairs.known_positives(self.splits.train, self.removed)

    @cached_property
    def splits(self) -> pairs.CountedSplits:
        """Train, dev and test."""
        folder = self.artifact.path
        train, dev, test = (tuple(formats.read_records(folder / f"{name}.jsonl", Pair)) for name in SPLITS)
        groups = json.loads((folder / "groups.json").read_text(encoding="utf-8"))
        return pairs.CountedSplits(train, dev, test, groups, origin=self.artifact.counts["origin"])


def prepare_pairs(
    prepared: PreparedCorpus,
    encoder: Encoder,
    settings: Settings,
    layout: Layout,
    reporter: Reporter,
    entries: Sequence[Entry] | None = None,
    decisions: Decisions | None = None,
) -> PreparedPairs:
    """Splits the curated pairs, as a review leaves them, and the labels of a BEIR folder; or finds that it was done.

    Args:
        prepared: The corpus.
        encoder: The base model.
        settings: Every stage's options.
        layout: Where pairs are kept.
        reporter: Hears what curation did.
        entries: What was added; all of the workspace's pool when None.
        decisions: What people decided about pairs; all of the workspace's reviews when None.
    """
    added = Pool(layout.pool).entries() if entries is None else entries
    gathered = collected(prepared, encoder, settings, layout, reporter, added)
    if decisions is None:
        decisions = DecisionStore(layout.reviews).in_force()
    passages = {passage.id: passage for passage in prepared.passages} if decisions else {}
    answers = accepted(suspects(layout, passages), passages, decisions) if decisions else ()
    inputs = {"collected": gathered.key, "reviews": content_hash(_changes(decisions, settings.review))}
    if answers:
        inputs["answers"] = content_hash(answers)
    golden = GoldenSets(layout.golden).current()
    inputs |= {} if golden is None else {"golden": golden.digest}
    options = {"split": settings.split, "as_gold": settings.review.as_gold, "language": settings.bm25.language}

    def build(folder: Path) -> Mapping[str, Any]:
        bad = list(formats.read_records(gathered.path / "left_out.jsonl", BadRow))
        removed = _removed(gathered)
        found: Sequence[Pair] = tuple(formats.read_records(gathered.path / "pairs.jsonl", Pair))
        counts: dict[str, Any] = {
            "curation": {key: gathered.counts[key] for key in ("found", "kept", "merged", "flagged")}
        }
        parts: dict[SplitName, Sequence[Pair]] = {}
        if prepared.source.kind == "beir":
            parts, judged = labelled_parts(prepared, bad.append)
            counts |= judged
        if decisions:
            told = Counter[str]()

            def reviewed(some: Sequence[Pair]) -> tuple[Pair, ...]:
                done = apply(some, passages, decisions, as_gold=settings.review.as_gold)
                removed.extend(done.removed)
                told.update(rejected=len(done.removed), accepted=done.accepted, edited=done.edited)
                return done.kept

            found, parts = reviewed(found), {name: reviewed(some) for name, some in parts.items()}
            counts["review"] = dict(told)
        if answers:
            found, parts = with_answers(found, parts, answers, as_gold=settings.review.as_gold)
            counts["answers_added"] = len(answers)
        language, groups = settings.bm25.language, (prepared.documents, prepared.near_duplicates)
        shown = _shown(added, [*itertools.chain(*parts.values()), *found], settings)
        if any(parts.values()):
            splits = pairs.given_splits(parts, *groups, settings.split, found, shown, language)
        elif found:
            splits = pairs.split_pairs(found, *groups, settings.split, shown, language)
        else:
            raise _nothing(prepared, removed)
        splits, lost = _without_golden(splits, golden, language)
        removed += [*splits.dropped, *lost]
        for name in SPLITS:
            formats.write_jsonl(folder / f"{name}.jsonl", splits.part(name))
        formats.write_jsonl(folder / "removed.jsonl", removed)
        formats.write_jsonl(folder / "left_out.jsonl", bad)
        (folder / "groups.json").write_text(json.dumps(dict(splits.groups)), encoding="utf-8")
        text = pairs_card(prepared, added, splits, removed, settings)
        (folder / "README.md").write_text(text, encoding="utf-8")
        return {
            **counts, **_counted(splits, prepared, language),
            "removed": dict(sorted(Counter(one.rule for one in removed).items())), **left_out_counts(bad),
        }  # fmt: skip

    artifact = ensure(
        layout.stage("pairs"), "pairs", version=PAIRS_VERSION, inputs=inputs, options=options, build=build
    )
    return PreparedPairs(artifact)


def _without_golden(
    splits: pairs.CountedSplits, golden: GoldenSet | None, language: str
) -> tuple[pairs.CountedSplits, list[pairs.RemovedPair]]:
    """The split without train and dev pairs that ask what the golden set asks.

    Where the split is ours, neither do they lead to its documents; one that came with the data says for itself which
    passages its parts share.
    """
    if golden is None:
        return splits, []
    asked = {pairs.question(one.query, language) for one in golden.queries}
    named = {passage for one in golden.queries for passage in one.positives} if splits.origin == "ours" else set()
    groups = {splits.groups.get(passage, passage) for passage in named}
    kept: dict[str, tuple[Pair, ...]] = {}
    lost: list[pairs.RemovedPair] = []
    for part in ("train", "dev"):
        left = []
        for pair in splits.part(part):
            if pairs.question(pair.query, language) in asked:
                lost.append(pairs.RemovedPair(pair, "golden_query", golden.version))
            elif splits.groups.get(pair.passage_id, pair.passage_id) in groups:
                lost.append(pairs.RemovedPair(pair, "golden_document", golden.version))
            else:
                left.append(pair)
        kept[part] = tuple(left)
    return replace(splits, **kept), lost  # type: ignore[arg-type]  # the keys are two of its fields


def _changes(decisions: Decisions, options: ReviewOptions) -> dict[str, tuple[str, str, str]]:
    """What decisions change about pairs: a skip, a time or a comment changes nothing, nor what is accepted as it is."""
    found = {card: settled(by.values()) for card, by in decisions.items()}
    return {
        card: (one.verdict, one.edited_query, one.reason) for card, one in found.items()
        if one is not None and (one.verdict != "accept" or options.as_gold)
    }  # fmt: skip


def _shown(entries: Sequence[Entry], found: Sequence[Pair], settings: Settings) -> frozenset[str]:
    """Queries of pairs that ask what a language model was shown as an example when it wrote for training."""
    language = settings.bm25.language
    known = {gist(query, language) for entry in entries for query in entry.shown()}
    asked = {pair.query for pair in found} if known else set()
    return frozenset(query for query in asked if gist(query, language) in known)


def _nothing(prepared: PreparedCorpus, removed: Sequence[pairs.RemovedPair]) -> InputError:
    """Why there is no pair to split."""
    rules = ", ".join(f"{rule} {n:,}" for rule, n in Counter(one.rule for one in removed).items())
    what = f"no pair is left; removed were {rules}" if rules else (
        f"no pair could be read off the structure of these {len(prepared.passages):,} passages "
        "(titles, headings, questions, definitions, links)"
    )  # fmt: skip
    return InputError(
        what, where=str(prepared.source.path),
        remedy="add labels or a click log with `jargonaut pairs add`, or let a language model write questions with "
        "`jargonaut pairs generate`",
    )  # fmt: skip


def _counted(splits: pairs.CountedSplits, prepared: PreparedCorpus, language: str) -> dict[str, Any]:
    """What a split holds, by part and by source."""
    relevant = [pair for name in SPLITS for pair in splits.part(name) if pair.relevance > 0]
    measured = pairs.overlap(relevant, prepared.texts, language)
    return {
        **{name: sum(p.relevance > 0 for p in splits.part(name)) for name in SPLITS},
        **{f"{name}_queries": len(queries(splits.part(name))) for name in SPLITS},
        "sources": {
            name: dict(sorted(Counter(source_of(p.provenance) for p in splits.part(name) if p.relevance > 0).items()))
            for name in SPLITS
        },
        "curated_negatives": sum(p.relevance <= 0 for p in splits.train),
        "origin": splits.origin,
        "overlap": {"mean": measured.mean, "median": measured.median, "high_share": measured.high_share},
    }  # fmt: skip


def _removed(artifact: Artifact) -> list[pairs.RemovedPair]:
    rows = formats.read_jsonl(artifact.path / "removed.jsonl", lambda _: None)
    return [pairs.RemovedPair(Pair(**row["pair"]), row["rule"], row["detail"]) for _, row in rows]
