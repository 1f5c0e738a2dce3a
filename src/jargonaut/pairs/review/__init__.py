"""People look at pairs: a stratified sample, one card at a time, and what their decisions say of all the pairs.

Every decision is kept at once and belongs to the texts that were judged, so it is found again in later pairs. Nothing
here knows a terminal, a page or a server: those call `Review`.
"""

from jargonaut.pairs.review.applying import Reviewed, apply
from jargonaut.pairs.review.argilla import SETTINGS, UPLOAD
from jargonaut.pairs.review.cards import Card, Stratum, key_of, keyed
from jargonaut.pairs.review.decisions import REASONS, Decision, Reason, Verdict, in_force, settled
from jargonaut.pairs.review.exchange import COLUMNS, Answers, export, read_answers
from jargonaut.pairs.review.material import Material
from jargonaut.pairs.review.results import Outcome, Rate, Results, acceptance, cards_to_decide, results_of, wilson
from jargonaut.pairs.review.sampling import ReviewOptions, Sample, chosen, sample
from jargonaut.pairs.review.session import Review
from jargonaut.pairs.review.store import DecisionStore, Stored, Taken

__all__ = [
    "COLUMNS",
    "REASONS",
    "SETTINGS",
    "UPLOAD",
    "Answers",
    "Card",
    "Decision",
    "DecisionStore",
    "Material",
    "Outcome",
    "Rate",
    "Reason",
    "Results",
    "Review",
    "ReviewOptions",
    "Reviewed",
    "Sample",
    "Stored",
    "Stratum",
    "Taken",
    "Verdict",
    "acceptance",
    "apply",
    "cards_to_decide",
    "chosen",
    "export",
    "in_force",
    "key_of",
    "keyed",
    "read_answers",
    "results_of",
    "sample",
    "settled",
    "wilson",
]
