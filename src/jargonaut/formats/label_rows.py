"""One row of a labelled file → judgements.

Knows cells: what a grade, a split, an id and a list of texts look like. Which column is which was found out before.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jargonaut.formats.jsonl import OnBad
from jargonaut.formats.label_columns import Layout, simplified
from jargonaut.records import BadRow, Judgement, SplitName

MAX_GRADE = 10
"""Larger numbers are no grades: percentages, a search engine's scores, a count."""
_SPLIT_NAMES: dict[str, SplitName] = {
    "train": "train", "training": "train", "dev": "dev", "valid": "dev", "validation": "dev", "val": "dev",
    "development": "dev", "eval": "dev", "test": "test", "testing": "test",
}  # fmt: skip
_GRADE_WORDS = {
    "true": 1, "yes": 1, "y": 1, "relevant": 1, "positive": 1, "pos": 1, "ja": 1, "oui": 1, "si": 1, "sí": 1,
    "false": 0, "no": 0, "n": 0, "irrelevant": 0, "notrelevant": 0, "nonrelevant": 0, "negative": 0, "neg": 0,
    "nein": 0, "non": 0,
}  # fmt: skip
_TEXT_KEYS = ("text", "passage", "content", "contents", "body")
_ID_KEYS = ("id", "_id", "passage_id", "docid", "doc_id", "document_id", "psg_id")

Item = tuple[str, str]
"""(id or "", text or "")."""


