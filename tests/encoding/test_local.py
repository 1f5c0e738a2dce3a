"""The local encoder beside sentence-transformers' own `encode`, on the real base model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from jargonaut.encoding.devices import ComputeOptions
from jargonaut.encoding.local import LocalEncoder, quiet_libraries
from jargonaut.encoding.models import EMBEDDED, find_model
from jargonaut.errors import ModelError
from jargonaut.protocols import Encoder, Vectors

FP32 = ComputeOptions(device="cpu", precision="fp32")
TEXTS = [
    "Cholera due to Vibrio cholerae 01, biovar eltor",
    "",
    "myocardial infarction " * 300,
    "MI",
    "Ärztliche Überweisung: Verdacht auf Lungenembolie – dringend!",
    "Typhoid fever with heart involvement, a complication of an infection by Salmonella typhi",
    "MI",
]


@pytest.fixture(scope="module")
def encoder() -> LocalEncoder:
    """The embedded model, without prompts."""
    return LocalEncoder(find_model(EMBEDDED), FP32)


@pytest.fixture(scope="module")
def reference(base_model_path: Path) -> SentenceTransformer:
    """The same model in plain sentence-transformers."""
    return SentenceTransformer(str(base_model_path), device="cpu", local_files_only=True)


def lowest_cosine(left: Vectors, right: Vectors) -> float:
    """The worst agreement of two sets of normalised rows."""
    assert left.shape == right.shape
    return float((left * right).sum(axis=1).min())


def prompted_folder(source: Path, target: Path, query: str, *, include_prompt: bool) -> Path:
    """The base model with a query prompt of its own; its weights are linked, not copied."""
    for file in source.rglob("*"):
        if file.is_file() and file.suffix in {".json", ".txt", ".safetensors"}:
            place = target / file.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(file)
    pooling = json.loads((source / "1_Pooling/config.json").read_text()) | {"include_prompt": include_prompt}
    for name, content in {
        "1_Pooling/config.json": pooling,
        "config_sentence_transformers.json": {"prompts": {"query": query, "document": ""}},
    }.items():
        (target / name).unlink()
        (target / name).write_text(json.dumps(content))
    return target


def test_vectors_are_those_of_sentence_transformers(encoder: LocalEncoder, reference: SentenceTransformer) -> None:
    """In the caller's order, the empty and the over-long text included."""
    wanted = reference.encode(TEXTS, normalize_embeddings=True)
    assert lowest_cosine(encoder.encode_passages(TEXTS), wanted) > 0.9999


def test_vectors_are_normalised_float32(encoder: LocalEncoder) -> None:
    """Each row has length one."""
    vectors = encoder.encode_queries(TEXTS)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_no_texts_give_no_rows(encoder: LocalEncoder) -> None:
    """An empty call is answered in the right shape."""
    assert encoder.encode_passages([]).shape == (0, 384)


def test_it_is_an_encoder(encoder: LocalEncoder) -> None:
    """It can be passed wherever an `Encoder` is wanted."""
    assert isinstance(encoder, Encoder)


def test_a_closed_encoder_holds_no_model_and_loads_it_again(encoder: LocalEncoder) -> None:
    """A model that it was only lent stays: its weights are not those of the files."""
    own = LocalEncoder(find_model(EMBEDDED), FP32)
    before = own.encode_passages(TEXTS)
    own.close()
    assert "model" not in own.__dict__
    np.testing.assert_array_equal(own.encode_passages(TEXTS), before)
    lent = LocalEncoder.around(encoder.folder, encoder.model, FP32)
    lent.close()
    assert lent.model is encoder.model


def test_prompts_are_applied(encoder: LocalEncoder) -> None:
    """Each kind of text gets its own prompt before it."""
    prompted = LocalEncoder(find_model(EMBEDDED, query_prompt="query: ", passage_prompt="passage: "), FP32)
    wanted = encoder.encode_passages(["query: sepsis", "passage: sepsis"])
    made = np.vstack([prompted.encode_queries(["sepsis"]), prompted.encode_passages(["sepsis"])])
    assert lowest_cosine(made, wanted) > 0.9999


def test_texts_are_cut_to_the_limit_that_is_asked_for() -> None:
    """Words beyond the limit change nothing."""
    short = LocalEncoder(find_model(EMBEDDED), FP32, max_tokens=6)
    both = short.encode_passages(
        ["acute renal failure with tubular necrosis", "acute renal failure with other lesions"]
    )
    assert lowest_cosine(both[:1], both[1:]) > 0.9999


@pytest.mark.parametrize("include_prompt", [True, False])
def test_a_prompt_is_pooled_only_where_the_model_pools_it(
    base_model_path: Path, tmp_path: Path, *, include_prompt: bool
) -> None:
    """Models that leave their prompt out of the mean get it left out, as in sentence-transformers."""
    folder = prompted_folder(base_model_path, tmp_path / "m", "Find: ", include_prompt=include_prompt)
    plain = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    wanted = plain.encode(TEXTS, prompt_name="query", normalize_embeddings=True)
    assert lowest_cosine(LocalEncoder(find_model(str(folder)), FP32).encode_queries(TEXTS), wanted) > 0.9999


def test_a_saved_model_loads_in_plain_sentence_transformers(tmp_path: Path) -> None:
    """It gives the same vectors there, and `encode_query` applies the prompt."""
    encoder = LocalEncoder(find_model(EMBEDDED, query_prompt="query: "), FP32)
    with quiet_libraries():
        encoder.model.save_pretrained(str(tmp_path / "saved"))
        plain = SentenceTransformer(str(tmp_path / "saved"), device="cpu", local_files_only=True)
    assert lowest_cosine(plain.encode_query(TEXTS, normalize_embeddings=True), encoder.encode_queries(TEXTS)) > 0.9999
    wanted = encoder.encode_passages(TEXTS)
    assert lowest_cosine(plain.encode_document(TEXTS, normalize_embeddings=True), wanted) > 0.9999


def test_a_folder_that_cannot_be_loaded_is_explained(tmp_path: Path) -> None:
    """Broken weights are a message with a place and a remedy, not a traceback."""
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    (tmp_path / "model.safetensors").write_bytes(b"not weights")
    broken = LocalEncoder(find_model(str(tmp_path)), FP32)
    with pytest.raises(ModelError, match="could not be loaded") as caught:
        broken.encode_queries(["a"])
    assert (caught.value.where, bool(caught.value.remedy)) == (str(tmp_path), True)
