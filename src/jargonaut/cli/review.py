"""`jargonaut pairs review`: one card at a time in a terminal, and files for experts elsewhere.

Knows keys and words on a screen. Which cards there are, where decisions are kept and what they come to is the
library's.
"""

from __future__ import annotations

import getpass
import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from jargonaut.artifacts import plain
from jargonaut.cli.drawing import FOLD_AT, fold, marked, visible
from jargonaut.cli.keys import END, Keys, keys_of
from jargonaut.cli.terminal import EXIT_DONT, say
from jargonaut.errors import InputError
from jargonaut.formats import write_jsonl
from jargonaut.pairs.review import (
    REASONS,
    SETTINGS,
    UPLOAD,
    Card,
    Decision,
    DecisionStore,
    Material,
    Rate,
    Results,
    Review,
    ReviewOptions,
    Verdict,
    chosen,
    export,
    keyed,
    read_answers,
    sample,
)
from jargonaut.pairs.review.session import now, reviewer_name
from jargonaut.records import BadRow

LEFT_OUT = "review-left-out.jsonl"
"""Rows of the last import that could not be used; it lies beside the decisions."""
_SHOWN_BAD = 10
_COMMANDS = {"a": "accept", "r": "reject", "e": "edit", "s": "skip", "u": "undo", "m": "more", "q": "quit", "?": "help"}
_MEANT = re.compile(
    r"(a|accept|s|skip|u|undo|m|more|q|quit|\?|help)|(r|reject|e|edit)(?:[\s:]+(.*))?|(r)\s*(\d.*)", re.IGNORECASE
)
_HELP = """\
Card by card: would your users ask this, and does the passage answer it?
a accept  They would, and it does.
r reject  No pair to learn from; then a digit says why.
e edit    The passage answers, but the query should read otherwise.
s skip    You cannot say; it is not shown again unless you ask with --skipped.
u undo    Takes back your last decision; once more: the one before it.
m more    The whole of a long passage, and back to the part with the marks.
q quit    As Ctrl-C does. All is saved; the same command goes on from here.
Marked are words of the passage that stand in the query, too. A query that only
repeats what the passage says is too easy: reject it as copied wording."""
_DIGITS = [f"{digit} {reason}" for digit, reason in enumerate(REASONS, start=1)]
_WHY = f"Why?  {'  '.join(_DIGITS[:4])}\n      {'  '.join(_DIGITS[4:])}"


def review(session: Review, console: Console, keys: Keys, language: str = "english") -> Results:
    """Asks about one card after the other until all are decided or the reviewer stops.

    Args:
        session: The review; every answer is stored before the next card is shown.
        console: Where cards are shown.
        keys: Where answers come from.
        language: Snowball's name of the language, for the marked words.
    """
    _Table(session, console, keys, language).run()
    return session.results()


