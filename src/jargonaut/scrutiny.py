"""A tuned model under scrutiny: everything that is asked of it beyond "is it better on test".

Hands passages, pairs, searches, topics and words to the parts of `evaluation` that judge them. Passages are not encoded
again: changed queries are searched in one pass with each model, beside dev's. Knows what is measured on what; how a
search works, and what follows from a finding, is not its business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from jargonaut import evaluation, formats, retrieval
from jargonaut.contenders import Contenders
from jargonaut.evaluation import PERTURBATIONS, ScoredHits, Scores, Scrutiny, Terms
from jargonaut.general_knowledge import general_knowledge
from jargonaut.layout import Layout
from jargonaut.llm import ChatClient
from jargonaut.llm.account import about_tokens
from jargonaut.pairs.review import Card, Sample, Stratum, export, key_of
from jargonaut.pairs.statistics.topics import topic_names
from jargonaut.pairs.statistics.two_samples import WordShift, word_shifts
from jargonaut.pairs.statistics.vocabulary import word_counts
from jargonaut.pairs.wording import stemmed, words
from jargonaut.protocols import Encoder, Item, Reporter
from jargonaut.records import Pair, PairSplits, Query, Run, positives, qrels, queries
from jargonaut.retrieval.lexical import stop_words
from jargonaut.settings import Settings
from jargonaut.sources import PreparedCorpus
from jargonaut.suspects import SHEET, SUSPECTED, SUSPECTS
from jargonaut.writers import open_judge

Search = Callable[[Sequence[Query], int], Run]
"""Queries, hits wanted → what a system answers."""

_DEV = "dev"
_MOVED = 4000
"""Passages of either kind whose words are compared at most."""
_TERMS = 15


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at.

    Attributes:
        corpus: The passages.
        splits: The pairs.
        runs: System → what it answered to test's queries at the deployed dimension, to a depth of 100; `base` and
            `tuned` are among them, and the order is that in which they are told.
        base: Search with the base at the deployed dimension.
        tuned: The same with the tuned model.
        encoders: Base and tuned model.
        dim: The deployed dimension.
    """

    corpus: PreparedCorpus
    splits: PairSplits
    runs: Mapping[str, Run]
    base: Search
    tuned: Search
    encoders: tuple[Encoder, Encoder]
    dim: int

    @classmethod
    def over(
        cls, contenders: Contenders, corpus: PreparedCorpus, splits: PairSplits, runs: Mapping[str, Run],
        encoders: tuple[Encoder, Encoder], dim: int,
    ) -> Subject:  # fmt: skip
        """With searches over the passages of `contenders`; the first encoder is the base."""

        def search(name: str, encoder: Encoder) -> Search:
            return lambda asked, k: contenders.dense(name, encoder, asked, dim=dim, k=k)

        base, tuned = encoders
        return cls(corpus, splits, runs, search("base", base), search("tuned", tuned), encoders, dim)


def scrutinise(
    folder: Path | None, subject: Subject, settings: Settings, layout: Layout, reporter: Reporter
) -> Scrutiny:
    """Looks at a tuned model from all sides; likely label errors are written to files for a review.

    Args:
        folder: Where these files go; None writes none, for passages that are not the workspace's.
        subject: The models and what they are tried on.
        settings: Sections `perturb`, `slices`, `thresholds`, `savings`, `answers`, `evaluate`, `bm25`, `prices` and
            `llm`.
        layout: Where answers of a language model are kept.
        reporter: Where its cost is told.

    Raises:
        JargonautError: A language model is wanted, and there is none or it does not answer.
    """
    return _Examiner(folder, subject, settings, layout, reporter).scrutiny()


def scrutinised_by(settings: Settings, layout: Layout) -> dict[str, Any]:
    """Everything in the settings that decides what a scrutiny finds.

    Raises:
        SettingsError: A language model is wanted, and there is no endpoint.
    """
    writer = language_model(settings, layout)
    return {
        "perturb": settings.perturb, "slices": settings.slices, "thresholds": settings.thresholds,
        "savings": settings.savings, "answers": settings.answers, "prices": settings.prices,
        "model": "" if writer is None else writer.identity,
    }  # fmt: skip


