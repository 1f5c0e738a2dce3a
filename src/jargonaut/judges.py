"""What judges a model in training: dev at the deployed dimension, and general knowledge at the same one.

Knows which questions are asked, and between which weights of base and tuned model the answers decide. Test is never
among them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jargonaut import evaluation, retrieval
from jargonaut.encoding.local import LocalEncoder, load_model
from jargonaut.encoding.models import ModelFolder
from jargonaut.general_knowledge import general_knowledge
from jargonaut.protocols import Encoder, Reporter
from jargonaut.records import Pair, positives, qrels, queries
from jargonaut.settings import Settings
from jargonaut.training import Blend, Interpolation, Trained, interpolate, tensors_of

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


DEV_QUERIES = 500
"""Most dev queries by which an epoch is scored: scoring comes after every epoch and must stay a small part of it."""
DEV_POSITIVES = 1000
"""Most passages that answer them; queries that would bring more are left out."""
DEV_DISTRACTORS = 1000
"""Passages, besides dev's positives, against which an epoch is scored."""
_SPREAD = 0.11
"""Standard deviation of a query's nDCG@10 from one model to the next: .07 to .15 between recipes, on four sets."""


class DevJudge:
    """Scores a model in training: nDCG@10 of a sample of dev's queries over their positives and other passages.

    Args:
        dev: The pairs whose queries are asked.
        texts: Passage id → the words that are searched.
        dim: Components of the vectors that count.
        seed: Of the samples.
    """

    def __init__(self, dev: tuple[Pair, ...], texts: Mapping[str, str], dim: int, seed: int) -> None:
        dev = _sampled(dev, seed)
        self._asked, self._judged, self._texts, self._dim = queries(dev), qrels(dev), texts, dim
        wanted = list(dict.fromkeys(pair.passage_id for pair in positives(dev)))
        taken = set(wanted)
        others = [passage_id for passage_id in texts if passage_id not in taken]
        drawn = np.random.default_rng(seed).permutation(len(others))[:DEV_DISTRACTORS]
        self._pool = [*wanted, *(others[number] for number in drawn)]

    def __str__(self) -> str:
        return f"nDCG@10 of {len(self._asked):,} queries over {len(self._pool):,} passages, {self._dim} dimensions"

    @property
    def chance(self) -> float:
        """Difference of two models' scores that says nothing: one standard error, over so many queries."""
        return _SPREAD / math.sqrt(len(self._asked))

    def score(self, encoder: Encoder) -> float:
        """Mean nDCG@10 of a model's answers."""
        return float(self._values(encoder).mean())

    def gain(self, base: Encoder, other: Encoder, groups: Mapping[str, str], confidence: float) -> tuple[float, float]:
        """Confidence interval of what one model adds to another, by paired bootstrap over document groups.

        Args:
            base: The one.
            other: The other.
            groups: Passage id → its document group, as the splits have it.
            confidence: Of the interval, from 0 to 1.
        """
        known = evaluation.query_clusters(self._judged, groups)
        clusters = [known[query.id] for query in self._asked]
        found = evaluation.paired_bootstrap(self._values(base), self._values(other), clusters, confidence=confidence)
        return found.low, found.high

    def _values(self, encoder: Encoder) -> NDArray[np.float64]:
        """nDCG@10 of each query, in order."""
        run = retrieval.dense_run(
            "dev", [query.id for query in self._asked], encoder.encode_queries([query.text for query in self._asked]),
            self._pool, encoder.encode_passages([self._texts[passage_id] for passage_id in self._pool]), k=10,
            dim=self._dim,
        )  # fmt: skip
        return evaluation.per_query(run, self._judged, self._asked).values["nDCG@10"]


def _sampled(dev: tuple[Pair, ...], seed: int) -> tuple[Pair, ...]:
    """The pairs of as many queries as are asked, whole queries, in their order."""
    answers: dict[str, set[str]] = {}
    for pair in positives(dev):
        answers.setdefault(pair.query_id, set()).add(pair.passage_id)
    ids, kept, passages = list(answers), set[str](), set[str]()
    for number in np.random.default_rng(seed).permutation(len(ids)):
        id_ = ids[number]
        if len(kept) == DEV_QUERIES:
            break
        if not kept or len(passages | answers[id_]) <= DEV_POSITIVES:
            kept.add(id_)
            passages |= answers[id_]
    return tuple(pair for pair in dev if pair.query_id in kept)


class Judges:
    """Scores of models that began as one base.

    Args:
        dev: The pairs whose queries are asked.
        texts: Passage id → the words that are searched.
        dim: Components of the vectors that count.
        base: The base model, which gives the prompts.
        settings: Of training, and of the machine.
    """

    def __init__(
        self, dev: tuple[Pair, ...], texts: Mapping[str, str], dim: int, base: ModelFolder, settings: Settings
    ) -> None:
        self._base, self._settings = base, settings
        known = general_knowledge()
        self._dev = DevJudge(dev, texts, dim, settings.train.seed)
        self._known = DevJudge(known.pairs, known.texts, dim, settings.train.seed)

    def __str__(self) -> str:
        return f"{self._dev}; general knowledge: {self._known}"

    def dev(self, model: SentenceTransformer) -> float:
        """NDCG@10 on dev."""
        return self._scored(self._dev, model)

    def general(self, model: SentenceTransformer) -> float:
        """NDCG@10 on the general knowledge that ships with the package."""
        return self._scored(self._known, model)

    def interpolated(self, model: SentenceTransformer, trained: Trained, reporter: Reporter) -> Interpolation:
        """Moves a tuned model towards its base as far as the settings want.

        Args:
            model: The tuned model, in fp32; it holds what was chosen afterwards.
            trained: How its training went, with dev and general scores of every epoch.
            reporter: Where each step is told.
        """
        import torch

        options, compute = self._settings.train, self._settings.compute
        dev, general = dict(trained.dev_scores), dict(trained.general_scores)
        start = Blend(0.0, dev[0], general[0])
        if not trained.best_epoch:
            return Interpolation((start,), 0.0, options.general_limit)
        end = Blend(1.0, dev[trained.best_epoch], general[trained.best_epoch])
        if not options.alphas and end.dev > start.dev:
            return Interpolation((start, end), 1.0, options.general_limit)
        # On the CPU, so that a GPU holds no third set of weights.
        base = load_model(
            self._base, replace(compute, device="cpu"), max_tokens=self._settings.base.max_tokens,
            trust_remote_code=self._settings.base.trust_remote_code, dtype=torch.float32,
        )  # fmt: skip
        return interpolate(
            model, dict(tensors_of(base)), start, end, alphas=options.alphas or (end.alpha,),
            limit=options.general_limit, score=self.dev, general=self.general, chance=self._dev.chance, compute=compute,
            reporter=reporter,
        )  # fmt: skip

    def _scored(self, judge: DevJudge, model: SentenceTransformer) -> float:
        return judge.score(LocalEncoder.around(self._base, model, self._settings.compute))
