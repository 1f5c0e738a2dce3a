"""Encoding in several processes: the real model in real workers, which are killed and left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jargonaut.encoding import local
from jargonaut.encoding.cache import CachedEncoder
from jargonaut.encoding.devices import ComputeOptions
from jargonaut.encoding.local import LocalEncoder
from jargonaut.encoding.models import EMBEDDED, find_model
from jargonaut.encoding.pool import deal
from jargonaut.errors import ModelError

WORDS = ("acute", "chronic", "renal", "hepatic", "failure", "infarction", "of", "the", "anterior", "wall", "femur")
PICKED = np.random.default_rng(5).integers(0, len(WORDS), (900, 60))
LONG = [" ".join(WORDS[word] for word in line[: 5 + number % 55]) for number, line in enumerate(PICKED)]
"""More than `MANY_CHARS` characters, of all lengths."""
TWO = ComputeOptions(device="cpu,cpu", precision="fp32")


def on(devices: ComputeOptions) -> LocalEncoder:
    """The embedded model; texts are cut to a few tokens, so that many are encoded soon."""
    return LocalEncoder(find_model(EMBEDDED, query_prompt="query: "), devices, max_tokens=8)


@pytest.fixture(scope="module")
def encoder() -> Iterator[LocalEncoder]:
    """One encoder on two processes."""
    made = on(TWO)
    yield made
    made.close()


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not yet waited for does not."""
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def ended(pids: list[int], seconds: float = 20) -> bool:
    """Whether all of these processes end in time."""
    deadline = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(map(alive, pids))


@pytest.mark.slow
def test_two_processes_give_the_vectors_of_one(encoder: LocalEncoder) -> None:
    """In the caller's order, with each kind's prompt, in float32."""
    alone = on(ComputeOptions(device="cpu", precision="fp32"))
    for many, one in ((encoder.encode_passages, alone.encode_passages), (encoder.encode_queries, alone.encode_queries)):
        vectors = many(LONG)
        assert (vectors.dtype, len(encoder._pool.processes)) == (np.float32, 2)
        np.testing.assert_allclose(vectors, one(LONG), atol=1e-5)


def test_a_few_texts_stay_in_this_process() -> None:
    """A query or two must not wait for processes to start."""
    small = on(TWO)
    assert small.encode_queries(["renal failure"]).shape == (1, 384)
    assert "_pool" not in vars(small)


def test_a_model_in_training_stays_in_this_process(encoder: LocalEncoder) -> None:
    """Other processes have the weights of the files only."""
    around = LocalEncoder.around(encoder.folder, encoder.model, TWO)
    assert around.encode_passages(LONG).shape == (len(LONG), 384)
    assert "_pool" not in vars(around)


@pytest.mark.slow
def test_processes_stay_until_the_encoder_is_closed_or_forgotten(tmp_path: Path) -> None:
    """The first do all calls; after closing, also through a cache, others start, and nobody has to close those."""
    made = on(TWO)
    made.encode_passages(LONG)
    first = made._pool.processes
    made.encode_passages(LONG)
    assert made._pool.processes == first
    CachedEncoder(made, tmp_path).close()
    assert ended(first)
    made.encode_passages(LONG)
    others = made._pool.processes
    assert set(others).isdisjoint(first)
    del made
    assert ended(others)


@pytest.mark.slow
def test_a_process_that_dies_at_work_is_an_error(encoder: LocalEncoder) -> None:
    """The caller learns which device and which signal, at once, and the others are ended."""
    encoder.encode_passages(LONG)
    killed = encoder._pool.processes
    stopped = killed[0]
    os.kill(stopped, signal.SIGSTOP)  # so that it is at work for as long as we want
    threading.Timer(0.5, os.kill, (stopped, signal.SIGKILL)).start()
    with pytest.raises(ModelError, match="killed by signal 9") as caught:
        encoder.encode_passages(LONG)
    assert caught.value.where == "device cpu"
    assert ended(killed)


