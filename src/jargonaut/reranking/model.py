"""Cross-encoders: (query, passage) texts → one logit each, without padding waste.

Pairs are tokenised in bulk, sorted by length and computed in micro-batches of a budget of tokens, in the number format
that suits the device; the last layer stays in fp32, since 16 bits would leave ties among the scores. Whatever is not a
plain sequence classifier goes through sentence-transformers' own `predict`. Knows no files but the model's own, and
nothing of searches.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jargonaut.encoding.devices import ComputeOptions, choose_device, choose_dtype, token_budget
from jargonaut.encoding.local import quiet_libraries
from jargonaut.encoding.packing import micro_batches, padded
from jargonaut.errors import ModelError

if TYPE_CHECKING:
    import torch
    from sentence_transformers import CrossEncoder

Texts = tuple[str, str]
"""A query and a passage."""
_BLOCK = 4096
"""Pairs that are tokenised together; memory stays flat however many are scored."""
_NO_LIMIT = 100_000
"""Tokenizers say so many tokens, or more, where they know no limit."""


@dataclass(frozen=True, slots=True)
class TokenPair:
    """A query and a passage as one sequence of tokens.

    Attributes:
        ids: Token ids, special ones included.
        types: Which tokens belong to the passage; None where the model does not ask.
    """

    ids: Sequence[int]
    types: Sequence[int] | None


class PairScorer:
    """Forward passes of one cross-encoder.

    Args:
        model: The cross-encoder, on its device, with one output.
        compute: Size of the micro-batches.

    Attributes:
        max_tokens: Tokens of query and passage together; None without a limit.
    """

    def __init__(self, model: CrossEncoder, compute: ComputeOptions) -> None:
        self.model = model
        self._transformer: Any = model[0]
        self.budget = token_budget(compute, model.device, packed=False)
        self.max_tokens = token_limit(model)

    @property
    def plain(self) -> bool:
        """Whether it is a sequence classifier over texts, whose passes are computed here."""
        return is_plain(self.model)

    def logits(self, both: Sequence[Texts]) -> NDArray[np.float64]:
        """One number per pair, higher is better; shape (pairs,).

        Raises:
            ModelError: It gives numbers that are not finite.
        """
        import torch

        if not both:
            return np.zeros(0)
        self.model.eval()
        with torch.inference_mode():
            found = np.concatenate([self._block(both[start : start + _BLOCK]) for start in range(0, len(both), _BLOCK)])
        if not np.isfinite(found).all():
            raise ModelError("this cross-encoder gives scores that are not finite")
        return found

    def tokens(self, both: Sequence[Texts]) -> list[TokenPair]:
        """Token ids of every pair, cut to the model's limit, the longer text first."""
        encoded = self.model.tokenizer(
            text=[query for query, _ in both], text_pair=[passage for _, passage in both],
            truncation="longest_first" if self.max_tokens else False, max_length=self.max_tokens, padding=False,
            return_attention_mask=False, verbose=False,
        )  # fmt: skip
        types = encoded.get("token_type_ids") or [None] * len(both)
        return [TokenPair(*each) for each in zip(encoded["input_ids"], types, strict=True)]

    def forward(self, rows: Sequence[TokenPair]) -> torch.Tensor:
        """Logits of one micro-batch, fp32, shape (rows,)."""
        import torch

        longest = max(len(row.ids) for row in rows)
        width = max(longest, min(padded(longest), self.max_tokens or _NO_LIMIT))  # padding needs a position too
        tokenizer: Any = self.model.tokenizer
        pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
        left = getattr(tokenizer, "padding_side", "right") == "left"
        cells = {"input_ids": np.full((len(rows), width), pad), "attention_mask": np.zeros((len(rows), width), int)}
        if rows[0].types is not None:
            cells["token_type_ids"] = np.zeros((len(rows), width), int)
        for number, row in enumerate(rows):
            span = slice(width - len(row.ids), width) if left else slice(0, len(row.ids))
            cells["input_ids"][number, span] = row.ids
            cells["attention_mask"][number, span] = 1
            if row.types is not None:
                cells["token_type_ids"][number, span] = row.types
        device = self.model.device
        sent = {name: torch.from_numpy(value.astype(np.int64)).to(device) for name, value in cells.items()}
        out: torch.Tensor = self._transformer.auto_model(**sent).logits
        return out[:, 0].float()

    def batches(self, rows: Sequence[TokenPair]) -> Iterator[list[int]]:
        """Row numbers of each micro-batch, rows of about one length together."""
        return micro_batches([len(row.ids) for row in rows], self.budget, packed=False)

    def _block(self, both: Sequence[Texts]) -> NDArray[np.float64]:
        import torch

        if not self.plain:
            stock = self.model.predict(list(both), activation_fn=torch.nn.Identity(), show_progress_bar=False)
            return np.asarray(stock, dtype=np.float64).reshape(len(both))
        rows = self.tokens(both)
        plan = list(self.batches(rows))
        found = np.zeros(len(both))
        found[np.concatenate(plan)] = (
            torch.cat([self.forward([rows[number] for number in numbers]) for numbers in plan]).cpu().double().numpy()
        )
        return found


