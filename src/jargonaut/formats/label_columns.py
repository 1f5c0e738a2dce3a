"""Which column of a labelled file is the query, which names or holds what answers it, which grades it.

Knows what people call columns and the layouts of the tools that they come from. Reads no row itself; a sample of rows
is handed in, because a column called `document` holds ids in one file and texts in the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Role = Literal["query", "query_id", "target", "text", "negative", "grade", "split"]
ROLES: tuple[Role, ...] = ("query", "query_id", "target", "text", "negative", "grade", "split")

TABLE_FORMATS = ("table", "lists", "sentence-transformers", "flagembedding", "cohere", "openai")
"""Formats of one file of rows."""


def _listed(names: str) -> tuple[str, ...]:
    return tuple(names.split())


# What people write, without regard to case, `_`, `-` and blanks. Earlier names come first where a file has several.
_QUERY = _listed("""
    query querytext question questiontext anchor q searchquery search searchterm searchterms searchtext userquery
    userquestion sentence1 utterance request prompt input
""")
_QUERY_ID = _listed("queryid qid questionid anchorid")
_TARGET = _listed("""
    passageid docid documentid corpusid chunkid contextid pid did targetid positiveid posid documentpath docpath
    filepath path filename file url documenturl docurl sourceurl pageurl uri link href pageid articleid productid itemid
    positiveids posids passageids docids documentids corpusids chunkids relevantids relevantdocids relevantpassageids
    golddocids goldids relevantdocs
""")
_EITHER = _listed("""
    positive positives pos passage passages document documents doc docs chunk chunks positivepassage positivepassages
    relevantpassage relevantpassages relevantdocument relevantdocuments positivectxs target
""")
_LAST_RESORT = _listed("source article page product")
"""Often a mere note beside a text, so they count only where nothing else can be the answer."""
_TEXT = _listed("""
    positivetext passagetext documenttext doctext chunktext context contexts content contents text paragraph
    snippet body sentence2 chosen answer answers response completion output
""")
_NEGATIVE = re.compile(
    r"(?:(?:hard)?neg(?:ative)?s?(?:passage|document|doc|text|ctx)?s?|rejected)(?P<id>ids?)?\d*(?P<id2>ids?)?"
)
_GRADE = _listed("""
    relevance grade label score rating rel relevancescore relevancelabel relevancegrade judgement judgment
    isrelevant relevant similarity similarityscore gold
""")
_LIST_OR_GRADE = ("relevant", "gold")
"""Whether it answers, or, where there are lists, all that answers."""
_SPLIT = _listed("split datasplit datasetsplit partition subset")

_PLAIN_NAMES: dict[Role, Sequence[str]] = {
    "query": _QUERY, "query_id": _QUERY_ID, "target": _TARGET, "text": (*_EITHER, *_TEXT), "grade": _GRADE,
    "split": _SPLIT,
}  # fmt: skip
_SHOWN_NAMES: dict[Role, str] = {
    "query": "query, question, anchor", "target": "passage_id, doc_id, url", "text": "positive, passage, text, answer",
}  # fmt: skip
_IDENTIFIER = re.compile(r"[^\s\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]{1,512}|[^\n]{1,200}\.[A-Za-z][0-9A-Za-z]{0,4}")
"""A word without blanks (in a script that has any), or a file's name with its ending."""
_ID_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Layout:
    """Where in a row everything stands; "" where a file has no such column.

    Attributes:
        format: Name of the format.
        query: The query's text, or the messages of a conversation.
        target: Ids of what answers it: a cell, or a list.
        text: Words of what answers it: a cell, or a list.
        grade: How well it does; not there where rows are positive by themselves.
        scores: A list beside `text` that says how sure each is.
        negatives: (column, whether it holds ids) of what does not answer it.
    """

    format: str
    query: str = ""
    query_id: str = ""
    target: str = ""
    text: str = ""
    grade: str = ""
    split: str = ""
    scores: str = ""
    negatives: tuple[tuple[str, bool], ...] = ()

    @property
    def is_usable(self) -> bool:
        """Whether it says what is asked and what is judged."""
        return bool(self.query and (self.target or self.text or self.negatives))

    @property
    def judges_ids_only(self) -> bool:
        """Whether this is a file of judgements, whose queries stand elsewhere."""
        return bool(self.query_id and self.target and not self.query)

    @property
    def roles(self) -> tuple[tuple[str, str], ...]:
        """(role, column) of every column that is read."""
        named = ((role, getattr(self, role)) for role in (*ROLES, "scores") if role != "negative")
        return (*((role, name) for role, name in named if name), *(("negative", name) for name, _ in self.negatives))


def simplified(column: str) -> str:
    """A column's name without case and without what people put between its words."""
    return re.sub(r"[\W_]+", "", column.casefold())


def role_named(name: str) -> Role | None:
    """The role that a name stands for: its own, or any of the names that columns of this role have."""
    plain = simplified(name)
    own = next((role for role in ROLES if simplified(role) == plain), None)
    if own is None and plain in {"id", "ids"}:
        return "target"
    if own is None and _NEGATIVE.fullmatch(plain):
        return "negative"
    return own or next((role for role, names in _PLAIN_NAMES.items() if plain in names), None)


