"""The dataset card that lies beside a set of pairs: Markdown under a YAML front matter, as the Hugging Face hub has it.

Says what the set is, how it was made and split, what it must not be used for, and how to load it. Tells figures and
never a query, since queries of a click log are what people typed. Measures nothing and writes no file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from jargonaut.artifacts import legible, plain
from jargonaut.pairs.leakage import Leakage
from jargonaut.pairs.statistics import PairStatistics
from jargonaut.records import Source

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_LARGEST = "1M<n<10M"
_FEATURES = (
    ("query_id", "string"), ("query", "string"), ("passage_id", "string"), ("relevance", "int64"),
    ("provenance", "string"), ("score", "float64"), ("split", "string"),
)  # fmt: skip
_MEANING: Mapping[str, str] = {
    "label": "people judged them",
    "click": "people clicked on them in a search",
    "recent-click": "people clicked on them in a search, in the newest part of the log; they judge a model and never "
    "train it",
    "llm": "a language model wrote the queries for the passages",
    "structure": "read off the documents' own structure: titles, headings, definitions, links",
}
_SAFE_NAME = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True)
class CardSource:
    """Where some of the pairs come from.

    Attributes:
        name: File or folder, as its owner calls it; not the whole path.
        kind: What kind of source it is.
        digest: Hash of its content; "" where there is none.
        made_by: Model that wrote the queries; "" where people did.
        prompts: Version of the prompts that it was given.
        detail: Anything else a reader should know, name → value: rows read, rows left out.
    """

    name: str
    kind: Source
    digest: str = ""
    made_by: str = ""
    prompts: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What a card says that the figures do not.

    Attributes:
        title: What the set is called.
        files: Part → its JSONL of pairs, relative to the card.
        passages: The passages' JSONL, relative to the card; "" where it does not come along.
        origin: `ours` or `given`, as in `PairSplits`.
        leakage: What dev and test share with train; None where it was not counted.
        settings: Section → its options, as they were.
        version: Version of jargonaut that made the set.
    """

    title: str
    files: Mapping[str, str]
    passages: str = ""
    origin: str = "ours"
    leakage: Leakage | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    version: str = ""


def card(statistics: PairStatistics, sources: Sequence[CardSource], facts: CardFacts) -> str:
    """The card as one text, to be written as `README.md` beside the pairs.

    Args:
        statistics: The set's figures.
        sources: Where its pairs come from.
        facts: What the figures do not say.
    """
    sections = (
        _introduction(statistics, facts), _origin(statistics, sources), _curation(statistics),
        _split(statistics, facts), _figures(statistics), _limits(statistics), _privacy(statistics),
        _loading(facts), _settings(facts),
    )  # fmt: skip
    body = "\n\n".join("\n".join(lines) for section in sections if (lines := list(section)))
    return legible(f"---\n{_front_matter(statistics, sources, facts)}\n---\n\n{body}\n")


def _front_matter(statistics: PairStatistics, sources: Sequence[CardSource], facts: CardFacts) -> str:
    from huggingface_hub import DatasetCardData

    kinds = set(statistics.counts.by_source)
    generated = "llm" in kinds
    found = kinds & {"label", "click", "recent-click", "structure"}
    pairs = statistics.counts.total.pairs
    size = next((name for limit, name in _SIZES if pairs < limit), _LARGEST)
    files = [{"split": _split_name(part), "path": path} for part, path in facts.files.items()]
    tags = ["jargonaut", "sentence-transformers", "information-retrieval", *(["synthetic"] if generated else [])]
    data = DatasetCardData(
        license="unknown",
        pretty_name=_line(facts.title),
        task_categories=["text-retrieval", "sentence-similarity"],
        task_ids=["document-retrieval"],
        size_categories=[size],
        annotations_creators=[*(["found"] if found else []), *(["machine-generated"] if generated else [])] or None,
        source_datasets=["extended" if any(one.kind == "label" for one in sources) else "original"],
        tags=tags,
        configs=[{"config_name": "default", "data_files": files}],
        dataset_info={"features": [{"name": name, "dtype": dtype} for name, dtype in _FEATURES]},
    )
    text: str = data.to_yaml()
    return text


