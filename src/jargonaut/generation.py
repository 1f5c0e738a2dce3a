"""Questions that a language model writes about a workspace's passages, as an entry of its pool.

Joins the plan, the writer and the pool. Which questions are good enough to learn from is decided later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jargonaut import formats, pairs
from jargonaut.artifacts import content_hash
from jargonaut.errors import InputError
from jargonaut.llm import Estimate, estimate
from jargonaut.llm.local import LocalModel
from jargonaut.pairs.questions import Examples, LeftOut, Plan, QuestionOptions, for_small_model, generate, plan, prompt
from jargonaut.pairs.questions.prompts import reply_tokens
from jargonaut.pool import Entry, Pool
from jargonaut.protocols import Reporter
from jargonaut.records import BadRow, Judgement, Pair, PairSplits, source_of
from jargonaut.settings import Settings
from jargonaut.sources import PreparedCorpus
from jargonaut.writers import Writer

NAME = "generated"
PROVENANCE = "llm"
QUESTIONS_VERSION = 1


@dataclass(frozen=True, slots=True)
class Job:
    """Questions that are to be written.

    Attributes:
        plan: Which passages are asked about, and what.
        writer: Who writes them.
        examples: Real queries that it is shown.
        options: As the plan was made with.
        held_out: Passages that are not asked about, because people's judgements of their documents test or validate.
        estimate: What it will cost.
        is_weak: Whether the writer is the embedded model.
    """

    plan: Plan
    writer: Writer
    examples: Examples
    options: QuestionOptions
    held_out: int
    estimate: Estimate
    is_weak: bool


def plan_job(
    prepared: PreparedCorpus, splits: PairSplits | None, writer: Writer, settings: Settings, options: QuestionOptions
) -> Job:
    """Decides what is asked of whom, before anything is.

    Args:
        prepared: The corpus.
        splits: The pairs that no model wrote; their real queries are examples (never those of test), and passages that
            test or validate are left out. None where there are none.
        writer: Who writes.
        settings: Prices.
        options: How many questions, of which kinds.

    Raises:
        InputError: There is no passage to ask about.
    """
    weak = isinstance(writer, LocalModel)
    options = for_small_model(options) if weak else options
    held: frozenset[str] = frozenset()
    real: list[str] = []
    if splits is not None:
        foreseen = _foreseen(prepared, splits, settings)
        held = pairs.held_out(foreseen)
        real = [p.query for p in (*foreseen.train, *foreseen.dev) if source_of(p.provenance) in {"label", "click"}]
        real = list(dict.fromkeys(real))
    examples = Examples(tuple(real))
    found = plan([passage for passage in prepared.passages if passage.id not in held], set(), options)
    if not len(found):
        raise InputError(
            f"there is no passage to ask about: {found.too_short:,} have fewer than {options.min_passage_words} words, "
            f"{len(held):,} test or validate", remedy="lower [questions] min_passage_words",
        )  # fmt: skip
    sample = [prompt(one, options, examples) for one in found.sample()]
    cost = estimate(sample, len(found), reply_tokens=reply_tokens(options), prices=settings.prices)
    return Job(found, writer, examples, options, len(held), cost, weak)


def _foreseen(prepared: PreparedCorpus, splits: PairSplits, settings: Settings) -> PairSplits:
    """The split that there will be when every passage has a generated question; the one that is where none can be."""
    if splits.origin == "given":
        return splits
    known = [*splits.train, *splits.dev, *splits.test]
    future = [Pair(f"future-{id_}", f"future {id_}", id_, 1, PROVENANCE) for id_ in prepared.texts]
    try:
        return pairs.split_pairs([*known, *future], prepared.documents, prepared.near_duplicates, settings.split)
    except InputError:
        return splits


def write_questions(job: Job, corpus_key: str, pool: Pool, settings: Settings, reporter: Reporter) -> Entry:
    """Has the questions written. What was answered is kept, so the same call after a kill pays for the rest only.

    Raises:
        ModelError: Nothing can be answered any more.
        InputError: No question came of it.
    """

    def build(on_bad: formats.OnBad) -> tuple[Iterator[Judgement], Any]:
        def left_out(one: LeftOut) -> None:
            said = f"{one.text!r}: " if one.text else ""
            on_bad(BadRow(one.passage_id, 0, "", f"{said}{one.reason}"))

        asked = reporter.track(job.plan, f"asking {job.writer.name}", len(job.plan))
        found = generate(asked, job.writer, job.options, examples=job.examples, on_left_out=left_out)
        return found, lambda: _account(job, settings)

    inputs = {
        "corpus": corpus_key, "model": job.writer.name, "examples": content_hash(job.examples),
        "passages": content_hash([passage.id for passage in job.plan.chosen]),
    }  # fmt: skip
    return pool.add(NAME, "questions", version=QUESTIONS_VERSION, inputs=inputs, options=job.options, build=build)


def _account(job: Job, settings: Settings) -> Mapping[str, Any]:
    account = job.writer.account
    told = account.sentence(settings.prices)
    return {"model": job.writer.name, "passages": len(job.plan), "account": account, "cost": told}
