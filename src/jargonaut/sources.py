"""From what the user points at to passages and pairs, as two content-addressed artifacts.

A source is a folder of documents, a BEIR folder or a JSONL of passages. Joins the stages `corpus` and `pairs` with the
files they leave; knows nothing of training or evaluation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from jargonaut import corpus, formats, pairs
from jargonaut.artifacts import Artifact, content_hash, ensure, file_hash
from jargonaut.encoding.models import EMBEDDED_NAME, ModelFolder
from jargonaut.errors import InputError, ModelError, SettingsError
from jargonaut.layout import Layout
from jargonaut.protocols import Encoder, Reporter
from jargonaut.records import SPLITS, BadRow, Context, Document, Pair, Passage, Qrel, Query, Run, SplitName, queries
from jargonaut.retrieval import BM25, dense_run
from jargonaut.settings import Settings

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Kind = Literal["documents", "beir", "passages"]
CORPUS_VERSION = 3
PAIRS_VERSION = 3
_LEAST_ROOM = 8
_TOKENISED_AT_ONCE = 2048


@dataclass(frozen=True, slots=True)
class Source:
    """What the user pointed at: its kind and a hash of its content."""

    path: Path
    kind: Kind
    digest: str


def open_source(path: Path, settings: Settings) -> Source:
    """Recognises a source and hashes it.

    Raises:
        InputError: There is no such thing, or it is neither a folder nor a JSONL file.
    """
    if not path.exists():
        raise InputError("there is no such file or folder", where=str(path))
    if path.is_file():
        if not formats.is_jsonl(path):
            raise InputError(
                "a single file must be a JSONL of passages, one {\"_id\", \"text\", \"title\"} a line",
                where=str(path),
                remedy="give the folder that holds your documents",
            )  # fmt: skip
        return Source(path, "passages", file_hash(path))
    if formats.is_beir(path):
        files = [formats.beir_corpus(path), path / "queries.jsonl", *sorted((path / "qrels").glob("*.tsv"))]
        return Source(path, "beir", content_hash([(f.name, file_hash(f)) for f in files if f is not None]))
    return Source(path, "documents", corpus.source_hash(path, settings.load))


class PreparedCorpus:
    """A corpus artifact; its files are read when first asked for."""

    def __init__(self, artifact: Artifact, source: Source) -> None:
        self.artifact = artifact
        self.source = source

    @property
    def context(self) -> Context:
        """What is put before a passage's text. Structural pairs take headings as queries, so there it is nothing."""
        return "title" if self.source.kind == "beir" else "none"

    @cached_property
    def passages(self) -> tuple[Passage, ...]:
        """All passages, in order."""
        return tuple(formats.read_records(self.artifact.path / "passages.jsonl", Passage))

    @cached_property
    def texts(self) -> dict[str, str]:
        """Passage id → the words that are embedded."""
        return {passage.id: passage.content(self.context) for passage in self.passages}

    @cached_property
    def documents(self) -> dict[str, str]:
        """Passage id → document id."""
        return {passage.id: passage.document_id or passage.id for passage in self.passages}

    @cached_property
    def near_duplicates(self) -> dict[str, str]:
        """Passage id → id of its near-duplicate group; passages that stand alone may be missing."""
        groups: dict[str, str] = json.loads((self.artifact.path / "groups.json").read_text(encoding="utf-8"))
        return groups

    @property
    def notices(self) -> list[str]:
        """Warnings about the passages as they are: their language, their length."""
        found: list[str] = self.artifact.counts["notices"]
        return found


