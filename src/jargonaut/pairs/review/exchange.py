"""Cards → a file that an expert fills in elsewhere, and back: CSV for spreadsheets, JSON for Argilla.

Knows columns and what people write in them. Only the id, the decision, the reason, the edited query and the comment are
read back: what else is in the file may be damaged on its way, and is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from jargonaut.artifacts import atomic_write
from jargonaut.errors import InputError
from jargonaut.formats import OnBad, open_table
from jargonaut.formats.spreadsheets import LONGEST_CELL, as_written, write_spreadsheet
from jargonaut.pairs.review.argilla import answers_in, is_record, record_of
from jargonaut.pairs.review.cards import Card, key_of
from jargonaut.pairs.review.decisions import REASONS, Decision, Reason, Verdict, one_line
from jargonaut.pairs.review.sampling import Sample
from jargonaut.records import BadRow, Pair, Passage

COLUMNS = (
    "id", "query", "passage", "title", "document", "provenance", "decision", "reason", "edited_query", "comment",
)  # fmt: skip
_NEEDED = ("id", "decision")
_WORDS: Mapping[str, Verdict] = {
    **dict.fromkeys(("accept", "accepted", "a", "yes", "y", "ok"), "accept"),
    **dict.fromkeys(("reject", "rejected", "r", "no", "n"), "reject"),
    **dict.fromkeys(("edit", "edited", "e"), "edit"),
    **dict.fromkeys(("skip", "skipped", "s"), "skip"),
}


@dataclass(frozen=True, slots=True)
class Answers:
    """What a file says.

    Attributes:
        decisions: In the order of the file.
        undecided: Rows without a decision.
        bad: Rows that cannot be used.
    """

    decisions: tuple[Decision, ...]
    undecided: int = 0
    bad: int = 0


def export(path: Path, sample: Sample, decisions: Mapping[str, Mapping[str, Decision]], reviewer: str) -> int:
    """Writes the cards of a sample with what one reviewer said of them so far; returns how many.

    Args:
        path: `.csv` for spreadsheets, `.json` for Argilla.
        sample: The cards.
        decisions: Card → reviewer → what holds.
        reviewer: Whose decisions are written.

    Raises:
        InputError: The file's name says another kind, or there is such a file.
    """
    if path.exists():
        raise InputError(
            "there is such a file already, and it may hold an expert's answers",
            where=str(path),
            remedy="read it with --import, or give another name",
        )
    cards = [(card, decisions.get(card.key, {}).get(reviewer)) for card in sample.cards]
    if path.name.endswith(".csv"):
        return write_spreadsheet(path, COLUMNS, (_row(card, decision) for card, decision in cards))
    if path.name.endswith(".json"):
        records = [record_of(card, decision) for card, decision in cards]
        with atomic_write(path) as temporary:  # in ASCII: Argilla reads it in whatever encoding its machine is set to
            temporary.write_text(json.dumps(records, indent=1) + "\n", encoding="ascii")
        return len(cards)
    raise InputError(
        "this kind of file is not written", where=str(path), remedy="name it .csv (spreadsheets) or .json (Argilla)"
    )


def read_answers(
    path: Path,
    cards: Mapping[str, Pair],
    passages: Mapping[str, Passage],
    reviewer: str,
    on_bad: OnBad,
    *,
    at: str = "",
) -> Answers:
    """Reads a file that was exported and filled in: some rows or all, in any order, whatever saved it.

    Args:
        path: CSV in any usual encoding and delimiter, JSON, JSONL or Parquet; ours or Argilla's.
        cards: Card → pair, of all pairs that decisions may be about, as `keyed` gives it.
        passages: Passage id → passage.
        reviewer: Whose decisions they are, where the file does not say.
        on_bad: Told of every row that cannot be used.
        at: Time of the decisions.

    Raises:
        InputError: The file cannot be read, or has no column `id` or `decision`.
    """
    bad = 0

    def refuse(row: BadRow) -> None:
        nonlocal bad
        bad += 1
        on_bad(row)

    table = open_table(path, refuse)
    decisions: list[Decision] = []
    undecided = 0
    for number, row in table.rows:
        for who, values in _said(path, number, row, reviewer):
            try:
                decision = _decision(values, cards, passages, who, at)
            except _UnusableError as error:
                refuse(BadRow(str(path), number, error.field, error.reason))
                continue
            if decision is None:
                undecided += 1
            else:
                decisions.append(decision)
    return Answers(tuple(decisions), undecided, bad)


class _UnusableError(Exception):
    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


def _row(card: Card, decision: Decision | None) -> dict[str, str]:
    passage = card.passage.text
    return {
        "id": card.key,
        "query": card.pair.query,
        "passage": passage if len(passage) <= LONGEST_CELL else passage[: LONGEST_CELL - 1] + "…",
        "title": card.title,
        "document": card.passage.document_id or card.passage.id,
        "provenance": card.pair.provenance,
        "decision": decision.verdict if decision else "",
        "reason": decision.reason if decision else "",
        "edited_query": decision.edited_query if decision else "",
        "comment": decision.comment if decision else "",
    }


def _said(path: Path, number: int, row: Mapping[str, Any], reviewer: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Whose answers a row holds, and what they are."""
    if is_record(row):
        answers = list(answers_in(row)) or [(reviewer, {})]
        for who, values in answers:
            yield who, {**values, "id": row.get("id")}
        return
    cells = {str(name).strip().casefold().replace(" ", "_"): value for name, value in row.items()}
    missing = [name for name in _NEEDED if name not in cells]
    if missing:
        raise InputError(
            f"there is no column {' and no column '.join(map(repr, missing))}; it has: {', '.join(cells)}",
            where=f"{path}:{number}",
            remedy="fill in a file that `--export` wrote, and keep its header",
        )
    yield reviewer, {name: as_written(value) if isinstance(value, str) else value for name, value in cells.items()}


