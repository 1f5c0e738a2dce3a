"""Labelled files of every accepted format → judgements, one after the other.

Knows formats: which one a file has, and how to say what is missing when it has none. The columns of a table are told
apart in `label_columns`, its rows are read in `label_rows`, sets of several files in `label_sets`. Which passages of a
corpus are meant is found out elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from jargonaut.errors import InputError, require_limits
from jargonaut.formats.jsonl import OnBad, Reasons
from jargonaut.formats.label_columns import ROLES, TABLE_FORMATS, Layout, Role, recognise, role_named, wanted_columns
from jargonaut.formats.label_rows import MAX_GRADE, RowReader
from jargonaut.formats.label_sets import JudgedSet, in_folder, looks_like_trec, of_qrels, read_asked, read_set
from jargonaut.formats.tables import open_table
from jargonaut.records import SPLITS, Judgement, SplitName

LABEL_FORMATS = (*TABLE_FORMATS, "beir", "trec")
_LOOKED_AT = 200
"""Rows that are read ahead: their fields are a JSONL's columns, for its first row may lack some."""
_SHOWN_COLUMNS = 30
_JOINED = "the query's words"
"""Under this name a row gets the words of a query that stands in another file."""


@dataclass(frozen=True, slots=True)
class LabelOptions:
    """How a labelled file is read.

    Attributes:
        format: One of table, lists, sentence-transformers, flagembedding, cohere, openai, beir and trec; not set tells
            it from the file. `sentence-transformers` takes columns by their order, whatever their names.
        columns: (role, column) for columns whose names say nothing. Roles are query, query_id, target (an id, a path or
            an address), text, negative, grade and split; any usual name of such a column stands for its role too.
        split: The part that the whole file goes to (train, dev or test); not set takes what the file says, else leaves
            it to the split.
        provenance: What its pairs are said to come from.
        relevant_from: Lowest grade that answers a query, from 1; lower ones count as 0. Shares between 0 and 1 answer
            it from 0.5 on.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    format: str | None = None
    columns: tuple[tuple[str, str], ...] = ()
    split: SplitName | None = None
    provenance: str = "label"
    relevant_from: int = 1

    def __post_init__(self) -> None:
        roles = [role_named(role) for role, _ in self.columns]
        once = [role for role in roles if role != "negative"]
        require_limits(
            "labels",
            self,
            (
                ("format", self.format is None or self.format in LABEL_FORMATS, f"one of {', '.join(LABEL_FORMATS)}"),
                ("columns", None not in roles, f"(role, column) with a role of {', '.join(ROLES)}"),
                ("columns", len(once) == len(set(once)), "one column for each role (only negative may have several)"),
                ("split", self.split is None or self.split in SPLITS, "train, dev, test or not set"),
                ("provenance", bool(self.provenance.strip()), "a word such as label"),
                ("relevant_from", 1 <= self.relevant_from <= MAX_GRADE, f"from 1 to {MAX_GRADE}"),
            ),
        )

    @property
    def mapped(self) -> tuple[tuple[Role, str], ...]:
        """The roles of `columns` by their own names."""
        named = ((role_named(role), column) for role, column in self.columns)
        return tuple((role, column) for role, column in named if role is not None)


@dataclass(frozen=True, slots=True)
class JudgementFile:
    """A labelled file that is read once, judgement by judgement.

    Attributes:
        path: The file or folder.
        source: What messages about a line of it name: the file in which the lines are counted.
        format: Name of its format.
        columns: (role, column) of what is read; empty for a set of several files.
        unused: Columns, or files of a set, that are not read.
        judgements: Streamed. Where none comes out of it, the end is an `InputError` that shows the first reasons.
    """

    path: Path
    source: str
    format: str
    columns: tuple[tuple[str, str], ...]
    unused: tuple[str, ...]
    judgements: Iterable[Judgement]

    def __iter__(self) -> Iterator[Judgement]:
        return iter(self.judgements)


def open_judgements(path: Path, on_bad: OnBad, options: LabelOptions | None = None) -> JudgementFile:
    """Opens a labelled file or folder and tells its format.

    Accepted are tables (CSV, TSV, JSONL, JSON, Parquet) with a query and what answers it, as an id or as text, with or
    without grade, query id and split; lists of ids or texts; sentence-transformers pairs, triplets and scored pairs;
    FlagEmbedding `{query, pos, neg}`; Cohere `{query, relevant_passages, hard_negatives}`; OpenAI `{messages}` and
    `{prompt, completion}`; BEIR folders; TREC or BEIR qrels with a file of queries beside them.

    A row with several positives gives a judgement for each; negatives are judgements of relevance 0.

    Args:
        path: The file or folder.
        on_bad: Told of every row, or part of a row, that cannot be used, with line and field.
        options: Format, columns, split.

    Raises:
        InputError: There is no such file, it cannot be read, or it has no known format; the columns that were found and
            those that are wanted are shown.
    """
    options = options or LabelOptions()
    reasons = Reasons(on_bad)
    if not path.exists():
        raise InputError("there is no such file or folder", where=str(path))
    if path.is_dir():
        _refuse_columns(path, options)
        return _judged_set(path, "beir", in_folder(path), reasons, options)
    if options.format in {"trec", "beir"} or (options.format is None and not options.columns and looks_like_trec(path)):
        _refuse_columns(path, options)
        return _judged_set(path, options.format or "trec", of_qrels(path), reasons, options)
    return _table(path, reasons, options)


def _table(path: Path, reasons: Reasons, options: LabelOptions) -> JudgementFile:
    table = open_table(path, reasons)
    if _is_plain_qrels(path, table.columns, options):  # told by its header, so that no row is read twice
        return _judged_set(path, "beir", of_qrels(path), reasons, options)
    rows = iter(table.rows)
    ahead = list(islice(rows, _LOOKED_AT))
    columns = tuple(dict.fromkeys([*table.columns, *(str(name) for _, row in ahead for name in row)]))
    if not ahead:
        what = f"no row can be used{reasons}" if reasons.first else "there is no row in it"
        raise InputError(what, where=str(path), remedy=f"wanted are {wanted_columns()}")
    missing = [column for _, column in options.mapped if column not in columns]
    if missing:
        raise InputError(
            f"there is no column {missing[0]!r}; {_found(columns)}", where=str(path), remedy="name one of these"
        )
    layout = recognise(columns, [row for _, row in ahead], options.format, options.mapped)
    read = _reader(path, columns, layout, reasons, options)
    judgements = (one for line, row in chain(ahead, rows) for one in read(line, row))
    unused = tuple(column for column in columns if column not in {name for _, name in layout.roles})
    return JudgementFile(path, str(path), layout.format, layout.roles, unused, _some(path, judgements, reasons))


def _is_plain_qrels(path: Path, columns: tuple[str, ...], options: LabelOptions) -> bool:
    """Whether a file is BEIR's own: ids and a grade, parted by tabs."""
    if options.format is not None or options.columns or path.suffix.lower() not in {".tsv", ".txt"}:
        return False
    layout = recognise(columns, [], None, ())
    return layout.judges_ids_only and bool(layout.grade) and not layout.split


