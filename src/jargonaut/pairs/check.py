"""What a labelled file would give with a corpus, found out without importing it.

Reads the file as an import would, counts what becomes of each row, and says it in sentences. Nothing is written.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jargonaut.errors import InputError
from jargonaut.formats.labels import JudgementFile, LabelOptions, open_judgements
from jargonaut.pairs.attribution import Attributed, AttributionOptions, attribute
from jargonaut.pairs.clicks.columns import click_column
from jargonaut.pairs.narrowing import Best
from jargonaut.pairs.wording import normalised, query_id
from jargonaut.records import SPLITS, BadRow, Judgement, Pair, Passage

LONG_TEXT = 10_000
_VARYING = re.compile(r"'[^']*'|\d[\d,.]*")
_HIGH_SHARE = 0.2
_RATING = 3
"""A scale from 1 to so much may be one of ratings, whose 1 is no praise."""


@dataclass(frozen=True, slots=True)
class BadKind:
    """Rows that have the same thing wrong with them.

    Attributes:
        count: How many.
        example: The first of them, with file, line and field.
    """

    count: int
    example: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What a labelled file holds and what of it can be used with a corpus.

    Attributes:
        path: The file or folder.
        format: Name of its format.
        columns: (role, column) of what is read.
        unused: Columns, or files of a set, that are not read.
        judgements: (query, answer) statements that were read.
        bad_rows: Rows, or parts of rows, that cannot be read.
        bad_kinds: The same by what is wrong, most frequent first.
        attributed: What passages they mean; its pairs are what an import would add.
        unknown_kinds: Judgements without a passage, by reason.
        queries: Distinct queries, by their words.
        queries_without_positive: Those that nothing answers.
        grades: Grade → judgements.
        splits: Part → judgements; `""` where that is left to us.
        warnings: What should be looked at although it can be used.
        problem: Why nothing at all can be used; "" where something can.
    """

    path: str
    format: str
    columns: tuple[tuple[str, str], ...]
    unused: tuple[str, ...]
    judgements: int
    bad_rows: int
    bad_kinds: tuple[BadKind, ...]
    attributed: Attributed
    unknown_kinds: tuple[BadKind, ...]
    queries: int
    queries_without_positive: int
    grades: Mapping[int, int]
    splits: Mapping[str, int]
    warnings: tuple[str, ...] = ()
    problem: str = ""

    @property
    def usable(self) -> bool:
        """Whether an import would add a positive pair."""
        return not self.problem and self.attributed.queries > 0

    @property
    def ok(self) -> bool:
        """Whether every row can be used and nothing has to be looked at."""
        return self.usable and not (self.bad_rows or self.attributed.unknown or self.warnings)

    def sentences(self) -> list[str]:
        """The whole answer, line by line, for a terminal."""
        return list(_sentences(self))


class Grades:
    """The judgements of a file, passed on, with a count of their grades.

    Args:
        judgements: Read once.
    """

    def __init__(self, judgements: JudgementFile) -> None:
        self._judgements = judgements
        self.counts: Counter[int] = Counter()

    def __iter__(self) -> Iterator[Judgement]:
        for one in self._judgements:
            self.counts[one.relevance] += 1
            yield one

    def cautions(self) -> Iterator[str]:
        """What should be looked at once they went by: a column of grades may be one of ratings."""
        low, high = min(self.counts, default=0), max(self.counts, default=0)
        if self._judgements.columns and low >= 1 and high >= _RATING:
            yield (
                f"grades run from {low} to {high} and none is 0, so every row counts as an answer; if low ones mean "
                f"that it is none, say from which grade on it is one, as in --relevant-from {high - 1}"
            )


@dataclass(slots=True)
class _Seen:
    """What is counted while judgements stream by."""

    splits: Counter[str] = field(default_factory=Counter)
    queries: dict[str, bool] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    long: int = 0

    def watch(self, judgements: Iterable[Judgement]) -> Iterator[Judgement]:
        """Passes judgements on and counts them."""
        for one in judgements:
            self.splits[one.split or ""] += 1
            id_ = self.ids.get(one.query) or self.ids.setdefault(one.query, query_id(one.query))
            self.queries[id_] = self.queries.get(id_, False) or one.relevance > 0
            self.long += len(one.text) > LONG_TEXT
            yield one