def prepare_corpus(
    source: Source, base: ModelFolder, settings: Settings, layout: Layout, reporter: Reporter
) -> PreparedCorpus:
    """Reads, chunks and de-duplicates a source, or finds that it was done."""
    reach = _Reach(base, settings)
    inputs = {
        "source": source.digest, "kind": source.kind, "tokenizer": _tokenizer_hash(base),
        "room": reach.room, "english": base.name == EMBEDDED_NAME,
    }  # fmt: skip
    options = {"load": settings.load, "chunk": settings.chunk, "dedup": settings.dedup}

    def build(folder: Path) -> Mapping[str, Any]:
        bad: list[BadRow] = []
        read = _read_documents if source.kind == "documents" else _read_passages
        passages, groups, counts = read(source, reach, settings, folder, bad.append, reporter)
        formats.write_jsonl(folder / "passages.jsonl", passages)
        formats.write_jsonl(folder / "left_out.jsonl", bad)
        (folder / "groups.json").write_text(json.dumps(groups), encoding="utf-8")
        notices = [reach.length_notice(passages, "none" if source.kind == "documents" else "title")]
        if base.name == EMBEDDED_NAME:
            notices.append(corpus.language_notice(p.text for p in passages))
        return {
            **counts,
            **_left_out(bad),
            "notices": [notice for notice in notices if notice],
        }

    artifact = ensure(
        layout.stage("corpus"), "corpus", version=CORPUS_VERSION, inputs=inputs, options=options, build=build
    )
    return PreparedCorpus(artifact, source)


def _read_documents(
    source: Source, reach: _Reach, settings: Settings, folder: Path, on_bad: formats.OnBad, reporter: Reporter
) -> tuple[Sequence[Passage], dict[str, str], dict[str, Any]]:
    with (folder / "documents.jsonl").open("w", encoding="utf-8") as stream:

        def keep(document: Document) -> None:
            row = {name: getattr(document, name) for name in ("id", "text", "title", "source", "markdown")}
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")

        found = corpus.read_folder(
            source.path, reach.tokenizer, settings.load, reach.fitting(settings.chunk), settings.dedup,
            on_bad=on_bad, on_document=keep, reporter=reporter,
        )  # fmt: skip
    return found.passages, {}, dict(found.counts)


def _read_passages(
    source: Source, reach: _Reach, settings: Settings, folder: Path, on_bad: formats.OnBad, reporter: Reporter
) -> tuple[Sequence[Passage], dict[str, str], dict[str, Any]]:
    del reach, folder
    path = source.path if source.kind == "passages" else formats.beir_corpus(source.path)
    assert path is not None  # noqa: S101 - a BEIR source has a corpus, or it would be none
    reasons = formats.Reasons(on_bad)
    passages = list(reporter.track(formats.read_passages(path, reasons), "reading passages"))
    if not passages:
        raise InputError(
            f"no line holds a usable passage{reasons}" if reasons.first else "there is no passage in it",
            where=str(path),
            remedy='one JSON object a line: {"_id", "text", "title"}',
        )
    # Judgements name these ids, so repeats stay; knowing their groups keeps them on one side of every split.
    groups = corpus.near_duplicates([(p.id, p.content("title")) for p in passages], settings.dedup)
    joined = {id_: group for id_, group in groups.items() if id_ != group}
    joined |= {group: group for group in joined.values()}
    counts = {"documents": len({p.document_id for p in passages}), "passages": len(passages)}
    return passages, joined, {**counts, "in_near_duplicate_groups": len(joined)}


class _Reach:
    """How much of a passage the base model reads. Its tokenizer is loaded when it is first needed, and once."""

    def __init__(self, base: ModelFolder, settings: Settings) -> None:
        self._base = base
        self._limit = base.max_tokens if settings.base.max_tokens is None else settings.base.max_tokens

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The model's own, without truncation and padding."""
        from tokenizers import Tokenizer

        file = self._base.path / "tokenizer.json"
        try:
            if file.exists():
                tokenizer = Tokenizer.from_file(str(file))
            else:
                from transformers import AutoTokenizer

                tokenizer = AutoTokenizer.from_pretrained(str(self._base.path), local_files_only=True).backend_tokenizer
        except Exception as error:  # the library raises bare exceptions
            raise ModelError(f"the model's tokenizer cannot be read: {error}", where=str(self._base.path)) from error
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def room(self) -> int | None:
        """Tokens of a passage's own that are read, beside special tokens and prompt; None when the model has no limit.

        Raises:
            SettingsError: The limit leaves no room for a passage.
        """
        if self._limit is None:
            return None
        prompt = self._base.prompts.passage
        beside = len(self.tokenizer.encode(prompt, add_special_tokens=False).ids) if prompt else 0
        room = self._limit - self.tokenizer.num_special_tokens_to_add(is_pair=False) - beside
        if room < _LEAST_ROOM:
            raise SettingsError(
                f"{self._limit} tokens leave {room} for a passage beside the prompt and special tokens",
                where="[base] max_tokens",
                remedy=f"allow at least {self._limit - room + _LEAST_ROOM}",
            )
        return room

    def fitting(self, options: corpus.ChunkOptions) -> corpus.ChunkOptions:
        """Chunks no larger than what the model reads."""
        room = self.room
        return options if room is None or room >= options.max_tokens else replace(options, max_tokens=room)

    def length_notice(self, passages: Sequence[Passage], context: Context) -> str | None:
        """A warning when passages do not fit into the model."""
        if self.room is None:
            return None
        cut = 0
        for start in range(0, len(passages), _TOKENISED_AT_ONCE):
            texts = [p.content(context) for p in passages[start : start + _TOKENISED_AT_ONCE]]
            tokenised = self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
            cut += sum(len(one.ids) > self.room for one in tokenised)
        if cut == 0:
            return None
        return (
            f"{cut:,} of {len(passages):,} passages are longer than the {self.room} tokens that the model reads; "
            "dense search does not see the rest (cut them, or give the documents themselves)"
        )


