"""What curation costs, step by step, on made-up pairs of growing number.

    python -m benchmarks.curation [--pairs 10000 100000 1000000] [--json]

Words follow Zipf's law, queries are made from templates, some ask the same in other words, some passages are
near-duplicates. Rankings are made up block by block while curation asks for them; making them, and the pairs, is not
counted. Each size runs in a process of its own. Knows how pairs are made up; what curation does with them is its own
business.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.conditions import Conditions
from benchmarks.entrance import sentences
from benchmarks.memory import resident_peak_mb
from benchmarks.page import paragraph
from jargonaut.artifacts import plain
from jargonaut.cli.terminal import TerminalReporter
from jargonaut.pairs.curation import CurationOptions, Evidence, Hits, Places, Standing, curate, standing
from jargonaut.protocols import Reporter, Vectors
from jargonaut.records import Pair, queries

SIZES = (10_000, 100_000, 1_000_000)
PASSAGES_PER_PAIR = 0.3
SECONDS_ALLOWED = 600
MB_ALLOWED = 4000

_WORDS = 50_000
_DEPTH = 20
_BLOCK = 1024
_SEED = 13
_TEMPLATES = (
    "what is the {0} of {1}", "{1} {0}", "how do I {0} the {1} with {2}", "{0} {1} {2}", "why does {0} {1} after {2}",
    "difference between {0} and {1} in {2}", "{0} for {1}?", "is {0} allowed when {1} {2}",
)  # fmt: skip
_JOINTS = ("the", "of the", "and it is", "with an", "that was in", "for the")
_FOREIGN = "quels sont les {0} avec des {1} dans une {2}"
_SOURCES = ("label", "click", "llm:question", "llm:keyword", "heading")
_SHARES = (0.05, 0.2, 0.4, 0.25, 0.1)


@dataclass(frozen=True, slots=True)
class Curation:
    """What curating so many pairs took.

    Attributes:
        pairs: How many came in.
        passages: Over how many passages.
        seconds: Step → seconds.
        input_mb: Most resident memory before curation: the pairs, the passages and the libraries.
        peak_mb: Most resident memory at the end.
        kept: How many pairs stayed.
        removed: Rule → how many it removed.
        merged: How many queries were merged.
        flagged: Rule → how many kept pairs it flagged.
    """

    pairs: int
    passages: int
    seconds: dict[str, float]
    input_mb: float
    peak_mb: float
    kept: int
    removed: dict[str, int]
    merged: int
    flagged: dict[str, int]

    @property
    def total(self) -> float:
        """Seconds of all steps."""
        return sum(self.seconds.values())


@dataclass(frozen=True, slots=True)
class CurationReport:
    """All sizes, and where they were measured."""

    sizes: tuple[Curation, ...]
    conditions: Conditions

    def to_json(self) -> dict[str, Any]:
        """Figures of every size, and the conditions."""
        return {"sizes": [{**plain(one), "total": one.total} for one in self.sizes], **plain(self.conditions)}

    def to_markdown(self) -> str:
        """A table of seconds by step, for a page of `docs/`."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        last = self.sizes[-1]
        yield paragraph(f"{self.conditions.sentence} Made-up pairs; encoding, searching and judging are not counted.")
        yield ""
        yield f"| step | {' | '.join(f'{one.pairs:,} pairs, {one.passages:,} passages' for one in self.sizes)} |"
        yield f"|---|{'---|' * len(self.sizes)}"
        for step in last.seconds:
            yield f"| {step} | {' | '.join(f'{one.seconds[step]:.1f} s' for one in self.sizes)} |"
        yield f"| **all** | {' | '.join(f'**{one.total:.1f} s**' for one in self.sizes)} |"
        yield f"| microseconds a pair | {' | '.join(f'{1e6 * one.total / one.pairs:.0f}' for one in self.sizes)} |"
        yield f"| peak memory | {' | '.join(f'{one.peak_mb:,.0f} MB' for one in self.sizes)} |"
        yield f"| of it pairs and passages | {' | '.join(f'{one.input_mb:,.0f} MB' for one in self.sizes)} |"
        yield f"| pairs kept | {' | '.join(f'{one.kept:,}' for one in self.sizes)} |"
        yield ""
        rules = ", ".join(f"{rule} {number:,}" for rule, number in last.removed.items() if number)
        yield paragraph(f"Of the {last.pairs:,} pairs, {last.merged:,} queries were merged; removed: {rules}.")