def language_model(settings: Settings, layout: Layout) -> ChatClient | None:
    """The language model that the settings want for this; None where they want none. Nothing is asked yet.

    Raises:
        SettingsError: One is wanted, and there is no endpoint.
    """
    if settings.perturb.paraphrase_by_llm and settings.perturb.queries:
        return open_judge(settings, layout, "[perturb] paraphrase_by_llm")
    return open_judge(settings, layout, "[answers] sample") if settings.answers.sample else None


class _Examiner:
    """One scrutiny; what several parts need is made once."""

    def __init__(
        self, folder: Path | None, subject: Subject, settings: Settings, layout: Layout, reporter: Reporter
    ) -> None:
        self._folder, self._subject, self._settings, self._reporter = folder, subject, settings, reporter
        self._language = settings.bm25.language
        self._stops = frozenset(stop_words(self._language))
        self._texts, self._splits = subject.corpus.texts, subject.splits
        self._test, self._dev = queries(subject.splits.test), queries(subject.splits.dev)
        self._judged = qrels(subject.splits.test)
        self._clusters = evaluation.query_clusters(self._judged, subject.splits.groups)
        self._writer = language_model(settings, layout)
        self._notices: list[str] = []

    def scrutiny(self) -> Scrutiny:
        runs, options = self._subject.runs, self._settings.evaluate
        before = (self._scored(runs["base"], self._test), self._scored(runs["tuned"], self._test))
        variants = self._variants()
        # The tuned model first: its passages' vectors are those that the comparison held last.
        answers = {"tuned": _answers(self._subject.tuned, variants, self._depth)}
        answers["base"] = _answers(self._subject.base, variants, self._depth)
        labels = self._labels()
        slices = evaluation.slice_results(*before, labels, self._clusters, self._settings.slices, options)
        worst = evaluation.worst_slice(slices, *before, labels, self._clusters, options)
        scale, delta = self._scale(answers), self._answer_delta()
        if self._writer is not None:
            self._reporter.line(f"  {self._writer.name}: {self._writer.account.sentence(self._settings.prices)}")
        return Scrutiny(
            tuple(self._conditions(before, variants, answers)), slices, worst, self._forgetting(), scale,
            self._savings(), self._terms(), self._label_errors(), delta,
            (*self._notices, *(() if scale is None else scale.notices)),
        )  # fmt: skip

    @property
    def _depth(self) -> int:
        return max(10, self._settings.thresholds.depth)

    def _scored(self, run: Run, asked: Sequence[Query]) -> Scores:
        return evaluation.per_query(run, self._judged, asked)

    def _variants(self) -> dict[str, list[Query]]:
        """What is asked anew: dev, and test's queries as each rule changes them."""
        options = self._settings.perturb
        drawn = evaluation.drawn_queries(self._test, options)
        found: dict[str, list[Query]] = {_DEV: self._dev}
        for name in PERTURBATIONS if drawn else ():
            changed = evaluation.perturbed(name, drawn, options, self._stops)
            if name == "paraphrase" and self._writer is not None and options.paraphrase_by_llm:
                changed = self._written(drawn)
            if changed:
                found[name] = changed
            else:
                self._notices.append(f"{name}: the rule changes none of {len(drawn):,} test queries")
        return found

    def _written(self, drawn: Sequence[Query]) -> list[Query]:
        """Paraphrases by the language model."""
        assert self._writer is not None  # noqa: S101 - asked by the caller
        asked = evaluation.write_paraphrases(drawn, self._writer, self._settings.perturb.seed)
        if lost := asked.unusable + asked.unanswered:
            self._notices.append(f"paraphrase: {self._writer.name} gave nothing usable for {lost:,} of {len(drawn):,}")
        return list(asked.queries)

    def _conditions(
        self, before: tuple[Scores, Scores], variants: Mapping[str, Sequence[Query]],
        answers: Mapping[str, Mapping[str, Run]],
    ) -> Iterator[evaluation.ConditionResult]:  # fmt: skip
        for name, asked in variants.items():
            if name == _DEV:
                continue
            after = (self._scored(answers["base"][name], asked), self._scored(answers["tuned"][name], asked))
            result = evaluation.condition(name, before, after, self._clusters, self._settings.evaluate)
            if result is not None:
                yield result

    @cached_property
    def _first_positive(self) -> dict[str, Pair]:
        """Test query id → its first positive, the best graded one."""
        found: dict[str, Pair] = {}
        for pair in sorted(positives(self._splits.test), key=lambda pair: -pair.relevance):
            found.setdefault(pair.query_id, pair)
        return found

    def _labels(self) -> dict[str, dict[str, str]]:
        """What test is divided by → query id → part."""
        first = self._first_positive
        texts = {query_id: self._texts[pair.passage_id] for query_id, pair in first.items()}
        return {
            "source": {query_id: pair.provenance for query_id, pair in first.items()},
            "kind": evaluation.kinds_of(self._test, self._stops),
            "query length": evaluation.length_bands(
                {query.id: evaluation.word_count(query.text) for query in self._test}, "words"
            ),
            "passage length": evaluation.length_bands(
                {query_id: evaluation.word_count(text) for query_id, text in texts.items()}, "words"
            ),
            "topic": self._topics(texts),
            "vocabulary": self._novelty(),
            "document": self._documents(),
        }

    def _topics(self, texts: Mapping[str, str]) -> dict[str, str]:
        options = self._settings.slices
        wanted = min(options.topics, len(texts) // options.smallest)
        if wanted < 2:
            return {}
        vectors = self._subject.encoders[0].encode_passages(list(texts.values()))  # in the cache
        seed = self._settings.perturb.seed
        return dict(zip(texts, topic_names(list(texts.values()), vectors, wanted, seed, self._language), strict=False))

    def _novelty(self) -> dict[str, str]:
        """Whether all words of a query occur in what training was taught on; nothing where that is not known."""
        if not self._splits.train:
            return {}
        taught = {pair.query: None for pair in positives(self._splits.train)}
        read = {pair.passage_id: None for pair in positives(self._splits.train)}
        known = {word for text in taught for word in words(text)}
        known.update(word for passage_id in read for word in words(self._texts[passage_id]))
        stems = set(stemmed(sorted(known), self._language))

        def is_new(text: str) -> bool:
            asked = [word for word in words(text) if word not in self._stops and word not in known]
            return any(stem not in stems for stem in stemmed(asked, self._language))

        parts = {True: "words that training never saw", False: "all words seen in training"}
        return {query.id: parts[is_new(query.text)] for query in self._test}

    def _documents(self) -> dict[str, str]:
        """Whether training was taught on a document that answers; with our own splits it never was."""
        if not self._splits.train:
            return {}
        documents = self._subject.corpus.documents
        taught = {documents[pair.passage_id] for pair in positives(self._splits.train)}
        known = {pair.query_id for pair in positives(self._splits.test) if documents[pair.passage_id] in taught}
        share = 1 - len(known) / len(self._test)
        if known:
            self._notices.append(f"{share:.0%} of test's queries are about documents that training never saw")
        parts = {True: "seen in training", False: "never seen in training"}
        return {query.id: parts[query.id in known] for query in self._test}

    def _forgetting(self) -> evaluation.Retention:
        """The general set that ships with the package, before and after."""
        known = general_knowledge()
        asked, ids = queries(known.pairs), list(known.texts)
        scores = []
        for encoder in self._subject.encoders:
            vectors = encoder.encode_queries([query.text for query in asked])
            passages = encoder.encode_passages(list(known.texts.values()))
            run = retrieval.dense_run(
                "general", [query.id for query in asked], vectors, ids, passages, k=10, dim=self._subject.dim
            )
            scores.append(evaluation.per_query(run, qrels(known.pairs), asked))
        topics = {pair.query_id: known.topics[pair.passage_id] for pair in known.pairs}
        options = self._settings.evaluate
        return evaluation.retention(scores[0], scores[1], topics, options.forgetting_limit, options)

    def _scale(self, answers: Mapping[str, Mapping[str, Run]]) -> evaluation.ScaleShift | None:
        options, of_dev = self._settings.thresholds, qrels(self._splits.dev)
        if not self._dev:
            return None
        base, tuned = (
            (ScoredHits.of(answers[name][_DEV], of_dev, self._dev, options.depth),
             ScoredHits.of(self._subject.runs[name], self._judged, self._test, options.depth))
            for name in ("base", "tuned")
        )  # fmt: skip
        return evaluation.scale_shift((base[0], tuned[0]), (base[1], tuned[1]), options)

    def _savings(self) -> evaluation.Savings | None:
        runs = self._subject.runs
        ordered = {"base": runs["base"], **{name: run for name, run in runs.items() if name != "base"}}
        sizes: dict[str, int] = {}

        def tokens(passage_id: str) -> int:
            if passage_id not in sizes:
                sizes[passage_id] = about_tokens(self._texts[passage_id])
            return sizes[passage_id]

        prices, how = self._settings.prices, self._settings.evaluate
        return evaluation.savings(
            ordered, self._judged, self._test, tokens, self._clusters, self._settings.savings,
            price_per_million=prices.input_per_million, currency=prices.currency, confidence=how.confidence,
            seed=how.seed,
        )  # fmt: skip

    def _terms(self) -> Terms:
        runs = self._subject.runs
        moved = evaluation.moved_passages(self._test, runs["base"], runs["tuned"])
        parts = [_evenly(some, _MOVED) for some in (moved.gained, moved.lost)]
        came, left = len(moved.gained), len(moved.lost)
        if not all(parts):
            return Terms(came=came, left=left)
        counted = word_counts([self._texts[passage_id] for part in parts for passage_id in part], self._language)
        kinds = np.arange(sum(map(len, parts))) < len(parts[0])
        gained, lost = word_shifts(counted, kinds, _TERMS)
        return Terms(tuple(map(_term, gained)), tuple(map(_term, lost)), came, left)

    def _label_errors(self) -> evaluation.LabelErrors:
        runs = self._subject.runs
        found = evaluation.likely_label_errors(
            self._test, self._judged, runs["base"], runs["tuned"], self._subject.corpus.near_duplicates
        )
        if found.all and self._folder is not None:
            passages = {passage.id: passage for passage in self._subject.corpus.passages}
            pairs = [Pair(one.query.id, one.query.text, one.passage_id, 1, SUSPECTED) for one in found.all]
            formats.write_jsonl(self._folder / SUSPECTS, pairs)
            cards = {
                key: Card(key, pair, passages[pair.passage_id], Stratum(SUSPECTED, "test", ""))
                for pair in pairs for key in [key_of(pair.query, passages[pair.passage_id].text)]
            }  # fmt: skip
            export(self._folder / SHEET, Sample(tuple(cards.values()), {}), {}, "")
        return found

    def _answer_delta(self) -> evaluation.AnswerDelta | None:
        options, runs = self._settings.answers, self._subject.runs
        if self._writer is None or not options.sample:
            return None
        drawn = list(_evenly(self._test, options.sample))
        references = {query.id: self._texts[self._first_positive[query.id].passage_id] for query in drawn}
        return evaluation.answer_delta(
            drawn, references, (runs["base"], runs["tuned"]), self._texts, self._writer, self._clusters, options,
            self._settings.evaluate,
        )  # fmt: skip


def _answers(search: Search, variants: Mapping[str, Sequence[Query]], k: int) -> dict[str, Run]:
    """What a system answers to several lists of queries, which may share ids, in one search."""
    names = list(variants)
    asked = [Query(f"{number}:{query.id}", query.text) for number, name in enumerate(names) for query in variants[name]]
    if not asked:
        return {name: Run(name, {}) for name in names}
    found = search(asked, k).rankings
    return {
        name: Run(name, {q.id: found[f"{number}:{q.id}"] for q in variants[name] if f"{number}:{q.id}" in found})
        for number, name in enumerate(names)
    }


def _evenly(some: Sequence[Item], most: int) -> Sequence[Item]:
    """At most so many of them, evenly taken."""
    return some if len(some) <= most else [some[place] for place in np.linspace(0, len(some) - 1, most, dtype=int)]


def _term(shift: WordShift) -> evaluation.MovedTerm:
    """A word that came, or one that left: its weight is below 0."""
    return evaluation.MovedTerm(shift.word, shift.z, shift.first, shift.second)
