"""From what the user points at to passages, as a content-addressed artifact.

A source is a folder of documents, a BEIR folder or a JSONL of passages. Joins the stage `corpus` with the files that it
leaves; knows nothing of pairs.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from jargonaut import corpus, formats
from jargonaut.artifacts import Artifact, content_hash, ensure, file_hash, write_json
from jargonaut.encoding.models import EMBEDDED_NAME, ModelFolder
from jargonaut.errors import InputError, ModelError, SettingsError
from jargonaut.layout import Layout
from jargonaut.protocols import Reporter
from jargonaut.records import BadRow, Context, Document, Passage
from jargonaut.settings import Settings

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Kind = Literal["documents", "beir", "passages"]
CORPUS_VERSION = 3
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
            **left_out_counts(bad),
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
        return tokenizer_of(self._base)

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
            f"{cut:,} of {len(passages):,} passages are longer than the {self.room} tokens that {self._base.name} "
            "reads; dense search does not see the rest (cut them, or give the documents themselves)"
        )


def tokenizer_of(model: ModelFolder) -> Tokenizer:
    """A model's own tokenizer, without truncation and padding.

    Raises:
        ModelError: It cannot be read.
    """
    from tokenizers import Tokenizer

    file = model.path / "tokenizer.json"
    try:
        if file.exists():
            tokenizer = Tokenizer.from_file(str(file))
        else:
            from transformers import AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained(str(model.path), local_files_only=True).backend_tokenizer
    except Exception as error:  # the library raises bare exceptions
        raise ModelError(f"the model's tokenizer cannot be read: {error}", where=str(model.path)) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def left_out_counts(bad: Sequence[BadRow]) -> dict[str, Any]:
    """How many inputs were left out, and how many for each kind of reason with an example, most frequent first."""
    kinds: dict[str, list[BadRow]] = {}
    for row in bad:
        kinds.setdefault(re.sub(r"'[^']*'|\d[\d,.]*", "…", f"{row.field} {row.reason}"), []).append(row)
    often = sorted(kinds.values(), key=len, reverse=True)
    return {
        "left_out": len(bad),
        "left_out_kinds": [{"count": len(rows), "example": str(rows[0])} for rows in often],
    }


def _tokenizer_hash(base: ModelFolder) -> str:
    file = base.path / "tokenizer.json"
    return file_hash(file) if file.exists() else base.weights


def corpus_at(
    path: Path, base: ModelFolder, settings: Settings, layout: Layout, reporter: Reporter
) -> PreparedCorpus:  # fmt: skip
    """The passages of what lies here; where that is, is remembered.

    Raises:
        InputError: There is nothing that can be read.
    """
    source = open_source(path, settings)
    remember_source(layout, path)
    return prepare_corpus(source, base, settings, layout, reporter)


def remember_source(layout: Layout, path: Path) -> None:
    """Keeps where the documents of a workspace lie, so that later commands need not be told."""
    with contextlib.suppress(InputError):
        if recalled_source(layout) == path.resolve():
            return
    with contextlib.suppress(OSError):  # a workspace that may only be read needs no memory
        write_json(layout.source, {"path": str(path.resolve())})


def recalled_source(layout: Layout) -> Path:
    """Where the documents lie that a workspace was last used on.

    Raises:
        InputError: Nobody said so yet.
    """
    try:
        return Path(json.loads(layout.source.read_text(encoding="utf-8"))["path"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            "this workspace does not know its documents yet", where=str(layout.root),
            remedy="name them once, as in `jargonaut run DOCS` or `--docs DOCS`",
        ) from error  # fmt: skip
