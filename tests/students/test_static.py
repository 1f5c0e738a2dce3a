"""Word vectors distilled from a tiny encoder, as we and as sentence-transformers read them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from jargonaut.encoding.devices import ComputeOptions
from jargonaut.encoding.forward import Forward
from jargonaut.encoding.local import LocalEncoder, load_model
from jargonaut.encoding.models import find_model
from jargonaut.encoding.packing import is_static, tokenize
from jargonaut.errors import ModelError
from jargonaut.protocols import SilentReporter
from jargonaut.students import StaticOptions, distilled
from tests.tinymodels import loaded

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

TEXTS = [
    "the lessee recognises goodwill impairment", "goodwill impairment of a lessee", "bronchial stenosis after surgery",
    "surgery for bronchial stenosis", "the impairment of goodwill", "a lessee pays", "stenosis of a bronchus",
    "amortisation of goodwill", "surgery was paid", "bronchial surgery of the lessee",
]  # fmt: skip
OPTIONS = StaticOptions(dim=16, fewest=2, passages=10, ridge=1e-3)


@pytest.fixture(scope="module")
def teacher(tiny_folder: Callable[[str], Path]) -> LocalEncoder:
    """A tiny BERT with random weights."""
    return LocalEncoder(find_model(str(tiny_folder("bert"))), ComputeOptions(precision="fp32"))


@pytest.fixture(scope="module")
def student(teacher: LocalEncoder) -> SentenceTransformer:
    """Its student."""
    targets = teacher.encode_passages(TEXTS)
    return distilled(teacher.model, TEXTS, targets, OPTIONS, ComputeOptions(), SilentReporter())


@pytest.fixture(scope="module")
def folder(student: SentenceTransformer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The student, saved."""
    path = tmp_path_factory.mktemp("static") / "model"
    student.save(str(path), create_model_card=False)
    return path


def test_a_stock_folder_gives_the_vectors_that_we_give(folder: Path) -> None:
    """sentence-transformers alone, without anything of ours, encodes the same; an empty text is no fault."""
    ours = LocalEncoder(find_model(str(folder))).encode_passages([*TEXTS, ""])
    np.testing.assert_allclose(ours, loaded(folder).encode([*TEXTS, ""]), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(ours[:-1], axis=1), 1, atol=1e-5)
    assert not ours[-1].any()


def test_words_and_phrases_of_the_domain_are_one_entry_whatever_their_case(student: SentenceTransformer) -> None:
    """`Goodwill impairment` is one entry, `goodwill` another; within a longer word neither is found."""
    ids = tokenize(student, ["Goodwill impairment", "goodwill", "goodwills", "amortisation"])
    assert [len(row) for row in ids[:2]] == [1, 1]
    assert ids[0][0] != ids[1][0]
    assert len(ids[2]) > 1
    assert len(ids[3]) > 1  # it occurs once


def test_the_fit_brings_texts_nearer_to_what_the_teacher_makes_of_them(
    teacher: LocalEncoder, student: SentenceTransformer
) -> None:
    """Similarities between texts agree better with the teacher's than those of words that were only looked at alone."""
    targets = teacher.encode_passages(TEXTS)
    centred = targets - targets.mean(axis=0)
    none = np.zeros((0, teacher.dimension), np.float32)
    alone = distilled(teacher.model, [], none, OPTIONS, ComputeOptions(), SilentReporter(), vocabulary=TEXTS)

    def agreement(model: SentenceTransformer) -> float:
        made = model.encode(TEXTS)
        rows = np.triu_indices(len(TEXTS), 1)
        unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
        return float(np.corrcoef((made @ made.T)[rows], (unit @ unit.T)[rows])[0, 1])

    assert agreement(student) > 0.9
    assert agreement(student) > agreement(alone) + 0.1


def test_equal_inputs_give_equal_students(teacher: LocalEncoder, student: SentenceTransformer) -> None:
    """Nothing is drawn that a seed does not decide."""
    targets = teacher.encode_passages(TEXTS)
    again = distilled(teacher.model, TEXTS, targets, OPTIONS, ComputeOptions(), SilentReporter())
    np.testing.assert_array_equal(again[0].embedding.weight.detach(), student[0].embedding.weight.detach())


def test_it_is_computed_in_one_call_without_attention_or_padding(folder: Path) -> None:
    """Whether it is to be compiled or not, a micro-batch counts its own tokens and no padding."""
    model = loaded(folder)
    forward = Forward(model, compiled=True)
    ids = tokenize(model, ["goodwill", "surgery for bronchial stenosis", ""])
    assert is_static(model)
    assert forward.packed
    assert forward.tokens(ids) == sum(map(len, ids))
    assert forward(ids).shape == (3, 16)


def test_a_token_limit_holds_for_word_vectors_too(folder: Path) -> None:
    """What lies behind the limit changes nothing."""
    short = LocalEncoder(find_model(str(folder)), max_tokens=8)
    many = "surgery " * 8
    found = short.encode_passages([many, many + "goodwill goodwill"])
    np.testing.assert_array_equal(found[0], found[1])
    assert load_model(find_model(str(folder)), ComputeOptions()).tokenizer.truncation is None


def test_word_vectors_teach_nobody(student: SentenceTransformer) -> None:
    """A student of a student is refused in words."""
    with pytest.raises(ModelError, match="word vectors itself"):
        distilled(student, TEXTS, np.zeros((10, 16), np.float32), OPTIONS, ComputeOptions(), SilentReporter())


def test_every_family_with_a_fast_tokenizer_can_teach(
    tiny_folder: Callable[[str], Path], teacher: LocalEncoder
) -> None:
    """A decoder that ends its texts with one token, and pools over the last, teaches as well."""
    other = LocalEncoder(find_model(str(tiny_folder("qwen3"))), ComputeOptions(precision="fp32"))
    made = distilled(
        other.model, TEXTS, other.encode_passages(TEXTS), OPTIONS, ComputeOptions(), SilentReporter()
    ).encode(TEXTS)
    assert np.isfinite(made).all()
    assert np.linalg.matrix_rank(made) > 5
    assert teacher.dimension == 32
