"""`jargonaut train` as a user types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jargonaut.cli.training import _distilling
from tests.tinymodels import FAMILIES, built
from tests.tinysets import write_clinic


def typed(*arguments: str, code: int, launched: bool = False) -> subprocess.CompletedProcess[str]:
    """Runs the program and checks how it ends."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"} | ({"WORLD_SIZE": "2"} if launched else {})
    done = subprocess.run(
        [sys.executable, "-m", "jargonaut", *arguments], capture_output=True, text=True, check=False, timeout=600,
        env=environment,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr[-3000:]
    assert done.returncode == code, done.stderr[-3000:]
    return done


@pytest.mark.slow
def test_flags_that_mean_nothing_are_refused(tmp_path: Path) -> None:
    """Minutes without a sweep, a sweep of nothing, and a sweep by several processes at once."""
    where = ("-w", str(tmp_path))
    assert "--sweep N" in typed("train", str(tmp_path), "--minutes", "5", *where, code=2).stderr
    typed("train", str(tmp_path), "--sweep", "0", *where, code=2)
    assert "one process" in typed("train", "--sweep", "2", *where, code=2, launched=True).stderr
    assert "[train] lr" in typed("train", str(tmp_path), "--lr", "0", *where, code=2).stderr.replace(
        ": [train]", " [train] lr"
    )


@pytest.mark.slow
def test_training_and_a_sweep_say_what_they_made(base_model_path: Path, tmp_path: Path) -> None:
    """Shortcuts reach the settings, JSON is all there is on stdout, and the command that a sweep prints is valid."""
    base = built(FAMILIES["bert"], base_model_path, tmp_path / "base")
    source = write_clinic(tmp_path / "clinic", tmp_path / "icd")
    fast = ["--set", "train.alphas=[0.5, 1.0]", "--set", "compute.precision=fp32", "--base", str(base)]
    where = ["-w", str(tmp_path / "w")]
    done = typed(
        "train", str(source), *where, *fast, "--epochs", "1", "--lr", "1e-3", "--batch-size", "16", "--json", code=0
    )
    told = json.loads(done.stdout)
    manifest = json.loads((Path(told["path"]).parent / "manifest.json").read_text(encoding="utf-8"))
    recipe = manifest["options"]["train"]
    assert (recipe["epochs"], recipe["lr"], recipe["batch_size"]) == (1, 1e-3, 16)
    assert (Path(told["path"]) / "modules.json").exists()
    assert not (tmp_path / "w" / ".jargonaut" / "registry.db").exists()
    swept = typed(
        "train", *where, *fast, "--set", "sweep.epochs=[1, 1]", "--epochs", "1", "--lr", "1e-3", "--batch-size", "16",
        "--loss", "mnrl", "--sweep", "2", "--json", code=0,
    )  # fmt: skip
    found = json.loads(swept.stdout)
    assert len(found["trials"]) == 2
    assert Path(found["page"]).exists()
    assert found["use"].startswith(f"jargonaut run {source} -w ")
    for name, value in found["best"]["values"].items():
        assert found["use"].count(f"--set {name}=") == found["use"].count(f"--set {name}={value!r}") == 1
    assert "--set train.loss=mnrl" in found["use"]  # what the sweep was told beside stays


def test_distil_leaves_what_a_file_says(tmp_path: Path) -> None:
    """The flag stands for a loss and for negatives where neither the command line nor the file names any."""
    assert _distilling("v3", [], tmp_path) == ["train.teacher=v3", "train.loss=kl", "mine.per_pair=4"]
    given = ["mine.per_pair=2", "train.loss=margin_mse"]
    assert _distilling("v3", given, tmp_path) == ["train.teacher=v3"]
    said = '[mine]\nper_pair = 6\n[train]\nloss = "margin_mse"\nteacher = "v1"\n'
    (tmp_path / "jargonaut.toml").write_text(said, encoding="utf-8")
    assert _distilling("v3", [], tmp_path) == ["train.teacher=v3"]
