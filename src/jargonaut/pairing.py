"""Pairs of every source, curated and split, as one content-addressed artifact.

Labels that a BEIR folder brings, pairs read off the documents' structure, and what the user added (label files, click
logs, generated questions) meet here. Joins the stage `pairs` with the corpus and the files that they leave; knows
nothing of training or evaluation.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from jargonaut import formats, pairs
from jargonaut.artifacts import Artifact, content_hash, ensure
from jargonaut.errors import InputError
from jargonaut.evidence import ranker
from jargonaut.layout import Layout
from jargonaut.pairs.attribution import attribute
from jargonaut.pairs.curation import Evidence, curate
from jargonaut.pairs.narrowing import LexicalBest
from jargonaut.pairs.review import Decision, DecisionStore, apply
from jargonaut.pool import Entry, Pool
from jargonaut.protocols import Encoder, Reporter
from jargonaut.records import SPLITS, BadRow, Document, Pair, Qrel, Query, SplitName, queries, source_of
from jargonaut.settings import Settings
from jargonaut.sources import PreparedCorpus, left_out_counts

PAIRS_VERSION = 4
ATTRIBUTION_VERSION = 1

Decisions = Mapping[str, Mapping[str, Decision]]
"""What people decided about pairs: card → reviewer → decision."""


class PreparedPairs:
    """A pairs artifact; its files are read when first asked for."""

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact

    @cached_property
    def removed(self) -> tuple[pairs.RemovedPair, ...]:
        """Pairs that were found and not used, each with the rule that removed it."""
        rows = formats.read_jsonl(self.artifact.path / "removed.jsonl", lambda _: None)
        return tuple(pairs.RemovedPair(Pair(**row["pair"]), row["rule"], row["detail"]) for _, row in rows)

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


def attributed(prepared: PreparedCorpus, entry: Entry, settings: Settings, layout: Layout) -> Artifact:
    """The pairs of an added source on this corpus, or finds that they were looked up."""
    inputs = {"corpus": prepared.artifact.key, "entry": entry.artifact.key, "language": settings.bm25.language}

    def build(folder: Path) -> Mapping[str, Any]:
        bad: list[BadRow] = []
        best = LexicalBest({p.id: p.content("headings") for p in prepared.passages}, settings.bm25.language)
        found = attribute(entry, prepared.passages, best, bad.append, source=entry.name)
        formats.write_jsonl(folder / "pairs.jsonl", found.pairs)
        formats.write_jsonl(folder / "left_out.jsonl", bad)
        return {**found.counts, "pairs": len(found.pairs), **left_out_counts(bad)}

    return ensure(
        layout.stage("attributed"), "attribute", version=ATTRIBUTION_VERSION, inputs=inputs, options=None, build=build
    )


def prepare_pairs(
    prepared: PreparedCorpus, encoder: Encoder, settings: Settings, layout: Layout, reporter: Reporter
) -> PreparedPairs:
    """Collects pairs, curates and splits them, or finds that it was done."""
    entries = Pool(layout.pool).entries()
    decisions = DecisionStore(layout.reviews).in_force()
    labelled = prepared.source.kind == "beir"
    curated = bool(entries) or not labelled
    inputs = {
        "corpus": prepared.artifact.key, "encoder": encoder.fingerprint if curated else "",
        "pool": [entry.artifact.key for entry in entries], "reviews": content_hash(decisions),
    }  # fmt: skip
    options: dict[str, Any] = {"split": settings.split}
    if curated:  # the round trip asks BM25 too
        options |= {
            "structure": settings.structure, "filter": settings.filter, "curate": settings.curate,
            "bm25": settings.bm25, "review": settings.review,
        }  # fmt: skip

    def build(folder: Path) -> Mapping[str, Any]:
        return _Collection(prepared, encoder, settings, layout, reporter).write(folder, entries, decisions)

    artifact = ensure(
        layout.stage("pairs"), "pairs", version=PAIRS_VERSION, inputs=inputs, options=options, build=build
    )
    return PreparedPairs(artifact)


class _Collection:
    """The pairs of a corpus on their way from their sources to the parts of a split."""

    def __init__(
        self, prepared: PreparedCorpus, encoder: Encoder, settings: Settings, layout: Layout, reporter: Reporter
    ) -> None:
        self._prepared, self._encoder, self._settings = prepared, encoder, settings
        self._layout, self._reporter = layout, reporter
        self._bad: list[BadRow] = []
        self._removed: list[pairs.RemovedPair] = []
        self._counts: dict[str, Any] = {}

    def write(self, folder: Path, entries: Sequence[Entry], decisions: Decisions) -> dict[str, Any]:
        """Writes all files of the artifact; gives its counts."""
        given: dict[SplitName, Sequence[Pair]] = {}
        found: list[Pair] = []
        if self._prepared.source.kind == "beir":
            given = self._labelled()
        elif self._settings.structure.enabled:
            found += self._structural()
        for entry in entries:
            found += self._added(entry)
        if found:
            found = self._reviewed(self._curated(found), decisions)
        splits = self._split(given, found)
        for name in SPLITS:
            formats.write_jsonl(folder / f"{name}.jsonl", splits.part(name))
        self._removed += splits.dropped
        formats.write_jsonl(folder / "removed.jsonl", self._removed)
        formats.write_jsonl(folder / "left_out.jsonl", self._bad)
        (folder / "groups.json").write_text(json.dumps(dict(splits.groups)), encoding="utf-8")
        return {**self._counts, **_counted(splits, self._prepared), **self._rules(), **left_out_counts(self._bad)}

    def _rules(self) -> dict[str, Any]:
        return {"removed": dict(sorted(Counter(one.rule for one in self._removed).items()))}

    def _labelled(self) -> dict[SplitName, Sequence[Pair]]:
        """The parts that a BEIR folder brings."""
        parts, counts = _labelled(self._prepared, self._bad.append)
        self._counts |= counts
        return parts

    def _structural(self) -> list[Pair]:
        """Pairs read off the documents."""
        prepared, passages = self._prepared, self._prepared.passages
        if prepared.source.kind == "documents":
            documents = formats.read_records(prepared.artifact.path / "documents.jsonl", Document)
        else:
            passages = tuple(replace(p, document_id=p.id, start=0, end=len(p.text)) for p in passages)
            documents = (Document(p.id, p.text, p.title, markdown=True) for p in passages)
        return list(pairs.structural_pairs(documents, passages, self._settings.structure).pairs)

    def _added(self, entry: Entry) -> list[Pair]:
        """The pairs of a source that the user added."""
        artifact = attributed(self._prepared, entry, self._settings, self._layout)
        self._bad += entry.bad_rows()
        self._bad += formats.read_records(artifact.path / "left_out.jsonl", BadRow)
        return list(formats.read_records(artifact.path / "pairs.jsonl", Pair))

    def _curated(self, found: Sequence[Pair]) -> list[Pair]:
        prepared, settings = self._prepared, self._settings
        evidence = Evidence(
            prepared.texts, prepared.documents,
            rank=ranker(prepared.texts, prepared.documents, prepared.near_duplicates, self._encoder, settings.bm25,
                        settings.filter.round_trip_k),
            encode=self._encoder.encode_queries, stemmer=settings.bm25.language,
        )  # fmt: skip
        curated = curate(found, evidence, settings.curate, settings.filter)
        for line in curated.sentences():
            self._reporter.line(f"  {line}")
        self._removed += curated.removed
        self._counts["curation"] = {
            "found": len(found), "kept": len(curated.kept), "merged": len(curated.merged),
            "flagged": curated.flagged, "removed": {rule: n for rule, n in curated.counts.items() if n},
        }  # fmt: skip
        return list(curated.kept)

    def _reviewed(self, found: Sequence[Pair], decisions: Decisions) -> list[Pair]:
        if not decisions:
            return list(found)
        passages = {passage.id: passage for passage in self._prepared.passages}
        reviewed = apply(found, passages, decisions, as_gold=self._settings.review.as_gold)
        self._removed += reviewed.removed
        self._counts["review"] = {
            "rejected": len(reviewed.removed), "accepted": reviewed.accepted, "edited": reviewed.edited,
        }  # fmt: skip
        return list(reviewed.kept)

    def _split(self, given: Mapping[SplitName, Sequence[Pair]], found: Sequence[Pair]) -> pairs.CountedSplits:
        prepared, options = self._prepared, self._settings.split
        if given:
            return pairs.given_splits(given, prepared.documents, prepared.near_duplicates, options, found)
        if not found:
            raise self._nothing()
        return pairs.split_pairs(found, prepared.documents, prepared.near_duplicates, options)

    def _nothing(self) -> InputError:
        rules = ", ".join(f"{rule} {n:,}" for rule, n in self._rules()["removed"].items())
        what = f"no pair is left: {rules}" if rules else (
            f"no pair could be read off the structure of these {len(self._prepared.passages):,} passages "
            "(titles, headings, questions, definitions, links)"
        )  # fmt: skip
        return InputError(
            what, where=str(self._prepared.source.path),
            remedy="add labels or a click log with `jargonaut pairs add`, or let a language model write questions with "
            "`jargonaut pairs generate`",
        )  # fmt: skip


def _counted(splits: pairs.CountedSplits, prepared: PreparedCorpus) -> dict[str, Any]:
    """What a split holds, by part and by source."""
    relevant = [pair for name in SPLITS for pair in splits.part(name) if pair.relevance > 0]
    measured = pairs.overlap(relevant, prepared.texts)
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


def _labelled(
    prepared: PreparedCorpus, on_bad: formats.OnBad
) -> tuple[dict[SplitName, Sequence[Pair]], dict[str, Any]]:
    """The parts of a BEIR folder, and what of them could not be used."""
    folder = prepared.source.path
    of_queries, of_qrels = formats.Reasons(on_bad), formats.Reasons(on_bad)
    asked = list(formats.read_queries(folder / "queries.jsonl", of_queries))
    files = {"train": "train", "dev": "dev", "validation": "dev", "valid": "dev", "test": "test"}
    parts: dict[SplitName, Sequence[Pair]] = {}
    counts: dict[str, Any] = {}
    judged: list[Qrel] = []
    for stem, name in files.items():
        path = folder / "qrels" / f"{stem}.tsv"
        if name in parts or not path.exists():
            continue
        judgements = list(formats.read_qrels(path, of_qrels))
        judged += judgements
        found = pairs.pairs_from_qrels(
            asked, judgements, prepared.texts.keys(), of_qrels,
            queries_source=str(folder / "queries.jsonl"), qrels_source=str(path),
        )  # fmt: skip
        parts[name] = found.pairs  # type: ignore[index]  # the table's values are split names
        for field in ("unknown_queries", "unknown_passages", "without_positive"):
            counts[field] = counts.get(field, 0) + getattr(found, field)
    if not any(parts.values()):
        raise _no_judgement(folder, asked, list(parts), judged, counts, of_qrels if asked else of_queries)
    counts["given"] = [name for name in SPLITS if parts.get(name)]
    return parts, counts


def _no_judgement(
    folder: Path, asked: Sequence[Query], found: Sequence[str], judged: Sequence[Qrel], counts: Mapping[str, int],
    reasons: formats.Reasons,
) -> InputError:  # fmt: skip
    """Why no pair came out of a BEIR folder: the first of its parts that gives nothing."""
    where = folder / "qrels"
    if not asked:
        where = folder / "queries.jsonl"
        what = f"no line holds a usable query{reasons}" if reasons.first else "there is no query in it"
    elif not found:
        others = ", ".join(sorted(path.name for path in where.glob("*"))[:5])
        what = f"there is none of train.tsv, dev.tsv and test.tsv{f', only {others}' if others else ''}"
    elif not judged:
        what = f"no line of {', '.join(found)} holds a usable judgement{reasons}" if reasons.first else (
            f"there is no judgement in {', '.join(found)}"
        )  # fmt: skip
    elif not any(one.relevance > 0 for one in judged):
        what = f"none of the {len(judged):,} judgements has a score above 0, so nothing answers any query"
    else:
        what = (
            f"none of the {len(judged):,} judgements says that a known passage answers a known query: "
            f"{counts['unknown_queries']:,} name a query that is not in queries.jsonl, {counts['unknown_passages']:,} "
            f"others a passage that is not in the corpus{reasons}"
        )
    return InputError(
        what, where=str(where), remedy="without labels, give the corpus.jsonl itself: pairs are then made from titles"
    )