def recognise(
    columns: Sequence[str], rows: Sequence[Mapping[str, Any]], wanted: str | None, mapped: Sequence[tuple[Role, str]]
) -> Layout:
    """The layout of a table; one that is not usable when its columns cannot be told.

    Args:
        columns: All of its columns.
        rows: Its first rows, which say what a column holds that may hold ids or texts.
        wanted: The format that the user names; None to recognise it.
        mapped: What the user says of columns; that comes first.
    """
    named = {simplified(column): column for column in reversed(columns)}
    if wanted in {None, "openai"} and not mapped:
        if "messages" in named:
            return Layout("openai", query=named["messages"], text=named["messages"])
        if {"prompt", "completion"} <= named.keys():
            return Layout("openai", query=named["prompt"], text=named["completion"])
    if wanted == "openai":
        return Layout("openai", **_mapped(mapped, rows))
    if wanted == "sentence-transformers" and not mapped:
        return _by_position(columns, named)
    return _by_name(columns, rows, wanted, mapped)


def _by_position(columns: Sequence[str], named: Mapping[str, str]) -> Layout:
    """sentence-transformers reads columns in their order, and only `label` and `score` by name."""
    grade = next((named[name] for name in ("label", "labels", "score", "scores") if name in named), "")
    inputs = [column for column in columns if column != grade]
    query, text, *negatives = [*inputs, "", ""][: max(2, len(inputs))]
    return Layout(
        "sentence-transformers", query=query, text=text, grade="" if negatives else grade,
        negatives=tuple((column, False) for column in negatives),
    )  # fmt: skip


def _by_name(
    columns: Sequence[str], rows: Sequence[Mapping[str, Any]], wanted: str | None, mapped: Sequence[tuple[Role, str]]
) -> Layout:
    given = _mapped(mapped, rows)
    taken = {column for _, column in mapped}
    named = {simplified(column): column for column in reversed(columns) if column not in taken}
    found: dict[str, Any] = {"query": _first(_QUERY, named), "query_id": _first(_QUERY_ID, named)}
    found["split"] = _first(_SPLIT, named)
    negatives = tuple((c, bool(m["id"] or m["id2"])) for c in columns if c not in taken and (m := _negative(c)))
    found["negatives"] = given.get("negatives", negatives)
    grades = [name for name in _GRADE if name not in _LIST_OR_GRADE or not _any_list(named.get(name, ""), rows)]
    found["grade"] = "" if found["negatives"] else _first(grades, named)  # a triplet's label is a margin
    found |= given
    if not ("target" in given or "text" in given):
        named = {name: column for name, column in named.items() if column != found["query"]}
        found["target"], found["text"] = _answers(named, rows)
    layout = Layout("table", **found)
    scores = named.get("posscores", "") if simplified(layout.text) == "pos" else ""
    return Layout(wanted or _format_of(layout, rows), **found, scores=scores)


def _mapped(mapped: Sequence[tuple[Role, str]], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {role: column for role, column in mapped if role != "negative"}
    negatives = [column for role, column in mapped if role == "negative"]
    if negatives:
        found["negatives"] = tuple((column, _holds_ids(column, rows)) for column in negatives)
    return found


def _answers(named: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """The columns of ids and of texts."""
    lists = (name for name in _LIST_OR_GRADE if name in named and _any_list(named[name], rows))
    listed = [name for name in (*_EITHER, *lists) if name in named]
    if not listed and not any(name in named for name in (*_TARGET, *_TEXT)):
        listed = [name for name in _LAST_RESORT if name in named]
    either = [(named[name], _holds_ids(named[name], rows)) for name in listed]
    target = _first(_TARGET, named) or next((column for column, ids in either if ids), "")
    text = next((column for column, ids in either if not ids), "") or _first(_TEXT, named)
    return target, text


def _first(names: Sequence[str], named: Mapping[str, str]) -> str:
    return next((named[name] for name in names if name in named), "")


def _negative(column: str) -> re.Match[str] | None:
    return _NEGATIVE.fullmatch(simplified(column))


def _holds_ids(column: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether nearly all values of a column look like ids, paths or addresses, not like words of a text."""
    values = [value for row in rows for value in _flat(row.get(column))]
    like_ids = sum(isinstance(value, int) or _IDENTIFIER.fullmatch(value.strip()) is not None for value in values)
    return bool(values) and like_ids >= _ID_SHARE * len(values)


def _any_list(column: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    return any(isinstance(row.get(column), list) for row in rows)


def _flat(value: Any) -> Iterator[str | int]:
    for item in value if isinstance(value, list) else (value,):
        if (isinstance(item, str) and item.strip()) or (isinstance(item, int) and not isinstance(item, bool)):
            yield item


def _format_of(layout: Layout, rows: Sequence[Mapping[str, Any]]) -> str:
    """What a file of this layout is called by those who write it."""
    query, text = simplified(layout.query), simplified(layout.text)
    if query == "query" and text == "pos":
        return "flagembedding"
    if text == "relevantpassages":
        return "cohere"
    if any(_any_list(column, rows) for column in (layout.target, layout.text) if column):
        return "lists"
    if query in {"anchor", "sentence1"} or (layout.text and layout.negatives and not layout.target):
        return "sentence-transformers"
    return "table"


def wanted_columns() -> str:
    """What a file of rows must have, in words."""
    return (
        f"a query ({_SHOWN_NAMES['query']}, …) and what answers it, as an id ({_SHOWN_NAMES['target']}, …) "
        f"or as text ({_SHOWN_NAMES['text']}, …)"
    )
