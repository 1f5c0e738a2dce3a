"""Rerankers by their names: what may stand where one is wanted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from jargonaut.encoding.cache import CachedEncoder
from jargonaut.errors import ModelError
from jargonaut.layout import Layout
from jargonaut.protocols import SilentReporter
from jargonaut.rerankers import named_reranker
from jargonaut.reranking import is_cross_encoder
from jargonaut.settings import Settings
from jargonaut.teachers import open_teacher


def test_an_encoder_is_no_reranker(tiny_folder: Callable[[str], Path], tmp_path: Path) -> None:
    """Its scores would be those of a head of random numbers; as a teacher it has vectors."""
    encoder = str(tiny_folder("bert"))
    for name in (encoder, "embedded"):
        with pytest.raises(ModelError, match="this is an encoder"):
            named_reranker(name, Settings(), Layout(tmp_path), "--rerank")
    assert isinstance(open_teacher(encoder, Settings(), Layout(tmp_path), SilentReporter()), CachedEncoder)


def test_a_cross_encoder_is_known_by_what_its_folder_says(tmp_path: Path) -> None:
    """By its architecture, or by what sentence-transformers wrote, as of rerankers that are language models."""
    said = tmp_path / "config_sentence_transformers.json"
    assert not is_cross_encoder(tmp_path)
    for kind, known in (("SentenceTransformer", False), ("CrossEncoder", True)):
        said.write_text(json.dumps({"model_type": kind}), encoding="utf-8")
        assert is_cross_encoder(tmp_path) == known
    said.write_text("[]", encoding="utf-8")
    assert not is_cross_encoder(tmp_path)
    (tmp_path / "config.json").write_text('{"architectures": ["BertForSequenceClassification"]}', encoding="utf-8")
    assert is_cross_encoder(tmp_path)
