"""The doctor: facts of this machine, examined for real, and what they mean."""

from __future__ import annotations

import json
import os
import platform
import shutil
from pathlib import Path

import pytest

from jargonaut import doctor
from jargonaut.artifacts import plain
from jargonaut.doctor import Check, Diagnosis, examine


@pytest.fixture(scope="module")
def diagnosis(tmp_path_factory: pytest.TempPathFactory) -> Diagnosis:
    """This machine, examined once."""
    return examine(tmp_path_factory.mktemp("doctor") / "not" / "there")


def by_name(diagnosis: Diagnosis) -> dict[str, Check]:
    """Checks by their names."""
    return {check.name: check for check in diagnosis.checks}


def test_everything_promised_is_examined(diagnosis: Diagnosis) -> None:
    """Every fact is there once, with a value."""
    assert [check.name for check in diagnosis.checks] == [
        "Python",
        "torch",
        "Device",
        "Threads",
        "bf16 in hardware",
        "Memory",
        "Free disk",
        "sentence-transformers",
        "transformers",
        "Embedded model",
    ]
    assert all(check.value for check in diagnosis.checks)


def test_versions_are_the_installed_ones(diagnosis: Diagnosis) -> None:
    """Versions are those that run."""
    import sentence_transformers
    import torch

    checks = by_name(diagnosis)
    assert checks["Python"].value.startswith(platform.python_version())
    assert checks["torch"].value.startswith(torch.__version__)
    assert checks["sentence-transformers"].value == sentence_transformers.__version__


def test_embedded_model_is_verified(diagnosis: Diagnosis) -> None:
    """The embedded model is found and its hash is right."""
    check = by_name(diagnosis)["Embedded model"]
    assert check.status == "ok"
    assert "53aa51172d14" in check.value


def test_whatever_is_not_ok_says_what_to_do(diagnosis: Diagnosis) -> None:
    """A slow or failing part comes with advice."""
    assert [check for check in diagnosis.checks if check.status != "ok" and not check.advice] == []


def test_problems_are_the_failing_checks() -> None:
    """Slow is no problem; a problem is."""
    bad = Check("b", "x", "problem", "do")
    assert Diagnosis((Check("a", "x", "slow", "wait"), bad), "").problems == (bad,)


def test_diagnosis_is_json(diagnosis: Diagnosis) -> None:
    """Machines can read it."""
    read = json.loads(json.dumps(plain(diagnosis)))
    assert read["checks"][0]["name"] == "Python"
    assert read["outlook"] == diagnosis.outlook


def test_nothing_is_created(tmp_path: Path) -> None:
    """Looking at a workspace that is not there does not make one; its nearest parent's disk counts."""
    check = doctor.disk(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []
    assert check.value.endswith(f"GiB at {tmp_path}")
    assert shutil.disk_usage(tmp_path).free > 0


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="everything is writable for root")
def test_read_only_place_is_a_problem(tmp_path: Path) -> None:
    """A workspace that cannot be written is a problem."""
    tmp_path.chmod(0o500)
    try:
        assert doctor.disk(tmp_path / "w").status == "problem"
    finally:
        tmp_path.chmod(0o700)


def test_library_of_another_major_version_is_a_problem() -> None:
    """Another major version, or none, comes with the command that mends it."""
    assert "pip install 'transformers==99.*'" in doctor.library("transformers", major=99).advice
    assert doctor.library("no-such-library-at-all", major=1).status == "problem"


def test_idle_cores_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer threads than cores, by the user's own setting, is slow; so are more; one for two hyper-threads is not."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert doctor.threads_check(4, 8).status == "ok"
    assert doctor.threads_check(8, 8) == Check("Threads", "8 of 8 usable cores")
    assert "OMP_NUM_THREADS=2" in doctor.threads_check(16, 2).advice
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert doctor.threads_check(1, 2).status == "slow"


def test_missing_bf16_warns_against_forcing_it() -> None:
    """Without bf16 in hardware the advice is fp32."""
    assert "fp32" in doctor.bf16_check("CPU", native=False).advice
    assert doctor.bf16_check("CPU", native=True).status == "ok"


def test_outlook_counts_with_measured_rates() -> None:
    """The outlook names rates and a time that fit one another, and more threads promise more."""
    two = doctor.outlook("cpu", native=False, threads=2)
    assert "70 to 100 short passages a second" in two
    assert "15 to 25 pairs a second" in two
    assert "about 8 minutes" in two
    assert "30 to 50 pairs a second" in doctor.outlook("cpu", native=False, threads=4)
    assert "scaled from" not in two
    assert "scaled from" in doctor.outlook("cpu", native=True, threads=8)
    assert "GPU" in doctor.outlook("cuda", native=True, threads=2)
