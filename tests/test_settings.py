"""Settings: what a file or a flag says becomes typed options, and a mistake is named with its remedy."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jargonaut.errors import SettingsError
from jargonaut.settings import BaseOptions, Settings, explain, load_settings, override, template

SECTIONS = [each.name for each in fields(Settings)]


def written(folder: Path, text: str) -> Path:
    """A settings file."""
    path = folder / "jargonaut.toml"
    path.write_text(text, encoding="utf-8")
    return path


def uncommented(text: str) -> str:
    """A template whose every setting is live."""
    return re.sub(r"^#(?! )", "", text, flags=re.MULTILINE)


def refusal(folder: Path, text: str) -> str:
    """The message about a file that cannot be used."""
    with pytest.raises(SettingsError) as caught:
        load_settings(written(folder, text))
    return str(caught.value)


@pytest.mark.parametrize("path", [None, Path("nowhere/jargonaut.toml")])
def test_no_file_gives_the_defaults(path: Path | None) -> None:
    """Without a file every setting has its default."""
    assert load_settings(path) == Settings()


def test_file_values_replace_defaults(tmp_path: Path) -> None:
    """What the file names is taken, lists as tuples, whole numbers as numbers; all else keeps its default."""
    path = written(
        tmp_path, '[train]\ndims = [256, 64]\nscale = 10\n[base]\nmodel = "m"\n[structure]\ngeneric_headings = ["a"]\n'
    )
    settings = load_settings(path)
    assert settings == replace(
        Settings(),
        train=replace(Settings().train, dims=(256, 64), scale=10.0),
        base=BaseOptions(model="m"),
        structure=replace(Settings().structure, generic_headings=frozenset({"a"})),
    )
    assert isinstance(settings.train.scale, float)


def test_file_with_byte_order_mark_is_read(tmp_path: Path) -> None:
    """A file saved by an editor that writes a byte order mark is read."""
    assert load_settings(written(tmp_path, "\ufeff[train]\nepochs = 7\n")).train.epochs == 7


def test_unknown_section_is_named_with_the_nearest(tmp_path: Path) -> None:
    """An unknown section is refused: file, nearest name and all names."""
    message = refusal(tmp_path, "[trian]\nepochs = 2\n")
    assert "jargonaut.toml: there is no section [trian]" in message
    assert "did you mean `train`?" in message
    assert all(section in message for section in SECTIONS)


def test_key_outside_a_section_is_sent_to_its_section(tmp_path: Path) -> None:
    """A key above all sections is refused, and its section is named."""
    assert "`epochs` is a key of [train]" in refusal(tmp_path, "epochs = 2\n")


def test_section_that_is_a_value_is_refused(tmp_path: Path) -> None:
    """`train = 3` is refused with the way to write a section."""
    assert "write `[train]`" in refusal(tmp_path, "train = 3\n")


def test_unknown_key_is_named_with_the_nearest(tmp_path: Path) -> None:
    """An unknown key is refused: file, section, key, nearest name and all names."""
    message = refusal(tmp_path, "[train]\nepoch = 2\n")
    assert "jargonaut.toml: [train] epoch: " in message
    assert "did you mean `epochs`? known keys: epochs, batch_size, lr" in message


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ('[train]\nepochs = "3"', "[train] epochs", '"3" is not a whole number'),
        ("[train]\nepochs = 2.5", "[train] epochs", "2.5 is not a whole number"),
        ("[train]\nepochs = true", "[train] epochs", "true is not a whole number"),
        ("[train]\nlr = true", "[train] lr", "true is not a number"),
        ("[train]\ndropout = 1", "[train] dropout", "1 is not true or false"),
        ("[train]\ndims = [64, '32']", "[train] dims", '[64, "32"] is not a list of whole numbers'),
        ("[train]\ndims = 64", "[train] dims", "64 is not a list of whole numbers"),
        ("[base]\nmodel = 5", "[base] model", "5 is not text"),
        ("[base]\nmax_tokens = 'x'", "[base] max_tokens", '"x" is not a whole number'),
        ("[compute]\nprecision = 'fp16'", "[compute] precision", '"fp16" is not one of "auto", "fp32", "bf16"'),
        ("[structure]\ngeneric_headings = [[1]]", "[structure] generic_headings", "[[1]] is not a list of texts"),
        ("[train]\nepochs = 2020-01-01", "[train] epochs", "2020-01-01 is not a whole number"),
        ("[mine]\nsources = 'dense'", "[mine] sources", '"dense" is not a list of some of "dense", "bm25", "section"'),
        ("[sweep]\nlr = [1e-5]", "[sweep] lr", "[1e-05] is not a list of 2 numbers"),
        ("[train.epochs]\nx = 1", "[train] epochs", "{'x': 1} is not a whole number"),
    ],
)
def test_wrong_type_is_named(tmp_path: Path, text: str, where: str, what: str) -> None:
    """A value of the wrong type is refused: file, section, key, value and the type wanted."""
    assert f"jargonaut.toml: {where}: {what}" in refusal(tmp_path, text)


def test_limits_of_the_options_name_the_file(tmp_path: Path) -> None:
    """A value that the options themselves refuse is reported with its file and section."""
    assert "jargonaut.toml: [evaluate]: confidence is 2" in refusal(tmp_path, "[evaluate]\nconfidence = 2")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[train]\nlr = -1", "jargonaut.toml: [train]: lr is -1"),
        ("[train]\nbatch_size = 1", "jargonaut.toml: [train]: batch_size is 1"),
        (
            "[base]\nmax_tokens = 0",
            "jargonaut.toml: [base]: max_tokens is 0\n  → max_tokens must be 8 or more, or not set",
        ),
        (
            "[train]\nlora_alpha = 8.0",
            "lora_alpha is 8.0\n  → lora_alpha must be left out: it only counts with adapters",
        ),
        ("[train]\nlora_rank = 8\nlr = 1e-4", "lr must be left out: it only counts without adapters, whose rate is "),
        ("[train]\nneighbourhood = 16", "neighbourhood must be left out: it only counts with `similar` batches"),
        ("[train]\nloss = 'triplet'\nscale = 50.0", "scale must be left out: it only counts with a loss that has a"),
        ("[mine]\ntemperature = 0.1", "temperature must be left out: it only counts with `softmax`"),
        ("[mine]\nanswers_from = 0.8", "answers_from must be left out: it only counts with a cross-encoder or a"),
        ("[mine]\ndepth = 0", "jargonaut.toml: [mine]: depth is 0"),
        ("[split]\ndev = 0.6\ntest = 0.4", "jargonaut.toml: [split]: dev is 0.6"),
        ("[filter]\nmax_query_words = 0", "jargonaut.toml: [filter]: max_query_words is 0"),
        ("[structure]\nmax_per_document = -1", "jargonaut.toml: [structure]: max_per_document is -1"),
        ("[assess]\nseed = -1", "jargonaut.toml: [assess]: seed is -1"),
        (
            "[bm25]\nlanguage = 'klingon'",
            "jargonaut.toml: [bm25]: language is 'klingon', for which there is no stemmer",
        ),
    ],
)
def test_values_without_meaning_are_refused_when_they_are_read(tmp_path: Path, text: str, message: str) -> None:
    """Nobody waits for a corpus to be read and mined before hearing of it."""
    assert message in refusal(tmp_path, text)


def test_a_value_of_the_command_line_is_shown_as_it_was_typed() -> None:
    """Also where it was meant as a list or as quoted text."""
    with pytest.raises(SettingsError, match=r'^the command line: \[mine\] sources: \["web"\] is not a list of some'):
        override(Settings(), {"mine.sources": '["web"]'})
    with pytest.raises(SettingsError, match='loss: "infonce" is not one of "mnrl"'):
        override(Settings(), {"train.loss": "infonce"})


@pytest.mark.parametrize("content", [b"[train\n", b"[train]\nmodel = x\n", b"\xff\xfe[", b"[train]\n[train]\n"])
def test_broken_toml_is_named(tmp_path: Path, content: bytes) -> None:
    """A file that is no TOML is refused by name, with what TOML looks like."""
    path = tmp_path / "jargonaut.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match="not readable TOML"):
        load_settings(path)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("train.epochs", 2, 2),
        ("train.epochs", "2", 2),
        ("train.dims", "[256, 64]", (256, 64)),
        ("train.dims", [256, 64], (256, 64)),
        ("train.dims", (256, 64), (256, 64)),
        ("train.lr", "1e-4", 1e-4),
        ("train.dropout", "true", True),
        ("base.model", "BAAI/bge-small-en-v1.5", "BAAI/bge-small-en-v1.5"),
        ("base.model", '"quoted"', "quoted"),
        ("base.model", "2024", "2024"),
        ("base.model", "none", "none"),
        ("base.query_prompt", "", ""),
        ("base.query_prompt", "query: ", "query: "),
        ("base.query_prompt", 'a"\nb = 1', 'a"\nb = 1'),
        ("evaluate.deployed_dim", "none", None),
        ("evaluate.deployed_dim", None, None),
    ],
)
def test_override_replaces_one_value(name: str, value: Any, expected: Any) -> None:
    """A typed value, a TOML value as text, or plain text for a text setting replaces what was there."""
    before = override(Settings(), {"evaluate.deployed_dim": 64})
    section, _, key = name.partition(".")
    after = override(before, {name: value})
    assert getattr(getattr(after, section), key) == expected
    assert after == replace(before, **{section: replace(getattr(before, section), **{key: expected})})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("train.epoch", 2, "the command line: [train] epoch: there is no such setting"),
        ("train", 2, "train is a section"),
        ("epochs", 2, "`epochs` is a key of [train]"),
        ("train.epochs", "two", 'the command line: [train] epochs: "two" is not a whole number'),
        ("train.batch_size", None, "[train] batch_size: not set is not a whole number"),
        ("train.epochs", "2\nlr = 1", "is not a whole number"),
    ],
)
def test_override_refuses_as_the_file_does(name: str, value: Any, message: str) -> None:
    """A mistake on the command line is named as one in the file is."""
    with pytest.raises(SettingsError) as caught:
        override(Settings(), {name: value})
    assert message in str(caught.value)


def test_limits_hold_for_values_together() -> None:
    """Values that only fit together may be given together."""
    values = {"assess.recall_dont": 0.5, "assess.recall_tune": 0.4}
    assert override(Settings(), values).assess.recall_dont == 0.5


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_has_a_meaning(section: str) -> None:
    """Every key of every section is explained, and nothing else is."""
    keys = [each.name for each in fields(getattr(Settings(), section))]
    meanings = explain(section)
    assert list(meanings) == keys
    assert [key for key, meaning in meanings.items() if not meaning.endswith((".", ")"))] == []


def test_template_names_every_setting() -> None:
    """Every section and every key stands in the template, under its meaning, within 100 columns."""
    text = template()
    for section in SECTIONS:
        block = text.partition(f"\n[{section}]\n")[2].partition("\n[")[0]
        assert block, section
        for each in fields(getattr(Settings(), section)):
            assert re.search(rf"^# \S.*\n#( \({each.name} is not set|{each.name} = )", block, re.MULTILINE)
    assert max(map(len, text.splitlines())) <= 100


def test_template_changes_nothing(tmp_path: Path) -> None:
    """The template as written, all commented out, gives the defaults."""
    assert load_settings(written(tmp_path, template())) == Settings()
    assert re.findall(r"^[^#\[\n].*", template(), re.MULTILINE) == []


def test_template_uncommented_gives_the_defaults(tmp_path: Path) -> None:
    """With the marks removed from every setting, the template still says the defaults."""
    text = uncommented(template())
    assert "\nepochs = " in text
    assert load_settings(written(tmp_path, text)) == Settings()


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "base.model": st.text(st.characters(exclude_categories=["Cs"])),
            "base.query_prompt": st.text(st.characters(exclude_categories=["Cs"])),
            "base.max_tokens": st.none() | st.integers(8, 2**63 - 1),
            "train.lr": st.floats(min_value=0, exclude_min=True, allow_infinity=False),
            "train.dropout": st.booleans(),
            "train.dims": st.lists(st.integers(1, 4096), max_size=40).map(tuple),
            "structure.generic_headings": st.frozensets(st.text(st.characters(exclude_categories=["Cs"])), max_size=30),
        },
    )
)
def test_template_keeps_any_settings(tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]) -> None:
    """A template of changed settings gives these settings back, as it is and with every setting live."""
    given_text = {k: v for k, v in values.items() if isinstance(v, str)}
    settings = override(Settings(), {k: v for k, v in values.items() if k not in given_text})
    base = replace(settings.base, **{k.partition(".")[2]: v for k, v in given_text.items()})
    settings = replace(settings, base=base)
    folder = tmp_path_factory.mktemp("settings")
    assert load_settings(written(folder, template(settings))) == settings
    assert load_settings(written(folder, uncommented(template(settings)))) == settings


def test_importing_settings_loads_no_heavy_library() -> None:
    """The command line starts fast: settings load no torch, no transformers, no sentence-transformers."""
    heavy = ("torch", "transformers", "sentence_transformers", "lancedb", "markitdown", "altair", "bm25s")
    code = f"import sys, jargonaut.settings; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