class MadeUp:
    """Pairs, passages and rankings of a size.

    Args:
        pairs: How many pairs.
    """

    def __init__(self, pairs: int) -> None:
        self._rng = np.random.default_rng(_SEED)
        self._words = [f"{_syllables(n)}" for n in range(_WORDS)]
        count = max(10, int(pairs * PASSAGES_PER_PAIR))
        self.ids = [f"p{n}" for n in range(count)]
        self.texts = dict(zip(self.ids, self._passages(count), strict=True))
        self.documents = {id_: f"d{int(n**0.85)}" for n, id_ in enumerate(self.ids)}
        self.topics = {id_: f"t{n % 97}" for n, id_ in enumerate(self.ids)}
        twins = self._rng.choice(count, count // 50, replace=False).tolist()
        self.places = Places(self.ids, self.documents, {self.ids[n]: f"g{n // 3}" for n in twins})
        self.pairs = list(self._pairs(pairs))
        self.making = 0.0
        """Seconds that rankings took to make up."""

    def evidence(self) -> Evidence:
        """All that is known of them."""
        scores = self._rng.random(len(self.pairs)).round(2).tolist()
        judged = {(p.query_id, p.passage_id): s for p, s in zip(self.pairs[::10], scores, strict=False)}
        return Evidence(self.texts, self.documents, self.topics, self._rank, _agreeing, judged, judged)

    def _passages(self, count: int) -> Iterator[str]:
        for start in range(0, count, _BLOCK):
            size = min(_BLOCK, count - start)
            lengths = self._rng.integers(60, 140, size)
            drawn = self._rng.zipf(1.2, int(lengths.sum())) % _WORDS
            ends = np.cumsum(lengths)
            for first, last in zip(ends - lengths, ends, strict=True):
                parts = np.array_split(drawn[first:last], len(_JOINTS))
                yield " ".join(
                    f"{joint} {' '.join(self._words[n] for n in part)}"
                    for joint, part in zip(_JOINTS, parts, strict=True)
                )

    def _pairs(self, count: int) -> Iterator[Pair]:
        passages = self._rng.integers(0, len(self.ids), count)
        templates = self._rng.integers(0, len(_TEMPLATES), count)
        sources = self._rng.choice(len(_SOURCES), count, p=_SHARES)
        lots = self._rng.random((count, 2))
        words = self._rng.integers(0, 50, (count, 3))
        for n in range(count):
            row = int(passages[n])
            if n and lots[n, 0] < 0.15:  # another wording of the words of an earlier query
                row, words[n] = int(passages[n // 2]), words[n // 2]
                templates[n] = templates[n // 2] if lots[n, 1] < 0.5 else templates[n]
            held = self.texts[self.ids[row]].split()
            form = _FOREIGN if lots[n, 0] > 0.99 else _TEMPLATES[templates[n]]
            text = form.format(*(held[int(w) % len(held)] for w in words[n]))
            source = _SOURCES[sources[n]]
            score = None if source in ("label", "heading") else round(float(lots[n, 1]), 2)
            yield Pair(f"q{n}", text, self.ids[row], int(lots[n, 1] > 0.04), source, score)

    def _rank(self, pairs: Sequence[Pair]) -> list[Standing]:
        return [standing(name, pairs, self._hits(pairs, spread), self.places) for name, spread in (
            ("base", 0.3), ("BM25", 0.6))]  # fmt: skip

    def _hits(self, pairs: Sequence[Pair], spread: float) -> Iterator[Hits]:
        """Passages at random, and the first positive of four in five queries among them, more often in front."""
        began = time.perf_counter()
        own: dict[str, int] = {}
        for pair in pairs:
            own.setdefault(pair.query_id, self.places.row[pair.passage_id])
        ids = [query.id for query in queries(tuple(pairs))]
        for start in range(0, len(ids), _BLOCK):
            block = ids[start : start + _BLOCK]
            rows = self._rng.integers(0, len(self.ids), (len(block), _DEPTH)).astype(np.int32)
            scores = -np.sort(-self._rng.random((len(block), _DEPTH)), axis=1) * spread + 0.3
            found = np.flatnonzero(self._rng.random(len(block)) < 0.8)
            at = np.minimum(self._rng.geometric(0.4, len(found)) - 1, _DEPTH - 1)
            rows[found, at] = [own[block[n]] for n in found]
            scores[self._rng.random(len(block)) < 0.2, 1:] *= 0.7  # then the first is far in front
            self.making += time.perf_counter() - began
            yield Hits(block, rows, scores)
            began = time.perf_counter()


def measure(size: int) -> Curation:
    """Curates so many pairs, in this process."""
    made = MadeUp(size)
    evidence = made.evidence()
    before = resident_peak_mb()
    seconds: dict[str, float] = {}
    last = time.perf_counter()

    def told(step: str) -> None:
        nonlocal last
        now = time.perf_counter()
        seconds[step] = now - last - (made.making if step == "rank" else 0.0)
        last = now

    done = curate(made.pairs, evidence, CurationOptions(max_easy_share=0.3), on_step=told)
    seconds["result"] = time.perf_counter() - last
    if len(done.kept) + len(done.removed) != len(made.pairs):
        raise AssertionError("pairs were lost")
    return Curation(
        len(made.pairs), len(made.ids), seconds, before, resident_peak_mb(), len(done.kept), done.counts,
        len(done.merged), done.flagged,
    )  # fmt: skip


def measure_all(sizes: Sequence[int], reporter: Reporter) -> CurationReport:
    """Curates pairs of every size, each in a process of its own, since peak memory is a process's."""
    found: list[Curation] = []
    for size in sizes:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            found.append(pool.submit(measure, size).result())
        reporter.line(f"  {size:,} pairs: {found[-1].total:.1f} s, {found[-1].peak_mb:,.0f} MB")
    return CurationReport(tuple(found), Conditions.here())


def part(source: Path) -> str:
    """Its part of `docs/benchmarks.md`; the pairs are made up, so no data is read."""
    del source
    return measure_all(SIZES, TerminalReporter()).to_markdown()


def main() -> None:
    """Measures, then prints the figures as Markdown or JSON."""
    line = argparse.ArgumentParser(prog="python -m benchmarks.curation", description=(__doc__ or "").partition("\n")[0])
    line.add_argument("--pairs", type=int, nargs="+", default=list(SIZES), help="sizes (default: %(default)s)")
    line.add_argument("--json", action="store_true", help="JSON in place of Markdown")
    arguments = line.parse_args()
    with sentences():
        report = measure_all(arguments.pairs, TerminalReporter())
    print(json.dumps(report.to_json(), indent=1) if arguments.json else report.to_markdown())


def _syllables(number: int) -> str:
    """A made-up word, another for each number."""
    text, rest = "", number + 100
    while rest:
        rest, digit = divmod(rest, 100)
        text += "bcdfghklmnprstvwxyzj"[digit // 5] + "aeiou"[digit % 5]
    return text + ("n" if number % 3 else "s")


def _agreeing(texts: Sequence[str]) -> Vectors:
    """Vectors as a model would give them for inflections of one query: nearly the same."""
    return np.ones((len(texts), 384), np.float32)


if __name__ == "__main__":
    main()