def load_cross_encoder(
    folder: Path,
    compute: ComputeOptions,
    *,
    max_tokens: int | None = None,
    trust_remote_code: bool = False,
    seed: int = 13,
    training: bool = False,
) -> CrossEncoder:
    """Loads a cross-encoder with one output; an encoder without a head gets a new one, whose weights `seed` decides.

    Args:
        folder: Its files.
        compute: Device and number format.
        max_tokens: Query and passage together are cut to this, and to what the model has positions for; the model's
            own limit when None.
        trust_remote_code: Whether code that lies in the folder may run.
        seed: Of a new head.
        training: Whether it stays in fp32, for training.

    Raises:
        ModelError: It cannot be loaded.
    """
    device = choose_device(compute.device)
    try:
        with quiet_libraries():
            import torch
            from sentence_transformers import CrossEncoder

            torch.manual_seed(seed)
            model: Any = CrossEncoder(
                str(folder), device=str(device), num_labels=1, max_length=max_tokens, local_files_only=True,
                trust_remote_code=trust_remote_code, model_kwargs={"use_safetensors": True},
            )  # fmt: skip
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(
            f"this cross-encoder cannot be loaded: {reason}", where=str(folder),
            remedy="give the folder of a cross-encoder, a hub id that this machine can reach, or a reranker that "
            "`jargonaut train --reranker` registered, such as v2",
        ) from error  # fmt: skip
    loaded: CrossEncoder = model.eval()
    limit = token_limit(loaded)
    if limit is not None:
        loaded.max_seq_length = limit  # for `predict`, and for whoever loads what is saved of it
    if not training:
        loaded.to(choose_dtype(compute.precision, device))
        keep_head_exact(loaded)
    return loaded


def is_plain(model: CrossEncoder) -> bool:
    """Whether a cross-encoder is one sequence classifier over texts, without prompts."""
    first: Any = model[0]
    inner = getattr(first, "auto_model", None)
    name = type(inner).__name__
    return len(model) == 1 and name.endswith("ForSequenceClassification") and not any((model.prompts or {}).values())


def has_head(folder: Path) -> bool:
    """Whether the model in a folder is a classifier already, as its configuration says it."""
    names = _told(folder / "config.json").get("architectures")
    return isinstance(names, list) and any("ForSequenceClassification" in str(name) for name in names)


def is_cross_encoder(folder: Path) -> bool:
    """Whether a folder holds a cross-encoder. Any encoder would be loaded as one too, with a head of random numbers."""
    return has_head(folder) or _told(folder / "config_sentence_transformers.json").get("model_type") == "CrossEncoder"


def _told(path: Path) -> dict[str, Any]:
    """What a configuration says; nothing where there is none."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def token_limit(model: CrossEncoder) -> int | None:
    """Tokens that query and passage are cut to; None where the model has no limit."""
    known = [limit for limit in (model.max_seq_length, _places(model)) if limit and 0 < limit < _NO_LIMIT]
    return int(min(known)) if known else None


def _places(model: CrossEncoder) -> int | None:
    """Tokens that a model has positions for; None where its configuration names no number.

    RoBERTa and its kin (XLM-R, CamemBERT, MPNet, Longformer …) count from behind the padding's index, which their table
    of positions knows, so the first rows of the table are no token's.
    """
    inner: Any = getattr(model[0], "auto_model", None)
    rows = getattr(getattr(inner, "config", None), "max_position_embeddings", None)
    if not isinstance(rows, int):
        return None
    tables = [table for name, table in inner.named_modules() if name.rpartition(".")[2] == "position_embeddings"]
    before = [table.padding_idx + 1 for table in tables if getattr(table, "padding_idx", None) is not None]
    return rows - max(before, default=0)


def head_of(model: CrossEncoder) -> torch.nn.Linear | None:
    """The layer that gives the logit; None where there is no such layer."""
    import torch

    found = [each for each in model.modules() if isinstance(each, torch.nn.Linear) and each.out_features == 1]
    return found[-1] if found else None


def keep_head_exact(model: CrossEncoder) -> Any:
    """Computes the last layer in fp32 though the model computes in 16 bits; what comes back has a `remove`."""
    head = head_of(model)
    if head is None:
        return None
    head.float()
    return head.register_forward_pre_hook(lambda _, given: (given[0].float(), *given[1:]))
