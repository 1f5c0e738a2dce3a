"""A bridge from a new model into the live index, and what it retains, measured before anybody relies on it.

Fits on passages that the live index holds and that the new model has embedded, and asks test queries three times over
the same passages: as it is live, over the bridge, and as it will be once the index is rebuilt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from jargonaut.encoding.matryoshka import TruncatedEncoder
from jargonaut.errors import InputError
from jargonaut.index import (
    DEPTH,
    Bridge,
    BridgedEncoder,
    Collection,
    GoldenQueries,
    IndexSearcher,
    Sample,
    fit_bridge,
    load_bridge,
    overlap_of,
    recall_at,
    save_bridge,
)
from jargonaut.lifecycle.golden import golden_queries
from jargonaut.lifecycle.identity import open_collection
from jargonaut.lifecycle.indexes import IndexLifecycle
from jargonaut.protocols import Encoder, Vectors
from jargonaut.registry import IndexRecord, ModelVersion
from jargonaut.retrieval.dense import top_k

FITTED_ON = 20_000
"""Passages that a bridge is fitted on at most; more make it no better."""
_READ_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class BridgeRow:
    """One way to answer the test queries, over the passages that the bridge was fitted on.

    Attributes:
        name: Which.
        recall: Recall@10.
        overlap: Mean overlap@10 with what the new model finds in its own vectors.
    """

    name: str
    recall: float
    overlap: float


@dataclass(frozen=True, slots=True)
class BridgeReport:
    """A bridge, and what it retains.

    Attributes:
        bridge: The map.
        version: The new model.
        live: What is live.
        path: Where it is kept.
        passages: That were searched.
        queries: That were asked; 0 where the workspace has no test queries, and then nothing is measured.
        rows: What is live, the bridge, and the new model's own index.
    """

    bridge: Bridge
    version: str
    live: str
    path: Path
    passages: int
    queries: int
    rows: tuple[BridgeRow, ...]

    @property
    def retention(self) -> float | None:
        """Recall@10 over the bridge as a share of that of the new model's own index; None where it was not measured."""
        if not self.rows or not self.rows[-1].recall:
            return None
        return self.rows[1].recall / self.rows[-1].recall


def build_bridge(lifecycle: IndexLifecycle, version: str, *, passages: int = FITTED_ON) -> BridgeReport:
    """Fits a bridge from a version into the live index and measures it.

    Args:
        lifecycle: Of the workspace.
        version: The new model.
        passages: That it is fitted on at most; those that this model did not embed yet are embedded now.

    Raises:
        InputError: Nothing is live, the version is live already, or there are too few passages.
        MismatchError: The live collection is not what it was.
    """
    record, model = lifecycle.catalogue.find(None), lifecycle.registry.get(version)
    if model.searched == record.fingerprint:
        raise InputError(f"{version} searches the live index as it is, so it needs no bridge", where="VERSION")
    collection, old_encoder = lifecycle.opened(record)
    new_encoder = lifecycle.cached(model)
    golden = golden_queries(lifecycle.layout, lifecycle.registry, replace(record, version=version))
    ids = _chosen(collection, golden, passages, lifecycle.settings.verify.seed)
    old, new = _both(lifecycle, collection, new_encoder, ids)
    bridge = fit_bridge(model.fingerprint, record.fingerprint, new, old, seed=lifecycle.settings.verify.seed)
    rows, asked = _measured(bridge, ids, old, new, old_encoder, new_encoder, golden)
    path = _path(lifecycle, model, record)
    save_bridge(bridge, path)
    return BridgeReport(bridge, version, record.version, path, len(ids), asked, rows)


def bridged_searcher(lifecycle: IndexLifecycle, version: str) -> IndexSearcher:
    """A searcher that asks the live index with a new model, over a bridge that was built before.

    Raises:
        InputError: There is no bridge from this version to what is live.
        MismatchError: The bridge was fitted for another model.
    """
    record, model = lifecycle.catalogue.find(None), lifecycle.registry.get(version)
    bridge = load_bridge(_path(lifecycle, model, record))
    encoder = BridgedEncoder(TruncatedEncoder(lifecycle.encoders(model), model.dimension), bridge)
    open_collection(lifecycle.store, record.name, encoder)
    return IndexSearcher(lifecycle.store, record.name, encoder)


def _path(lifecycle: IndexLifecycle, model: ModelVersion, record: IndexRecord) -> Path:
    ends = f"{model.fingerprint[:16]}-{record.fingerprint[:16]}-{record.dimension}"
    return lifecycle.layout.bridges / f"{ends}.bridge"


def _chosen(collection: Collection, golden: GoldenQueries | None, most: int, seed: int) -> list[str]:
    """A sample of the passages, and those that answer a golden query."""
    sample = Sample(most, seed)
    wanted = frozenset[str]().union(*golden.relevant) if golden else frozenset[str]()
    there = []
    for block in collection.hashes():
        for id_ in block:
            sample.add(id_, "")
            if id_ in wanted:
                there.append(id_)
    return sorted({*sample.rows, *there})


def _both(
    lifecycle: IndexLifecycle, collection: Collection, encoder: Encoder, ids: Sequence[str]
) -> tuple[Vectors, Vectors]:
    """The passages' vectors in the live index, and by the new model."""
    context = lifecycle.context_of(collection)
    old, new = [], []
    starts = range(0, len(ids), _READ_AT_ONCE)
    for start in lifecycle.reporter.track(starts, "embedding with the new model", len(starts)):
        part = list(ids[start : start + _READ_AT_ONCE])
        passages, stored = collection.fetch(part), collection.vectors(part)
        old += [stored[id_] for id_ in part]
        new.append(encoder.encode_passages([passages[id_].content(context) for id_ in part]))
    return np.stack(old), np.concatenate(new)


def _measured(
    bridge: Bridge,
    ids: Sequence[str],
    old: Vectors,
    new: Vectors,
    old_encoder: Encoder,
    new_encoder: Encoder,
    golden: GoldenQueries | None,
) -> tuple[tuple[BridgeRow, ...], int]:
    there = frozenset(ids)
    texts = list(golden.texts) if golden else []
    relevant = [wanted & there for wanted in golden.relevant] if golden else []
    asked = [place for place, wanted in enumerate(relevant) if wanted]
    if not asked:
        return (), 0
    texts, relevant = [texts[place] for place in asked], [relevant[place] for place in asked]
    fresh = new_encoder.encode_queries(texts)

    def found(queries: Vectors, passages: Vectors) -> list[list[str]]:
        rows, _ = top_k(queries, passages, DEPTH)
        return [[ids[row] for row in line] for line in rows]

    rankings = {
        "live": found(old_encoder.encode_queries(texts), old),
        "over the bridge": found(bridge.across(fresh), old),
        "its own index": found(fresh, new),
    }
    own = rankings["its own index"]
    rows = (BridgeRow(name, recall_at(DEPTH, one, relevant), overlap_of(one, own)) for name, one in rankings.items())
    return tuple(rows), len(texts)
