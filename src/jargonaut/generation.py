"""Questions that a language model writes about a workspace's passages, as an entry of its pool.

Joins the plan, the writer and the pool. Which questions are good enough to learn from is decided later.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jargonaut import formats, pairs
from jargonaut.artifacts import content_hash
from jargonaut.errors import InputError
from jargonaut.llm import Estimate, estimate
from jargonaut.llm.local import LocalModel
from jargonaut.pairs.provenance import REAL
from jargonaut.pairs.questions import Examples, LeftOut, Plan, QuestionOptions, for_small_model, generate, plan, prompt
from jargonaut.pairs.questions.prompts import reply_tokens
from jargonaut.pool import Built, Entry, Pool
from jargonaut.protocols import Reporter
from jargonaut.records import BadRow, Pair, PairSplits, source_of
from jargonaut.settings import Settings
from jargonaut.sources import PreparedCorpus
from jargonaut.writers import Writer

NAME = "generated"
PROVENANCE = "llm"
QUESTIONS_VERSION = 1


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known of a workspace's pairs before a model writes any.

    Attributes:
        pairs: Curated, of all sources but a model; not split.
        given: The split that the source itself brings; None where it is ours to make.
    """

    pairs: Sequence[Pair]
    given: PairSplits | None = None


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
        notices: What of the options could not be kept to.
    """

    plan: Plan
    writer: Writer
    examples: Examples
    options: QuestionOptions
    held_out: int
    estimate: Estimate
    is_weak: bool
    notices: tuple[str, ...] = ()


def plan_job(
    prepared: PreparedCorpus, judged: Judged, writer: Writer, settings: Settings, options: QuestionOptions
) -> Job:
    """Decides what is asked of whom, before anything is.

    Args:
        prepared: The corpus.
        judged: The pairs that no model wrote. Real queries among them are examples, never those of test, and passages
            that will test or validate are left out.
        writer: Who writes.
        settings: Prices, and how pairs are split.
        options: How many questions, of which kinds.

    Raises:
        InputError: There is no passage to ask about.
    """
    weak = isinstance(writer, LocalModel)
    wanted, options = options, for_small_model(options) if weak else options
    held, real = _foreseen(prepared, judged, settings, options)
    examples = Examples(tuple(real))
    found = plan([passage for passage in prepared.passages if passage.id not in held], options)
    if not len(found):
        raise InputError(
            f"there is no passage to ask about: {found.too_short:,} have fewer than {options.min_passage_words} words, "
            f"{len(held):,} test or validate", remedy="lower [questions] min_passage_words",
        )  # fmt: skip
    sample = [prompt(one, options, examples) for one in found.sample()]
    cost = estimate(sample, len(found), reply_tokens=reply_tokens(options), prices=settings.prices)
    return Job(found, writer, examples, options, len(held), cost, weak, tuple(_cut_back(wanted, options)))


def _cut_back(wanted: QuestionOptions, options: QuestionOptions) -> Iterator[str]:
    """What was asked for and is more than a small model is asked for."""
    if options.per_passage < wanted.per_passage:
        yield (
            f"{options.per_passage} questions for each passage instead of {wanted.per_passage}: the model that runs "
            "here writes no more in one answer"
        )


def _foreseen(
    prepared: PreparedCorpus, judged: Judged, settings: Settings, options: QuestionOptions
) -> tuple[frozenset[str], list[str]]:
    """Passages that will test or validate when every passage has a question, and real queries that will not test.

    More questions than planned are never written, and fewer hold out fewer passages of the same order; so what tests in
    the end is held out here.
    """
    if not any(source_of(pair.provenance) in REAL for pair in judged.pairs):
        return frozenset(), []
    splits = judged.given
    if splits is None:
        planned = options.per_passage * min(options.limit or len(prepared.texts), len(prepared.texts))
        limit = settings.split.teach_queries
        future = [Pair(f"future-{id_}", f"future {id_}", id_, 1, PROVENANCE) for id_ in prepared.texts]
        # One query stands for all of a passage's, so the threshold is asked here.
        asked = replace(settings.split, teach_queries=0 if planned + len(judged.pairs) >= limit else sys.maxsize)
        splits = pairs.split_pairs(
            [*judged.pairs, *future],
            prepared.documents,
            prepared.near_duplicates,
            asked,
            language=settings.bm25.language,
        )
    real = [p.query for p in (*splits.train, *splits.dev) if source_of(p.provenance) in REAL]
    return pairs.held_out(splits), list(dict.fromkeys(real))


def write_questions(job: Job, corpus_key: str, pool: Pool, settings: Settings, reporter: Reporter) -> Entry:
    """Has the questions written. What was answered is kept, so the same call after a kill pays for the rest only.

    Where requests were given up without an answer, the same call asks those again.

    Raises:
        ModelError: Nothing can be answered any more.
        InputError: No question came of it.
    """
    failed = job.writer.account.failed

    def build(on_bad: formats.OnBad) -> Built:
        def left_out(one: LeftOut) -> None:
            said = f"{one.text!r}: " if one.text else ""
            on_bad(BadRow(one.passage_id, 0, "", f"{said}{one.reason}"))

        asked = reporter.track(job.plan, f"asking {job.writer.name}", len(job.plan))
        found = generate(asked, job.writer, job.options, examples=job.examples, on_left_out=left_out)
        return Built(found, lambda: told | _account(job, settings, failed), _shown(job))

    inputs: dict[str, Any] = {
        "corpus": corpus_key, "model": job.writer.identity, "examples": content_hash(job.examples),
        "passages": content_hash([passage.id for passage in job.plan.chosen]),
    }  # fmt: skip
    told = {"job": content_hash(inputs, job.options), "attempt": 0}
    before = next((entry.artifact.counts for entry in pool.entries() if entry.name == NAME), {})
    if before.get("job") == told["job"]:
        # One that lacks answers is not what was asked for, so it is not found as done.
        told["attempt"] = before["attempt"] + bool(before["unanswered"])
    if told["attempt"]:
        inputs["attempt"] = told["attempt"]
    return pool.add(
        NAME, "questions", version=QUESTIONS_VERSION, inputs=inputs, options=job.options, build=build,
        remedy="answers are kept, good or bad: when the model was mended, ask anew with another seed, such as "
        f"--set questions.seed={job.options.seed + 1}",
    )  # fmt: skip


def _shown(job: Job) -> list[str]:
    """The real queries that prompts of a job hold."""
    if job.options.short_prompt or not job.examples.queries:
        return []  # a short prompt has its own examples
    return sorted({query for one in job.plan for query in job.examples.chosen(one, job.options)})


def _account(job: Job, settings: Settings, failed: int) -> dict[str, Any]:
    """What a job came to.

    Args:
        job: It.
        settings: Prices.
        failed: How many requests its writer had given up before.
    """
    account = job.writer.account
    return {
        "model": job.writer.name, "passages": len(job.plan), "unanswered": account.failed - failed,
        "account": account, "cost": account.sentence(settings.prices),
    }  # fmt: skip