class _Table:
    """The dialogue: what lies on the table, and what is said of it."""

    def __init__(self, session: Review, console: Console, keys: Keys, language: str) -> None:
        self._session = session
        self._console = console
        self._keys = keys
        self._language = language
        self._whole = False

    def run(self) -> None:
        card = self._session.current
        if card is not None:
            self._tell(_HELP if not self._session.counts else "On with it where it was left. ? explains the keys.")
        drawn = False
        while card is not None:
            if not drawn:
                self._show(card)
            again = self._step(card)
            if again is None:
                self._tell("\nSaved. The same command goes on from here.")
                return
            drawn, before, card = not again, card, self._session.current
            self._whole = self._whole and card is before
        if self._session.sample.cards:
            self._tell("\nThat was the last card.")

    def _step(self, card: Card) -> bool | None:
        """One answer; whether the card in turn is drawn anew, None to stop."""
        answer = self._keys.answer()
        if answer == END:
            return None
        command, rest = _meaning(answer)
        if command == "quit":
            return None
        if command in {"accept", "reject", "edit", "skip"}:
            decision = self._decided(command, rest, card)
            if decision is not None:
                self._tell(f"→ {_words(decision)}")
            return decision is not None
        if command == "undo":
            return self._undone()
        if command == "more" and len(card.passage.text) > FOLD_AT:
            self._whole = not self._whole
            return True
        texts = {"help": _HELP, "more": "This is the whole passage."}
        self._tell(texts.get(command) or _unknown(answer))
        return False

    def _decided(self, command: str, rest: str, card: Card) -> Decision | None:
        if command == "accept":
            return self._session.accept()
        if command == "skip":
            return self._session.skip()
        return self._rejected(rest) if command == "reject" else self._edited(rest, card)

    def _rejected(self, rest: str) -> Decision | None:
        if not rest:
            self._tell(_WHY)
            rest = self._keys.answer()
        digit, comment = rest[:1], rest[1:].strip()
        if not digit.isdecimal() or not 1 <= int(digit) <= len(REASONS) or comment[:1].isdecimal():
            self._tell(f"Not rejected: r wants a digit from 1 to {len(REASONS)}.")
            return None
        reason = REASONS[int(digit) - 1]
        if reason == "other" and not comment:
            self._tell("In your own words:")
            written = self._keys.text()
            if written is None:
                self._tell("Not rejected.")
                return None
            comment = written
        return self._session.reject(reason, comment)

    def _edited(self, rest: str, card: Card) -> Decision | None:
        if not rest:
            self._tell("The new query (empty: leave it as it is):")
            rest = self._keys.text(" ".join(visible(card.pair.query).split())) or ""
        try:
            return self._session.edit(rest)
        except InputError as error:
            self._tell(f"Not edited: {error.what}.")
            return None

    def _undone(self) -> bool:
        card = self._session.undo()
        if card is None:
            self._tell("There is nothing to undo.")
            return False
        self._tell(f"→ undone: card {self._session.place(card)}")
        return True

    def _show(self, card: Card) -> None:
        marks = card.marks(self._language)
        part = (0, len(card.passage.text)) if self._whole else fold(card.passage.text, marks)
        brackets = self._console.no_color or not self._console.is_terminal
        self._console.print()
        self._console.print(Rule(Text(self._header(card)), align="left", style="dim"))
        self._line("Query", card.pair.query, "bold")
        if card.title:
            self._line("Title", card.title)
        self._line("From", _origin(card))
        self._console.print()
        if part[0]:
            self._tell(f"… {part[0]:,} characters before", "dim")
        self._console.print(marked(card.passage.text, marks, part, brackets=brackets))
        if part[1] < len(card.passage.text):
            self._tell(f"… {len(card.passage.text) - part[1]:,} characters after", "dim")
        self._console.print()
        folded = "m whole passage  " if part != (0, len(card.passage.text)) else "m less  " if self._whole else ""
        self._tell(f"a accept  r reject  e edit  s skip  u undo  {folded}q quit  ? help", "dim")

    def _header(self, card: Card) -> str:
        counts = self._session.counts
        said = (f"{counts[verdict]} {word}" for verdict, word in _VERDICTS.items() if counts[verdict])
        return " · ".join((f"{self._session.place(card)} of {len(self._session.sample.cards)}", *said))

    def _line(self, name: str, text: str, style: str = "") -> None:
        line = Text(f"{name:<7}")
        line.append(" ".join(visible(text).split()), style=style)
        self._console.print(line)

    def _tell(self, text: str, style: str = "") -> None:
        self._console.print(Text(visible(text), style=style))


_VERDICTS: Mapping[Verdict, str] = {"accept": "accepted", "edit": "edited", "reject": "rejected", "skip": "skipped"}


