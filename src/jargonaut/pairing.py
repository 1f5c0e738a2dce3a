"""Pairs of every source, curated and split, as one content-addressed artifact.

Labels that a BEIR folder brings, pairs read off the documents' structure, and what the user added (label files, click
logs, generated questions) meet here. Joins the stage `pairs` with the corpus and the files that they leave; knows
nothing of training or evaluation.
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
from jargonaut.evidence import ranker, topics_of
from jargonaut.layout import Layout
from jargonaut.llm import estimate
from jargonaut.llm.endpoint import model_identity
from jargonaut.monitoring import GoldenSet, GoldenSets
from jargonaut.pairs.attribution import attribute
from jargonaut.pairs.curation import Curated, Evidence, curate
from jargonaut.pairs.curation.evidence import Scorer
from jargonaut.pairs.curation.sameness import gist
from jargonaut.pairs.narrowing import LexicalBest
from jargonaut.pairs.questions import judge, verdict_request
from jargonaut.pairs.review import Decision, DecisionStore, ReviewOptions, apply, settled
from jargonaut.pool import Entry, Pool
from jargonaut.protocols import Encoder, Reporter
from jargonaut.records import SPLITS, BadRow, Document, Pair, Qrel, Query, SplitName, queries, source_of
from jargonaut.rerankers import cross_scorer
from jargonaut.settings import Settings
from jargonaut.sources import PreparedCorpus, left_out_counts
from jargonaut.suspects import accepted, suspects, with_answers
from jargonaut.writers import endpoint, open_judge

PAIRS_VERSION = 7
ATTRIBUTION_VERSION = 2
COLLECT_VERSION = 3

_SAMPLED = 200
_VERDICT_TOKENS = 60
"""Pairs by which a judge's cost is estimated, and tokens of its answer, about."""

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


def own_parts(prepared: PreparedCorpus) -> dict[SplitName, Sequence[Pair]]:
    """The pairs that a BEIR folder brings, by part; none for another source."""
    return labelled_parts(prepared, lambda _: None)[0] if prepared.source.kind == "beir" else {}


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
        cross_encoder=cross_scorer(settings.curate.cross_encoder, prepared.texts, settings, layout)
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


def _removed(artifact: Artifact) -> list[pairs.RemovedPair]:
    rows = formats.read_jsonl(artifact.path / "removed.jsonl", lambda _: None)
    return [pairs.RemovedPair(Pair(**row["pair"]), row["rule"], row["detail"]) for _, row in rows]


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


def labelled_parts(
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
