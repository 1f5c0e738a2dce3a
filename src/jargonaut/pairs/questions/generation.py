"""Passages → judgements, by way of a language model that writes questions about them.

Knows the order of work: ask, read, correct, keep. Opens no connection: whoever writes is handed in. What it writes is
not yet fit to train on; that is the filters' work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from jargonaut.pairs.questions.conversation import Conversations
from jargonaut.pairs.questions.parsing import Parsed, parse
from jargonaut.pairs.questions.plan import Assignment, QuestionOptions
from jargonaut.pairs.questions.prompts import Examples, corrected, prompt
from jargonaut.pairs.wording import normalised
from jargonaut.protocols import QueryWriter
from jargonaut.records import Judgement

PROVENANCE = "llm"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that a model wrote, or failed to write, and that is not used.

    Attributes:
        passage_id: What it is about.
        text: The question; empty where there is none.
        reason: Why it cannot be used.
    """

    passage_id: str
    text: str
    reason: str


def generate(
    assignments: Iterable[Assignment],
    writer: QueryWriter,
    options: QuestionOptions | None = None,
    *,
    examples: Examples | None = None,
    on_left_out: Callable[[LeftOut], None],
) -> Iterator[Judgement]:
    """Asks for the questions of every assignment, such as a `Plan` gives.

    Judgements come in the order of the assignments, whenever answers arrive. Memory does not grow with the number of
    assignments, but for what was written while an earlier one is still without an answer. A run that was stopped is
    simply started again: a writer with a cache pays for nothing twice.

    Args:
        assignments: Drawn as they are needed.
        writer: Answers; its errors are passed on.
        options: As the assignments were planned with.
        examples: Real queries that show how people ask; never those that a model is tested on. A question that repeats
            one is left out.
        on_left_out: Told of every question and every passage that came to nothing, with the reason.

    Yields:
        For each question one judgement for each passage that answers it (two for `llm:multi-passage`), with the
        passage's id as `target` and its text.
    """
    options = options or QuestionOptions()
    examples = examples or Examples()
    known = frozenset(normalised(query) for query in examples.queries)

    def read(assignment: Assignment, answer: str) -> tuple[Parsed, str]:
        parsed = parse(
            answer, assignment, max_overlap=options.max_overlap, same_script=options.language is None, known=known
        )
        return parsed, parsed.fault

    ask = partial(prompt, options=options, examples=examples)
    conversations = Conversations(writer, ask, read, corrected, options.retries)
    for outcome in conversations.outcomes(assignments):
        passage_id = outcome.item.passage.id
        for text, reason in outcome.result.rejected if outcome.result else ():
            on_left_out(LeftOut(passage_id, text, reason))
        if outcome.fault:
            on_left_out(LeftOut(passage_id, "", outcome.fault))
        elif outcome.result:
            yield from _judgements(outcome.item, outcome.result)


def for_small_model(options: QuestionOptions) -> QuestionOptions:
    """The options with what a model of few parameters and a short context needs."""
    return replace(
        options,
        short_prompt=True,
        per_passage=min(options.per_passage, 3),
        multi_passage_share=0.0,
        max_passage_chars=min(options.max_passage_chars, 1500),
        max_tokens=min(options.max_tokens, 160),
        retries=0,
    )


def _judgements(assignment: Assignment, parsed: Parsed) -> Iterator[Judgement]:
    for question in parsed.questions:
        for passage in assignment.passages:
            provenance = f"{PROVENANCE}:{question.kind}"
            yield Judgement(question.text, passage.id, passage.text, 1, provenance)