@dataclass(slots=True)
class _Kinds:
    """Bad rows by what is wrong with them; memory depends on the kinds, not on the rows."""

    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, BadRow] = field(default_factory=dict)

    def __call__(self, bad: BadRow) -> None:
        key = _VARYING.sub("…", f"{bad.field} {bad.reason}")
        self.counts[key] += 1
        self.first.setdefault(key, bad)

    @property
    def listed(self) -> tuple[BadKind, ...]:
        """Most frequent first; equals as they came."""
        return tuple(BadKind(count, str(self.first[key])) for key, count in self.counts.most_common())


def check(
    path: Path,
    passages: Sequence[Passage],
    best: Best,
    labels: LabelOptions | None = None,
    attribution: AttributionOptions | None = None,
) -> Checked:
    """Says what importing a labelled file would give.

    Args:
        path: The file or folder.
        passages: The corpus.
        best: Chooses among passages of one document.
        labels: How the file is read.
        attribution: When a passage is taken for a text.

    Raises:
        InputError: There is no such file, it cannot be read, it has no known format, or it is a click log. A file of a
            known format whose rows are all bad is no error here but a `problem`.
    """
    bad, unknown, seen = _Kinds(), _Kinds(), _Seen()
    file = open_judgements(path, bad, labels)
    require_labels(file, labels)
    grades, problem = Grades(file), ""
    try:
        found = attribute(seen.watch(grades), passages, best, unknown, source=file.source, options=attribution)
    except InputError as error:
        if grades.counts:
            raise
        found, problem = Attributed(()), error.what
    if not problem and not found.queries:
        problem = _nothing(found, grades)
    return Checked(
        str(path), file.format, file.columns, file.unused, found.judgements, bad.counts.total(), bad.listed, found,
        unknown.listed, len(seen.queries), sum(not answered for answered in seen.queries.values()),
        dict(sorted(grades.counts.items())), {name: seen.splits[name] for name in (*SPLITS, "") if seen.splits[name]},
        (*grades.cautions(), *_warnings(found, seen, {passage.id: passage.text for passage in passages})),
        problem,
    )  # fmt: skip


def require_labels(file: JudgementFile, labels: LabelOptions | None = None) -> None:
    """Refuses a click log that is taken for labels: what was shown and passed over would count as an answer.

    Raises:
        InputError: A column that is not read tells of clicks, and nobody said which format it is.
    """
    told = click_column(file.unused) if labels is None or labels.format is None else ""
    if told:
        raise InputError(
            f"the column {told!r} tells of clicks, so this looks like a click log and not like labels",
            where=str(file.path),
            remedy=f"give it with --clicks; if its rows are labels: --column grade={told}, or --format "
            f"{file.format} where clicks say nothing of them",
        )


def _nothing(found: Attributed, grades: Grades) -> str:
    if not any(grade > 0 for grade in grades.counts):
        return "no grade is above 0, so nothing answers any query"
    if found.unknown == found.judgements:
        return "none of its ids and texts is in this corpus: is it the corpus that was labelled?"
    return "none of its positives is in this corpus"