class CellError(ValueError):
    """A cell that cannot be used.

    Args:
        field: Its column.
        reason: Why.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


def split_named(value: Any) -> SplitName | None:
    """The part that a name such as `validation` stands for; None for one that is not known."""
    return _SPLIT_NAMES.get(value.strip().casefold()) if isinstance(value, str) else None


def graded(value: Any, relevant_from: int = 1) -> tuple[int, float | None]:
    """A grade as (relevance, score).

    Whole numbers are grades, those below 0 count as 0. A share between 0 and 1 is relevant from 0.5 on and is kept as
    the score. Words such as `yes`, `false` and `irrelevant` are 1 and 0.

    Args:
        value: A number, a word, or the text of a number.
        relevant_from: Grades below this count as 0.

    Raises:
        ValueError: It is none of these; the message says what is wanted.
    """
    if isinstance(value, str):
        word = _GRADE_WORDS.get(re.sub(r"[\W_]+", "", value.casefold()))
        if word is not None:
            return word, None
        try:
            value = float(value)
        except ValueError:
            value = None
    if isinstance(value, (int, float)) and math.isfinite(value):
        if float(value).is_integer() and value <= MAX_GRADE:
            grade = max(0, int(value))
            return (grade if grade >= relevant_from else 0), None
        if 0 < value < 1:
            return int(value >= 0.5), float(value)
    raise ValueError(f"a whole number up to {MAX_GRADE}, a share between 0 and 1 or yes/no is wanted")


class RowReader:
    """Reads the rows of one file.

    Args:
        layout: Its columns.
        source: Its name, for messages.
        split: The part that all of it goes to; None for what its rows say.
        provenance: Of every judgement.
        relevant_from: As in `graded`.
        on_bad: Told of each cell that cannot be used.
    """

    def __init__(
        self, layout: Layout, source: str, *, split: SplitName | None, provenance: str, relevant_from: int,
        on_bad: OnBad,
    ) -> None:  # fmt: skip
        self._layout = layout
        self._source = source
        self._split = split
        self._provenance = provenance
        self._relevant_from = relevant_from
        self._on_bad = on_bad

    def read(self, line: int, row: Mapping[str, Any]) -> Iterator[Judgement]:
        """The judgements of one row, positives first; none when it cannot be used."""
        layout = self._layout
        try:
            if layout.format == "openai":
                query, items = _conversation(layout, row)
            else:
                query, items = _words(row, layout.query), _answers(layout, row)
            grades = self._grades(row, len(items))
            query_id = _identity(row.get(layout.query_id), layout.query_id) if layout.query_id else ""
            split = self._split or _split(row, layout.split)
        except CellError as error:
            self._on_bad(BadRow(self._source, line, error.field, error.reason))
            return
        found = [(item, *grade) for item, grade in zip(items, grades, strict=True)]
        found += [(item, 0, None) for item in self._negatives(line, row)]
        if not found:
            fields = [name for name in (layout.target, layout.text) if name]
            self._on_bad(BadRow(self._source, line, " or ".join(fields), "empty: there is nothing that is judged"))
        for (target, text), relevance, score in found:
            yield Judgement(query, target, text, relevance, self._provenance, query_id, score, split, line)

    def join(self, line: int, row: Mapping[str, Any], asked: Mapping[str, str]) -> Iterator[Judgement]:
        """The judgements of a row that names its query by id.

        Args:
            line: Where it stands.
            row: Its cells.
            asked: Query id → the query's words.
        """
        name = self._layout.query_id
        try:
            id_ = _identity(row.get(name), name)
        except CellError as error:
            self._on_bad(BadRow(self._source, line, error.field, error.reason))
            return
        if id_ in asked:
            yield from self.read(line, {**row, self._layout.query: asked[id_]})
        else:
            self._on_bad(BadRow(self._source, line, name, f"{_shown(id_)} is not among the queries"))

    def _grades(self, row: Mapping[str, Any], count: int) -> list[tuple[int, float | None]]:
        """One (relevance, score) an answer."""
        name = self._layout.grade
        if not name:
            scores = _parallel(row, self._layout.scores, count)
            return [(1, score if isinstance(score, float) and 0 <= score <= 1 else None) for score in scores]
        value = row.get(name)
        values = _parallel(row, name, count) if isinstance(value, list) else [value] * count
        if value is None or (isinstance(value, str) and not value.strip()):
            raise CellError(name, "empty: every row needs a grade where there is a column of grades")
        try:
            return [graded(one, self._relevant_from) for one in values]
        except (ValueError, OverflowError) as error:
            raise CellError(name, f"{_shown(value)}: {error}") from error

    def _negatives(self, line: int, row: Mapping[str, Any]) -> Iterator[Item]:
        for name, ids in self._layout.negatives:
            try:
                yield from _items(row.get(name), name, ids=ids)
            except CellError as error:
                self._on_bad(BadRow(self._source, line, error.field, error.reason))


def _answers(layout: Layout, row: Mapping[str, Any]) -> list[Item]:
    """What answers the query: ids, texts, or both of the same answer."""
    targets = list(_items(row.get(layout.target), layout.target, ids=True)) if layout.target else []
    texts = list(_items(row.get(layout.text), layout.text, ids=False)) if layout.text else []
    if not targets or not texts:
        return targets or texts
    if len(targets) != len(texts):
        raise CellError(layout.text, f"{len(texts)} texts stand beside {len(targets)} ids in {layout.target!r}")
    return [(target, text) for (target, _), (_, text) in zip(targets, texts, strict=True)]


def _items(value: Any, name: str, *, ids: bool) -> Iterator[Item]:
    """The ids or texts in a cell; a column whose name is a plural may hold a list, in a CSV as JSON."""
    if isinstance(value, str) and value.lstrip().startswith("[") and _is_plural(name):
        value = _listed(value, name)
    for place, item in enumerate(value) if isinstance(value, list) else ((-1, value),):
        field = f"{name}[{place}]" if place >= 0 else name
        if isinstance(item, Mapping):
            found = _described(item, field)
        elif ids:
            found = (_identity(item, field), "")
        else:
            found = ("", _text(item, field))
        if found != ("", ""):
            yield found


def _is_plural(name: str) -> bool:
    plain = simplified(name)
    return plain.endswith("s") or plain in {"neg", "hardneg"}


def _listed(value: str, name: str) -> Any:
    """The list that a text is the JSON of; the text itself where it only begins like one."""
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, list):
        return found
    if value.lstrip()[1:].lstrip().startswith("'"):
        raise CellError(name, 'a JSON list is wanted, such as ["a", "b"]')
    return value


def _described(item: Mapping[str, Any], field: str) -> Item:
    """An answer as an object with an id, a text or both (as in DPR's files)."""
    target = next((_identity(item[key], f"{field}.{key}") for key in _ID_KEYS if key in item), "")
    text = next((_text(item[key], f"{field}.{key}") for key in _TEXT_KEYS if key in item), "")
    if not target and not text:
        raise CellError(field, "an object with `id` or `text` is wanted")
    return target, text


def _identity(value: Any, field: str) -> str:
    """An id as text; pandas turns whole numbers into floats where some are missing."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, float) and math.isnan(value):
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise CellError(field, f"an id is wanted, this is {_kind(value)}")
    return str(value).strip()


def _text(value: Any, field: str) -> str:
    """A text, "" where there is none but blanks."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if not isinstance(value, str):
        raise CellError(field, f"text is wanted, this is {_kind(value)}")
    return value if value.strip() else ""


def _words(row: Mapping[str, Any], name: str) -> str:
    """The query."""
    query = _text(row.get(name), name).strip()
    if not query:
        raise CellError(name, "missing or empty")
    return query


def _split(row: Mapping[str, Any], name: str) -> SplitName | None:
    value = row.get(name) if name else None
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    split = split_named(value)
    if split is None:
        raise CellError(name, f"{_shown(value)} is none of train, dev (or validation) and test")
    return split


def _parallel(row: Mapping[str, Any], name: str, count: int) -> Sequence[Any]:
    """A list beside the answers, one value for each."""
    values = row.get(name) if name else None
    if values is None:
        return [None] * count
    if not isinstance(values, list) or len(values) != count:
        size = f"{len(values)} values" if isinstance(values, list) else _kind(values)
        raise CellError(name, f"one value for each of {count} answers is wanted, this is {size}")
    return values


def _conversation(layout: Layout, row: Mapping[str, Any]) -> tuple[str, list[Item]]:
    """Query and answer of a conversation: the user's last message before the assistant's last, and that one."""
    if layout.query != layout.text:
        query = _said(_parsed(row.get(layout.query)), layout.query, "user")
        answer = _said(_parsed(row.get(layout.text)), layout.text, "assistant")
    else:
        name = layout.query
        messages = _parsed(row.get(name))
        if not isinstance(messages, list):
            raise CellError(name, f"a list of messages is wanted, this is {_kind(messages)}")
        ends = [i for i, one in enumerate(messages) if isinstance(one, Mapping) and one.get("role") == "assistant"]
        answer = _said(messages, name, "assistant")
        query = _said(messages[: ends[-1]], name, "user") if ends else ""
    if not query.strip():
        raise CellError(layout.query, "nothing that a user says before the assistant answers")
    if not answer.strip():
        raise CellError(layout.text, "the assistant's answer is missing or empty")
    return query.strip(), [("", answer)]


def _parsed(value: Any) -> Any:
    """Messages that a CSV or Parquet file holds as JSON text."""
    if isinstance(value, str) and value.lstrip().startswith("[{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _said(value: Any, name: str, role: str) -> str:
    """The last words of a role in a list of messages; a text as it is."""
    if not isinstance(value, list):
        return _text(value, name)
    spoken = [one for one in value if isinstance(one, Mapping) and one.get("role") == role]
    content = spoken[-1].get("content") if spoken else None
    if isinstance(content, list):  # parts of several kinds, of which the texts count
        parts = [part.get("text") for part in content if isinstance(part, Mapping)]
        return "\n".join(part for part in parts if isinstance(part, str))
    return _text(content, f"{name}.content")


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"


def _shown(value: Any) -> str:
    text = str(value)
    return f"'{text[:60]}…'" if len(text) > 60 else f"'{text}'"