@pytest.mark.slow
def test_a_process_that_died_while_idle_is_replaced(encoder: LocalEncoder) -> None:
    """Nothing was lost, so nothing is said; so it is after an error too."""
    encoder.encode_passages(LONG)
    killed = encoder._pool.processes[1]
    os.kill(killed, signal.SIGKILL)
    os.waitid(os.P_PID, killed, os.WEXITED | os.WNOWAIT)  # its threads too, which may outlive the first
    assert encoder.encode_passages(LONG).shape == (len(LONG), 384)


@pytest.mark.slow
def test_what_a_process_refuses_reaches_the_caller(tmp_path: Path) -> None:
    """Its own error, with place and remedy, not that of a pipe."""
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "model.safetensors").write_bytes(b"not weights")
    broken = LocalEncoder(find_model(str(tmp_path)), TWO)
    broken.__dict__["dimension"] = 384  # which only the model knows
    with pytest.raises(ModelError, match="could not be loaded") as caught:
        broken.encode_passages(LONG)
    assert (caught.value.where, bool(caught.value.remedy)) == (str(tmp_path), True)


@pytest.mark.slow
def test_a_fault_in_a_process_keeps_its_traceback(encoder: LocalEncoder) -> None:
    """What nobody foresaw is an error of ours too, with the worker's traceback as a note."""
    with pytest.raises(ModelError, match="encoding failed") as caught:
        encoder.encode_passages(["\ud83d" * local.MANY_CHARS])  # half of an emoji, which no tokenizer takes
    assert any("Traceback" in note for note in caught.value.__notes__)


SCRIPT = """
import sys, time
from jargonaut.encoding.devices import ComputeOptions
from jargonaut.encoding.local import LocalEncoder
from jargonaut.encoding.models import find_model
encoder = LocalEncoder(find_model("embedded"), ComputeOptions(device="cpu,cpu"), max_tokens=8)
encoder.encode_passages(["renal failure " * 10] * 900)
print("result", *encoder._pool.processes, flush=True)
time.sleep(float(sys.argv[1]))
"""


@pytest.mark.slow
def test_a_session_without_a_main_module_starts_workers(tmp_path: Path) -> None:
    """They see nothing of its input, it sees nothing of theirs, and none is left when it ends."""
    (tmp_path / "queue.py").write_text("raise ImportError('a module of the user, in the folder where this runs')")
    command = [sys.executable, "-P", "-", "0"]
    done = subprocess.run(command, cwd=tmp_path, input=SCRIPT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("result ")
    assert ended(list(map(int, done.stdout.split()[1:])))


@pytest.mark.slow
def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    """Kill -9 of a bare script, without a guard for its main part, leaves no orphans."""
    (tmp_path / "bare.py").write_text(SCRIPT)
    with subprocess.Popen([sys.executable, tmp_path / "bare.py", "600"], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = list(map(int, parent.stdout.readline().split()[1:]))
        assert all(map(alive, pids))
        parent.kill()
    assert len(pids) == 2
    assert ended(pids)


@given(st.lists(st.integers(0, 300_000), max_size=300), st.integers(1, 8))
def test_every_text_is_dealt_once_longest_first(lengths: list[int], workers: int) -> None:
    """Whatever the lengths, and for any number of workers."""
    rows = [row for block in deal(lengths, workers) for row in block]
    assert sorted(rows) == list(range(len(lengths)))
    assert [lengths[row] for row in rows] == sorted(lengths, reverse=True)


def test_workers_end_at_about_the_same_time() -> None:
    """With equal workers that take blocks as they come, none has a tenth more than another."""
    lengths = np.random.default_rng(1).lognormal(5, 1, 20_000).astype(int).tolist()
    loads = [0] * 4
    for rows in deal(lengths, 4):
        loads[loads.index(min(loads))] += sum(lengths[row] for row in rows)
    assert max(loads) < 1.1 * min(loads)
