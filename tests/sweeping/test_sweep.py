"""A sweep over a tiny model of random weights on clinical terms: small, but every part of it is real."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from jargonaut import Workspace
from jargonaut.artifacts import Artifact, held
from jargonaut.errors import InputError, JargonautError, MismatchError
from jargonaut.formats import read_passages, read_qrels, read_queries, write_beir
from jargonaut.records import SPLITS
from jargonaut.settings import Settings, override
from jargonaut.story import Story
from jargonaut.sweeping import sweep
from jargonaut.sweeping.study import opened
from jargonaut.training import TrainOptions
from tests.pages import Page
from tests.tinysets import write_clinic

FAST = {
    "compute.precision": "fp32", "compute.device": "cpu", "sweep.epochs": [1, 2], "train.epochs": 2,
    "train.batch_size": 16, "sweep.batch_size": [8, 16], "sweep.per_pair": [0, 2], "train.alphas": [0.5, 1.0],
    "sweep.prune": False, "train.lr": 1e-3, "sweep.lr": [1e-4, 1e-2], "train.dims": [16],
}  # fmt: skip


@pytest.fixture(scope="module")
def base(tiny_folder: Callable[[str], Path]) -> Path:
    """A base model that trains in no time."""
    return tiny_folder("bert")


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 train, 16 dev and 12 test queries of ICD-10-CM over their passages."""
    return write_clinic(tmp_path_factory.mktemp("clinic"), tmp_path_factory.mktemp("icd"))


def workspace(folder: Path, base: Path, **changes: Any) -> Workspace:
    """A workspace whose trainings take a second or so."""
    options = FAST | {"base.model": str(base)} | {name.replace("__", "."): value for name, value in changes.items()}
    return Workspace(folder, settings=override(Settings(), options))


def scored(found: Any) -> list[tuple[Any, ...]]:
    """What must not depend on where or how often a sweep ran."""
    return [(t.values, t.state, t.dev, t.general, t.alpha, t.best_epoch, t.curve) for t in found.trials]