Workspace = Annotated[Path, typer.Option("--workspace", "-w", help="The project folder.")]
Size = Annotated[int | None, typer.Option("--sample", help="How many cards; the settings' 100 if not said.")]
Seed = Annotated[int | None, typer.Option("--seed", help="Which cards; the settings' if not said.")]
Sources = Annotated[
    list[str] | None, typer.Option("--source", help="Only pairs from here, such as llm. May be repeated.")
]
Splits = Annotated[list[str] | None, typer.Option("--split", help="Only train, dev or test. May be repeated.")]
Reviewer = Annotated[str | None, typer.Option("--reviewer", help="Your name; the system's if not said.")]
Skipped = Annotated[bool, typer.Option("--skipped", help="Show skipped cards again.")]
Exported = Annotated[
    Path | None, typer.Option("--export", help="Write the cards instead: .csv for spreadsheets, .json for Argilla.")
]
Imported = Annotated[Path | None, typer.Option("--import", help="Read such a file, filled in, instead.")]
Suspects = Annotated[
    bool, typer.Option("--suspects", help="Likely label errors of the last runs: accept what does answer.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of text.")]


def register(app: typer.Typer, opened: Callable[[Path], Material]) -> None:
    """Adds the command `review`.

    Args:
        app: The group of commands about pairs.
        opened: Workspace folder → what is reviewed in it; raises a `JargonautError` where there are no pairs yet.
    """

    @app.command("review", epilog="Example: jargonaut pairs review --sample 100 --source llm")
    def command(
        workspace: Workspace = Path(),
        size: Size = None,
        seed: Seed = None,
        source: Sources = None,
        split: Splits = None,
        reviewer: Reviewer = None,
        skipped: Skipped = False,
        exported: Exported = None,
        imported: Imported = None,
        suspects: Suspects = False,
        as_json: AsJson = False,
    ) -> None:
        """Look at a sample of the pairs, card by card: accept, reject, edit. Every answer is saved at once.

        The same command goes on where it was left. Without a terminal, answers are read from stdin, one a line.
        Exit code 3: the pairs should be made anew.
        """
        material = opened(workspace)
        changes: dict[str, Any] = {"sample": size, "seed": seed}
        options = replace(material.options, **{key: value for key, value in changes.items() if value is not None})
        if suspects:
            material, options = _doubted(material, size, options)
        drawn = sample(chosen(material.pairs, source or (), split or ()), material.passages, options, material.language)
        if not drawn.cards:
            raise InputError("there is no pair to review", remedy="make pairs first, or drop --source and --split")
        store, name = DecisionStore(material.decisions), reviewer_name(_user() if reviewer is None else reviewer)
        console = Console(stderr=True, highlight=False)
        if imported is not None:
            _import(imported, material, store, name, console)
        session = Review(drawn, store, name, options, skipped=skipped)
        if exported is not None:
            _export(exported, session, store, console)
        asked = imported is None and exported is None
        results = review(session, console, keys_of(sys.stdin), material.language) if asked else session.results()
        if suspects:
            _print_answers(results, as_json=as_json)
            raise typer.Exit(0)
        print_results(results, as_json=as_json)
        raise typer.Exit(EXIT_DONT if results.outcome == "regenerate" else 0)


def print_results(results: Results, *, as_json: bool) -> None:
    """What a review came to, on stdout."""
    if as_json:
        say(json.dumps({**plain(results), "sentence": results.sentence}, ensure_ascii=False))
        return
    say(f"\n{results.sentence}\n")
    decided = results.accepted + results.edited + results.rejected
    say(f"  {decided} of {results.cards} cards decided: {results.accepted} accepted, {results.edited} edited, "
        f"{results.rejected} rejected")  # fmt: skip
    if results.overall is not None:
        say(f"  the share counts every kind of pair by how many of the {results.available:,} pairs are of it")
    if results.left or results.skipped:
        say(f"  {results.reviewer} has {results.left} left and skipped {results.skipped}")
    if results.reasons:
        say(f"  rejected: {', '.join(f'{count} {reason}' for reason, count in results.reasons.items())}")
    if results.judged_by_several:
        say(f"  {results.judged_by_several} judged by several of {', '.join(map(visible, results.reviewers))}; "
            f"on {results.disagreements} they disagree")  # fmt: skip
    if results.unknown:
        say(f"  ! {results.unknown:,} pairs cannot be shown: their passages are not in the corpus")
    if len(results.by_source) > 1:
        say("\n  source                      accepted  interval")
        for name, rate in results.by_source.items():
            say(_source_line(name, rate))


