"""A cross-encoder on this machine as a `Reranker`: loaded when first asked, its identity known before."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from jargonaut.artifacts import content_hash
from jargonaut.encoding.devices import ComputeOptions, choose_device, choose_dtype
from jargonaut.encoding.models import ModelFolder
from jargonaut.reranking.calibration import Calibration, probabilities
from jargonaut.reranking.model import PairScorer, Texts, load_cross_encoder


class LocalReranker:
    """Says how well passages answer queries, from 0 to 1.

    Args:
        folder: The model.
        compute: Where it runs.
        max_tokens: Query and passage together are cut to this; the model's own limit when None.
        trust_remote_code: Whether code that lies in the folder may run.
    """

    def __init__(
        self, folder: ModelFolder, compute: ComputeOptions, *, max_tokens: int | None = None,
        trust_remote_code: bool = False,
    ) -> None:  # fmt: skip
        self.folder, self._compute = folder, compute
        self._max_tokens, self._trust = max_tokens, trust_remote_code
        self._calibration = Calibration.read(folder.path)

    @property
    def name(self) -> str:
        """What a user calls this model."""
        return self.folder.name

    @cached_property
    def fingerprint(self) -> str:
        """Identity of the scores: files, calibration among them, and token limit. 32 hex digits."""
        return content_hash("reranker", self.folder.weights, self._max_tokens)

    @property
    def number_format(self) -> str:
        """What it computes in, such as `bfloat16`; no part of the fingerprint, but scores differ slightly."""
        return str(choose_dtype(self._compute.precision, choose_device(self._compute.device))).removeprefix("torch.")

    @property
    def weight(self) -> float:
        """Share that its score has in the order of hits, from 0 to 1; the first search's score has the rest."""
        return self._calibration.weight

    @cached_property
    def scorer(self) -> PairScorer:
        """The loaded model.

        Raises:
            ModelError: It cannot be loaded.
        """
        model = load_cross_encoder(
            self.folder.path, self._compute, max_tokens=self._max_tokens, trust_remote_code=self._trust
        )
        return PairScorer(model, self._compute)

    def close(self) -> None:
        """Lets go of the model; the next call loads it again."""
        self.__dict__.pop("scorer", None)

    def score(self, query: str, passages: Sequence[str]) -> list[float]:
        """One number from 0 to 1 per passage, in order; none for none."""
        return self.score_pairs([(query, passage) for passage in passages])

    def score_pairs(self, both: Sequence[Texts]) -> list[float]:
        """The same for (query, passage) texts of many queries at once."""
        return [float(value) for value in probabilities(self.scorer.logits(both))] if both else []

    def logits(self, both: Sequence[Texts]) -> list[float]:
        """The same before the logistic function, which a student of it is taught with."""
        return [float(value) for value in self.scorer.logits(both)] if both else []
