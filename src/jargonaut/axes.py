"""The axes that a workspace's models tell their vectors in: found once, from what the base says of train's texts.

Knows which texts may be looked at, and the artifact. What axes are is for training to know.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jargonaut import pairs, training
from jargonaut.artifacts import ensure
from jargonaut.layout import Layout
from jargonaut.pairing import PreparedPairs
from jargonaut.protocols import Encoder, Reporter
from jargonaut.records import queries
from jargonaut.sources import PreparedCorpus

if TYPE_CHECKING:
    from numpy.typing import NDArray

AXES_VERSION = 1
SAMPLE = 2000
"""Most passages, and most queries, that are looked at; some hundred give nearly the same axes."""
_FILE = "axes.npy"


def axes_of(
    corpus: PreparedCorpus, prepared: PreparedPairs, base: Encoder, layout: Layout, reporter: Reporter
) -> NDArray[np.float64]:  # fmt: skip
    """The principal axes of a sample of train's passages and queries, shape (dimension, dimension).

    Passages of dev and test are not looked at. Every process of a training, and one that goes on, finds the same axes.

    Args:
        corpus: The passages.
        prepared: The pairs.
        base: Encodes the sample; what mining has encoded before is in its cache.
        layout: Where the axes are kept.
        reporter: Told what they were taken from.
    """
    inputs = {"corpus": corpus.artifact.key, "pairs": prepared.artifact.key, "base": base.fingerprint}

    def build(folder: Path) -> Mapping[str, Any]:
        held = pairs.held_out(prepared.splits)
        passages = _sampled([text for id_, text in corpus.texts.items() if id_ not in held])
        asked = _sampled([query.text for query in queries(prepared.splits.train)])
        kinds = (base.encode_passages(passages), base.encode_queries(asked))
        np.save(folder / _FILE, training.principal_axes(*kinds))
        return {"passages": len(passages), "queries": len(asked)}

    made = ensure(layout.stage("axes"), "axes", version=AXES_VERSION, inputs=inputs, options=None, build=build)
    counts = made.counts
    reporter.line(f"  axes: the principal ones of {counts['passages']:,} passages and {counts['queries']:,} queries")
    found: NDArray[np.float64] = np.load(made.path / _FILE)
    return found


def _sampled(texts: list[str]) -> list[str]:
    """As many texts as are looked at, in their order."""
    drawn = np.random.default_rng(0).permutation(len(texts))[:SAMPLE]
    return [texts[row] for row in np.sort(drawn)]
