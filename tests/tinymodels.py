"""Tiny models of every family, with random weights and the base model's tokenizer, that several rooms' tests share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jargonaut.encoding.local import quiet_libraries

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

HIDDEN = 32
WINDOW = 16
"""Tokens that layers with a window look at, to both sides together."""
_ENCODER = {
    "hidden_size": HIDDEN, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48,
    "max_position_embeddings": 320,
}  # fmt: skip
_DECODER = _ENCODER | {"num_key_value_heads": 1, "head_dim": 16}


@dataclass(frozen=True)
class Family:
    """A family as its best-known embedding models are built.

    Attributes:
        model_type: Its name in transformers.
        pooling: Pooling mode.
        dense: Whether a linear layer stands behind the pooling.
        left: Whether its tokenizer pads on the left.
        settings: Of its configuration.
    """

    model_type: str
    pooling: str = "mean"
    dense: bool = False
    left: bool = False
    settings: dict[str, Any] = field(default_factory=lambda: _ENCODER)


_QWEN = Family("qwen3", "lasttoken", left=True, settings=_DECODER)
FAMILIES = {
    "bert": Family("bert"),
    "mpnet": Family("mpnet"),
    "roberta": Family("roberta"),
    "xlm-roberta": Family("xlm-roberta", "cls"),
    "distilbert": Family(
        "distilbert",
        settings={"dim": HIDDEN, "n_layers": 2, "n_heads": 2, "hidden_dim": 48, "max_position_embeddings": 320},
    ),
    "electra": Family("electra", settings=_ENCODER | {"embedding_size": 16}),
    "camembert": Family("camembert"),
    "modernbert": Family(
        "modernbert",
        "cls",
        settings=_ENCODER | {"num_hidden_layers": 3, "local_attention": WINDOW, "global_attn_every_n_layers": 2},
    ),
    "qwen3": _QWEN,
    "qwen3, bidirectional": Family("qwen3", "mean", left=True, settings=_DECODER | {"is_causal": False}),
    "qwen3, with a window": Family(
        "qwen3",
        "lasttoken",
        left=True,
        settings=_DECODER | {"use_sliding_window": True, "sliding_window": WINDOW, "max_window_layers": 1},
    ),
    "embeddinggemma": Family(
        "gemma3_text",
        dense=True,
        settings=_DECODER
        | {
            "query_pre_attn_scalar": 16, "sliding_window": WINDOW, "sliding_window_pattern": 2,
            "use_bidirectional_attention": True,
        },
    ),
}  # fmt: skip
"""Families whose sequences can lie end to end."""
OTHERS = {"deberta": Family("deberta-v2", settings=_ENCODER | {"relative_attention": True, "pos_att_type": "c2p|p2c"})}


def built(family: Family, tokenizer_path: Path, folder: Path) -> Path:
    """Writes a model of the family into `folder`, as sentence-transformers saves it; gives the folder."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense, Pooling, Transformer
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tokenizer_path, padding_side="left" if family.left else "right")
    special = {
        "pad_token_id": tokenizer.pad_token_id, "bos_token_id": tokenizer.cls_token_id,
        "cls_token_id": tokenizer.cls_token_id, "eos_token_id": tokenizer.sep_token_id,
        "sep_token_id": tokenizer.sep_token_id,
    }  # fmt: skip
    config = AutoConfig.for_model(
        family.model_type, vocab_size=len(tokenizer), initializer_range=0.2, **special, **family.settings
    )  # the usual range of .02 leaves so little to attention that its mistakes would not show
    torch.manual_seed(7)
    with quiet_libraries():
        AutoModel.from_config(config).save_pretrained(folder / "plain")
        tokenizer.save_pretrained(folder / "plain")
        modules = [Transformer(str(folder / "plain")), Pooling(HIDDEN, family.pooling)]
        if family.dense:
            modules.append(Dense(HIDDEN, 2 * HIDDEN, bias=False))
        SentenceTransformer(modules=modules, device="cpu").save_pretrained(str(folder), create_model_card=False)
    return folder


def loaded(folder: Path) -> SentenceTransformer:
    """The model in a folder, on the CPU and in evaluation mode."""
    from sentence_transformers import SentenceTransformer

    with quiet_libraries():
        return SentenceTransformer(str(folder), device="cpu", local_files_only=True).eval()