def _reader(
    path: Path, columns: tuple[str, ...], layout: Layout, reasons: Reasons, options: LabelOptions
) -> Callable[[int, Mapping[str, Any]], Iterator[Judgement]]:
    """What reads a row; where it names its query by id, with the queries beside the file."""
    asked: dict[str, str] | None = None
    if layout.judges_ids_only:
        asked = dict(read_asked(of_qrels(path).queries, reasons))
        layout = replace(layout, query=_JOINED)
    if not layout.is_usable:
        raise _unknown(path, columns, layout, options)
    reader = RowReader(
        layout, str(path), split=options.split, provenance=options.provenance, relevant_from=options.relevant_from,
        on_bad=reasons,
    )  # fmt: skip
    return reader.read if asked is None else partial(reader.join, asked=asked)


def _judged_set(path: Path, name: str, found: JudgedSet, reasons: Reasons, options: LabelOptions) -> JudgementFile:
    judgements = read_set(
        found, reasons, split=options.split, provenance=options.provenance, relevant_from=options.relevant_from
    )
    return JudgementFile(path, str(found.source), name, (), found.unused, _some(path, judgements, reasons))


def _some(path: Path, judgements: Iterable[Judgement], reasons: Reasons) -> Iterator[Judgement]:
    """The judgements, if there is any."""
    empty = True
    for judgement in judgements:
        empty = False
        yield judgement
    if empty:
        raise InputError(
            f"no row can be used{reasons}" if reasons.first else "there is no judgement in it",
            where=str(path),
            remedy="mend these rows, or map its columns: query=…, target=… (an id) or text=…",
        )


def _refuse_columns(path: Path, options: LabelOptions) -> None:
    if options.columns:
        raise InputError(
            "columns are mapped, but this is no single table", where=str(path), remedy="leave the mapping out"
        )


def _found(columns: Iterable[str]) -> str:
    names = list(columns)
    more = f" and {len(names) - _SHOWN_COLUMNS} more" if len(names) > _SHOWN_COLUMNS else ""
    return f"the columns are {', '.join(name[:60] for name in names[:_SHOWN_COLUMNS])}{more}"


def _unknown(path: Path, columns: tuple[str, ...], layout: Layout, options: LabelOptions) -> InputError:
    """The error that says what a file has and what it would need."""
    wanted = "messages, or prompt and completion" if options.format == "openai" else wanted_columns()
    lacks = "none is a query" if not layout.query else "none is what answers the query"
    return InputError(
        f"{_found(columns)}; {lacks}{f' in the format {options.format!r}' if options.format else ''}",
        where=str(path),
        remedy=f"wanted are {wanted}; map yours with --column query=NAME --column text=NAME (or target=NAME for ids), "
        "or name the --format; without a header line the first row is taken for one",
    )


__all__ = ["LABEL_FORMATS", "JudgementFile", "LabelOptions", "open_judgements"]