def _introduction(statistics: PairStatistics, facts: CardFacts) -> Iterator[str]:
    total = statistics.counts.total
    yield f"# {_plain(facts.title)}"
    yield ""
    yield (
        f"{total.queries:,} queries with {total.positives:,} passages that answer them"
        f"{f' and {total.negatives:,} that are known not to' if total.negatives else ''}, over a corpus of "
        f"{statistics.coverage.passages:,} passages in {statistics.coverage.documents:,} documents. It is meant for "
        "fine-tuning an embedding model on this domain and for measuring what that gains."
    )
    if facts.version:
        yield ""
        yield f"Made by jargonaut {_plain(facts.version)}."


def _origin(statistics: PairStatistics, sources: Sequence[CardSource]) -> Iterator[str]:
    yield "## Where the pairs come from"
    yield ""
    yield from _table(
        ("source", "queries", "positives", "negatives", "what it is"),
        [
            (name, f"{n.queries:,}", f"{n.positives:,}", f"{n.negatives:,}", _MEANING.get(name, ""))
            for name, n in statistics.counts.by_source.items()
        ],
    )
    if sources:
        yield ""
        yield from _table(
            ("input", "kind", "hash of its content", "written by", "prompts", "more"),
            [
                (
                    one.name, one.kind, one.digest, one.made_by, one.prompts,
                    ", ".join(f"{name.replace('_', ' ')}: {_value(value)}" for name, value in one.detail.items()),
                )
                for one in sources
            ],
        )  # fmt: skip


def _curation(statistics: PairStatistics) -> Iterator[str]:
    if not statistics.removed:
        return
    yield "## What was left out"
    yield ""
    rows = [(one.rule.replace("_", " "), f"{one.pairs:,}") for one in statistics.removed]
    yield from _table(("rule", "pairs"), rows)


def _split(statistics: PairStatistics, facts: CardFacts) -> Iterator[str]:
    yield "## How it is split"
    yield ""
    if facts.origin == "ours":
        yield (
            "By whole groups: passages of one document, near-duplicates and those that share a query lie on one side, "
            "so that a test score says something about documents that training never saw."
        )
    else:
        yield "As its source split it; a part that was missing was carved from train by whole documents."
    yield ""
    covered = statistics.coverage.by_split
    yield from _table(
        ("part", "queries", "positives", "negatives", "documents"),
        [
            (name, f"{n.queries:,}", f"{n.positives:,}", f"{n.negatives:,}", f"{covered[name].documents:,}")
            for name, n in statistics.counts.by_split.items()
        ],
    )
    if facts.leakage is not None:
        yield ""
        yield "What the other parts share with train, counted from the pairs and texts as they are:"
        yield ""
        rows = [(name.replace("_", " "), f"{count:,}") for name, count in asdict(facts.leakage).items()]
        yield from _table(("shared", "count"), rows)


def _figures(statistics: PairStatistics) -> Iterator[str]:
    yield "## Figures"
    yield ""
    coverage, twice = statistics.coverage, statistics.duplicates
    rows = [
        ("passages with a pair", f"{coverage.overall.passages:,} ({coverage.passage_share:.0%})"),
        ("documents with a pair", f"{coverage.overall.documents:,} ({coverage.document_share:.0%})"),
        ("pairs there twice", f"{twice.repeated_pairs:,}"),
        ("queries that nearly repeat another one", f"{twice.near_queries:,}"),
        ("queries in several parts", f"{twice.in_several_parts:,}"),
    ]
    for source, spread in statistics.lengths.queries.items():
        middle = f"{spread.median:.0f} (5% to 95%: {spread.low:.0f} to {spread.high:.0f})"
        rows.append((f"words of a query, {source}", middle))
    for source, measured in statistics.overlap.items():
        if measured.overlap.pairs:
            rows.append((f"words copied from the positive, {source}", f"{measured.overlap.mean:.0%} on average"))
    yield from _table(("figure", "value"), rows)
    if statistics.gap is not None:
        yield ""
        yield statistics.gap.sentence


