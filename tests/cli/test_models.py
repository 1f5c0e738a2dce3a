"""`jargonaut models list` and `jargonaut export st` as they are typed, with a version of every kind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sentence_transformers import CrossEncoder, SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding
from tokenizers import Tokenizer
from typer.testing import CliRunner

from jargonaut.adapters import identity, save_adapter
from jargonaut.cli.main import app
from jargonaut.encoding.devices import ComputeOptions
from jargonaut.encoding.local import LocalEncoder, quiet_libraries
from jargonaut.encoding.models import find_model
from jargonaut.layout import Layout
from jargonaut.registry import Registry
from jargonaut.reranking import LocalReranker, load_cross_encoder
from tests.tinymodels import HIDDEN, loaded

CPU = ComputeOptions(device="cpu", precision="fp32")
TEXTS = ["the stenosis of a bronchus", "goodwill is impaired", "a text that is longer than most of them " * 9]
LONG = "a model of a very long name, tuned on a set of documents of a very long name"
BASE, ENCODER, ADAPTER, STATIC, RERANKER = "base", "v1", "v2", "v3", "v4"


@pytest.fixture(scope="module")
def root(tiny_folder: Callable[[str], Path], base_model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a version of every kind, none of them trained."""
    root, made = tmp_path_factory.mktemp("kinds"), tmp_path_factory.mktemp("made")
    layout = Layout(root)
    registry = Registry(layout.registry, layout.models)

    def told(folder: Path) -> dict[str, Any]:
        encoder = LocalEncoder(find_model(str(folder), query_prompt="", passage_prompt=""), CPU)
        return {"fingerprint": encoder.fingerprint, "dimension": encoder.dimension,
                "query_prompt": "", "passage_prompt": ""}  # fmt: skip

    base = registry.register_base(tiny_folder("bert"), name="tiny", **told(tiny_folder("bert")))
    source = tiny_folder("distilbert")
    prompt = {"query_prompt": "Instruct: find what answers\nQuery: " + "of the domain " * 9}
    registry.register(source, name=LONG, base=BASE, run_id="r", metrics={"nDCG@10": 0.5}, **(told(source) | prompt))

    adapter = identity("low_rank", "query", base.fingerprint, "tiny", HIDDEN)
    save_adapter(adapter, made / "adapter")
    registry.register(
        made / "adapter", name="tiny with an adapter", fingerprint=adapter.fingerprint, dimension=HIDDEN, base=BASE,
        run_id="", kind="adapter", space=base.fingerprint,
    )  # fmt: skip

    words = Tokenizer.from_file(str(base_model_path / "tokenizer.json"))
    words.no_padding()
    SentenceTransformer(modules=[StaticEmbedding(words, embedding_dim=8), Normalize()], device="cpu").save_pretrained(
        str(made / "static"), create_model_card=False
    )
    registry.register(
        made / "static", name="word vectors of tiny", base=ENCODER, run_id="", kind="static", **told(made / "static")
    )

    with quiet_libraries():
        cross = load_cross_encoder(tiny_folder("bert"), CPU, max_tokens=48, seed=3, training=True)
        cross.save_pretrained(str(made / "cross"), create_model_card=False)
    reranker = LocalReranker(find_model(str(made / "cross")), CPU, max_tokens=48)
    registry.register(
        made / "cross", name="reranker from tiny", fingerprint=reranker.fingerprint, dimension=1, base=BASE, run_id="",
        kind="reranker", max_tokens=48,
    )  # fmt: skip
    return root


def typed(root: Path, *words: str) -> str:
    """What a command prints."""
    done = CliRunner().invoke(app, [*words, "-w", str(root)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_list_says_what_a_version_is_and_what_it_stands_on(root: Path) -> None:
    """In text, where a reranker has no dimension, and for machines."""
    rows = {row.split()[0]: row.split()[1:] for row in typed(root, "models", "list").splitlines() if row.strip()}
    assert rows["version"][:5] == ["kind", "base", "status", "dim", "nDCG@10"]
    assert {name: rows[name][:4] for name in (BASE, ENCODER, ADAPTER, STATIC, RERANKER)} == {
        BASE: ["encoder", "–", "available", "32"],
        ENCODER: ["encoder", "base", "available", "32"],
        ADAPTER: ["adapter", "base", "available", "32"],
        STATIC: ["static", "v1", "available", "8"],
        RERANKER: ["reranker", "base", "available", "–"],
    }
    told = json.loads(typed(root, "models", "list", "--json"))
    assert [(one["version"], one["kind"], one["base"]) for one in told] == [
        (BASE, "encoder", ""), (ENCODER, "encoder", "base"), (ADAPTER, "adapter", "base"), (STATIC, "static", "v1"),
        (RERANKER, "reranker", "base"),
    ]  # fmt: skip


def test_the_list_fits_a_terminal(root: Path) -> None:
    """Long names and prompts are cut at 100 characters; machines get all of them."""
    out = typed(root, "models", "list")
    assert max(len(row) for row in out.splitlines()) == 100
    assert "queries begin with 'Instruct: find" in out
    assert LONG not in out
    assert LONG in typed(root, "models", "list", "--json")


def test_a_reranker_leaves_as_a_cross_encoder(root: Path, tmp_path: Path) -> None:
    """`CrossEncoder` loads the folder and gives the version's scores; what is printed says so."""
    out = typed(root, "export", "st", RERANKER, str(tmp_path / "out"))
    assert "CrossEncoder(folder).predict" in out
    assert "SentenceTransformer" not in out
    pairs = [("what is narrow", text) for text in TEXTS]
    version = Registry(Layout(root).registry, Layout(root).models).get(RERANKER)
    ours = LocalReranker(find_model(str(version.path)), CPU, max_tokens=version.max_tokens).score_pairs(pairs)
    stock = CrossEncoder(str(tmp_path / "out"), device="cpu").predict(pairs, show_progress_bar=False)
    np.testing.assert_allclose(stock, ours, atol=1e-5)
    assert len(set(ours)) == len(pairs)


def test_word_vectors_leave_as_word_vectors(root: Path, tmp_path: Path) -> None:
    """`SentenceTransformer` loads the folder and gives the version's vectors, of queries and passages alike."""
    out = typed(root, "export", "st", STATIC, str(tmp_path / "out"))
    assert "SentenceTransformer(folder).encode(…)" in out
    stock = loaded(tmp_path / "out").encode(TEXTS)
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    for number, flags in enumerate([(), ("--queries",)]):
        vectors = tmp_path / f"{number}.npy"
        typed(root, "encode", str(tmp_path / "texts.txt"), str(vectors), "--model", STATIC, *flags)
        np.testing.assert_allclose(np.load(vectors), stock, atol=1e-6)


def test_an_encoder_and_an_adapter_leave_with_both_sides(root: Path, tmp_path: Path) -> None:
    """What is printed names what is called for queries and for passages."""
    for version in (BASE, ADAPTER):
        out = typed(root, "export", "st", version, str(tmp_path / version))
        assert "SentenceTransformer(folder).encode_query(…) and .encode_document(…)" in out
