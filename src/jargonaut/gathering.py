"""Pairs of every source, gathered and curated, before they are reviewed and split.

Pairs read off the documents' structure and what the user added (label files, click logs, generated questions) meet
here. Joins the stage `pairs` with the corpus; knows nothing of reviews, and of a split only what was asked in dev and
test of a set that brings its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from jargonaut import formats, pairs
from jargonaut.artifacts import Artifact, ensure
from jargonaut.evidence import ranker, topics_of
from jargonaut.labelled import own_parts
from jargonaut.layout import Layout
from jargonaut.llm import estimate
from jargonaut.llm.endpoint import model_identity
from jargonaut.pairs.attribution import attribute
from jargonaut.pairs.curation import Curated, Evidence, curate
from jargonaut.pairs.curation.evidence import Scorer
from jargonaut.pairs.narrowing import LexicalBest
from jargonaut.pairs.questions import judge, verdict_request
from jargonaut.pool import Entry
from jargonaut.protocols import Encoder, Reporter
from jargonaut.records import BadRow, Document, Pair, SplitName
from jargonaut.rerankers import cross_scorer
from jargonaut.settings import Settings
from jargonaut.sources import PreparedCorpus, left_out_counts
from jargonaut.writers import endpoint, open_judge

ATTRIBUTION_VERSION = 2
COLLECT_VERSION = 3

_SAMPLED = 200
_VERDICT_TOKENS = 60
"""Pairs by which a judge's cost is estimated, and tokens of its answer, about."""


def attributed(prepared: PreparedCorpus, entry: Entry, settings: Settings, layout: Layout) -> Artifact:
    """The pairs of an added source on this corpus, or finds that they were looked up."""
    inputs = {"corpus": prepared.artifact.key, "entry": entry.key, "language": settings.bm25.language}

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


def collected(
    prepared: PreparedCorpus,
    encoder: Encoder,
    settings: Settings,
    layout: Layout,
    reporter: Reporter,
    entries: Sequence[Entry],
) -> Artifact:
    """Pairs read off the documents and those that were added, curated; or finds that it was done."""
    structural = settings.structure.enabled and prepared.source.kind != "beir"
    added = [(entry, attributed(prepared, entry, settings, layout)) for entry in entries]
    inputs = {
        "corpus": prepared.artifact.key, "encoder": encoder.fingerprint if entries or structural else "",
        "pool": [artifact.key for _, artifact in added], "structural": structural,
    }  # fmt: skip
    options: dict[str, Any] = {
        "structure": settings.structure, "filter": settings.filter, "curate": settings.curate, "bm25": settings.bm25,
    }  # fmt: skip
    if settings.curate.judge:
        options |= {"judge": settings.judge, "model": model_identity(endpoint(settings.llm))}

    def build(folder: Path) -> Mapping[str, Any]:
        bad: list[BadRow] = []
        found = _structural(prepared, settings) if structural else []
        for entry, artifact in added:
            bad += entry.bad_rows()
            bad += formats.read_records(artifact.path / "left_out.jsonl", BadRow)
            found += formats.read_records(artifact.path / "pairs.jsonl", Pair)
        found, held = _beside(own_parts(prepared), found, settings.bm25.language)
        curated = _curated(found, prepared, encoder, settings, layout, reporter)
        formats.write_jsonl(folder / "pairs.jsonl", curated.kept)
        formats.write_jsonl(folder / "removed.jsonl", [*held, *curated.removed])
        formats.write_jsonl(folder / "flags.jsonl", curated.flags)
        formats.write_jsonl(folder / "left_out.jsonl", bad)
        return {
            "found": len(found) + len(held), "kept": len(curated.kept), "merged": len(curated.merged),
            "flagged": curated.flagged, "removed": {rule: n for rule, n in curated.counts.items() if n},
            "sentences": _told(curated) if found else [], **left_out_counts(bad),
        }  # fmt: skip

    artifact = ensure(
        layout.stage("collected"), "collect", version=COLLECT_VERSION, inputs=inputs, options=options, build=build
    )
    for line in () if artifact.reused else artifact.counts["sentences"]:
        reporter.line(f"  {line}")
    return artifact