class PreparedPairs:
    """A pairs artifact; its files are read when first asked for."""

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact

    @cached_property
    def known_positives(self) -> dict[str, frozenset[str]]:
        """Train query id → every passage that is known to answer it, those that were removed as pairs included."""
        rows = formats.read_jsonl(self.artifact.path / "removed.jsonl", lambda _: None)
        removed = (pairs.RemovedPair(Pair(**row["pair"]), row["rule"], row["detail"]) for _, row in rows)
        return pairs.known_positives(self.splits.train, removed)

    @cached_property
    def splits(self) -> pairs.CountedSplits:
        """Train, dev and test."""
        folder = self.artifact.path
        train, dev, test = (tuple(formats.read_records(folder / f"{name}.jsonl", Pair)) for name in SPLITS)
        groups = json.loads((folder / "groups.json").read_text(encoding="utf-8"))
        return pairs.CountedSplits(train, dev, test, groups, origin=self.artifact.counts["origin"])


def prepare_pairs(
    prepared: PreparedCorpus, encoder: Encoder, settings: Settings, layout: Layout, reporter: Reporter
) -> PreparedPairs:
    """Reads or makes pairs and splits them, or finds that it was done."""
    source = prepared.source
    labelled = source.kind == "beir"
    inputs = {"corpus": prepared.artifact.key, "encoder": "" if labelled else encoder.fingerprint}
    options = {"structure": settings.structure, "filter": settings.filter, "split": settings.split}
    if not labelled:
        options["bm25"] = settings.bm25  # the round trip asks BM25 too

    def build(folder: Path) -> Mapping[str, Any]:
        bad: list[BadRow] = []
        if labelled:
            splits, removed, counts = _labelled(prepared, settings, bad.append)
        else:
            splits, removed, counts = _structural(prepared, encoder, settings, reporter)
        for name in SPLITS:
            formats.write_jsonl(folder / f"{name}.jsonl", splits.part(name))
        everything = (*splits.train, *splits.dev, *splits.test)
        formats.write_jsonl(folder / "removed.jsonl", [*removed, *splits.dropped])
        formats.write_jsonl(folder / "left_out.jsonl", bad)
        (folder / "groups.json").write_text(json.dumps(dict(splits.groups)), encoding="utf-8")
        measured = pairs.overlap([p for p in everything if p.relevance > 0], prepared.texts)
        return {
            **counts,
            **{name: sum(p.relevance > 0 for p in splits.part(name)) for name in SPLITS},
            **{f"{name}_queries": len(queries(splits.part(name))) for name in SPLITS},
            "curated_negatives": sum(p.relevance <= 0 for p in splits.train),
            "removed": _by_rule([*removed, *splits.dropped]),
            "origin": splits.origin,
            "overlap": {"mean": measured.mean, "median": measured.median, "high_share": measured.high_share},
            **_left_out(bad),
        }

    artifact = ensure(
        layout.stage("pairs"), "pairs", version=PAIRS_VERSION, inputs=inputs, options=options, build=build
    )
    return PreparedPairs(artifact)


