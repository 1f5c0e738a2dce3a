"""Embedding endpoints: their three shapes, their faults, and what is never believed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jargonaut.encoding.cache import CachedEncoder
from jargonaut.encoding.remote import RemoteEncoder, RemoteOptions
from jargonaut.encoding.remote_models import Provider, RemoteModel
from jargonaut.errors import InputError, ModelError, SettingsError

from .embedding_server import DIMENSION, EmbeddingServer, embedding_server, usual, vector

Make = Callable[..., RemoteEncoder]
PATHS = {"openai": "/v1/embeddings", "cohere": "/v2/embed", "voyage": "/v1/embeddings"}


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    """A healthy server."""
    with embedding_server() as running:
        yield running


@pytest.fixture
def encoder(server: EmbeddingServer) -> Iterator[Make]:
    """Makes encoders that never wait; they are closed after the test."""
    with contextlib.ExitStack() as stack:

        def make(
            provider: Provider = "openai",
            dimension: int | None = DIMENSION,
            *,
            model: str = "m",
            url: str = "",
            **options: Any,
        ) -> RemoteEncoder:
            asked = RemoteModel(provider, model, url or f"{server.url}/{PATHS[provider].split('/')[1]}", dimension)
            made = RemoteEncoder(asked, RemoteOptions(**options), "sk-secret", sleep=lambda _: None)
            stack.callback(made.close)
            return made

        yield make


@pytest.mark.parametrize("provider", ["openai", "cohere", "voyage"])
def test_every_shape_gives_unit_vectors_in_the_callers_order(
    server: EmbeddingServer, encoder: Make, provider: Provider
) -> None:
    """Rows come back in the order of the texts, normalised, whatever order the endpoint answers in."""
    texts = ["alpha beta", "gamma", "delta delta"]
    found = encoder(provider, batch=2).encode_passages(texts)
    wanted = np.array([vector(text, DIMENSION) for text in texts])
    np.testing.assert_allclose(found, wanted / np.linalg.norm(wanted, axis=1, keepdims=True), rtol=1e-5)
    assert [path for path, _, _ in server.requests] == [PATHS[provider]] * 2
    assert {key for _, _, key in server.requests} == {"Bearer sk-secret"}


@pytest.mark.parametrize(
    ("provider", "field", "query", "passage"),
    [("cohere", "input_type", "search_query", "search_document"), ("voyage", "input_type", "query", "document")],
)
def test_queries_and_passages_are_told_apart(
    server: EmbeddingServer,
    encoder: Make,
    provider: Provider,
    field: str,
    query: str,
    passage: str,
) -> None:
    """Endpoints that embed the two differently are told which it is."""
    one = encoder(provider)
    one.encode_queries(["a"])
    one.encode_passages(["a"])
    assert [body[field] for _, body, _ in server.requests] == [query, passage]


@pytest.mark.parametrize(
    ("provider", "field"), [("openai", "dimensions"), ("cohere", "output_dimension"), ("voyage", "output_dimension")]
)
def test_a_dimension_is_asked_for(server: EmbeddingServer, encoder: Make, provider: Provider, field: str) -> None:
    """Only where the user wants one: many servers refuse the parameter."""
    assert encoder(provider, 16).encode_queries(["a"]).shape == (1, 16)
    assert server.requests[-1][1][field] == 16
    unknown = encoder(provider, None)
    assert unknown.dimension == DIMENSION
    assert field not in server.requests[-1][1]


def test_prompts_of_a_known_family_are_applied(server: EmbeddingServer, encoder: Make) -> None:
    """A model that wants prefixes gets them at an OpenAI-compatible server, which knows nothing of them."""
    one = encoder(model="intfloat/e5-small")
    one.encode_queries(["a"])
    one.encode_passages(["a"])
    assert server.texts == ["query: a", "passage: a"]


def _fewer(path: str, body: dict[str, Any]) -> tuple[int, Any]:
    return 200, {"data": usual(path, body)[1]["data"][1:]}


def _other_dimension(path: str, body: dict[str, Any]) -> tuple[int, Any]:
    return usual(path, {**body, "dimensions": 7})


def _with(value: Any) -> Any:
    def answer(path: str, body: dict[str, Any]) -> tuple[int, Any]:
        status, found = usual(path, body)
        found["data"][0]["embedding"] = value
        return status, found

    return answer


def _numbered(*numbers: Any) -> Any:
    def answer(path: str, body: dict[str, Any]) -> tuple[int, Any]:
        status, found = usual(path, body)
        for item, number in zip(found["data"], numbers, strict=False):
            item["index"] = number
        return status, found

    return answer


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (_fewer, "gave 1 vectors for 2 texts"),
        (_other_dimension, "gave vectors of 7 dimensions, and 48 are expected"),
        (_with([float("nan")] * DIMENSION), "not finite"),
        (_with([None] * DIMENSION), "not finite"),
        (_with([0.0] * DIMENSION), "length 0"),
        (_with(["a"] * DIMENSION), "something else than numbers"),
        (_with([[1.0]] * DIMENSION), "something else than numbers"),
        (_with("AAAA"), "vectors of 0, 48 dimensions"),
        (_numbered(0, 0), "numbers its 2 vectors 0, 0"),
        (_numbered(1, 2), "numbers its 2 vectors 1, 2"),
        (_numbered([], None), r"numbers its 2 vectors \[\], None"),
        (lambda _path, _body: (200, {"data": "none"}), "holds no vectors"),
        (lambda _path, _body: (200, []), "holds no vectors"),
        (lambda _path, _body: (200, b"<html>proxy</html>"), "no JSON"),
        (lambda _path, _body: (401, {"error": "wrong key sk-secret"}), "refuses the key"),
        (lambda _path, _body: (404, {"error": "no such model"}), "does not know this address or this model"),
        (lambda _path, _body: (400, {"error": "dimensions not supported"}), "refuses the request"),
        (lambda _path, _body: (503, b""), "the endpoint fails"),
        (lambda _path, _body: (429, b""), "too busy"),
    ],
)
def test_what_cannot_be_right_is_refused_in_words(
    server: EmbeddingServer, encoder: Make, behaviour: Any, words: str
) -> None:
    """Every wrong answer is a sentence that names the endpoint and never the key; nothing of it is used."""
    server.behaviour = behaviour
    with pytest.raises(ModelError, match=words) as caught:
        encoder().encode_passages(["a", "b"])
    assert server.url in str(caught.value)
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("provider", "answer", "words"),
    [
        ("openai", {"data": []}, "gave 0 vectors for 1 texts"),
        ("openai", {"data": [{"index": 0, "embedding": None}]}, "vectors of 0 dimensions"),
        ("openai", {"data": [{"index": 0, "embedding": []}]}, "vectors of 0 dimensions"),
        ("voyage", {"data": [{"index": 0, "embedding": "AAAA"}]}, "vectors of 0 dimensions"),
        ("cohere", {"embeddings": {"float": []}}, "gave 0 vectors for 1 texts"),
        ("cohere", {"embeddings": {"float": [None]}}, "vectors of 0 dimensions"),
    ],
)
def test_a_dimension_is_learned_from_a_right_answer_only(
    server: EmbeddingServer, encoder: Make, provider: Provider, answer: Any, words: str
) -> None:
    """Where none is asked for, the first answer is looked at like any other."""
    server.behaviour = lambda _path, _body: (200, answer)
    with pytest.raises(ModelError, match=words):
        encoder(provider, None).encode_passages(["a", "b"])


def test_huge_numbers_are_still_a_direction(server: EmbeddingServer, encoder: Make) -> None:
    """Squares that no float holds make no zero vector."""
    server.behaviour = _with([1e300, *[0.0] * (DIMENSION - 1)])
    assert np.linalg.norm(encoder().encode_passages(["a", "b"]), axis=1) == pytest.approx([1, 1])


@pytest.mark.parametrize(("status", "asked"), [(503, 4), (429, 4), (401, 1), (404, 1), (400, 1)])
def test_only_what_may_pass_is_tried_again(server: EmbeddingServer, encoder: Make, status: int, asked: int) -> None:
    """A busy or failing endpoint is asked as often as `tries` says, a refusal ends it at once."""
    server.behaviour = lambda _path, _body: (status, b"")
    with pytest.raises(ModelError):
        encoder().encode_passages(["a"])
    assert len(server.requests) == asked


def test_a_fault_that_passes_costs_nothing_but_time(server: EmbeddingServer, encoder: Make) -> None:
    """After a refusal for being busy the same texts are sent again."""
    server.behaviour = lambda _path, _body: (429, b"") if len(server.requests) < 3 else None
    assert encoder().encode_passages(["a"]).shape == (1, DIMENSION)


def test_an_endpoint_that_is_down_is_told(encoder: Make) -> None:
    """A connection that cannot be made is a sentence, after the tries."""
    with embedding_server() as gone:
        url = gone.url
    one = encoder(url=f"{url}/v1")
    with pytest.raises(ModelError, match="cannot be reached"):
        one.encode_queries(["a"])


def test_nothing_is_paid_twice(server: EmbeddingServer, encoder: Make, tmp_path: Path) -> None:
    """Behind the cache every text is sent once, by any process; another dimension is another model."""
    for _ in range(2):
        CachedEncoder(encoder(dimension=None), tmp_path).encode_passages(["a", "b", "a"])
    sent = server.texts
    assert sorted(sent) == ["a", "b", "dimension"]
    assert encoder(dimension=16).fingerprint != encoder(dimension=None).fingerprint


def test_tokens_are_those_that_the_endpoint_counts(server: EmbeddingServer, encoder: Make) -> None:
    """What was sent is told as the endpoint counts it, and estimated where it does not."""
    one = encoder()
    one.encode_passages(["a", "b"])
    assert one.tokens == 6
    server.behaviour = lambda path, body: (200, {"data": usual(path, body)[1]["data"]})
    one.encode_passages(["a" * 400])
    assert one.tokens == 106


def test_blank_texts_and_lone_surrogates_are_sent_as_what_an_endpoint_takes(
    server: EmbeddingServer, encoder: Make
) -> None:
    """Neither stops the texts beside it."""
    assert encoder().encode_passages(["", "\ud800", "a"]).shape == (3, DIMENSION)
    assert all(text.strip() for text in server.texts)


def test_a_key_that_is_none_is_refused_before_it_is_sent(server: EmbeddingServer) -> None:
    """A key with a line break in it was copied wrongly."""
    with pytest.raises(InputError, match="no key"):
        RemoteEncoder(RemoteModel("cohere", "m", server.url, 8), key="sk-a\nb")


@pytest.mark.parametrize(
    "bad",
    [{"openai_url": "localhost:80"}, {"batch": 97}, {"tries": 0}, {"voyage_price": -1.0}, {"cohere_key_env": "a-b"}],
)
def test_options_that_mean_nothing_are_refused(bad: dict[str, Any]) -> None:
    """With section and key."""
    with pytest.raises(SettingsError, match=rf"\[remote\] {next(iter(bad))}"):
        RemoteOptions(**bad)


@pytest.mark.parametrize(
    ("provider", "model", "length", "told"),
    [
        ("cohere", "embed-english-v3.0", 4_000, "it reads 512 tokens"),  # the documentation says so
        ("openai", "m", 4_000, "as its count of tokens shows"),  # 3 tokens for 4,000 characters
        ("openai", "m", 400, ""), ("cohere", "embed-english-v3.0", 400, ""),
    ],
)  # fmt: skip
def test_texts_that_are_cut_in_silence_are_told(
    encoder: Make, provider: Provider, model: str, length: int, told: str
) -> None:
    """A text longer than what is read is warned of once, by what is documented or by what was counted."""
    one = encoder(provider, model=model)
    with contextlib.ExitStack() as stack:
        if told:
            stack.enter_context(pytest.warns(RuntimeWarning, match=told))
        one.encode_passages(["a" * length])
    one.encode_passages(["a" * length])  # not told again
    assert one.cut == (2 if told else 0)


def test_what_was_paid_for_is_kept_after_every_request(server: EmbeddingServer, encoder: Make, tmp_path: Path) -> None:
    """An endpoint that fails at the third request costs nothing for the first two when it is asked again."""
    server.behaviour = lambda _path, _body: (400, "no more") if len(server.requests) == 3 else None
    texts = [f"text number {n}" for n in range(8)]
    with pytest.raises(ModelError):
        CachedEncoder(encoder(batch=2), tmp_path).encode_passages(texts)
    server.behaviour = lambda _path, _body: None
    sent = len(server.texts)
    CachedEncoder(encoder(batch=2), tmp_path).encode_passages(texts)
    assert len(server.texts) - sent == 4
