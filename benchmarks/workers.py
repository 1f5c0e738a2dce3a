"""Long-lived processes, one for each system: its peak memory is its own, and while it is idle it costs nobody time.

Knows processes, time limits and memory; knows nothing of what the systems do.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

from benchmarks.memory import model_peak_mb
from benchmarks.systems import SYSTEMS, Clock, Load

STEP = 64
"""Items that a time limit is meant for; a larger step is given more, in proportion."""
_LOADING = 600.0
_LEAVING = 5.0
_TICK = "tick"


@dataclass(frozen=True, slots=True)
class Round:
    """What a system did with one load.

    Attributes:
        rate: Items a second.
        peak_mb: Most memory that its process has taken so far.
    """

    rate: float
    peak_mb: float


class Stopped(Exception):  # noqa: N818 - an outcome, not an error of ours
    """A worker is no more.

    Args:
        reason: Why, for a reader.
        at_most: Items a second that it can have reached at most; None when that is not known.
    """

    def __init__(self, reason: str, at_most: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.at_most = at_most


class Worker:
    """A system in a process of its own.

    Args:
        system: Its name in `SYSTEMS`.
    """

    def __init__(self, system: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(system, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def run(self, load: Load, limit: float) -> Round:
        """Lets the system work on a load.

        Args:
            load: Pairs or passages.
            limit: Seconds that it may take for 64 items before it is stopped.

        Raises:
            Stopped: It took too long, or its process was ended by the system.
            RuntimeError: It failed.
        """
        step = min(load.batch, len(load)) if load.pairs else len(load)
        allowed = limit * max(1.0, step / STEP)
        try:
            self._pipe.send(load)
            answer = self._pipe.recv() if self._pipe.poll(_LOADING) else None
            done = -step  # the first tick is the start
            while answer == _TICK:
                done += step
                answer = self._pipe.recv() if self._pipe.poll(allowed) else None
        except (EOFError, OSError) as error:
            self._process.join()
            raise Stopped(f"its process ended ({self._process.exitcode}), perhaps for want of memory") from error
        if isinstance(answer, Round):
            return answer
        self.close()
        if answer is not None:
            raise RuntimeError(f"the worker failed:\n{answer}")
        if done < 0:
            raise Stopped(f"it did not begin within {_LOADING:.0f} s")
        raise Stopped(f"no step of {step} was done in {allowed:.0f} s, so it was stopped there", step / allowed)

    def close(self) -> None:
        """Ends the process: an idle one by itself, one that still works by force."""
        self._pipe.close()
        self._process.join(_LEAVING)
        self._process.kill()
        self._process.join()


def _serve(name: str, pipe: Connection) -> None:
    """Makes a system, then answers each load with ticks and a `Round`; an exception is answered with its text."""
    from tqdm import tqdm

    with tempfile.TemporaryFile() as said:  # libraries talk on both streams, results go through the pipe
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    tqdm.set_lock(threading.RLock())  # tqdm's own lock is the system's, and would outlive a process that is stopped
    try:
        system = SYSTEMS[name]()
        while True:
            load: Load = pipe.recv()
            pipe.send(_round(system, load, lambda: pipe.send(_TICK)))
    except EOFError:
        return
    except Exception:  # noqa: BLE001 - whatever it is, the parent shows it
        pipe.send(traceback.format_exc())


def _round(system: Callable[[Load, Clock], None], load: Load, tick: Callable[[], None]) -> Round:
    clock = Clock(tick)
    system(load, clock)
    return Round(len(load) / clock.seconds, model_peak_mb())