Made = tuple[pairs.CountedSplits, Sequence[pairs.RemovedPair], dict[str, Any]]


def _labelled(prepared: PreparedCorpus, settings: Settings, on_bad: formats.OnBad) -> Made:
    folder = prepared.source.path
    of_queries, of_qrels = formats.Reasons(on_bad), formats.Reasons(on_bad)
    asked = list(formats.read_queries(folder / "queries.jsonl", of_queries))
    files = {"train": "train", "dev": "dev", "validation": "dev", "valid": "dev", "test": "test"}
    parts: dict[SplitName, Sequence[Pair]] = {}
    counts: dict[str, Any] = {"source": "labels"}
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
    return pairs.given_splits(parts, prepared.documents, prepared.near_duplicates, settings.split), (), counts


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


def _structural(prepared: PreparedCorpus, encoder: Encoder, settings: Settings, reporter: Reporter) -> Made:
    passages = prepared.passages
    if prepared.source.kind == "documents":
        documents = formats.read_records(prepared.artifact.path / "documents.jsonl", Document)
    else:
        passages = tuple(replace(p, document_id=p.id, start=0, end=len(p.text)) for p in passages)
        documents = (Document(p.id, p.text, p.title, markdown=True) for p in passages)
    found = pairs.structural_pairs(documents, passages, settings.structure)
    by_length = pairs.length_filter(found.pairs, prepared.texts, settings.filter)
    capped = pairs.cap_per_document(by_length.kept, prepared.documents, settings.filter.max_per_document)
    counts = {"source": "structure", "found": len(found.pairs), "by_source": dict(found.by_source)}
    if not capped.kept:
        raise InputError(
            f"no pair could be read off the structure of these {len(passages):,} passages "
            "(titles, headings, questions, definitions, links)",
            where=str(prepared.source.path),
            remedy="add labels: a BEIR folder with queries.jsonl and qrels/train.tsv",
        )
    runs = _rankings(queries(tuple(capped.kept)), prepared, encoder, settings, settings.filter.round_trip_k)
    checked = pairs.round_trip(capped.kept, runs, settings.filter.round_trip_k)
    removed = [*by_length.removed, *capped.removed, *checked.removed]
    reporter.line(f"  round trip: {len(checked.kept):,} of {len(capped.kept):,} pairs find their own passage")
    return (
        pairs.split_pairs(checked.kept, prepared.documents, prepared.near_duplicates, settings.split),
        removed,
        counts,
    )


def _rankings(
    asked: Sequence[Query], prepared: PreparedCorpus, encoder: Encoder, settings: Settings, k: int
) -> list[Run]:
    ids = list(prepared.texts)
    texts = list(prepared.texts.values())
    dense = dense_run(
        "base", [q.id for q in asked], encoder.encode_queries([q.text for q in asked]), ids,
        encoder.encode_passages(texts), k=k,
    )  # fmt: skip
    return [dense, BM25(ids, texts, settings.bm25).search(asked, k)]


def _left_out(bad: Sequence[BadRow]) -> dict[str, Any]:
    """How many inputs were left out, and how many for each kind of reason with an example, most frequent first."""
    kinds: dict[str, list[BadRow]] = {}
    for row in bad:
        kinds.setdefault(re.sub(r"'[^']*'|\d[\d,.]*", "…", f"{row.field} {row.reason}"), []).append(row)
    often = sorted(kinds.values(), key=len, reverse=True)
    return {
        "left_out": len(bad),
        "left_out_kinds": [{"count": len(rows), "example": str(rows[0])} for rows in often],
    }


def _by_rule(removed: Sequence[pairs.RemovedPair]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in removed:
        counts[one.rule] = counts.get(one.rule, 0) + 1
    return dict(sorted(counts.items()))


def _tokenizer_hash(base: ModelFolder) -> str:
    file = base.path / "tokenizer.json"
    return file_hash(file) if file.exists() else base.weights


__all__ = ["PreparedCorpus", "PreparedPairs", "Source", "open_source", "prepare_corpus", "prepare_pairs"]
