"""A workspace's passages, queries and judgements as a BEIR folder that other people's tools read.

The folder is what BEIR's own loader, `mteb`, `datasets` and `jargonaut run` take. Passages stand in it as the models of
this workspace see them, so scores that are measured elsewhere can be compared with ours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jargonaut import formats
from jargonaut.artifacts import atomic_write
from jargonaut.errors import InputError
from jargonaut.pairs import CountedSplits
from jargonaut.records import SPLITS, Passage, Qrel, Query, qrels, queries
from jargonaut.sources import PreparedCorpus

README = "README.md"
_QRELS = "qrels"


@dataclass(frozen=True, slots=True)
class ExportedSet:
    """A BEIR folder that was written.

    Attributes:
        folder: The folder.
        passages: In its corpus.
        queries: Over all parts.
        judgements: Part → rows in its qrels, hard negatives of grade 0 included.
    """

    folder: Path
    passages: int
    queries: int
    judgements: Mapping[str, int]


def export_beir(prepared: PreparedCorpus, splits: CountedSplits, folder: Path) -> ExportedSet:
    """Writes the folder: `corpus.jsonl`, `queries.jsonl`, `qrels/*.tsv`, the same qrels as JSONL, and a card.

    White space in ids other than single spaces becomes a single space, for judgements are rows of tab-separated cells.

    Args:
        prepared: The corpus.
        splits: Its pairs.
        folder: To write to; its files of these names are replaced if it is an export of ours.

    Raises:
        InputError: The folder holds something else.
    """
    _require_free(folder)
    parts = {name: splits.part(name) for name in SPLITS if splits.part(name)}
    asked: dict[str, Query] = {}
    for pairs in parts.values():
        asked.update((query.id, query) for query in queries(pairs))
    count = formats.write_jsonl(folder / "corpus.jsonl", (_row(passage, prepared) for passage in prepared.passages))
    formats.write_queries(folder / "queries.jsonl", (Query(_id(q.id), q.text) for q in asked.values()))
    judgements: dict[str, int] = {}
    for name, pairs in parts.items():
        rows = [(_id(j.query_id), _id(j.passage_id), j.relevance) for j in qrels(pairs) if j.query_id in asked]
        judgements[name] = _write_qrels(folder / _QRELS / name, rows)
    title = prepared.source.path.resolve().name
    with atomic_write(folder / README) as temporary:
        temporary.write_text(_card(title, list(parts)), encoding="utf-8", errors="replace")
    return ExportedSet(folder, count, len(asked), judgements)


def _row(passage: Passage, prepared: PreparedCorpus) -> dict[str, object]:
    """A passage as BEIR has it. What our models do not see is kept under names that other tools pass over."""
    seen = prepared.context == "title"
    row: dict[str, object] = {"_id": _id(passage.id), "title": passage.title if seen else "", "text": passage.text}
    if passage.document_id not in {"", passage.id}:
        row["document_id"] = passage.document_id
    if not seen:
        row |= {"document_title": passage.title, "headings": list(passage.headings)}
    return row


def _write_qrels(path: Path, rows: list[tuple[str, str, int]]) -> int:
    """Judgements twice: as BEIR's table, and as the lines that `datasets` can read beside the corpus."""
    formats.write_jsonl(
        path.with_suffix(".jsonl"), ({"query-id": q, "corpus-id": p, "score": grade} for q, p, grade in rows)
    )
    return formats.write_qrels(path.with_suffix(".tsv"), (Qrel(q, p, grade) for q, p, grade in rows))


def _id(text: str) -> str:
    return " ".join(text.split()) or "_"


def _require_free(folder: Path) -> None:
    """Refuses to write among files that are not an export of ours."""
    if folder.exists() and not folder.is_dir():
        raise InputError("this is a file; a folder is wanted", where=str(folder))
    if not folder.exists() or not any(folder.iterdir()):
        return
    card = folder / README
    if not card.is_file() or _MARK not in card.read_text(encoding="utf-8", errors="replace"):
        raise InputError(
            "the folder holds files that are no export of jargonaut, and they stay as they are", where=str(folder),
            remedy="give an empty folder, or one that is not there yet",
        )  # fmt: skip


_MARK = "Exported by jargonaut"


def _card(title: str, parts: list[str]) -> str:
    """The folder's card, whose head tells `datasets` (and through it `mteb`) which file is what."""
    files = {"corpus": [("corpus", "corpus.jsonl")], "queries": [("queries", "queries.jsonl")],
             "default": [(name, f"{_QRELS}/{name}.jsonl") for name in parts]}  # fmt: skip
    head = [
        line
        for config, paths in files.items()
        for line in (
            f"- config_name: {config}",
            "  data_files:",
            *(f"  - {{split: {split}, path: {json.dumps(path)}}}" for split, path in paths),
        )
    ]
    shown = title.replace("`", "'")
    return "\n".join([
        "---", "task_categories: [text-retrieval]", "configs:", *head, "---", "",
        f"# {shown}", "",
        f"{_MARK} from a workspace: passages, queries and judgements ({', '.join(parts)}) in BEIR form.",
        "Grade 0 marks passages that were looked at and are no answer. Parts share no query; where jargonaut drew",
        "them, they share no document and no near-duplicate either.", "",
        "```python", "import mteb", "from jargonaut.integrations.mteb import MtebEncoder, beir_task", "",
        'mteb.evaluate(MtebEncoder.named("v1", workspace="my-domain"), beir_task("this-folder"))', "```", "",
    ])  # fmt: skip
