"""`jargonaut encode` as a user runs it: the real model, small real texts."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from jargonaut import Workspace
from jargonaut.cli.main import app
from jargonaut.encoding.devices import ComputeOptions
from jargonaut.encoding.local import LocalEncoder
from jargonaut.encoding.models import EMBEDDED, find_model
from jargonaut.registry import Registry
from jargonaut.settings import Settings, override

LINES = ["acute renal failure", "fracture of the femur", "typhoid fever", "acute renal failure"]


@pytest.fixture(scope="module")
def encoder() -> LocalEncoder:
    """The embedded model with a prompt for each kind."""
    folder = find_model(EMBEDDED, query_prompt="query: ", passage_prompt="passage: ")
    return LocalEncoder(folder, ComputeOptions("cpu", "fp32"))


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """A file of four texts, in a workspace whose settings say how they are encoded."""
    settings = '[base]\nquery_prompt = "query: "\npassage_prompt = "passage: "\n[compute]\nprecision = "fp32"\n'
    (tmp_path / "jargonaut.toml").write_text(settings + 'device = "cpu"\n')
    (tmp_path / "texts.txt").write_text("\n".join(LINES))
    return tmp_path / "texts.txt"


def encode(texts: Path, *flags: str) -> str:
    """What the command prints on stdout."""
    target = texts.with_name("vectors.npy")
    result = CliRunner().invoke(app, ["encode", str(texts), str(target), "-w", str(texts.parent), *flags])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_rows_are_the_vectors_of_the_lines(texts: Path, encoder: LocalEncoder) -> None:
    """In order, with the passage prompt; one line tells file, rows, dimensions, speed and model."""
    out = encode(texts)
    rows = np.load(texts.with_name("vectors.npy"))
    np.testing.assert_allclose(rows, encoder.encode_passages(LINES), atol=1e-5)
    assert out.startswith(f"{texts.with_name('vectors.npy')}: 4 rows, 384 dimensions, ")
    assert out.endswith(" passages/s with all-MiniLM-L6-v2\n")


def test_queries_get_their_own_prompt(texts: Path, encoder: LocalEncoder) -> None:
    """`--queries` applies it, and `--json` tells a script what was made, and of what."""
    told = json.loads(encode(texts, "--queries", "--json"))
    np.testing.assert_allclose(np.load(told["path"]), encoder.encode_queries(LINES), atol=1e-5)
    assert (told["rows"], told["reused"], told["dimension"]) == (4, 0, 384)
    assert (told["texts"], told["fingerprint"]) == (str(texts), encoder.fingerprint)
    assert told["rate"] > 0


def test_a_registered_version_is_encoded_with_as_it_was_registered(
    texts: Path, encoder: LocalEncoder, base_model_path: Path
) -> None:
    """From Python too: by its name, with its own prompts, whatever today's settings are."""
    workspace = Workspace(texts.parent)
    layout = workspace.layout
    plain = LocalEncoder(find_model(str(base_model_path), query_prompt="", passage_prompt=""), encoder.options)
    Registry(layout.registry, layout.models).register(
        base_model_path, name="m", fingerprint=plain.fingerprint, dimension=384, base="base", run_id="r",
        query_prompt="", passage_prompt="",
    )  # fmt: skip
    made = workspace.encode(texts, texts.with_name("v.npy"), model="v1")
    np.testing.assert_allclose(np.load(made.path), plain.encode_passages(LINES), atol=1e-5)
    assert made.fingerprint == plain.fingerprint
    elsewhere = Workspace(texts.parent, settings=override(Settings(), {"base.model": "no/such-model"}))
    assert elsewhere.encode(texts, texts.with_name("w.npy"), model="v1").fingerprint == plain.fingerprint


@pytest.mark.slow
def test_a_killed_call_goes_on(texts: Path, encoder: LocalEncoder) -> None:
    """After kill -9 the same command encodes the rest, says so, and leaves one file."""
    many = [f"{LINES[number % 4]}, case {number}" for number in range(9000)]
    texts.write_text("\n".join(many))
    target = texts.with_name("vectors.npy")
    command = [sys.executable, "-c", "from jargonaut.cli import main; main()", "encode", str(texts), str(target)]
    command += ["-w", str(texts.parent), "--set", "base.max_tokens=8"]
    marks = texts.with_name(".vectors.npy.marks")
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        while not marks.exists() or not marks.stat().st_size:
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
    assert not target.exists()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "9,000 rows, 4,096 of them before, " in done.stdout
    short = LocalEncoder(encoder.folder, encoder.options, max_tokens=8)
    np.testing.assert_allclose(np.load(target)[-50:], short.encode_passages(many[-50:]), atol=1e-5)
    assert not list(texts.parent.glob(".vectors*"))
