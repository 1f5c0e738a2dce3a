"""A real domain to try everything on: ICD-10-CM clinical coding, as a labelled (BEIR) folder.

A query is a code's inclusion term, the words a clinician uses; its positive is the code's official description. Knows
the classification; what becomes of the folder is the pipeline's business.
"""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from jargonaut.artifacts import atomic_write
from jargonaut.errors import InputError
from jargonaut.formats import write_beir
from jargonaut.pairs import SplitOptions, held_out, normalised, query_id, require_enough, split_pairs
from jargonaut.pairs.wording import words
from jargonaut.records import SPLITS, Pair, Passage, Qrel, SplitName, positives, qrels, queries

DEFAULT_CHAPTERS = (1, 3, 4, 5, 6, 9, 10, 11)
"""Infections, blood, metabolism, mind, nerves, circulation, breathing, digestion: enough to see a gain in minutes."""
_TEST_SHARE = 0.15
"""Of the queries; more than usual, so that the interval around the gain is narrow."""
_MAX_NEGATIVES = 4
_CODE = r"[A-Z]\d[0-9A-Z](?:\.[0-9A-Z]{1,4})?"
_REFERENCES = re.compile(rf"\(([^()]*{_CODE}[^()]*)\)")
_REFERENCE = re.compile(rf"({_CODE})(?:\.?-(?:({_CODE}))?)?")
_CONDITIONS = re.compile(
    r"\bconditions? (?:listed|classifiable|classified) (?:in|to)\b|\bclassifiable to\b", re.IGNORECASE
)
_NOT_SPECIFIED = re.compile(r"\bN\.?O\.?S\.?\b|\(?\bnot otherwise specified\b\)?")
_README = """\
# ICD-10-CM, inclusion terms → official descriptions

Written by `jargonaut demo` from the Python package `simple-icd-10-cm` {version}.

- `corpus.jsonl`: {passages} official descriptions of codes{chapters}; the id is the code. Codes of more than five
  characters are left out where they have no inclusion term, and so are seventh-character extensions.
- `queries.jsonl`: {queries} inclusion terms, the words a clinician uses. Left out: repeats of the description ("… NOS"
  included) and "Conditions classifiable to …".
- `qrels/`: {train} train, {dev} dev and {test} test positives, split by three-character category: no code, category,
  description or query is in two parts. The {negatives} rows of grade 0 in `train.tsv` are curated hard negatives, from
  the Excludes1 notes ("not coded here") of a code and those above it.

Source: ICD-10-CM is the clinical modification of ICD-10 for the United States, by the National Center for Health
Statistics (CDC); as a work of the US government the modification is in the public domain in the United States. ICD-10
itself is © World Health Organization. The package is under the MIT licence. For trying out software, not for coding.
"""


@dataclass(frozen=True, slots=True)
class DemoCounts:
    """What was written.

    Attributes:
        passages: Descriptions in the corpus.
        queries: Queries with a positive.
        train: Positives for training.
        dev: Positives for dev.
        test: Positives for test.
        test_queries: Queries for test.
        negatives: Curated hard negatives (grade 0, train only).
        repeats: Inclusion terms left out because they repeat the description.
        conditions: Inclusion terms left out because they only point to other codes.
    """

    passages: int
    queries: int
    train: int
    dev: int
    test: int
    test_queries: int
    negatives: int
    repeats: int
    conditions: int


@dataclass(frozen=True, slots=True)
class _Terms:
    pairs: tuple[Pair, ...]
    repeats: int
    conditions: int


def write_demo(folder: Path, *, chapters: Iterable[int] | None = DEFAULT_CHAPTERS, seed: int = 13) -> DemoCounts:
    """Writes `corpus.jsonl`, `queries.jsonl`, `qrels/` and a `README.md`; the same bytes every time.

    Args:
        folder: Where to; made if missing.
        chapters: Chapters of the classification, 1 to 22; None for all (28,000 descriptions, 12,000 pairs).
        seed: Decides which categories are train, dev and test.

    Raises:
        InputError: A chapter does not exist, or the chapters hold too few pairs to be split.
    """
    icd = _classification()
    chosen = _checked(chapters, icd)
    codes = _codes(icd, chosen)
    passage_of, passages = _passages(icd, codes)
    terms = _terms(icd, codes, passage_of)
    categories = {code: code[:3] for code in codes}
    same_text = {code: passage_of[code] for code in codes}
    options = SplitOptions(test=_TEST_SHARE, seed=seed)
    splits = split_pairs(terms.pairs, categories, same_text, options)
    require_enough(splits, options)
    held = held_out(splits)
    excluded = [pair for pair in _negatives(icd, codes, passage_of, splits.train) if pair.passage_id not in held]
    judgements: dict[SplitName, Sequence[Qrel]] = {name: qrels(splits.part(name)) for name in SPLITS}
    judgements["train"] = [*judgements["train"], *qrels(tuple(excluded))]
    asked = sorted(queries((*splits.train, *splits.dev, *splits.test)), key=lambda query: query.id)
    counts = DemoCounts(
        passages=len(passages),
        queries=len(asked),
        train=len(positives(splits.train)),
        dev=len(positives(splits.dev)),
        test=len(positives(splits.test)),
        test_queries=len(queries(splits.test)),
        negatives=len(excluded),
        repeats=terms.repeats,
        conditions=terms.conditions,
    )
    write_beir(folder, passages, asked, judgements)
    _write_readme(folder, counts, chosen)
    return counts


def _classification() -> ModuleType:
    with warnings.catch_warnings():  # it asks setuptools for its own files, which setuptools deprecates
        warnings.simplefilter("ignore")
        import simple_icd_10_cm
    return simple_icd_10_cm  # type: ignore[no-any-return]


