"""What a reviewer says of one card, and what many say together.

Knows words and votes. Where decisions are kept, and how they are asked for, is not its business.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from jargonaut.artifacts import legible

Verdict = Literal["accept", "edit", "reject", "skip"]
Reason = Literal[
    "", "not answered", "ambiguous", "not what users ask", "copied wording", "wrong language", "broken text", "other"
]
REASONS: tuple[Reason, ...] = get_args(Reason)[1:]
"""Why a pair is rejected, in the order of the digits that stand for them."""

_STRICTNESS: Mapping[Verdict, int] = {"accept": 0, "edit": 1, "reject": 2}


@dataclass(frozen=True, slots=True)
class Decision:
    """What one reviewer says of one card; `decide` makes one in canonical form.

    Attributes:
        card: The card's key, see `key_of`.
        reviewer: Who says so.
        verdict: `accept`, `edit` (right once the query is the new one), `reject`, or `skip` (no answer).
        reason: Why it was rejected; "" where nothing was said.
        comment: The reviewer's own words.
        edited_query: The new query of an edit.
        edited_card: The key of the same passage with the new query.
        query: The query that was judged.
        at: When, in ISO 8601.
    """

    card: str
    reviewer: str
    verdict: Verdict
    reason: Reason = ""
    comment: str = ""
    edited_query: str = ""
    edited_card: str = ""
    query: str = ""
    at: str = ""

    @property
    def says(self) -> tuple[str, str, str, str]:
        """What it says, apart from who, when and of what."""
        return self.verdict, self.reason, self.comment, self.edited_query


def one_line(text: str) -> str:
    """Text that was typed or stood in a cell, on one line and without control characters."""
    shown = "".join(" " if c.isspace() else "" if unicodedata.category(c) == "Cc" else c for c in legible(text))
    return " ".join(shown.split())


def in_force(decisions: Iterable[Decision]) -> dict[str, dict[str, Decision]]:
    """Card → reviewer → what holds, from all decisions, oldest first: the newest one.

    An edit accepts the card with the new query, unless its reviewer decided that one, too.
    """
    newest: dict[tuple[str, str], Decision] = {}
    for decision in decisions:
        newest[decision.card, decision.reviewer] = decision
    held: dict[str, dict[str, Decision]] = defaultdict(dict)
    for decision in newest.values():
        held[decision.card][decision.reviewer] = decision
    for one in newest.values():
        if one.verdict == "edit" and one.edited_card and (one.edited_card, one.reviewer) not in newest:
            implied = Decision(one.edited_card, one.reviewer, "accept", query=one.edited_query, at=one.at)
            held[one.edited_card][one.reviewer] = implied
    return dict(held)


def settled(decisions: Iterable[Decision]) -> Decision | None:
    """What several reviewers' decisions on one card come to: the middle one by strictness, the stricter of two.

    So a tie rejects. Skips say nothing; among equals the newest counts. None where nobody decided.
    """
    votes = [one for one in decisions if one.verdict != "skip"]
    if not votes:
        return None
    votes.sort(key=lambda one: (_STRICTNESS[one.verdict], one.at, one.reviewer))
    verdict = votes[len(votes) // 2].verdict
    return [one for one in votes if one.verdict == verdict][-1]


def disagree(decisions: Iterable[Decision]) -> bool:
    """Whether some take a pair as it is and some do not."""
    return len({one.verdict == "accept" for one in decisions if one.verdict != "skip"}) > 1
