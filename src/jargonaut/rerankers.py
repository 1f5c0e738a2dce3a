"""Rerankers by their names: a version of this workspace, a folder, or a hub id; the one place where a name becomes one.

Knows settings, layout and registry. What is ordered or judged with them is not its business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from jargonaut.encoding.cache import VectorCache
from jargonaut.encoding.models import find_model
from jargonaut.errors import InputError, JargonautError, ModelError
from jargonaut.layout import Layout
from jargonaut.pairs.curation.evidence import Scorer
from jargonaut.protocols import Reporter
from jargonaut.records import Pair
from jargonaut.registry import ModelVersion, Registry
from jargonaut.reranking import LocalReranker, Texts, is_cross_encoder, probabilities
from jargonaut.settings import Settings

EVALUATE = "[evaluate] cross_encoder"


def named_reranker(name: str, settings: Settings, layout: Layout, where: str = EVALUATE) -> LocalReranker:
    """The reranker of this name; its files are looked for at once, and loaded when it is first asked.

    Args:
        name: A registered version such as `v3`, a folder, or a hub id.
        settings: Where it runs.
        layout: Where versions are registered.
        where: The setting or flag that wants it.

    Raises:
        InputError: The version is no reranker.
        ModelError: There is no such model, or it is no cross-encoder.
        MismatchError: A version's files are gone or are not what was registered.
    """
    version = _version(name, layout)
    try:
        if version is not None:
            return version_reranker(version, settings, layout, where)
        folder = find_model(name, trust_remote_code=settings.base.trust_remote_code)
    except ModelError as error:
        raise ModelError(
            f"this cross-encoder cannot be loaded ({error.what})", where=f"{where}: {name}",
            remedy="give a reranker of this workspace (`jargonaut models list`), the folder of a cross-encoder, or a "
            "hub id that this machine can reach",
        ) from error  # fmt: skip
    if not is_cross_encoder(folder.path):
        raise ModelError(
            "this is an encoder: it has vectors, and does not read query and passage together",
            where=f"{where}: {name}",
            remedy="`jargonaut train --reranker --set reranker.model=NAME` makes a reranker of it",
        )  # fmt: skip
    return LocalReranker(folder, settings.compute, trust_remote_code=settings.base.trust_remote_code)


def version_reranker(
    version: ModelVersion, settings: Settings, layout: Layout, where: str = EVALUATE
) -> LocalReranker:  # fmt: skip
    """A registered reranker, with the token limit that it was made with.

    Raises:
        InputError: The version is no reranker.
        MismatchError: Its files are gone or are not what was registered.
    """
    if version.kind != "reranker":
        raise InputError(
            f"version {version.version!r} is no reranker: it has vectors, and does not read query and passage together",
            where=where, remedy="`jargonaut train --reranker` makes one",
        )  # fmt: skip
    registry = Registry(layout.registry, layout.models)
    try:
        folder = find_model(str(version.path), trust_remote_code=settings.base.trust_remote_code)
    except ModelError:
        registry.verify(version.version)  # which says what is gone
        raise
    made = LocalReranker(
        folder, settings.compute, max_tokens=version.max_tokens, trust_remote_code=settings.base.trust_remote_code
    )
    if made.fingerprint != version.fingerprint:
        registry.verify(version.version)
    return made


def reranker_identity(name: str, settings: Settings, layout: Layout) -> Mapping[str, str]:
    """What stands for a reranker among the inputs of a stage; nothing where none is named.

    One that cannot be found is told by whoever asks it, which may go on without.
    """
    if not name:
        return {}
    try:
        return {"reranker": named_reranker(name, settings, layout).fingerprint}
    except JargonautError:
        return {"reranker": "not found"}


def remembered_logits(
    reranker: LocalReranker, both: Sequence[Texts], layout: Layout, reporter: Reporter, shown_as: str
) -> NDArray[np.float64]:
    """What a reranker says of (query, passage) texts before the logistic function, shape (pairs,).

    Only what it was never asked about is computed, in blocks that are kept, so a kill loses one of them at most.

    Args:
        reranker: The model.
        both: Any number of pairs, with or without repeats.
        layout: Where its answers are kept.
        reporter: Shows the progress of many.
        shown_as: What progress calls this work.
    """
    written = [f"{len(query)} {query}{passage}" for query, passage in both]
    known = dict(zip(written, both, strict=True))

    def asked(texts: Sequence[str]) -> NDArray[np.float32]:
        return np.asarray(reranker.logits([known[text] for text in texts]), dtype=np.float32)[:, None]

    kept = VectorCache(layout.verdicts, reranker.fingerprint, 1, reporter, number_format=reranker.number_format)
    return kept.get_or_encode(written, asked, shown_as=shown_as)[:, 0].astype(np.float64)


def cross_scorer(
    name: str, texts: Mapping[str, str], settings: Settings, layout: Layout, reporter: Reporter,
    where: str = "[curate] cross_encoder",
) -> Scorer:  # fmt: skip
    """What a cross-encoder thinks of positives, from 0 to 1; kept, so that it is asked about each of them once.

    Args:
        name: As for `named_reranker`.
        texts: Passage id → text.
        settings: Where it runs.
        layout: Where versions are registered and answers are kept.
        reporter: Shows the progress.
        where: The setting that wants it.
    """

    @cache
    def model() -> LocalReranker:  # loaded once, though a judge is asked several times
        return named_reranker(name, settings, layout, where)

    def scored(positives: Sequence[Pair]) -> list[float | None]:
        both = [(pair.query, texts[pair.passage_id]) for pair in positives]
        shown_as = f"asking {model().name} about pairs"
        return probabilities(remembered_logits(model(), both, layout, reporter, shown_as)).tolist() if both else []

    return scored


def _version(name: str, layout: Layout) -> ModelVersion | None:
    if not layout.registry.exists():
        return None
    return next((one for one in Registry(layout.registry, layout.models).list() if one.version == name), None)