def _checked(chapters: Iterable[int] | None, icd: ModuleType) -> tuple[str, ...]:
    """Names of the chapters, in order; an empty tuple for all."""
    chosen = tuple(str(number) for number in sorted(set(chapters))) if chapters is not None else ()
    for number in chosen:
        if not (icd.is_valid_item(number) and icd.is_chapter(number)):
            raise InputError(f"ICD-10-CM has no chapter {number}", where="chapters", remedy="choose from 1 to 22")
    if chapters is not None and not chosen:
        raise InputError("no chapter is chosen", where="chapters", remedy="choose from 1 to 22, or leave it out")
    return chosen


def _codes(icd: ModuleType, chosen: tuple[str, ...]) -> list[str]:
    """Codes of up to five characters, and longer ones that have inclusion terms, in the classification's order."""
    chapter = ""
    found: list[str] = []
    for code in icd.get_all_codes(with_dots=True):
        if icd.is_chapter(code):
            chapter = code
        if (chosen and chapter not in chosen) or (icd.is_chapter_or_block(code) and not icd.is_category(code)):
            continue
        if not icd.is_extended_subcategory(code) and (len(code) <= 6 or icd.get_inclusion_term(code)):
            found.append(code)
    return list(dict.fromkeys(found))


def _passages(icd: ModuleType, codes: Sequence[str]) -> tuple[dict[str, str], list[Passage]]:
    """Code → passage id (the first code with the same description), and the passages."""
    first: dict[str, str] = {}
    passage_of: dict[str, str] = {}
    passages: list[Passage] = []
    for code in codes:
        description = icd.get_description(code)
        passage_of[code] = first.setdefault(normalised(description), code)
        if passage_of[code] == code:
            passages.append(Passage(code, description, document_id=code[:3], end=len(description)))
    return passage_of, passages


def _terms(icd: ModuleType, codes: Sequence[str], passage_of: Mapping[str, str]) -> _Terms:
    """Inclusion terms as pairs; equal terms become one query, each (query, passage) is there once."""
    found: dict[tuple[str, str], Pair] = {}
    texts: dict[str, str] = {}
    repeats = conditions = 0
    for code in codes:
        description = icd.get_description(code)
        for term in icd.get_inclusion_term(code):
            text = " ".join(term.split())
            if _CONDITIONS.search(text):
                conditions += 1
            elif _repeats(text, description):
                repeats += 1
            else:
                identity = query_id(text)
                query = texts.setdefault(identity, text)
                key = (identity, passage_of[code])
                found.setdefault(key, Pair(identity, query, passage_of[code]))
    return _Terms(tuple(found.values()), repeats, conditions)


def _repeats(term: str, description: str) -> bool:
    """Whether a term says no more than the description: the same words, a part of it, or, with NOS, some of them."""
    bare = _NOT_SPECIFIED.sub(" ", term)
    asked, said = set(words(bare)), set(words(description)) - {"unspecified"}
    if not asked or asked == said or normalised(bare) in normalised(description):
        return True
    return bare != term and asked <= said


def _negatives(
    icd: ModuleType, codes: Sequence[str], passage_of: Mapping[str, str], train: Sequence[Pair]
) -> Iterator[Pair]:
    """Grade-0 pairs: each train query with what Excludes1 notes of its positives' codes, and those above, point to."""
    wanted = {pair.passage_id for pair in train}
    members: dict[str, list[str]] = defaultdict(list)
    for code in codes:
        if passage_of[code] in wanted:
            members[passage_of[code]].append(code)
    answers: dict[str, set[str]] = defaultdict(set)
    for pair in train:
        answers[pair.query_id].add(pair.passage_id)
    yielded: set[tuple[str, str]] = set()
    for pair in train:
        related = {relative for code in members[pair.passage_id] for relative in _kin(icd, code)}
        excluded = (
            c for code in members[pair.passage_id] for c in _excluded(icd, code, passage_of) if c not in related
        )
        found = dict.fromkeys(passage_of[code] for code in excluded)
        chosen = [passage for passage in found if passage not in answers[pair.query_id]][:_MAX_NEGATIVES]
        for passage in chosen:
            if (pair.query_id, passage) not in yielded:
                yielded.add((pair.query_id, passage))
                yield Pair(pair.query_id, pair.query, passage, 0, "excludes1")


def _kin(icd: ModuleType, code: str) -> set[str]:
    """A code, all above it and all below it."""
    return {code, *icd.get_ancestors(code), *icd.get_descendants(code)}


def _excluded(icd: ModuleType, code: str, known: Mapping[str, str]) -> Iterator[str]:
    """Codes that Excludes1 notes of `code`, then of those above it, name and that are in the corpus, nearest first."""
    for level in (code, *icd.get_ancestors(code)):
        for note in icd.get_excludes1(level):
            for listed in _REFERENCES.findall(note):
                for first, last in _REFERENCE.findall(listed):
                    yield from (found for found in _between(first, last, known))


def _between(first: str, last: str, known: Mapping[str, str]) -> Iterator[str]:
    """`first` itself, or for a range of codes all of its length up to `last`."""
    if first in known:
        yield first
    if last and len(first) == len(last):
        yield from (code for code in known if len(code) == len(first) and first < code <= last)


def _write_readme(folder: Path, counts: DemoCounts, chosen: tuple[str, ...]) -> None:
    from importlib.metadata import version

    text = _README.format(
        version=version("simple-icd-10-cm"),
        chapters=f" of chapters {', '.join(chosen)}" if chosen else "",
        passages=f"{counts.passages:,}",
        queries=f"{counts.queries:,}",
        train=f"{counts.train:,}",
        dev=f"{counts.dev:,}",
        test=f"{counts.test:,}",
        negatives=f"{counts.negatives:,}",
    )
    with atomic_write(folder / "README.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
