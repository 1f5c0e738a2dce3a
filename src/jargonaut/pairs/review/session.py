"""One reviewer's way through a sample: the card in turn, what is said of it, and the way back.

Where the reviewer stands follows from what is stored alone, so a review goes on wherever it was left. Knows nothing of
how cards are drawn or keys are read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

from jargonaut.errors import InputError
from jargonaut.pairs.review.cards import Card, key_of
from jargonaut.pairs.review.decisions import Decision, Reason, Verdict, in_force, one_line
from jargonaut.pairs.review.results import Results, results_of
from jargonaut.pairs.review.sampling import ReviewOptions, Sample
from jargonaut.pairs.review.store import DecisionStore


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


def reviewer_name(name: str) -> str:
    """A reviewer's name on one line.

    Raises:
        InputError: Nothing is left of it.
    """
    shown = one_line(name)
    if not shown:
        raise InputError("a reviewer needs a name", where="--reviewer")
    return shown


class Review:
    """A review that goes on where it was left.

    Args:
        sample: The cards.
        store: Where decisions are kept.
        reviewer: Who decides.
        options: What is wanted of the pairs.
        skipped: Whether cards that were skipped before are shown again.
        clock: Gives the time of a decision.

    Raises:
        InputError: The reviewer has no name.
    """

    def __init__(
        self,
        sample: Sample,
        store: DecisionStore,
        reviewer: str,
        options: ReviewOptions | None = None,
        *,
        skipped: bool = False,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self.sample = sample
        self.reviewer = reviewer_name(reviewer)
        self._options = options or ReviewOptions()
        self._store = store
        self._clock = clock
        self._stored = list(store.stored())
        self._shown_again = {row.number for row in self._stored if skipped and row.decision.verdict == "skip"}
        self._places = {card.key: place for place, card in enumerate(sample.cards, start=1)}

    @property
    def current(self) -> Card | None:
        """The first card that this reviewer did not decide; None at the end."""
        decided = self._decided()
        return next((card for card in self.sample.cards if card.key not in decided), None)

    @property
    def counts(self) -> Counter[Verdict]:
        """Verdict → how many cards of the sample this reviewer gave it."""
        decided = self._decided()
        return Counter(decided[key].verdict for key in self._places if key in decided)

    def decision(self, card: Card) -> Decision | None:
        """What this reviewer says of a card."""
        return self._decided().get(card.key)

    def place(self, card: Card) -> int:
        """Where a card stands in the sample, from 1."""
        return self._places[card.key]

    def accept(self) -> Decision:
        """The query is one that users ask, and the passage answers it."""
        return self._decide("accept")

    def reject(self, reason: Reason = "", comment: str = "") -> Decision:
        """The pair is not fit to learn from."""
        return self._decide("reject", reason, comment)

    def skip(self) -> Decision:
        """No answer; the card is not shown again unless skipped ones are asked for."""
        return self._decide("skip")

    def edit(self, query: str) -> Decision:
        """The pair is right with another query.

        Raises:
            InputError: The new query is empty or the same as the old one.
        """
        card, query = self._required(), one_line(query)
        if not query or query == one_line(card.pair.query):
            raise InputError("the query is " + ("the same as before" if query else "empty"), where="edited query")
        return self._decide("edit", edited_query=query, edited_card=key_of(query, card.passage.text))

    def undo(self) -> Card | None:
        """Takes back this reviewer's last decision on a card of the sample, in this session or an earlier one.

        Returns:
            The card, which is in turn again; None where there is nothing to undo. Imported decisions stay.
        """
        for place in range(len(self._stored) - 1, -1, -1):
            row = self._stored[place]
            mine = row.decision.reviewer == self.reviewer and row.origin == "session"
            if mine and row.decision.card in self._places:
                self._store.undo(row.number, self._time())
                del self._stored[place]
                return self.sample.cards[self._places[row.decision.card] - 1]
        return None

    def results(self) -> Results:
        """What all reviewers' decisions on the sample come to."""
        held = in_force(row.decision for row in self._stored)
        return results_of(self.sample, held, self.reviewer, self._options)

    def _decide(
        self, verdict: Verdict, reason: Reason = "", comment: str = "", edited_query: str = "", edited_card: str = ""
    ) -> Decision:
        card = self._required()
        decision = Decision(
            card.key, self.reviewer, verdict, reason, one_line(comment), edited_query, edited_card, card.pair.query,
            self._time(),
        )  # fmt: skip
        self._stored.append(self._store.add(decision))
        return decision

    def _decided(self) -> dict[str, Decision]:
        """Card → what this reviewer says of it, without the skips that are shown again."""
        mine = [
            row.decision
            for row in self._stored
            if row.decision.reviewer == self.reviewer and row.number not in self._shown_again
        ]
        return {key: votes[self.reviewer] for key, votes in in_force(mine).items()}

    def _required(self) -> Card:
        card = self.current
        if card is None:
            raise InputError("every card of the sample is decided", remedy="undo a decision, or draw a larger sample")
        return card

    def _time(self) -> str:
        return self._clock().isoformat(timespec="milliseconds")