@pytest.fixture(scope="module")
def swept(clinic: Path, base: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A finished sweep of four trials, and its workspace."""
    folder = tmp_path_factory.mktemp("odd ?#%& name")
    return folder, workspace(folder, base).sweep(clinic, trials=4)


@pytest.mark.slow
def test_the_first_trial_is_todays_recipe(swept: tuple[Path, Any]) -> None:
    """So the best is never worse on dev than what the user has."""
    _, found = swept
    assert found.trials[0].values == {
        "train.lr": 1e-3, "train.epochs": 2, "train.scale": 20.0, "mine.per_pair": 1, "train.batch_size": 16,
        "train.few_pairs": 0,
    }  # fmt: skip
    assert [t.state for t in found.trials] == ["complete"] * 4
    assert len({json.dumps(t.values) for t in found.trials}) == 4
    fitting = [t for t in found.trials if t.within_limit] or found.trials
    assert found.best.dev == max(t.dev for t in fitting)


@pytest.mark.slow
def test_of_all_models_only_the_best_is_left(swept: tuple[Path, Any]) -> None:
    """N trials do not fill the disk with N models, and nothing is registered or evaluated."""
    folder, found = swept
    home = folder / ".jargonaut"
    assert [p.name for p in (home / "training").glob("[!.]*")] == [found.best.training]
    assert found.model.is_dir()
    assert not (home / "runs").exists()
    assert not (home / "registry.db").exists()


@pytest.mark.slow
def test_equal_negatives_are_mined_once(swept: tuple[Path, Any]) -> None:
    """Trials that differ in training alone share their negatives."""
    folder, found = swept
    mined = {t.values["mine.per_pair"] for t in found.trials}
    assert len(list((folder / ".jargonaut" / "negatives").glob("[!.]*"))) == len(mined)


@pytest.mark.slow
def test_the_best_settings_bring_back_the_best_model(swept: tuple[Path, Any], clinic: Path, base: Path) -> None:
    """`best.toml` is a settings file; a training under it finds the sweep's model done."""
    folder, found = swept
    tables = tomllib.loads((found.folder / "best.toml").read_text(encoding="utf-8"))
    flat = {f"{section}.{key}": value for section, table in tables.items() for key, value in table.items()}
    assert flat == found.best.values
    opened_again = workspace(folder, base)
    made = Workspace(folder, settings=override(opened_again.settings, flat)).train(clinic)
    assert made.reused
    assert (made.path, made.dev, made.alpha) == (found.model, found.best.dev, found.best.alpha)


@pytest.mark.slow
def test_a_sweep_goes_on_and_does_nothing_twice(swept: tuple[Path, Any], clinic: Path, base: Path) -> None:
    """The same call finds its trials; a larger one adds to them, as if it had been asked for at once."""
    folder, found = swept
    started = time.monotonic()
    again = workspace(folder, base).sweep(clinic, trials=4)
    assert scored(again) == scored(found)
    assert [t.seconds for t in again.trials] == [t.seconds for t in found.trials]
    assert time.monotonic() - started < 60
    more = workspace(folder, base).sweep(clinic, trials=5)
    assert scored(more)[:4] == scored(found)
    assert len(more.trials) == 5


@pytest.mark.slow
def test_test_is_not_opened(swept: tuple[Path, Any], clinic: Path, base: Path, tmp_path: Path) -> None:
    """With other test questions, that have nothing to do with the domain, every trial is the same to the last digit."""
    other = tmp_path / "other"
    ignore = list[object]().append
    judged = {name: list(read_qrels(clinic / "qrels" / f"{name}.tsv", ignore)) for name in SPLITS}
    tested = {j.query_id for j in judged["test"]}
    asked = [
        replace(q, text=f"how do I repair bicycle number {n}") if q.id in tested else q
        for n, q in enumerate(read_queries(clinic / "queries.jsonl", ignore))
    ]
    write_beir(other, list(read_passages(clinic / "corpus.jsonl", ignore)), asked, judged)
    found = workspace(tmp_path / "w", base).sweep(other, trials=4)
    assert found.folder.name != swept[1].folder.name  # it is another source
    assert scored(found) == scored(swept[1])[:4]


SPOKEN = """
import json, sys
from jargonaut import Workspace
from jargonaut.protocols import SilentReporter
from jargonaut.settings import Settings, override

class Spoken(SilentReporter):
    def line(self, text):
        print(text, flush=True)

folder, source, options = sys.argv[1:]
Workspace(folder, settings=override(Settings(), json.loads(options)), reporter=Spoken()).sweep(source, trials=4)
"""


@pytest.mark.slow
def test_a_killed_trial_is_run_again(swept: tuple[Path, Any], clinic: Path, base: Path, tmp_path: Path) -> None:
    """Kill -9 in the middle of trials, then the same call: the same four trials as without a kill."""
    options = json.dumps(FAST | {"base.model": str(base)})
    for reached in ("trial 1", "trial 3"):
        with subprocess.Popen(
            [sys.executable, "-c", SPOKEN, str(tmp_path), str(clinic), options],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"},
        ) as process:  # fmt: skip
            assert process.stdout is not None
            begun = False
            for line in process.stdout:
                begun = begun or line.startswith(reached)
                if begun and "epoch 0" in line:
                    break
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
    found = workspace(tmp_path, base).sweep(clinic, trials=4)
    assert scored(found) == scored(swept[1])[:4]


@pytest.mark.slow
def test_time_that_is_up_is_said_and_made_good(clinic: Path, base: Path, tmp_path: Path) -> None:
    """A budget that ends in the first trial is an answer with a remedy, and the next call begins with that trial."""
    with pytest.raises(JargonautError, match=r"(?s)time was up before the first trial.*more minutes"):
        workspace(tmp_path, base).sweep(clinic, trials=2, minutes=1e-4)
    found = workspace(tmp_path, base).sweep(clinic, trials=1)
    assert [(t.number, t.state, t.values["train.lr"]) for t in found.trials] == [(1, "complete", 1e-3)]


@pytest.mark.slow
def test_settings_that_were_changed_are_the_next_trial(clinic: Path, base: Path, tmp_path: Path) -> None:
    """It is still the same sweep, and what is compared with today's settings is compared with these."""
    before = workspace(tmp_path, base).sweep(clinic, trials=1)
    after = workspace(tmp_path, base, train__lr=3e-3).sweep(clinic, trials=2)
    assert after.folder == before.folder
    assert [trial.values["train.lr"] for trial in after.trials] == [1e-3, 3e-3]
    assert (before.today, after.today) == (1, 2)


def test_a_device_that_fails_is_no_fault_of_the_study(tmp_path: Path) -> None:
    """What trials raise is not taken for a damaged file, whose remedy would cost all trials."""
    with pytest.raises(RuntimeError, match="CUDA error"), opened(tmp_path / "study.db", prune=False):
        raise RuntimeError("CUDA error: unspecified launch failure")


def test_a_trial_without_memory_is_a_failed_one(
    clinic: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep goes on with the next recipe."""

    def tuned(_: Story) -> Artifact:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(Story, "tuned", property(tuned))
    with pytest.raises(JargonautError, match="no trial could be finished; the last one: out of memory"):
        workspace(tmp_path, base).sweep(clinic, trials=2)


@pytest.mark.slow
def test_a_trial_below_the_median_is_given_up(clinic: Path, base: Path, tmp_path: Path) -> None:
    """After its first epoch, its model is not stored, and it is neither the best nor forgotten."""
    import optuna

    small = {"sweep__prune": True, "sweep__epochs": [2, 2]}
    first = workspace(tmp_path, base, **small).sweep(clinic, trials=1)
    with opened(first.folder / "study.db", prune=True) as study:
        done = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))[0]
        for _ in range(4):  # others that were far better after one epoch
            study.add_trial(
                optuna.trial.create_trial(
                    params=done.params, distributions=done.distributions, value=done.value,
                    intermediate_values={1: 1.0, 2: 1.0}, user_attrs=done.user_attrs,
                )
            )  # fmt: skip
    found = workspace(tmp_path, base, **small).sweep(clinic, trials=6)
    assert found.trials[-1].state == "pruned"
    assert [epoch for epoch, _ in found.trials[-1].curve] == [1]
    assert found.best.number == 1
    assert [p.name for p in (tmp_path / ".jargonaut" / "training").glob("[!.]*")] == [found.best.training]
    assert not list((tmp_path / ".jargonaut").glob("checkpoints/*"))


@pytest.mark.slow
def test_what_fails_in_every_trial_is_told(clinic: Path, base: Path, tmp_path: Path) -> None:
    """Each failure is counted, so a sweep ends, and the message says what was wrong."""
    nowhere: dict[str, Any] = {
        "train__lora_rank": 2,
        "train__lr": TrainOptions().lr,
        "train__lora_targets": ("nowhere",),
    }
    with pytest.raises(JargonautError, match=r"no trial could be finished; the last one: .*nowhere"):
        workspace(tmp_path, base, **nowhere).sweep(clinic, trials=2)
    (told,) = tmp_path.glob(".jargonaut/sweeps/*/sweep.json")
    assert [t["state"] for t in json.loads(told.read_text())["trials"]] == ["failed", "failed"]


@pytest.mark.slow
def test_two_sweeps_over_the_same_do_not_mix(swept: tuple[Path, Any], clinic: Path, base: Path) -> None:
    """The second is refused while the first one runs."""
    folder, found = swept
    lock = held(found.folder / "lock")
    assert lock is not None
    try:
        with pytest.raises(InputError, match="another process runs this sweep"):
            workspace(folder, base).sweep(clinic, trials=4)
    finally:
        os.close(lock)


@pytest.mark.slow
def test_a_damaged_study_is_no_traceback(clinic: Path, base: Path, tmp_path: Path) -> None:
    """The message names the file and what to do."""
    found = workspace(tmp_path, base).sweep(clinic, trials=1)
    (found.folder / "study.db").write_bytes(b"no database" * 500)
    with pytest.raises(MismatchError, match=r"(?s)study\.db.*begins anew"):
        workspace(tmp_path, base).sweep(clinic, trials=2)


@pytest.mark.slow
def test_other_settings_are_another_sweep(swept: tuple[Path, Any], clinic: Path, base: Path) -> None:
    """Scores that cannot be compared never meet in one study; a setting that is swept makes no difference."""
    folder, found = swept
    with pytest.raises(JargonautError, match="time was up"):
        workspace(folder, base, train__seed=14).sweep(clinic, trials=4, minutes=1e-4)
    assert len(list((folder / ".jargonaut" / "sweeps").iterdir())) == 2
    same = workspace(folder, base, train__scale=30.0).sweep(clinic, trials=4)
    assert same.folder == found.folder


@pytest.mark.slow
def test_the_page_needs_nothing_else(swept: tuple[Path, Any]) -> None:
    """One file that shows every trial: no script, no address, all settings that varied."""
    _, found = swept
    text = found.page.read_text(encoding="utf-8")
    page = Page(text)
    assert page.balanced
    assert "script" not in page.tags
    assert page.loads == []
    assert all(f"trial {trial.number} " in page.titles[0] and f"{trial.dev:.4f}" in text for trial in found.trials)
    assert any("train.lr" in title for title in page.titles)


@pytest.mark.slow
def test_a_recipe_with_other_negatives_mines_them(clinic: Path, base: Path, tmp_path: Path) -> None:
    """Also where the story that it varies has mined its own already; corpus and pairs stay."""
    opened_here = workspace(tmp_path, base)
    story = Story(clinic, opened_here.layout, opened_here.settings, opened_here.reporter)
    few = story.mined
    other = story.varied(override(opened_here.settings, {"mine.per_pair": 2}))
    assert other.mined.artifact.counts["per_pair"] == 2
    assert story.mined is few
    assert other.pairs is story.pairs


@pytest.mark.slow
def test_no_trial_and_no_time_are_refused(clinic: Path, base: Path, tmp_path: Path) -> None:
    """Before anything is read."""
    opened_here = workspace(tmp_path, base)
    story = Story(clinic, opened_here.layout, opened_here.settings, opened_here.reporter)
    with pytest.raises(InputError, match="at least one trial"):
        sweep(story, 0)
    for minutes in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InputError, match="no time to sweep"):
            sweep(story, 1, minutes)
    assert not (tmp_path / ".jargonaut" / "corpus").exists()