def _limits(statistics: PairStatistics) -> Iterator[str]:
    yield "## Known limits"
    yield ""
    kinds = statistics.counts.by_source
    if "llm" in kinds or "structure" in kinds:
        yield "- Generated queries are not what users type. Judge a model on real ones before it serves anybody."
    if "click" in kinds or "recent-click" in kinds:
        yield "- Clicks follow what was shown and where; correction for the position reduces that and does not end it."
    yield "- A passage that is not named may answer a query all the same: what is not judged is not wrong."
    for notice in statistics.notices:
        if '"' not in notice:  # it quotes a query or a document
            yield f"- {_plain(notice)}"


def _privacy(statistics: PairStatistics) -> Iterator[str]:
    yield "## Licence and privacy"
    yield ""
    yield "No licence was given. The passages are the owner's documents; whoever passes the set on needs their leave."
    if {"click", "recent-click"} & set(statistics.counts.by_source):
        yield ""
        yield (
            "**Some queries come from a click log: they are what people typed**, and may hold names, numbers and other "
            "personal data. Keep the set where the log may be kept, and read the queries before it leaves there."
        )


def _loading(facts: CardFacts) -> Iterator[str]:
    yield "## How to load it"
    yield ""
    yield (
        "One JSON object a line: `query_id`, `query`, `passage_id`, `relevance` (0: known not to answer), "
        "`provenance`, `score`, `split`."
    )
    yield ""
    parts = ", ".join(_split_name(part) for part in facts.files)
    yield "```python"
    yield "from pathlib import Path"
    yield ""
    yield "from datasets import load_dataset"
    yield ""
    yield 'here = Path(".").resolve()  # the folder of this card'
    yield f"pairs = load_dataset(str(here))  # {parts}"
    if facts.passages:
        yield f'passages = load_dataset("json", data_files=str(here / {json.dumps(facts.passages)}), split="train")'
        yield 'texts = dict(zip(passages["id"], passages["text"]))'
        yield ""
        yield "# (anchor, positive) for MultipleNegativesRankingLoss of sentence-transformers"
        first = _split_name(next(iter(facts.files), "train"))
        yield f'train = pairs["{first}"].filter(lambda row: row["relevance"] > 0).map('
        yield '    lambda row: {"anchor": row["query"], "positive": texts[row["passage_id"]]},'
        yield f'    remove_columns=pairs["{first}"].column_names,'
        yield ")"
    yield "```"


def _settings(facts: CardFacts) -> Iterator[str]:
    if not facts.settings:
        return
    yield "## Settings"
    yield ""
    rows = [
        (f"{section}.{key}" if isinstance(options, Mapping) else section, _value(value))
        for section, options in plain(facts.settings).items()
        for key, value in (options.items() if isinstance(options, Mapping) else [("", options)])
    ]
    yield from _table(("setting", "value"), rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A Markdown table without the columns that are empty in every row."""
    used = [i for i in range(len(header)) if not rows or any(row[i] for row in rows)]
    yield f"| {' | '.join(header[i] for i in used)} |"
    yield f"|{'|'.join(' --- ' for _ in used)}|"
    for row in rows:
        yield f"| {' | '.join(_plain(row[i]) for i in used)} |"


def _plain(text: str) -> str:
    """A user's text on one line, none of whose letters means anything in Markdown or HTML."""
    line = _line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#~$])", r"\\\1", line)


def _line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in legible(text)).split())


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        shown = ", ".join(_value(one) for one in value[:12])
        return f"{shown} … ({len(value):,})" if len(value) > 12 else shown
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_value(one)}" for name, one in value.items())
    return "not set" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def _split_name(part: str) -> str:
    """A part's name as the hub allows it: letters, digits, `_` and `.`."""
    return _SAFE_NAME.sub("_", part).replace("-", "_") or "part"