def _decision(
    values: Mapping[str, Any], cards: Mapping[str, Pair], passages: Mapping[str, Passage], reviewer: str, at: str
) -> Decision | None:
    """One decision; None where the row has none."""
    key, word = _text(values, "id"), _text(values, "decision").casefold()
    edited, comment, reason = _text(values, "edited_query"), _text(values, "comment"), _text(values, "reason")
    pair = cards.get(key)
    if pair is None:
        raise _UnusableError("id", f"{key!r} is no card of these pairs" if key else "it is empty")
    if not word and not edited:
        if reason or comment:
            raise _UnusableError("decision", "it is empty, but there is a reason or a comment")
        return None
    if word and word not in _WORDS:
        raise _UnusableError("decision", f"{word!r} is none of accept, reject, edit, skip")
    verdict: Verdict = _WORDS[word] if word else "edit"
    _require_same_query(values, pair)
    if edited == one_line(pair.query):
        edited = ""
    if verdict == "edit" and not edited:
        raise _UnusableError("edited_query", "an edit needs a query that is not the old one")
    if verdict == "accept" and edited:
        verdict = "edit"  # whoever writes a better query means that one
    known, comment = _reason(reason, comment) if verdict == "reject" else ("", comment)
    if verdict != "edit":
        edited = ""
    edited_card = key_of(edited, passages[pair.passage_id].text) if edited else ""
    return Decision(key, reviewer, verdict, known, comment, edited, edited_card, pair.query, at)


def _require_same_query(values: Mapping[str, Any], pair: Pair) -> None:
    """A query that was changed in its own column is no decision on the one that is asked about."""
    seen = values.get("query")
    if isinstance(seen, str) and _letters(seen) != _letters(pair.query):
        raise _UnusableError(
            "query", "it was changed here: write the new one in edited_query, and leave this as it was"
        )


def _letters(text: str) -> str:
    """What is left of a text in every encoding and every spreadsheet."""
    return re.sub(r"[^a-z0-9]", "", text.casefold())


def _reason(written: str, comment: str) -> tuple[Reason, str]:
    """A reason of the list; another one is `other`, and its words are kept as a comment."""
    if not written or written.casefold() in REASONS:
        return cast("Reason", written.casefold()), comment
    if written.isdigit() and 1 <= int(written) <= len(REASONS):
        return REASONS[int(written) - 1], comment
    return "other", written if not comment or comment == written else f"{written}: {comment}"


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise _UnusableError(name, f"text is wanted, this is {type(value).__name__}")
    return one_line(str(value))
