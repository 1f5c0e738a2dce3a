"""The packed forward pass beside each family's own padded one, on tiny models."""

from __future__ import annotations

import contextlib
import copy
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, WordWeights
from transformers.models.bert.modeling_bert import BertSelfAttention

from jargonaut.encoding.attention import PACKED
from jargonaut.encoding.forward import Forward
from jargonaut.encoding.local import quiet_libraries
from jargonaut.encoding.packing import Ids, tokenize

Load = Callable[[str], SentenceTransformer]
BATCHES = {
    "of very different lengths": (300, 261, 41, 40, 37, 7, 1, 1),
    "of one row": (57,),
    "of equal lengths": (23, 23, 23),
}
TEXTS = [
    "Net revenue rose by twelve percent over the last fiscal year. " * 14,
    "goodwill is tested for impairment",
    "MI",
]
MODES = ["mean", "cls", "max", "lasttoken", "weightedmean", "mean_sqrt_len_tokens"]


def some(lengths: Sequence[int]) -> list[Ids]:
    """Rows of these lengths, of random ordinary tokens."""
    rng = np.random.default_rng(3)
    return [rng.integers(1000, 20_000, length).astype(np.int32) for length in lengths]


def padded(model: SentenceTransformer, ids: Sequence[Ids], prompt_tokens: int = 0) -> torch.Tensor:
    """Embeddings as sentence-transformers computes them: every row padded to the longest by the model's tokenizer."""
    features: dict[str, Any] = dict(
        model.tokenizer.pad({"input_ids": [row.tolist() for row in ids]}, return_tensors="pt")
    )
    if prompt_tokens:
        features["prompt_length"] = prompt_tokens
    return model(features)["sentence_embedding"]


def gradients(model: SentenceTransformer, vectors: torch.Tensor) -> torch.Tensor:
    """Gradients on all parameters of a scalar that depends on every component of every vector."""
    weights = torch.randn(vectors.shape, generator=torch.Generator().manual_seed(3))
    model.zero_grad()
    (vectors.float() * weights).sum().backward()
    return torch.cat([p.grad.float().flatten() for p in model.parameters() if p.grad is not None])


