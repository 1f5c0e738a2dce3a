"""A sentence-transformers model on this machine as an `Encoder`, without padding waste.

The model is loaded when the first text has to be encoded; its identity is known before. Where several devices are
named, many texts are encoded by a process for each of them (`encoding/pool.py`), few by this one on the first.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from jargonaut.artifacts import content_hash
from jargonaut.encoding.cache import Kind
from jargonaut.encoding.devices import (
    ComputeOptions,
    Precision,
    choose_device,
    choose_devices,
    choose_dtype,
    token_budget,
)
from jargonaut.encoding.forward import Forward
from jargonaut.encoding.models import ModelFolder
from jargonaut.encoding.packing import is_static, micro_batches, tokenize
from jargonaut.errors import ModelError
from jargonaut.protocols import Vectors

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

    from jargonaut.encoding.pool import WorkerPool

MANY_CHARS = 65_536
"""Characters of one call from which on several devices share it: some seconds' work for a CPU."""


class LocalEncoder:
    """Encodes texts with a local model: L2-normalised float32 vectors in the caller's order.

    Args:
        folder: The model, from `find_model`.
        options: Devices, precision and micro-batch size.
        max_tokens: Texts are cut to this many tokens; the model's own limit when None.
        trust_remote_code: Whether code that lies in the model folder may run.
    """

    def __init__(
        self,
        folder: ModelFolder,
        options: ComputeOptions | None = None,
        *,
        max_tokens: int | None = None,
        trust_remote_code: bool = False,
    ) -> None:
        self.folder = folder
        self.options = options or ComputeOptions()
        self._max_tokens = max_tokens
        self._trust_remote_code = trust_remote_code
        self._lent = False

    @classmethod
    def around(cls, folder: ModelFolder, model: SentenceTransformer, options: ComputeOptions) -> LocalEncoder:
        """An encoder over a model that is loaded already, such as one in training; `folder` gives its prompts.

        It encodes in this process alone, since the weights are not those of the files.
        """
        encoder = cls(folder, options)
        encoder.__dict__["model"] = model  # where `cached_property` keeps it
        encoder.__dict__["dimension"] = int(model.get_embedding_dimension() or 0)
        encoder.__dict__["devices"] = (next(model.parameters()).device,)
        encoder._lent = True
        return encoder

    @property
    def name(self) -> str:
        """What a user calls this model."""
        return self.folder.name

    @cached_property
    def fingerprint(self) -> str:
        """Identity of the vectors: files, prompts, token limit and normalisation. 32 hex digits."""
        prompts = (self.folder.prompts.query, self.folder.prompts.passage)
        limit = self.folder.max_tokens if self._max_tokens is None else self._max_tokens
        return content_hash("local", self.folder.weights, prompts, limit, "l2")

    @cached_property
    def features(self) -> dict[str, str]:
        """What the fingerprint stands for, in words: each feature that makes other vectors."""
        prompts = self.folder.prompts
        limit = self.folder.max_tokens if self._max_tokens is None else self._max_tokens
        return {
            "model": self.name, "files": self.folder.weights, "pooling": self.folder.pooling,
            "query prompt": prompts.query, "passage prompt": prompts.passage,
            "token limit": "none" if limit is None else str(limit), "normalisation": "l2",
        }  # fmt: skip

    @property
    def own_limit(self) -> int | None:
        """Tokens that texts are cut to here; None for the model's own limit."""
        return self._max_tokens

    @cached_property
    def devices(self) -> tuple[torch.device, ...]:
        """Where many texts are encoded; few are on the first."""
        return choose_devices(self.options.device)

    @cached_property
    def number_format(self) -> str:
        """What the model computes in, such as `bfloat16`: what suits the first device, on all of them.

        No part of the fingerprint, which is the model's; but vectors differ slightly, so a cache keeps them apart. Word
        vectors are only added up, so they stay as they are.
        """
        if self.folder.static:
            return "float32"
        return str(choose_dtype(self.options.precision, self.devices[0])).removeprefix("torch.")

    @cached_property
    def dimension(self) -> int:
        """Length of one vector."""
        known = self.folder.dimension
        return known if known is not None else int(self.model.get_embedding_dimension() or 0)

    @cached_property
    def model(self) -> SentenceTransformer:
        """The loaded model, in evaluation mode on its device."""
        return load_model(
            self.folder, self.options, max_tokens=self._max_tokens, trust_remote_code=self._trust_remote_code
        )

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """One row per query, shape (texts, dimension)."""
        return self._encode(texts, "query")

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """One row per passage, shape (texts, dimension)."""
        return self._encode(texts, "passage")

    def close(self) -> None:
        """Lets go of the model, but for one that is not its own, and ends the processes on several devices.

        The next call loads the model again, and starts processes where it needs them.
        """
        if "_pool" in self.__dict__:
            self._pool.close()
        if not self._lent:
            for name in ("_forward", "model"):
                self.__dict__.pop(name, None)

    def _encode(self, texts: Sequence[str], kind: Kind) -> Vectors:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        if sum(map(len, texts)) >= MANY_CHARS and len(self.devices) > 1:
            self._pool.fill(vectors, texts, kind)
        elif texts:
            self._fill(vectors, texts, getattr(self.folder.prompts, kind))
        return vectors

    def _fill(self, vectors: Vectors, texts: Sequence[str], prompt: str) -> None:
        """Writes the vector of every text into its row."""
        import torch

        model, forward = self.model, self._forward
        ids = tokenize(model, [prompt + text for text in texts])
        skip = prompt_tokens(model, prompt)
        budget = token_budget(self.options, next(model.parameters()).device, packed=forward.packed)
        model.eval()
        plan = list(micro_batches([len(row) for row in ids], budget, packed=forward.packed))
        with torch.inference_mode():
            parts = [forward([ids[row] for row in rows], skip).float() for rows in plan]
            # Fetched once, so that a GPU never waits between micro-batches.
            vectors[np.concatenate(plan)] = torch.nn.functional.normalize(torch.cat(parts), dim=-1).cpu().numpy()
        if not np.isfinite(vectors).all():
            raise ModelError("this model gives vectors that are not finite", where=self.name)

    @cached_property
    def _pool(self) -> WorkerPool:
        import torch

        from jargonaut.encoding.pool import WorkerPool
        from jargonaut.encoding.worker import Job

        precision: Precision = "bf16" if self.number_format == "bfloat16" else "fp32"
        each = [replace(self.options, device=str(device), precision=precision) for device in self.devices]
        jobs = [Job(self.folder, options, self._max_tokens, self._trust_remote_code) for options in each]
        return WorkerPool(jobs, threads=max(1, torch.get_num_threads() // len(jobs)))

    @cached_property
    def _forward(self) -> Forward:
        return Forward(self.model, compiled=self.options.compile)


def prompt_tokens(model: SentenceTransformer, prompt: str) -> int:
    """Tokens of a prompt that the model leaves out of its pooling; 0 when it pools over everything."""
    pools = [module for module in model if hasattr(module, "include_prompt")]
    if not prompt or all(module.include_prompt for module in pools):
        return 0
    ids = model.tokenizer([prompt])["input_ids"][0]
    ends = getattr(model.tokenizer, "eos_token_id", None), getattr(model.tokenizer, "sep_token_id", None)
    return len(ids) - 1 if ids and ids[-1] in ends else len(ids)


def load_model(
    folder: ModelFolder,
    options: ComputeOptions,
    *,
    max_tokens: int | None = None,
    trust_remote_code: bool = False,
    dtype: torch.dtype | None = None,
) -> SentenceTransformer:
    """Loads a model from its folder onto its device.

    Args:
        folder: The model, from `find_model`.
        options: Device and precision.
        max_tokens: Texts are cut to this many tokens; the model's own limit when None.
        trust_remote_code: Whether code that lies in the model folder may run.
        dtype: Number format of the weights; what `options` stand for when None. Training wants `torch.float32`.

    Raises:
        SettingsError: This machine has no such device.
        ModelError: The folder cannot be loaded (unknown architecture, broken files, code that is not trusted).
    """
    device = choose_device(options.device)
    try:
        with quiet_libraries():
            from sentence_transformers import SentenceTransformer

            model = SentenceTransformer(
                str(folder.path),
                device=str(device),
                local_files_only=True,
                trust_remote_code=trust_remote_code,
                prompts={"query": folder.prompts.query, "document": folder.prompts.passage},
                model_kwargs={"use_safetensors": True},
            )
    except Exception as error:
        raise ModelError(
            f"the model could not be loaded: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
            where=str(folder.path),
            remedy="`jargonaut doctor` shows the versions in use; code inside model folders runs only with "
            "`trust_remote_code = true` in [base]",
        ) from error
    if is_static(model):
        if max_tokens is not None:
            model.tokenizer.enable_truncation(max_tokens)
        return model.float()
    if max_tokens is not None:
        model.max_seq_length = max_tokens
    return model.to(dtype if dtype is not None else choose_dtype(options.precision, device))


@contextlib.contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keeps the model libraries' own progress bars and notices off the terminal while a model loads or is saved."""
    from transformers.utils import logging as transformers_logging

    shown = transformers_logging.is_progress_bar_enabled()
    level = logging.getLogger("transformers").level
    noisy = logging.getLogger("sentence_transformers")
    before = noisy.level
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.getLogger("transformers").setLevel(logging.ERROR)
    noisy.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logging.getLogger("transformers").setLevel(level)
        noisy.setLevel(before)
        if shown:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]
