"""Worker processes that encode together, one for each device.

Texts are dealt out in blocks, longest first, to whoever is free, and every block's vectors are put where their texts
stood. The processes are plain children on pipes, so it makes no difference what the main program is, and they end with
it however it ends. Knows processes and texts; the models are the workers' own.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import IO

import numpy as np

from jargonaut.encoding.cache import Kind
from jargonaut.encoding.messages import receive, send
from jargonaut.encoding.worker import Job
from jargonaut.errors import InputError, JargonautError, MismatchError, ModelError, SettingsError
from jargonaut.protocols import Vectors

_EACH_TEXT = 16
"""Characters that a text counts in addition to its own, since even an empty one costs a few tokens."""
_LEAST_CHARS = 16_384
_MOST_CHARS = 2_000_000
"""A block, as long as there is enough to deal out: larger ones waste no device's time, smaller ones less memory."""
_ERRORS = {kind.__name__: kind for kind in (InputError, MismatchError, ModelError, SettingsError)}


class WorkerPool:
    """Processes that encode for one caller. They start at the first call and stay until `close`.

    Args:
        jobs: One for each process.
        threads: CPU threads of each process.
    """

    def __init__(self, jobs: Sequence[Job], threads: int) -> None:
        self._jobs = jobs
        self._threads = threads
        self._workers: list[_Worker] = []
        self._turn = threading.Lock()
        self._end = weakref.finalize(self, _end, self._workers)  # also when the interpreter ends

    @property
    def processes(self) -> list[int]:
        """Ids of the processes that were started."""
        return [worker.process.pid for worker in self._workers]

    def fill(self, vectors: Vectors, texts: Sequence[str], kind: Kind) -> None:
        """Writes the vector of every text into its row.

        Args:
            vectors: Shape (texts, dimension).
            texts: In the caller's order.
            kind: Which prompt is applied.

        Raises:
            ModelError: A process ended, or cannot be started; all are then ended, and the next call starts new ones.
            JargonautError: What a worker raised.
        """
        with self._turn:
            if any(worker.process.poll() is not None for worker in self._workers):
                self.close()  # one was killed while nobody needed it
            try:
                for job in self._jobs[len(self._workers) :]:
                    self._workers.append(_Worker.start(job, self._threads))
                self._share(vectors, texts, kind)
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Ends the processes; the next call would start new ones."""
        _end(self._workers)

    def _share(self, vectors: Vectors, texts: Sequence[str], kind: Kind) -> None:
        blocks = iter(list(deal([len(text) for text in texts], len(self._workers))))

        def serve(worker: _Worker) -> None:
            for rows in blocks:  # the threads take from one list's iterator, which gives each block once
                vectors[rows] = worker.encode([texts[row] for row in rows], kind)

        with ThreadPoolExecutor(len(self._workers)) as threads:
            try:
                for done in as_completed([threads.submit(serve, worker) for worker in self._workers]):
                    done.result()
            except BaseException:
                self.close()  # which lets the other threads end
                raise


def deal(lengths: Sequence[int], workers: int) -> Iterator[list[int]]:
    """Cuts texts into blocks for workers that each take the next one when they are free.

    Each block is a share of what is left, so that the first ones are large and all workers end at about the same time
    (Polychronopoulos and Kuck 1987, guided self-scheduling).

    Args:
        lengths: Characters of each text.
        workers: How many take blocks.

    Yields:
        Row numbers, longest texts first.
    """
    left = sum(lengths) + _EACH_TEXT * len(lengths)
    rows: list[int] = []
    held, size = 0, 0.0
    for row in np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable").tolist():
        if not rows:
            held, size = 0, min(max(left / (2 * workers), _LEAST_CHARS), _MOST_CHARS)
        rows.append(row)
        held += lengths[row] + _EACH_TEXT
        if held >= size:
            yield rows
            rows, left = [], left - held
    if rows:
        yield rows


@dataclass(frozen=True, slots=True)
class _Worker:
    """A process, its device, and the pipes to and from it."""

    process: subprocess.Popen[bytes]
    device: str
    inbox: IO[bytes]
    outbox: IO[bytes]

    @classmethod
    def start(cls, job: Job, threads: int) -> _Worker:
        """Starts a process that finds the same modules as this one.

        Raises:
            ModelError: The system does not let us.
        """
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(os.path.abspath(folder) for folder in sys.path),  # noqa: PTH100 - '' is one
            "OMP_NUM_THREADS": str(threads),
            "RAYON_NUM_THREADS": str(threads),
        }
        command = [sys.executable, "-P", "-m", "jargonaut.encoding.worker", job.to_json()]
        try:
            # A group of its own: Ctrl-C goes to the parent alone, and the worker ends with it.
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, process_group=0
            )
        except OSError as error:
            raise ModelError(
                f"a process that encodes on {job.options.device} cannot be started ({error.strerror or error})",
                where="[compute] device",
                remedy="name one device: then texts are encoded in this process",
            ) from error
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert process.stdout is not None  # noqa: S101
        return cls(process, job.options.device, process.stdin, process.stdout)

    def encode(self, texts: Sequence[str], kind: Kind) -> Vectors:
        """One row per text, shape (texts, dimension).

        Raises:
            ModelError: The process ended.
            JargonautError: What it raised.
        """
        try:
            send(self.inbox, {"kind": kind, "texts": texts})
            head, body = receive(self.outbox)
        except (OSError, EOFError, ValueError) as error:  # ValueError: closed meanwhile
            raise self._ended() from error
        if "error" in head:
            told = _ERRORS.get(head["error"], JargonautError)(head["what"], where=head["where"], remedy=head["remedy"])
            told.add_note(head["trace"])
            raise told
        return np.frombuffer(body, dtype="<f4").reshape(head["shape"])

    def _ended(self) -> ModelError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=5)
        code = self.process.returncode
        how = f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
        return ModelError(
            f"the process that encoded on it {how}",
            where=f"device {self.device}",
            remedy="the system kills processes when memory runs out: name fewer devices in [compute] device, or lower "
            "batch_tokens",
        )


def _end(workers: list[_Worker]) -> None:
    """Ends processes and forgets them; they have nothing to lose."""
    for worker in workers:
        worker.process.kill()
    for worker in workers:
        worker.process.wait()
        worker.outbox.close()
        with contextlib.suppress(OSError):  # what was not sent yet
            worker.inbox.close()
    workers.clear()
