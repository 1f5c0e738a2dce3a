"""A query adapter, tried on dev before anything is trained: what a map of query vectors alone would gain.

It is fitted on train's queries, and the epoch by which a dev query is scored is chosen on the other folds of dev, so
none is flattered. Embeds nothing but train's queries. Knows vectors and pairs; what follows is for the rules to say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from jargonaut import pairs, training
from jargonaut.adapters import Adapter, AdapterOptions, Lesson, fit_adapter
from jargonaut.evaluation import Scores
from jargonaut.gate.sample import Sample
from jargonaut.gate.weights import crossfitted
from jargonaut.pairing import PreparedPairs
from jargonaut.protocols import Encoder, Vectors
from jargonaut.records import positives, queries
from jargonaut.sources import PreparedCorpus

FEWEST = 50
"""Training queries below which a map would only learn them by heart."""
MOST = 4000
"""Training queries that are used at most; more make it better, and the gate slower."""
_EPOCHS = 8


def tried_adapter(
    sample: Sample,
    corpus: PreparedCorpus,
    prepared: PreparedPairs,
    base: Encoder,
    passages: Vectors,
    score: Callable[[Adapter], Scores],
    options: AdapterOptions,
) -> tuple[Scores, int, int]:
    """Fits one and scores it.

    Args:
        sample: What is asked and searched.
        corpus: Knows which passages are nearly the same.
        prepared: The pairs; train's are learned from, as far as their answers are in the sample.
        base: Encodes train's queries.
        passages: The base's vectors of the sample's passages.
        score: Scores an adapter on the sample's queries.
        options: As an adapter would be fitted.

    Returns:
        Scores of each query, training queries that were used, and those that there are. Without scores where too few
        could be used.
    """
    splits, away = prepared.splits, pairs.held_out(prepared.splits)
    rows = [row for row, id_ in enumerate(sample.ids) if id_ not in away]
    ids = [sample.ids[row] for row in rows]
    there = set(ids)
    usable = {pair.query_id for pair in positives(splits.train) if pair.passage_id in there}
    every = queries(splits.train)
    asked = [query for query in every if query.id in usable][:MOST]
    if len(asked) < FEWEST:
        return Scores((), {}), len(asked), len(every)
    own: dict[str, set[str]] = {}
    for pair in positives(splits.train):
        own.setdefault(pair.query_id, set()).add(pair.passage_id)
    lesson = Lesson.of(
        [query.id for query in asked], base.encode_queries([query.text for query in asked]), ids, passages[rows],
        own, corpus.near_duplicates, known=prepared.known_positives,
    )  # fmt: skip
    found: list[Scores] = []

    def kept(adapter: Adapter) -> float:
        found.append(score(adapter))
        return float(np.mean(found[-1].values["nDCG@10"]))

    dims = training.matryoshka_dims(base.dimension, options.dims)
    quick = replace(options, sides="query", epochs=min(_EPOCHS, options.epochs))
    fit_adapter(lesson, base.fingerprint, base.name, dims, kept, quick)
    return crossfitted(found, sample.asked, sample.clusters)[0], len(asked), len(every)
