"""The gate before training: measures on dev what untrained systems reach, and what there is to learn from.

Joins encoders, searchers, language models and the rules of `evaluation`. Test is never opened here.
"""

from jargonaut.gate.assessing import evidence_of, prepare_assessment
from jargonaut.gate.candidates import Candidate, open_candidate, parse_candidate
from jargonaut.gate.sample import Sample

__all__ = ["Candidate", "Sample", "evidence_of", "open_candidate", "parse_candidate", "prepare_assessment"]
