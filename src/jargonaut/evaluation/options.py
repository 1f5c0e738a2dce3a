"""How systems are compared, and what a model must show before it is shipped: the options of evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from jargonaut.errors import require_limits
from jargonaut.protocols import Precision

Pipeline = Literal["dense", "hybrid", "weighted", "reranked"]
"""How users' queries will be answered: vectors alone, with BM25 joined by rank or by weight, or reranked."""


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """How systems are compared, and when to ship.

    Attributes:
        deployed_dim: Dimension that will serve users, on which the verdict is drawn; None for the full one.
        dims: Dimensions that are measured (Matryoshka prefixes), full one included; empty for those that there are.
        precisions: Number formats of passages that are measured beside float32: `int8`, `binary`, `binary+rescore`.
        pipeline: How users' queries will be answered, which must gain too before a model is shipped: `dense`, `hybrid`
            (with BM25, joined by rank), `weighted` (by score, with a weight fitted on dev) or `reranked`.
        cross_encoder: A reranker of this workspace such as `v3`, a folder or a hub id, that orders the first hits anew;
            empty measures no reranking.
        rerank_depth: Hits that it orders anew.
        slice_limit: A part of the queries that measurably loses more nDCG@10 than this forbids shipping.
        forgetting_limit: Loss of nDCG@10 on the general knowledge that ships with the package, above which nothing is
            shipped.
        latency: Whether it is timed how long one query takes.
        confidence: Probability mass of every interval.
        power: Probability with which the number of queries that is told would show a difference.
        resamples: Bootstrap resamples, and assignments of signs of the randomisation test.
        seed: Seed of both.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    deployed_dim: int | None = None
    dims: tuple[int, ...] = ()
    precisions: tuple[Precision, ...] = ("int8", "binary", "binary+rescore")
    pipeline: Pipeline = "dense"
    cross_encoder: str = ""
    rerank_depth: int = 50
    slice_limit: float = 0.05
    forgetting_limit: float = 0.02
    latency: bool = True
    confidence: float = 0.95
    power: float = 0.80
    resamples: int = 10_000
    seed: int = 0

    def __post_init__(self) -> None:
        formats = get_args(Precision)
        reranks = self.pipeline != "reranked" or bool(self.cross_encoder)
        require_limits(
            "evaluate",
            self,
            (
                ("deployed_dim", self.deployed_dim is None or self.deployed_dim >= 1, "1 or more"),
                ("dims", all(dim >= 1 for dim in self.dims), "dimensions of 1 or more"),
                ("precisions", set(self.precisions) <= set(formats), f"some of {', '.join(formats)}"),
                ("pipeline", self.pipeline in get_args(Pipeline), f"one of {', '.join(get_args(Pipeline))}"),
                ("pipeline", reranks, "another one, or name the [evaluate] cross_encoder that reranks"),
                ("rerank_depth", 1 <= self.rerank_depth <= 100, "from 1 to 100"),
                ("slice_limit", 0 <= self.slice_limit <= 1, "from 0 to 1, such as 0.05; 1 allows any loss"),
                ("forgetting_limit", 0 <= self.forgetting_limit <= 1, "from 0 to 1, such as 0.02; 1 allows any loss"),
                ("confidence", 0.5 <= self.confidence < 1, "from 0.5 to below 1, such as 0.95"),
                ("power", 0.5 <= self.power < 1, "from 0.5 to below 1, such as 0.8"),
                ("resamples", self.resamples >= 100, "100 or more; 10,000 is good"),
                ("seed", self.seed >= 0, "0 or more"),
            ),
        )