def _beside(
    own: Mapping[SplitName, Sequence[Pair]], added: Sequence[Pair], language: str
) -> tuple[list[Pair], list[pairs.RemovedPair]]:
    """What was added but for what asks a question of a set's own dev or test.

    That goes before queries are merged: a merged one may have other words, by which nobody would know it again.
    """
    if not pairs.is_divided(own):
        return list(added), []
    held = {part: {pairs.question(pair.query, language) for pair in own.get(part, ())} for part in ("dev", "test")}
    if not own.get("train"):
        held["dev"] = set()  # it serves as train
    kept: list[Pair] = []
    lost: list[pairs.RemovedPair] = []
    for pair in added:
        asked = pairs.question(pair.query, language)
        part = next((name for name in held if asked in held[name]), None)
        if part is None or pair.split in held:
            kept.append(pair)
        else:
            lost.append(pairs.RemovedPair(pair, "query_held_out", part))
    return kept, lost


def _structural(prepared: PreparedCorpus, settings: Settings) -> list[Pair]:
    """Pairs read off the documents."""
    passages = prepared.passages
    if prepared.source.kind == "documents":
        documents = formats.read_records(prepared.artifact.path / "documents.jsonl", Document)
    else:
        passages = tuple(replace(p, document_id=p.id, start=0, end=len(p.text)) for p in passages)
        documents = (Document(p.id, p.text, p.title, markdown=True) for p in passages)
    return list(pairs.structural_pairs(documents, passages, settings.structure).pairs)


def _curated(
    found: Sequence[Pair],
    prepared: PreparedCorpus,
    encoder: Encoder,
    settings: Settings,
    layout: Layout,
    reporter: Reporter,
) -> Curated:
    standings = ranker(
        prepared.texts, prepared.documents, prepared.near_duplicates, encoder, settings.bm25,
        settings.filter.round_trip_k,
    )  # fmt: skip
    balanced = bool(found) and settings.curate.max_topic_share < 1
    evidence = Evidence(
        prepared.texts, prepared.documents, topics_of(encoder, prepared.texts) if balanced else {}, rank=standings,
        encode=encoder.encode_queries if found else None, stemmer=settings.bm25.language,
        judge=language_judge(prepared, settings, layout, reporter) if found and settings.curate.judge else None,
        cross_encoder=cross_scorer(settings.curate.cross_encoder, prepared.texts, settings, layout, reporter)
        if found and settings.curate.cross_encoder else None,
    )  # fmt: skip
    return curate(found, evidence, settings.curate, settings.filter)


def language_judge(
    prepared: PreparedCorpus, settings: Settings, layout: Layout, reporter: Reporter, where: str = "[curate] judge"
) -> Scorer:
    """What the language model of the settings thinks of positives.

    Args:
        prepared: The corpus.
        settings: Sections `llm`, `judge` and `prices`.
        layout: Where its answers are kept.
        reporter: Shows the progress, and what it cost.
        where: The setting that wants it.

    Raises:
        SettingsError: There is no endpoint.
    """
    writer = open_judge(settings, layout, where)

    def judged(positives: Sequence[Pair]) -> list[float | None]:
        step = max(1, len(positives) // _SAMPLED)
        sample = [verdict_request(pair, prepared.texts, settings.judge) for pair in positives[::step]
                  if pair.passage_id in prepared.texts]  # fmt: skip
        cost = estimate(sample, len(positives), reply_tokens=_VERDICT_TOKENS, prices=settings.prices)
        reporter.line(f"  judge: {cost.sentence}")
        asked = reporter.track(positives, f"asking {writer.name} to judge", len(positives))
        scores = judge(asked, prepared.texts, writer, settings.judge)
        reporter.line(f"  judge: {writer.account.sentence(settings.prices)}")
        return [scores.get((pair.query_id, pair.passage_id)) for pair in positives]

    return judged


def _told(curated: Curated) -> list[str]:
    """What curation did, without the rules that had nothing to look at because nobody asked for them."""
    asked = replace(curated, skipped={})
    return asked.sentences()