def _source_line(name: str, rate: Rate) -> str:
    interval = f"{rate.low:.0%} to {rate.high:.0%}"
    return f"  {visible(name):<26}{rate.accepted:>4} of {rate.decided:<4}  {interval}"


def _doubted(material: Material, size: int | None, options: ReviewOptions) -> tuple[Material, ReviewOptions]:
    """The material with the likely label errors for its pairs; all of them are asked about unless a size is said."""
    if not material.suspects:
        raise InputError(
            "no run of this workspace doubts a label", remedy="they are looked for by `jargonaut run`, on test"
        )
    wanted = len(material.suspects) if size is None else size
    return replace(material, pairs=material.suspects), replace(options, sample=wanted)


def _print_answers(results: Results, *, as_json: bool) -> None:
    """What became of likely label errors; a low share of accepted ones is no fault of the pairs."""
    if as_json:
        say(json.dumps(plain(results), ensure_ascii=False))
        return
    added = results.accepted + results.edited
    say(f"\n{added + results.rejected} of {results.cards} likely label errors decided: {added} do answer")
    if added:
        say("  they are answers from the next `jargonaut run` on, which begins again at the pairs")


def _import(path: Path, material: Material, store: DecisionStore, name: str, console: Console) -> None:
    bad: list[BadRow] = []
    cards = keyed(material.suspects, material.passages) | keyed(material.pairs, material.passages)
    at = now().isoformat(timespec="milliseconds")
    answers = read_answers(path, cards, material.passages, name, bad.append, at=at)
    taken = store.take(answers.decisions)
    told = (
        f"{path}: {taken.new:,} new decisions, {taken.changed:,} changed, {taken.unchanged:,} known; "
        f"{answers.undecided:,} rows without one"
    )
    console.print(Text(visible(told)))
    for row in bad[:_SHOWN_BAD]:
        console.print(Text(visible(f"  ! {row}"), style="yellow"))
    if bad:
        listed = material.decisions.with_name(LEFT_OUT)
        write_jsonl(listed, bad)
        console.print(Text(visible(f"  ! {len(bad):,} left out in all; they are listed in {listed}"), style="yellow"))


def _export(path: Path, session: Review, store: DecisionStore, console: Console) -> None:
    count = export(path, session.sample, store.in_force(), session.reviewer)
    console.print(Text(visible(f"{path}: {count:,} cards")))
    if path.suffix == ".json":
        console.print(Text(visible(f"\n{SETTINGS}\n{UPLOAD.format(path=str(path))}")), soft_wrap=True)


def _meaning(answer: str) -> tuple[str, str]:
    """(command, what follows it); ("", "") for an answer that means nothing."""
    text = answer.strip()
    found = _MEANT.fullmatch(text)
    if not found:
        return "", ""
    word = found[1] or found[2] or found[4]
    return _COMMANDS[word[0].lower()], (found[3] or found[5] or "").strip()


def _unknown(answer: str) -> str:
    typed = answer.strip()
    return f"{f'{typed[:20]!r} means nothing here: ' if typed else ''}the keys are a r e s u m q, and ? explains them."


def _words(decision: Decision) -> str:
    if decision.verdict == "edit":
        return f"edited: {decision.edited_query}"
    why = ", ".join(part for part in (decision.reason, decision.comment) if part)
    return f"{_VERDICTS[decision.verdict]}{f': {why}' if why else ''}"


def _origin(card: Card) -> str:
    passage = card.passage
    parts = [card.pair.provenance, card.pair.split or "", passage.document_id or passage.id]
    if card.pair.score is not None:
        parts.append(f"score {card.pair.score:.2f}")
    return " · ".join(part for part in parts if part)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container without a user of that number
        return "reviewer"
