"""Questions that a language model writes about passages, and its judgement of pairs.

Knows what to ask for and how to read what comes back. Knows no network and no model: a `QueryWriter` is handed in.
"""

from jargonaut.pairs.questions.generation import LeftOut, for_small_model, generate
from jargonaut.pairs.questions.judge import JudgeOptions, judge, verdict_request
from jargonaut.pairs.questions.parsing import Parsed, Question, parse
from jargonaut.pairs.questions.plan import Assignment, Plan, QuestionOptions, plan
from jargonaut.pairs.questions.prompts import Examples, prompt, reply_tokens

__all__ = [
    "Assignment",
    "Examples",
    "JudgeOptions",
    "LeftOut",
    "Parsed",
    "Plan",
    "Question",
    "QuestionOptions",
    "for_small_model",
    "generate",
    "judge",
    "parse",
    "plan",
    "prompt",
    "reply_tokens",
    "verdict_request",
]
