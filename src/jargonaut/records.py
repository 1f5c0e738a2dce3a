"""The field's vocabulary as small immutable records; every stage takes and gives these.

Knows nothing of files, models or settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

SplitName = Literal["train", "dev", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "dev", "test")

Context = Literal["none", "title", "headings"]
"""What is put before a passage's text when it is embedded or searched: nothing, its title, or title and headings."""


@dataclass(frozen=True, slots=True)
class Document:
    """One source file, decoded or converted to text.

    Attributes:
        id: Stable within a corpus: the path relative to the source folder, with `/`.
        text: Markdown (or plain text) that passages' offsets point into.
        title: The document's own title, else its first heading, else its file name.
        source: Where it was read, as a user would recognise it.
        markdown: Whether `#` headings, lists and links in `text` carry structure.
    """

    id: str
    text: str
    title: str = ""
    source: str = ""
    markdown: bool = True


@dataclass(frozen=True, slots=True)
class Passage:
    """The unit that is embedded, indexed and retrieved.

    Attributes:
        id: Unique within a corpus.
        text: The passage's own words, without heading lines.
        title: Title of its document (or of the passage, in a labelled set).
        headings: Heading path from the document's top to this passage, outermost first.
        document_id: The document it was cut from; its own id when it was given as a passage.
        start: Character offset of `text` in the document's text.
        end: One past the last character.
    """

    id: str
    text: str
    title: str = ""
    headings: tuple[str, ...] = ()
    document_id: str = ""
    start: int = 0
    end: int = 0

    def content(self, context: Context) -> str:
        """The words that stand for this passage in an embedding or a BM25 index."""
        if context == "none":
            return self.text
        path = [self.title] if context == "title" else [self.title, *self.headings]
        shown: list[str] = []
        for part in path:
            if part and (not shown or part != shown[-1]):
                shown.append(part)
        return f"{' > '.join(shown)}\n{self.text}" if shown else self.text


@dataclass(frozen=True, slots=True)
class Query:
    """What somebody asks."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Qrel:
    """A relevance judgement; grade 0 says "looked at, not relevant"."""

    query_id: str
    passage_id: str
    relevance: int


@dataclass(frozen=True, slots=True)
class Pair:
    """A query and a passage that answers it (relevance ≥ 1) or that is known not to (relevance 0).

    Attributes:
        provenance: Where the pair comes from: `label` (people judged it), `click` or `recent-click` (a log's newest
            part, which may judge a model and never trains it), `llm` with the kind of question behind a colon, or a
            structural source such as `heading`, `definition`, `link`. `source_of` gives the part before the colon.
        score: How sure its source is, from 0 to 1: a judge's score, a corrected click rate; None where it says nothing.
        split: The part that its source puts it in; None where that is left to us.
    """

    query_id: str
    query: str
    passage_id: str
    relevance: int = 1
    provenance: str = "label"
    score: float | None = None
    split: SplitName | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a source says of a query and what may answer it, before a corpus is asked which passage that is.

    Attributes:
        query: Its text.
        target: Id of a passage or a document, or an address, as the source writes it; "" where it gives none.
        text: The answer's own words; "" where the source gives none. One of `target` and `text` is there.
        relevance: Grade; 0 says that it is no answer.
        provenance: As in `Pair`.
        query_id: The source's own id of the query; "" where it has none.
        score: As in `Pair`.
        split: As in `Pair`.
        line: Where it stands in its source; 0 where that says nothing.
    """

    query: str
    target: str = ""
    text: str = ""
    relevance: int = 1
    provenance: str = "label"
    query_id: str = ""
    score: float | None = None
    split: SplitName | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class PairSplits:
    """Pairs in three parts; where the split is ours they share no document, no near-duplicate and no query.

    Attributes:
        groups: Passage id → group: same document, near-duplicates, and where the split is ours also what a query joins.
            In our own splits a group lies on one side. A passage that is missing here stands alone.
        origin: `given` when the source brought its own split, else `ours`.
    """

    train: tuple[Pair, ...]
    dev: tuple[Pair, ...]
    test: tuple[Pair, ...]
    groups: Mapping[str, str]
    origin: Literal["given", "ours"] = "ours"

    def part(self, name: SplitName) -> tuple[Pair, ...]:
        """The pairs of one part."""
        return {"train": self.train, "dev": self.dev, "test": self.test}[name]


@dataclass(frozen=True, slots=True)
class Triplet:
    """A query, one positive and its hard negatives, by id."""

    query_id: str
    positive_id: str
    negative_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScoredPassage:
    """One search hit."""

    passage_id: str
    score: float


@dataclass(frozen=True, slots=True)
class Run:
    """What one system answered: query id → {passage id: score}, best first (a TREC run)."""

    name: str
    rankings: Mapping[str, Mapping[str, float]]

    def top(self, query_id: str, k: int) -> list[ScoredPassage]:
        """The first `k` hits of one query."""
        hits = self.rankings.get(query_id, {})
        return [ScoredPassage(passage, score) for passage, score in list(hits.items())[:k]]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A piece of input that was left out, and why.

    Attributes:
        source: File it stands in.
        line: Line number from 1, or 0 when the whole file is meant.
        field: Field at fault, if one is.
        reason: Why it cannot be used.
    """

    source: str
    line: int
    field: str
    reason: str

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}" if self.line else self.source
        return f"{place}: {f'field {self.field!r}: ' if self.field else ''}{self.reason}"


@dataclass(frozen=True, slots=True)
class IndexContent:
    """What a vector collection holds, in a few bytes.

    Attributes:
        digest: Hash over the ids and hashes of its passages, in whatever order they lie.
        count: How many they are.
    """

    digest: str
    count: int


Source = Literal["label", "click", "recent-click", "llm", "structure"]


def source_of(provenance: str) -> Source:
    """The kind of source that a provenance names."""
    kind = provenance.partition(":")[0]
    match kind:
        case "label" | "click" | "recent-click" | "llm":
            return kind
    return "structure"


def positives(pairs: tuple[Pair, ...]) -> list[Pair]:
    """The pairs that are relevant."""
    return [pair for pair in pairs if pair.relevance > 0]


def qrels(pairs: tuple[Pair, ...]) -> list[Qrel]:
    """The pairs as relevance judgements, grade 0 included."""
    return [Qrel(pair.query_id, pair.passage_id, pair.relevance) for pair in pairs]


def grades(pairs: tuple[Pair, ...]) -> dict[str, dict[str, int]]:
    """The pairs as query id → passage id → relevance, grade 0 included."""
    found: dict[str, dict[str, int]] = {}
    for pair in pairs:
        found.setdefault(pair.query_id, {})[pair.passage_id] = pair.relevance
    return found


def queries(pairs: tuple[Pair, ...]) -> list[Query]:
    """The distinct queries that have at least one positive, in order of first appearance."""
    seen = {pair.query_id: pair.query for pair in pairs if pair.relevance > 0}
    return [Query(id_, text) for id_, text in seen.items()]
