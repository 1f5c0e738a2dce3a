"""What is written while a training runs, and how one that was killed goes on."""

from __future__ import annotations

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
    assert [path.name for path in kept.folder.iterdir()] == ["step-10"]


def test_another_training_starts_from_nothing(tmp_path: Path) -> None:
    """A checkpoint belongs to what its training was made of."""
    Checkpoints(tmp_path, "one").save(made(1))
    assert Checkpoints(tmp_path, "other").load() is None


def test_what_a_kill_left_half_written_is_not_taken(tmp_path: Path) -> None:
    """It lies under another name, and is cleared away."""
    kept = Checkpoints(tmp_path, "one")
    half = kept.folder / ".step-5-4711"
    half.mkdir(parents=True)
    assert kept.load() is None
    assert not half.exists()


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
