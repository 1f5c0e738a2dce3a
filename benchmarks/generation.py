"""What writing questions costs beside the language model: calls a second against the endpoint's limit, and memory.

    python -m benchmarks.generation [--json] [--passages 1000 10000 100000] [--concurrency 8] [--latency 0.05]

The endpoint is made up: a process of its own answers every call after a fixed time, so it allows concurrency / latency
calls a second and no more. Each number of passages is measured in a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.entrance import sentences
from benchmarks.memory import resident_peak_mb
from benchmarks.page import paragraph
from jargonaut.artifacts import plain
from jargonaut.llm import ChatClient, EndpointOptions
from jargonaut.pairs.questions import LeftOut, QuestionOptions, generate, plan
from jargonaut.records import Passage

_PER_PASSAGE = 3
_WORDS = 120


@dataclass(frozen=True, slots=True)
class GenerationOptions:
    """What is measured.

    Attributes:
        passages: Numbers of passages, each a measurement.
        concurrency: Calls at once.
        latency: Seconds after which the endpoint answers.
    """

    passages: tuple[int, ...] = (1_000, 10_000, 100_000)
    concurrency: int = 8
    latency: float = 0.05

    @property
    def limit(self) -> float:
        """Calls a second that the endpoint allows."""
        return self.concurrency / self.latency


@dataclass(frozen=True, slots=True)
class Measured:
    """One number of passages.

    Attributes:
        passages: How many; each is one call.
        questions: How many came back.
        calls_per_second: Over the whole job.
        before_mb: Most memory taken before the first call: interpreter, libraries, passages and plan.
        peak_mb: Most memory taken at the end.
        again_seconds: How long a second run takes, which finds every answer in the cache.
    """

    passages: int
    questions: int
    calls_per_second: float
    before_mb: float
    peak_mb: float
    again_seconds: float


@dataclass(frozen=True, slots=True)
class GenerationReport:
    """All measurements.

    Attributes:
        measured: In the order of the options.
        options: What was measured.
    """

    measured: tuple[Measured, ...]
    options: GenerationOptions

    def to_json(self) -> dict[str, Any]:
        """Figures and options."""
        limit = {"limit_calls_per_second": self.options.limit}
        return {"options": plain(self.options), **limit, "measured": plain(self.measured)}

    def to_markdown(self) -> str:
        """A table for a page of `docs/`."""
        options = self.options
        return "\n".join(
            [
                paragraph(
                    f"{_PER_PASSAGE} questions for each passage in one call; a made-up endpoint, a process of its own, "
                    f"answers after {options.latency * 1000:.0f} ms, {options.concurrency} calls at once, so that "
                    f"{options.limit:,.0f} calls a second are the limit. Memory is the most that the process took, "
                    f"before the first call and at the end."
                ),
                "",
                "| passages | questions | calls/s | of the limit | memory before, MB | at the end, MB | run again, s |",
                "|---|---|---|---|---|---|---|",
                *(
                    f"| {one.passages:,} | {one.questions:,} | {one.calls_per_second:,.0f} "
                    f"| {one.calls_per_second / options.limit:.0%} | {one.before_mb:,.0f} | {one.peak_mb:,.0f} "
                    f"| {one.again_seconds:,.1f} |"
                    for one in self.measured
                ),
            ]
        )


def measure(options: GenerationOptions) -> GenerationReport:
    """Runs each number of passages in a process of its own, since peak memory is a process's."""
    context = multiprocessing.get_context("spawn")
    found = []
    for passages in options.passages:
        with endpoint(options.latency) as address, ProcessPoolExecutor(1, mp_context=context) as pool:
            found.append(pool.submit(_job, passages, options.concurrency, address).result())
    return GenerationReport(tuple(found), options)


@contextmanager
def endpoint(latency: float) -> Iterator[str]:
    """The address of an endpoint in a process of its own, which ends with the block."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(latency, theirs), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}/v1"
    finally:
        process.kill()
        process.join()


def _job(count: int, concurrency: int, address: str) -> Measured:
    options = QuestionOptions(per_passage=_PER_PASSAGE, multi_passage_share=0.0)
    planned = plan([_passage(number) for number in range(count)], options)
    left_out: list[LeftOut] = []

    def written() -> tuple[int, float]:
        client = ChatClient(EndpointOptions(address, "fake", concurrency=concurrency), "", Path(folder) / "answers.db")
        started = time.perf_counter()
        questions = sum(1 for _ in generate(planned, client, options, on_left_out=left_out.append))
        return questions, time.perf_counter() - started

    with tempfile.TemporaryDirectory() as folder:
        _warm_up(address, Path(folder))
        before = resident_peak_mb()
        questions, seconds = written()
        peak = resident_peak_mb()
        _, again = written()
    if left_out:
        raise RuntimeError(f"{len(left_out)} were left out, such as {left_out[0]}")
    return Measured(count, questions, count / seconds, before, peak, again)


def _warm_up(address: str, folder: Path) -> None:
    """Imports what is imported at the first call."""
    client = ChatClient(EndpointOptions(address, "fake", concurrency=1), "", folder / "warm.db")
    options = QuestionOptions(multi_passage_share=0.0)
    list(generate(plan([_passage(0)], options), client, options, on_left_out=lambda _: None))


def _passage(number: int) -> Passage:
    """A passage of about 800 characters that no other one is like."""
    words = " ".join(f"term{number * 31 % 9973 + turn}" for turn in range(_WORDS))
    return Passage(f"p{number}", words, f"Part {number}", (), f"d{number // 50}", number, number + 1)


def _serve(latency: float, pipe: Connection) -> None:
    """Answers HTTP as simply as can be, so that it is never the slower side."""
    rows = [
        {"kind": "question", "text": f"how would somebody ask for this in other words {turn}?"} for turn in range(3)
    ]
    message = {"role": "assistant", "content": json.dumps({"queries": rows})}
    usage = {"prompt_tokens": 600, "completion_tokens": 60, "total_tokens": 660}
    body = json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                asked = await reader.readuntil(b"\r\n\r\n")
                length = next(line for line in asked.lower().split(b"\r\n") if line.startswith(b"content-length:"))
                await reader.readexactly(int(length.partition(b":")[2]))
                await asyncio.sleep(latency)
                writer.write(head + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def forever() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(forever())


def part(source: Path) -> str:
    """Its part of `docs/benchmarks.md`; no data set is needed."""
    del source
    return measure(GenerationOptions()).to_markdown()


def main() -> None:
    """Measures, then prints the figures as Markdown or JSON."""
    defaults = GenerationOptions()
    line = argparse.ArgumentParser(
        prog="python -m benchmarks.generation", description=(__doc__ or "").partition("\n")[0]
    )
    line.add_argument("--json", action="store_true", help="JSON in place of Markdown")
    line.add_argument("--passages", type=int, nargs="+", default=defaults.passages, help="default: %(default)s")
    line.add_argument("--concurrency", type=int, default=defaults.concurrency, help="default: %(default)s")
    line.add_argument("--latency", type=float, default=defaults.latency, help="seconds (default: %(default)s)")
    arguments = line.parse_args()
    options = GenerationOptions(tuple(arguments.passages), arguments.concurrency, arguments.latency)
    with sentences():
        report = measure(options)
    print(json.dumps(report.to_json(), indent=1) if arguments.json else report.to_markdown())


if __name__ == "__main__":
    main()