def _warnings(found: Attributed, seen: _Seen, texts: Mapping[str, str]) -> Iterator[str]:
    """What should be looked at."""
    if found.conflicting:
        examples = "; ".join(found.conflicting_examples)
        yield f"{_number(found.conflicting, 'judgement')} whose id and text are different passages: {examples}"
    if found.unlike:
        yield (
            f"{_number(found.unlike, 'judgement')} whose text is not in the passage that the id names, nor in any "
            "other: are the ids those of this corpus?"
        )
    if found.contradictions:
        yield f"{_number(found.contradictions, 'pair')} judged both relevant and not; relevant counts"
    if found.split_conflicts:
        yield f"{_number(found.split_conflicts, 'pair')} in two parts; the later of train, dev and test counts"
    if seen.long:
        yield f"{_number(seen.long, 'text')} of more than {LONG_TEXT:,} characters: whole documents, not passages?"
    copies = _copies(found.pairs, texts)
    if copies:
        yield f"{_number(copies, 'positive')} that repeats its query word for word teaches nothing"
    similar = found.ways.get("similar text", 0)
    if similar > _HIGH_SHARE * max(1, found.judgements):
        yield f"{similar:,} of {found.judgements:,} texts are only similar to their passages: is it the same corpus?"
    shared = _in_two_parts(found.pairs)
    if shared:
        yield f"{_number(shared, 'query', 'queries')} in two parts: what is tested must not be trained on"


def _copies(pairs: Sequence[Pair], texts: Mapping[str, str]) -> int:
    return sum(
        pair.relevance > 0
        and len(pair.query) >= len(texts[pair.passage_id].strip())
        and normalised(pair.query) == normalised(texts[pair.passage_id])
        for pair in pairs
    )


def _in_two_parts(pairs: Sequence[Pair]) -> int:
    parts: dict[str, set[str]] = {}
    for pair in pairs:
        if pair.split is not None:
            parts.setdefault(pair.query_id, set()).add(pair.split)
    return sum(len(some) > 1 for some in parts.values())


def _sentences(found: Checked) -> Iterator[str]:
    yield f"{found.path}: format {found.format}"
    if found.columns:
        yield f"columns: {', '.join(f'{column} is the {_role(role)}' for role, column in found.columns)}"
    if found.unused:
        yield f"not read: {', '.join(found.unused)}"
    yield (
        f"{_number(found.judgements, 'judgement')} of {_number(found.queries, 'query', 'queries')}; "
        f"{_number(found.bad_rows, 'bad row')}"
    )
    yield from (f"  {kind.count:,} like {kind.example}" for kind in found.bad_kinds)
    if found.grades:
        yield f"grades: {', '.join(f'{grade} ({count:,} times)' for grade, count in found.grades.items())}"
    if found.splits:
        named = {name or "left to the split": count for name, count in found.splits.items()}
        yield f"parts: {', '.join(f'{name} ({count:,})' for name, count in named.items())}"
    if found.queries_without_positive:
        yield f"{_number(found.queries_without_positive, 'query', 'queries')} without anything that answers"
    yield from _attribution_sentences(found.attributed, found.unknown_kinds)
    yield from (f"look at this: {warning}" for warning in found.warnings)
    if found.problem:
        yield f"nothing can be used: {found.problem}"
    elif found.ok:
        yield "every row can be used"
    else:
        pairs = found.attributed.pairs
        yield f"{_number(len(pairs), 'pair')} of {found.attributed.queries:,} answered queries can be used"


def _attribution_sentences(found: Attributed, unknown: Sequence[BadKind]) -> Iterator[str]:
    if found.ways:
        yield f"passages found by {', '.join(f'{way} ({count:,})' for way, count in found.ways.items())}"
    if found.narrowed:
        yield f"{_number(found.narrowed, 'judgement')} of a whole document, of which the best passage is taken"
    if found.unknown:
        yield f"{_number(found.unknown, 'judgement')} without a passage in this corpus"
        yield from (f"  {kind.count:,} like {kind.example}" for kind in unknown)
    if found.duplicates:
        yield f"{_number(found.duplicates, 'judgement')} of what was judged before; the highest grade counts"
    if found.negatives_beside_positives:
        yield (
            f"{_number(found.negatives_beside_positives, 'judgement')} that a document is no answer, which has one "
            "elsewhere; left out"
        )


def _role(role: str) -> str:
    return {"query_id": "query's id", "target": "answer's id", "text": "answer's text"}.get(role, role)


def _number(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


__all__ = ["BadKind", "Checked", "Grades", "check", "require_labels"]
