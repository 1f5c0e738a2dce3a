"""Passages and assignments for tests."""

from __future__ import annotations

from jargonaut.pairs.questions import Assignment
from jargonaut.pairs.questions.plan import Kind
from jargonaut.records import Passage

TEXT = (
    "The coolant must be drained before the thermostat housing is removed. Close the petcock, loosen both clamps and "
    "pull the upper radiator hose off. A leaking gasket is replaced, never sealed with paste."
)
GERMAN = "Vor dem Ausbau des Thermostatgehäuses muss das Kühlmittel abgelassen werden; die Dichtung wird ersetzt."
RUSSIAN = "Перед снятием корпуса термостата необходимо слить охлаждающую жидкость и закрыть сливной кран."
JAPANESE = "サーモスタットハウジングを取り外す前に、冷却水を抜いてください。ガスケットは必ず交換します。"


def passage(number: int = 0, text: str = TEXT, document: str = "manual") -> Passage:
    """A passage of a document."""
    return Passage(f"{document}#{number}", text, "Manual", ("Cooling",), document, number * 1000, number * 1000 + 500)


def assignment(*kinds: Kind, text: str = TEXT) -> Assignment:
    """What to write about one passage."""
    return Assignment(passage(text=text), kinds or ("question", "keyword", "how-to"), "a mechanic")
