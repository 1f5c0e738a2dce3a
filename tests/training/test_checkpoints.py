"""What is written while a training runs, and how one that was killed goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from jargonaut.errors import JargonautError
from jargonaut.training.checkpoints import Checkpoint, Checkpoints


def made(step: int) -> Checkpoint:
    """A checkpoint whose numbers tell its step."""
    return Checkpoint(step, {"epoch": step}, {"weights/a": torch.full((2,), float(step))})


def test_the_newest_checkpoint_is_found_and_the_older_are_gone(tmp_path: Path) -> None:
    """Facts and tensors come back as they were."""
    kept = Checkpoints(tmp_path, "one")
    kept.save(made(9))
    kept.save(made(10))
    found = kept.load()
    assert found is not None
    assert (found.step, found.facts) == (10, {"epoch": 10})
    torch.testing.assert_close(found.tensors["weights/a"], torch.full((2,), 10.0))
    assert [path.name for path in kept.folder.glob("step-*")] == ["step-10"]


def test_another_training_starts_from_nothing(tmp_path: Path) -> None:
    """A checkpoint belongs to what its training was made of."""
    Checkpoints(tmp_path, "one").save(made(1))
    assert Checkpoints(tmp_path, "other").load() is None


def test_what_a_kill_left_half_written_is_not_taken(tmp_path: Path) -> None:
    """It lies under another name, and is cleared away by the next that writes."""
    kept = Checkpoints(tmp_path, "one")
    half = kept.folder / ".step-5-4711"
    half.mkdir(parents=True)
    assert kept.load() is None
    kept.save(made(6))
    assert not half.exists()


def test_only_one_of_two_equal_trainings_writes(tmp_path: Path) -> None:
    """The second neither harms the first one's checkpoints nor fails; it may go on with them."""
    first, second = Checkpoints(tmp_path, "one"), Checkpoints(tmp_path, "one")
    first.save(made(1))
    second.save(made(2))
    second.remove()
    found = second.load()
    assert found is not None
    assert found.step == 1


def test_a_full_disk_is_a_sentence(tmp_path: Path) -> None:
    """The library that writes tensors has errors of its own; what was half written is removed."""
    script = (
        "import resource, sys, torch, signal\n"
        "from pathlib import Path\n"
        "from jargonaut.errors import JargonautError\n"
        "from jargonaut.training.checkpoints import Checkpoint, Checkpoints\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n"
        "    Checkpoints(Path(sys.argv[1]), 'one').save(Checkpoint(1, {}, {'a': torch.zeros(9999)}))\n"
        "except JargonautError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False)
    assert "the checkpoint of the training cannot be written" in done.stdout, done.stderr
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["lock"]


@pytest.mark.parametrize("name", ["state.safetensors", "checkpoint.json"])
def test_a_damaged_checkpoint_is_not_taken(tmp_path: Path, name: str) -> None:
    """Training starts anew rather than from rubbish."""
    kept = Checkpoints(tmp_path, "one")
    kept.save(made(1))
    (kept.folder / "step-1" / name).write_bytes(b"rubbish")
    assert kept.load() is None


def test_a_finished_training_leaves_nothing(tmp_path: Path) -> None:
    """Checkpoints are as large as several models."""
    kept = Checkpoints(tmp_path, "one")
    kept.save(made(1))
    kept.remove()
    assert not kept.folder.exists()


def test_a_checkpoint_is_due_when_its_time_has_come(tmp_path: Path) -> None:
    """Zero seconds mean after every step, many mean not yet."""
    assert Checkpoints(tmp_path, "one", 0).due
    assert not Checkpoints(tmp_path, "one", 3600).due


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The message says where and how to do without."""
    (tmp_path / "one").write_text("a file in the way")
    with pytest.raises(JargonautError, match="cannot be written") as raised:
        Checkpoints(tmp_path, "one").save(made(1))
    assert "checkpoint_minutes=0" in str(raised.value)
