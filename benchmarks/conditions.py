"""The conditions of a measurement: the labelled set that it runs on, and the machine and versions that it ran with.

The set is read from where it lies and never copied. Knows files and hardware; measures nothing.
"""

from __future__ import annotations

import functools
import os
import platform
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from jargonaut.encoding.devices import choose_device, choose_dtype, native_bf16
from jargonaut.encoding.models import EMBEDDED, find_model
from jargonaut.errors import InputError
from jargonaut.formats import beir_corpus, read_passages, read_qrels, read_queries
from jargonaut.records import BadRow, Passage, Qrel

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SET = Path("../shared/data/financial_qa")
MAX_TOKENS = 256
TextPair: TypeAlias = tuple[str, str]
"""Texts of a query and of its positive."""

Row = TypeVar("Row")

_LIBRARIES = ("jargonaut", "torch", "sentence-transformers", "transformers")
_ABOUT = 0.08
"""A passage of about n tokens has at most this share more or less."""
_SPECIAL_TOKENS = 2
_SEED = 13


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """A labelled set in BEIR layout.

    Attributes:
        passages: The corpus, in its order.
        queries: Query id → text, of all splits.
        train: Positive judgements to train on.
        test: Positive judgements to score on.
        dev: Positive judgements to choose by; there may be none.
    """

    passages: tuple[Passage, ...]
    queries: Mapping[str, str]
    train: tuple[Qrel, ...]
    test: tuple[Qrel, ...]
    dev: tuple[Qrel, ...]

    @classmethod
    def read(cls, folder: Path) -> LabelledSet:
        """Reads it.

        Raises:
            InputError: This is no BEIR folder with a train and a test split, or one of its rows cannot be used.
        """
        corpus = beir_corpus(folder) if folder.is_dir() else None
        if corpus is None:
            raise InputError(
                "there is no labelled set here", where=str(folder), remedy="name a BEIR folder: … [DATA/financial_qa]"
            )
        files = {split: folder / "qrels" / f"{split}.tsv" for split in ("train", "test", "dev")}
        judged = {
            split: tuple(read_qrels(path, _refuse)) if split != "dev" or path.exists() else ()
            for split, path in files.items()
        }
        return cls(
            tuple(read_passages(corpus, _refuse)),
            {query.id: query.text for query in read_queries(folder / "queries.jsonl", _refuse)},
            *(tuple(q for q in judged[split] if q.relevance > 0) for split in files),
        )

    def pairs(self) -> list[TextPair]:
        """Training pairs in an order of no meaning; no query and no passage comes twice, so every batch is distinct."""
        texts = {passage.id: passage.text for passage in self.passages}
        return _shuffled([(self.queries[q.query_id], texts[q.passage_id]) for q in _distinct(self.train)])

    def pairs_of_length(self, tokens: int) -> list[TextPair]:
        """Training queries with passages of about `tokens` tokens, each made of consecutive passages of the corpus."""
        asked = {q.passage_id: self.queries[q.query_id] for q in _distinct(self.train)}
        rows = ((next((asked[id_] for id_ in ids if id_ in asked), None), text) for ids, text in self._joined(tokens))
        return _shuffled([(query, text) for query, text in rows if query is not None])

    def passages_of_length(self, tokens: int) -> list[str]:
        """The corpus as passages of about `tokens` tokens, in an order of no meaning."""
        return _shuffled([text for _, text in self._joined(tokens)])

    def texts(self) -> list[str]:
        """The passages' texts in an order of no meaning."""
        return _shuffled([passage.text for passage in self.passages])

    def _joined(self, tokens: int) -> Iterator[tuple[list[str], str]]:
        """Consecutive passages, joined until there are about `tokens` tokens, cut where there are more: (ids, text)."""
        fewest = int((1 - _ABOUT) * tokens) - _SPECIAL_TOKENS
        most = int((1 + _ABOUT) * tokens) - _SPECIAL_TOKENS
        ids: list[str] = []
        parts: list[str] = []
        count = 0
        for passage, ends in zip(self.passages, token_ends([p.text for p in self.passages]), strict=True):
            kept = ends[: most - count]
            if not kept:
                continue
            ids.append(passage.id)
            parts.append(passage.text[: kept[-1]])
            count += len(kept)
            if count >= fewest:
                yield ids, " ".join(parts)
                ids, parts, count = [], [], 0


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a measurement ran on, and with.

    Attributes:
        date: UTC, ISO 8601.
        cpu: Model name.
        cores: Cores that a process may use.
        threads: Threads that torch computes with.
        memory_gb: Memory of the machine.
        device: What models run on.
        native_bf16: Whether that multiplies bf16 matrices in hardware.
        precision: The number format that `auto` takes here.
        versions: Python's and the libraries'.
    """

    date: str
    cpu: str
    cores: int
    threads: int
    memory_gb: float
    device: str
    native_bf16: bool
    precision: str
    versions: Mapping[str, str]

    @classmethod
    def here(cls) -> Conditions:
        """Those of this process, now."""
        import torch

        device = choose_device("auto")
        return cls(
            date=datetime.now(UTC).date().isoformat(),
            cpu=_cpu(),
            cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
            threads=torch.get_num_threads(),
            memory_gb=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9,
            device=torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
            native_bf16=native_bf16(device),
            precision=str(choose_dtype("auto", device)).removeprefix("torch."),
            versions={"python": platform.python_version(), **{name: metadata.version(name) for name in _LIBRARIES}},
        )

    @property
    def sentence(self) -> str:
        """Date, machine and versions, for a reader."""
        bf16 = "bf16 in hardware" if self.native_bf16 else "no bf16 in hardware"
        device = "no GPU" if self.device == "cpu" else self.device
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return (
            f"Measured on {self.date}: {self.cpu}, {_counted(self.cores, 'core')}, {_counted(self.threads, 'thread')}, "
            f"{self.memory_gb:.0f} GB, {device}, {bf16}, so jargonaut computed in {self.precision}; {versions}."
        )


def token_ends(texts: Sequence[str]) -> list[list[int]]:
    """Where each token of the embedded model ends, as characters of each text; special tokens are left out."""
    encoded = _tokenizer().encode_batch(list(texts), add_special_tokens=False)
    return [[end for _, end in one.offsets] for one in encoded]


def mean_tokens(texts: Sequence[str]) -> float:
    """Mean number of tokens, special ones counted."""
    return sum(len(ends) + _SPECIAL_TOKENS for ends in token_ends(texts)) / len(texts)


@functools.cache
def _tokenizer() -> Tokenizer:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(find_model(EMBEDDED).path / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _distinct(judgements: Sequence[Qrel]) -> Iterator[Qrel]:
    """The judgements whose query and whose passage were not seen before."""
    seen: set[str] = set()
    for judgement in judgements:
        ids = {f"query {judgement.query_id}", f"passage {judgement.passage_id}"}
        if not ids & seen:
            seen |= ids
            yield judgement


def _shuffled(rows: Sequence[Row]) -> list[Row]:
    return random.Random(_SEED).sample(rows, len(rows))  # noqa: S311 - an order, no secret


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _refuse(bad: BadRow) -> None:
    raise InputError(str(bad), remedy="a measurement needs the whole set: repair it")