def apart(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """Norm of the difference over the norm."""
    return float((found - wanted).norm() / wanted.norm())


def test_every_family_is_packed(tiny: SentenceTransformer) -> None:
    """None of these is padded."""
    assert Forward(tiny).packed


@pytest.mark.parametrize("lengths", BATCHES.values(), ids=BATCHES)
def test_embeddings_are_those_of_the_padded_pass(tiny: SentenceTransformer, lengths: Sequence[int]) -> None:
    """Whatever lies beside a sequence in its row changes nothing."""
    ids = some(lengths)
    with torch.no_grad():
        torch.testing.assert_close(Forward(tiny)(ids), padded(tiny, ids), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("lengths", BATCHES.values(), ids=BATCHES)
def test_gradients_are_those_of_the_padded_pass(tiny: SentenceTransformer, lengths: Sequence[int]) -> None:
    """Every parameter is taught the same."""
    ids = some(lengths)
    found = gradients(tiny, Forward(tiny)(ids))
    assert apart(found, gradients(tiny, padded(tiny, ids))) < 1e-4


def test_texts_are_embedded_as_sentence_transformers_encodes_them(tiny: SentenceTransformer) -> None:
    """From texts to vectors."""
    with torch.no_grad():
        vectors = torch.nn.functional.normalize(Forward(tiny)(tokenize(tiny, TEXTS)), dim=-1)
    np.testing.assert_allclose(vectors.numpy(), tiny.encode(TEXTS, normalize_embeddings=True), atol=1e-5)


def test_an_empty_row_is_padded(tiny: SentenceTransformer) -> None:
    """A row without tokens cannot lie in a row; it gets a finite vector and leaves its neighbours alone."""
    ids = some((40, 3, 0))
    with torch.no_grad():
        vectors = Forward(tiny)(ids)
        torch.testing.assert_close(vectors[:2], padded(tiny, ids[:2]), rtol=1e-5, atol=1e-5)
    assert vectors.isfinite().all()


def test_16_bit_vectors_are_those_of_the_padded_pass(tiny: SentenceTransformer) -> None:
    """In bf16 as in fp32, but for rounding."""
    rounded, ids = copy.deepcopy(tiny).to(torch.bfloat16), some((33, 30, 5, 1))
    with torch.no_grad():
        found, wanted = Forward(rounded)(ids), padded(rounded, ids)
    assert found.dtype == torch.bfloat16
    assert apart(found.float(), wanted.float()) < 0.02


@pytest.mark.parametrize("skip", [0, 2], ids=["with its prompt", "without its prompt"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["bert", "qwen3"])
def test_every_pooling_mode_takes_rows(tiny_model: Load, name: str, mode: Any, skip: int) -> None:
    """Padded on either side, with leading tokens left out or not."""
    model = SentenceTransformer(modules=[tiny_model(name)[0], Pooling(32, mode, include_prompt=not skip)])
    ids = some((31, 29, 12, 3))
    with torch.no_grad():
        torch.testing.assert_close(Forward(model)(ids, skip), padded(model, ids, skip), rtol=1e-5, atol=1e-5)


def test_modules_behind_the_pooling_are_computed(tiny_model: Load) -> None:
    """Several poolings side by side, then a linear layer and a normalisation."""
    pooling = Pooling(32, ("mean", "max"))
    model = SentenceTransformer(modules=[tiny_model("bert")[0], pooling, Dense(64, 8), Normalize()])
    ids = some((31, 3))
    with torch.no_grad():
        torch.testing.assert_close(Forward(model)(ids), padded(model, ids), rtol=1e-5, atol=1e-5)
    assert Forward(model).packed


def test_other_families_are_padded(tiny_model: Load) -> None:
    """A family that we do not know to take rows gets none."""
    model, ids = tiny_model("deberta"), some((41, 12))
    assert not Forward(model).packed
    with torch.no_grad():
        torch.testing.assert_close(Forward(model)(ids), padded(model, ids), rtol=1e-5, atol=1e-5)


class OwnPooling(Pooling):
    """Pooling of a model with code of its own."""


@pytest.mark.parametrize("behind", [[WordWeights(["a"], {}), Pooling(32)], [OwnPooling(32)]], ids=["known", "own"])
def test_other_modules_are_padded(tiny_model: Load, behind: list[torch.nn.Module]) -> None:
    """A module that we do not know to take rows gets none."""
    assert not Forward(SentenceTransformer(modules=[tiny_model("bert")[0], *behind])).packed


def test_a_model_without_pooling_is_padded(tiny_model: Load) -> None:
    """Where the transformer itself gives a sentence's vector, it takes it from the first token of all."""
    model, ids = SentenceTransformer(modules=[tiny_model("bert")[0]]), some((41, 12))
    model[0].modality_config = {"text": {"method": "forward", "method_output_name": "pooler_output"}}
    model[0].module_output_name = "sentence_embedding"
    assert not Forward(model).packed
    assert Forward(model)(ids).shape == (2, 32)


def test_mpnet_learns_its_distances(tiny_model: Load) -> None:
    """The bias for the distance of two tokens is taught as the padded pass teaches it."""
    model, ids = tiny_model("mpnet"), some((200, 180, 9))
    bias = model[0].auto_model.encoder.relative_attention_bias.weight
    taught = []
    for vectors in (Forward(model)(ids), padded(model, ids)):
        gradients(model, vectors)
        taught.append(bias.grad.clone())
    assert apart(*taught) < 1e-4


@pytest.mark.parametrize(
    ("token", "raised"),
    [(2000, contextlib.nullcontext()), (10**6, pytest.raises(IndexError))],
    ids=["a pass", "a failed pass"],
)
def test_the_model_is_left_as_it_was(
    tiny: SentenceTransformer, token: int, raised: contextlib.AbstractContextManager[Any]
) -> None:
    """How it attends, and its own way to encode, are the same after a pass as before."""
    before, how = tiny.encode(TEXTS), tiny[0].auto_model.config._attn_implementation
    with raised:
        Forward(tiny)([np.array([2001, token], dtype=np.int32), np.array([2002], dtype=np.int32)])
    np.testing.assert_array_equal(tiny.encode(TEXTS), before)
    assert tiny[0].auto_model.config._attn_implementation == how != PACKED
    assert not any("forward" in vars(module) for module in tiny.modules())


def test_a_saved_model_does_not_know_us(tiny: SentenceTransformer, tmp_path: Path) -> None:
    """No file names our attention."""
    Forward(tiny)(some((40, 12)))
    with quiet_libraries():
        tiny.save_pretrained(str(tmp_path), create_model_card=False)
    assert not [file for file in tmp_path.rglob("*.json") if "jargonaut" in file.read_text()]


class WholeRow(BertSelfAttention):
    """Attention of a model with code of its own, which does not look it up in transformers' table."""

    def forward(self, hidden: torch.Tensor, attention_mask: torch.Tensor | None = None, **_: Any) -> tuple[Any, None]:
        """Correct where rows are padded; end to end, all tokens see each other."""
        shape = (*hidden.shape[:-1], -1, self.attention_head_size)
        query, key, value = (part(hidden).view(shape).transpose(1, 2) for part in (self.query, self.key, self.value))
        out = torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=attention_mask)
        return out.transpose(1, 2).flatten(2), None


class Masked(WholeRow):
    """The same, and it cannot do without a mask."""

    def forward(self, hidden: torch.Tensor, attention_mask: torch.Tensor | None = None, **_: Any) -> tuple[Any, None]:
        """Fails where nothing is padded."""
        assert attention_mask is not None
        return super().forward(hidden, attention_mask)


@pytest.mark.parametrize(("code", "why"), [(WholeRow, "vectors differ by"), (Masked, "fails .AssertionError")])
def test_a_model_that_would_pack_wrongly_is_padded(tiny_model: Load, code: type, why: str) -> None:
    """One layer that does not keep sequences apart, and the model is padded with a warning that says so."""
    model, ids = tiny_model("bert"), some((40, 12))
    model[0].auto_model.encoder.layer[1].attention.self.__class__ = code
    forward = Forward(model)
    with torch.no_grad(), pytest.warns(RuntimeWarning, match=f"texts are padded.*{why}"):
        found = forward(ids)
    torch.testing.assert_close(found, padded(model, ids), rtol=1e-5, atol=1e-5)
    assert not forward.packed


def test_trying_a_model_out_leaves_no_trace(tiny_model: Load) -> None:
    """Every module stays in its mode, no gradients appear, and no random number is drawn."""
    model = tiny_model("bert").train()
    model[0].auto_model.embeddings.eval()
    modes, state = [module.training for module in model.modules()], torch.get_rng_state()
    assert Forward(model).packed
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), state)
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("c++") is None, reason="torch compiles for a CPU with a C++ compiler, and there is none"
)
@pytest.mark.filterwarnings("ignore")  # torch's compiler imports what torch has deprecated
def test_a_compiled_model_gives_the_same_vectors(tiny_model: Load) -> None:
    """Padded, for shapes of every size, and with the same gradients."""
    plain, compiled = tiny_model("bert"), tiny_model("bert")
    ids = some(BATCHES["of very different lengths"])
    wanted, found = Forward(plain)(ids), Forward(compiled, compiled=True)(ids)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    ours, theirs = gradients(compiled, found), gradients(plain, wanted)
    assert float((ours - theirs).norm() / theirs.norm()) < 1e-4
