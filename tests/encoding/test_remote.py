"""Embedding endpoints: their three shapes, their faults, and what is never believed."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jargonaut.adapters import AdaptedEncoder, identity
from jargonaut.cli.terminal import TerminalReporter
from jargonaut.encoders import endpoint_of, version_encoder
from jargonaut.encoding.cache import CachedEncoder
from jargonaut.encoding.remote import RemoteEncoder, RemoteOptions
from jargonaut.encoding.remote_models import PROVIDERS, Provider, RemoteModel, write_remote
from jargonaut.errors import InputError, ModelError, SettingsError
from jargonaut.layout import Layout
from jargonaut.registry import Registry
from jargonaut.settings import Settings, override
from jargonaut.textvectors import encode_texts

from .embedding_server import DIMENSION, EmbeddingServer, embedding_server, reading, usual, vector

Make = Callable[..., RemoteEncoder]
PATHS = {"openai": "/v1/embeddings", "cohere": "/v2/embed", "voyage": "/v1/embeddings"}
KEYS = {"openai": "OPENAI_API_KEY", "cohere": "CO_API_KEY", "voyage": "VOYAGE_API_KEY"}
PACKAGES = {"openai": "openai", "cohere": "cohere", "voyage": "voyageai"}
through_every_sdk = pytest.mark.parametrize("provider", PROVIDERS)


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
            known: int | None = None,
            **options: Any,
        ) -> RemoteEncoder:
            asked = RemoteModel(provider, model, url or f"{server.url}/{PATHS[provider].split('/')[1]}", dimension)
            made = RemoteEncoder(
                asked, RemoteOptions(**options), "sk-secret", dimension=known, sleep=lambda _: None
            )  # fmt: skip
            stack.callback(made.close)
            return made

        yield make


def _model(server: EmbeddingServer, provider: Provider) -> RemoteModel:
    return RemoteModel(provider, "m", f"{server.url}/{PATHS[provider].split('/')[1]}", DIMENSION)


@through_every_sdk
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
        (_with(["1.5"] * DIMENSION), "something else than numbers"),
        (_with([True] * DIMENSION), "something else than numbers"),
        (_with([10**400] * DIMENSION), "not finite"),
        (_with("AAAA"), "vectors of 0, 48 dimensions"),
        (_numbered(0, 0), "numbers its 2 vectors 0, 0"),
        (_numbered(1, 2), "numbers its 2 vectors 1, 2"),
        (_numbered([], None), r"numbers its 2 vectors \[\], None"),
        (_numbered(False, True), "numbers its 2 vectors False, True"),
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
        ("voyage", {"data": [{"index": 0, "embedding": None}]}, "vectors of 0 dimensions"),
        ("voyage", {"data": [{"index": 1, "embedding": [1.0]}]}, "numbers its 1 vectors 1"),
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
        encoder(provider, None).encode_passages(["a"])


@through_every_sdk
@pytest.mark.parametrize(
    "answer",
    [[], None, "no", 7, {}, {"data": None}, {"data": [7]}, {"data": 7}, {"embeddings": [[1.0]]}, {"embeddings": None},
     {"embeddings": {}}, {"embeddings": {"float": "no"}}, {"embeddings": {"float": None}}],
)  # fmt: skip
def test_an_answer_of_another_shape_is_refused(
    server: EmbeddingServer, encoder: Make, provider: Provider, answer: Any
) -> None:
    """It is a sentence, and never a traceback from within an SDK."""
    server.behaviour = lambda _path, _body: (200, answer)
    with pytest.raises(ModelError, match="holds no vectors"):
        encoder(provider).encode_passages(["a"])
    assert len(server.requests) == 1


@through_every_sdk
@pytest.mark.parametrize(
    ("row", "words"),
    [
        ([float("nan")] * DIMENSION, "not finite"),
        ([None] * DIMENSION, "not finite"),
        ([float("inf")] * DIMENSION, "not finite"),
        (["1.5"] * DIMENSION, "something else than numbers"),
        ([True] * DIMENSION, "something else than numbers"),
        ([1.0] * 7, "vectors of 7 dimensions, and 48 are expected"),
    ],
)
def test_a_row_that_cannot_be_right_comes_through_every_sdk(
    server: EmbeddingServer, encoder: Make, provider: Provider, row: list[Any], words: str
) -> None:
    """None of them mends a number that is none before it was looked at."""
    rows = {"embeddings": {"float": [row]}, "data": [{"index": 0, "embedding": row}]}
    server.behaviour = lambda _path, _body: (200, rows)
    with pytest.raises(ModelError, match=words):
        encoder(provider).encode_passages(["a"])


def test_huge_numbers_are_still_a_direction(server: EmbeddingServer, encoder: Make) -> None:
    """Squares that no float holds make no zero vector."""
    server.behaviour = _with([1e300, *[0.0] * (DIMENSION - 1)])
    assert np.linalg.norm(encoder().encode_passages(["a", "b"]), axis=1) == pytest.approx([1, 1])


@through_every_sdk
@pytest.mark.parametrize("body", [b"", b"<html>", b"cl\xe9", {"error": "no"}, {"detail": "no"}])
@pytest.mark.parametrize(
    ("status", "asked", "words"),
    [
        (500, 4, "the endpoint fails"),
        (503, 4, "the endpoint fails"),
        (529, 4, "the endpoint fails"),
        (408, 4, "too busy"),
        (409, 4, "too busy"),
        (425, 4, "too busy"),
        (429, 4, "too busy"),
        (401, 1, "refuses the key"),
        (403, 1, "refuses the key"),
        (402, 1, "credit is used up"),
        (404, 1, "does not know"),
        (405, 1, "does not know"),
        (400, 1, "refuses the request"),
        (422, 1, "refuses the request"),
        (307, 1, "sends its callers to another place"),
    ],
)
def test_only_what_may_pass_is_tried_again(
    server: EmbeddingServer, encoder: Make, provider: Provider, status: int, asked: int, words: str, body: Any
) -> None:
    """A busy or failing endpoint is asked as often as `tries` says, by us and no SDK; a refusal ends it at once."""
    server.behaviour = lambda _path, _body: (status, body)
    with pytest.raises(ModelError, match=words):
        encoder(provider).encode_passages(["a"])
    assert len(server.requests) == asked


@through_every_sdk
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("body", [b"", {"detail": "slowly"}, {"message": "slowly"}])
def test_an_endpoint_says_how_long_to_wait(server: EmbeddingServer, provider: Provider, status: int, body: Any) -> None:
    """Its header is heeded whatever else it says; who asks for more than a minute is given up."""
    server.headers = {"Retry-After": "7"}
    server.behaviour = lambda _path, _body: (status, body) if len(server.requests) < 2 else None
    waits: list[float] = []
    one = RemoteEncoder(_model(server, provider), key="sk-secret", sleep=waits.append, chance=lambda: 0.0)
    one.encode_passages(["a"])
    assert waits == [7.0]
    server.headers, server.requests = {"Retry-After": "3600"}, []
    with pytest.raises(ModelError):
        one.encode_passages(["a"])
    one.close()
    assert (len(server.requests), len(waits)) == (1, 1)


@through_every_sdk
def test_a_refusal_that_breaks_off_is_still_one(server: EmbeddingServer, encoder: Make, provider: Provider) -> None:
    """Its status was there, and nothing was paid: it is asked again."""

    def whole_then(_path: str, _body: dict[str, Any]) -> tuple[int, Any] | None:
        server.missing = 10 if len(server.requests) < 3 else 0
        return (503, b"be") if server.missing else None

    server.behaviour = whole_then
    assert encoder(provider).encode_passages(["a"]).shape == (1, DIMENSION)


@through_every_sdk
def test_nobody_is_followed_to_another_address(server: EmbeddingServer, encoder: Make, provider: Provider) -> None:
    """Texts go where the user sends them, and the sentence says where they were wanted."""
    with embedding_server() as other:
        server.headers = {"Location": f"{other.url}{PATHS[provider]}"}
        server.behaviour = lambda _path, _body: (308, b"")
        with pytest.raises(ModelError, match=rf"sends its callers to {other.url}"):
            encoder(provider).encode_passages(["a"])
        assert (len(server.requests), other.requests) == (1, [])


@through_every_sdk
@pytest.mark.parametrize("key", ["", "sk-secret"])
def test_nothing_of_the_environment_goes_out(
    server: EmbeddingServer, provider: Provider, key: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """SDKs look for keys there, and requests for passwords; what is sent is the key that was given, or none."""
    (tmp_path / "netrc").write_text("default login somebody password of-somebody\n", encoding="utf-8")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv(KEYS[provider], "sk-of-somebody")
    monkeypatch.setenv(
        "OPENAI_CUSTOM_HEADERS", "Authorization: Bearer sk-of-somebody\napi-key: of-somebody\nHost: else"
    )
    monkeypatch.setenv("OPENAI_ORG_ID", "örg")
    one = RemoteEncoder(_model(server, provider), key=key)
    one.encode_passages(["a"])
    one.close()
    without = "" if provider == "openai" else "Bearer none"
    assert server.requests[0][2] == (f"Bearer {key}" if key else without)
    assert "somebody" not in str(server.heard)
    assert server.heard["Host"] in server.url


@through_every_sdk
def test_a_user_in_the_address_is_told_to_the_server_alone(server: EmbeddingServer, provider: Provider) -> None:
    """As HTTP's own way to log in; no message repeats the password."""
    place = f"{server.url}/{PATHS[provider].split('/')[1]}".replace("//", "//me:pa55word@")
    one = RemoteEncoder(RemoteModel(provider, "m", place, DIMENSION), RemoteOptions(tries=1))
    one.encode_passages(["a"])
    assert server.requests[0][2] == "Basic bWU6cGE1NXdvcmQ="
    server.headers = {"Location": place}
    for answer in ((308, b""), (400, place.encode())):
        server.behaviour = lambda _path, _body, answer=answer: answer
        with pytest.raises(ModelError) as caught:
            one.encode_passages(["a"])
        assert "pa55word" not in str(caught.value)
    one.close()


@through_every_sdk
def test_threads_may_share_an_endpoint(server: EmbeddingServer, encoder: Make, provider: Provider) -> None:
    """What one hears is not what another hears."""
    server.behaviour = lambda _path, body: (200, b"<html>") if "bad" in (body.get("texts") or body["input"]) else None
    one = encoder(provider)

    def told(word: str) -> str:
        try:
            return str(one.encode_passages([word]).shape)
        except ModelError as error:
            return str(error)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(told, ["bad", "good"] * 40))
    assert all("is no JSON" in said for said in found[::2])
    assert set(found[1::2]) == {str((1, DIMENSION))}
    assert len(server.requests) == 80


@through_every_sdk
@pytest.mark.parametrize("counted", [7, "x", [1], True, {"billed_units": 7}, {"billed_units": None}])
def test_a_strange_account_costs_no_vectors(
    server: EmbeddingServer, encoder: Make, provider: Provider, counted: Any
) -> None:
    """Tokens are estimated where they cannot be read; the vectors were paid for."""
    server.behaviour = lambda path, body: (200, {**usual(path, body)[1], "usage": counted, "meta": counted})
    one = encoder(provider)
    assert one.encode_passages(["a" * 400]).shape == (1, DIMENSION)
    assert one.tokens == 100


@pytest.mark.parametrize(
    ("provider", "field", "value"), [("cohere", "truncate", "END"), ("voyage", "truncation", True)]
)
def test_long_texts_are_cut_and_not_refused(
    server: EmbeddingServer, encoder: Make, provider: Provider, field: str, value: Any
) -> None:
    """What was cut is told; a refusal would end the whole corpus."""
    encoder(provider).encode_passages(["a"])
    assert server.requests[0][1][field] == value


@through_every_sdk
def test_an_address_may_end_in_a_slash(server: EmbeddingServer, encoder: Make, provider: Provider) -> None:
    """It is the same place."""
    encoder(provider, url=f"{server.url}/{PATHS[provider].split('/')[1]}/").encode_passages(["a"])
    assert server.requests[0][0] == PATHS[provider]


@through_every_sdk
def test_an_sdk_that_is_not_there_is_told(
    server: EmbeddingServer, encoder: Make, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that brings it; nothing is sent."""
    monkeypatch.setitem(sys.modules, PACKAGES[provider], None)
    with pytest.raises(ModelError, match=rf"pip install 'jargonaut\[{provider}\]'"):
        encoder(provider).encode_passages(["a"])
    assert server.requests == []


def test_a_fault_that_passes_costs_nothing_but_time(server: EmbeddingServer, encoder: Make) -> None:
    """After a refusal for being busy the same texts are sent again."""
    server.behaviour = lambda _path, _body: (429, b"") if len(server.requests) < 3 else None
    assert encoder().encode_passages(["a"]).shape == (1, DIMENSION)


@through_every_sdk
def test_an_endpoint_that_is_down_is_told(encoder: Make, provider: Provider) -> None:
    """A connection that cannot be made is a sentence, after the tries."""
    with embedding_server() as gone:
        url = gone.url
    one = encoder(provider, url=f"{url}/v1")
    with pytest.raises(ModelError, match="cannot be reached"):
        one.encode_queries(["a"])


@through_every_sdk
def test_an_address_that_is_none_is_told(encoder: Make, provider: Provider) -> None:
    """No port is a word, and no name has such a length."""
    for place in ("127.0.0.1:port", f"{'a' * 70}.example"):
        with pytest.raises(ModelError, match="cannot be sent"):
            encoder(provider, url=f"http://{place}/v1").encode_queries(["a"])


@through_every_sdk
def test_an_answer_that_cannot_be_used_is_not_asked_for_again(
    server: EmbeddingServer, encoder: Make, provider: Provider
) -> None:
    """After a 200 the texts may be paid for: no JSON, an end that never comes or comes late, stops at once."""
    server.behaviour = lambda _path, _body: (200, b"<html>proxy</html>")
    with pytest.raises(ModelError, match="is no JSON"):
        encoder(provider).encode_passages(["a"])
    server.behaviour, server.missing = lambda _path, _body: None, 10
    with pytest.raises(ModelError, match="cannot be read to its end"):
        encoder(provider).encode_passages(["a"])
    server.missing, server.pause = 0, 1.0
    with pytest.raises(ModelError, match="cannot be read to its end"):
        encoder(provider, timeout=0.3).encode_passages(["a"])
    assert len(server.requests) == 3


@through_every_sdk
def test_an_endpoint_that_says_nothing_in_time_is_asked_again(
    server: EmbeddingServer, encoder: Make, provider: Provider
) -> None:
    """As often as `tries` says: nobody knows whether it counted."""
    server.behaviour = lambda _path, _body: time.sleep(0.5)
    with pytest.raises(ModelError, match=r"no answer within 0\.1 s"):
        encoder(provider, timeout=0.1, tries=2).encode_passages(["a"])
    assert len(server.requests) == 2


@through_every_sdk
def test_a_count_that_no_float_holds_is_none(server: EmbeddingServer, encoder: Make, provider: Provider) -> None:
    """The tokens are estimated as where there is no count."""
    counts = {"usage": {"total_tokens": 10**400}, "meta": {"billed_units": {"input_tokens": 10**400}}}
    server.behaviour = lambda path, body: (200, {**usual(path, body)[1], **counts})
    one = encoder(provider)
    one.encode_passages(["a" * 400])
    assert one.tokens == 100


def test_nothing_is_paid_twice(server: EmbeddingServer, encoder: Make, tmp_path: Path) -> None:
    """Behind the cache every text is sent once, by any process; another dimension is another model."""
    for _ in range(2):
        CachedEncoder(encoder(dimension=None), tmp_path).encode_passages(["a", "b", "a"])
    CachedEncoder(encoder(dimension=None), tmp_path).encode_passages(["a", "c"])  # a process with something new
    sent = server.texts
    assert sorted(sent) == ["a", "b", "c", "dimension"]
    assert encoder(dimension=16).fingerprint != encoder(dimension=None).fingerprint


def test_a_request_holds_a_batch_however_long_its_texts_are(
    server: EmbeddingServer, encoder: Make, tmp_path: Path
) -> None:
    """Rate limits count requests; the rule that keeps local blocks short is not for them."""
    one = encoder(batch=64, model="reads-all-of-these")
    CachedEncoder(one, tmp_path).encode_passages([prose(1_300, f"of{n}x") for n in range(128)])
    assert [len(body["input"]) for _, body, _ in server.requests] == [64, 1, 64]  # one looks how far it reads


def test_a_dimension_comes_with_the_first_answer(server: EmbeddingServer, encoder: Make) -> None:
    """No text is sent for it where there are texts to send, or where it is known; another than before is refused."""
    one = encoder(dimension=None)
    assert one.encode_passages(["a", "b"]).shape == (2, DIMENSION)
    assert (one.dimension, encoder(dimension=None, known=7).dimension) == (DIMENSION, 7)
    assert server.texts == ["a", "b"]
    server.behaviour = _other_dimension
    with pytest.raises(ModelError, match="vectors of 7 dimensions, and 48 are expected"):
        one.encode_queries(["c"])
    with pytest.raises(ModelError, match="vectors of 7 dimensions, and 48 are expected"):
        encoder(dimension=None, known=DIMENSION).encode_queries(["c"])


def test_a_registered_version_knows_its_dimension(server: EmbeddingServer, tmp_path: Path) -> None:
    """It was learned and paid for when the version was made."""
    write_remote(RemoteModel("openai", "m", f"{server.url}/v1"), tmp_path / "named")
    registry = Registry(tmp_path / "registry.db", tmp_path / "models")
    made = registry.register_base(tmp_path / "named", name="openai:m", fingerprint="f", dimension=DIMENSION)
    one = version_encoder(registry, made, override(Settings(), {"remote.openai_url": f"{server.url}/v1"}))
    assert one.dimension == DIMENSION
    CachedEncoder(one, tmp_path / "vectors").encode_queries(["a"])
    assert server.texts == ["a"]


@through_every_sdk
def test_tokens_are_those_that_the_endpoint_counts(server: EmbeddingServer, encoder: Make, provider: Provider) -> None:
    """What was sent is told as the endpoint counts it, and estimated where it does not."""
    one = encoder(provider)
    one.encode_passages(["a", "b"])
    assert one.tokens == 6
    uncounted = ("data", "embeddings")
    server.behaviour = lambda path, body: (
        200, {name: value for name, value in usual(path, body)[1].items() if name in uncounted}
    )  # fmt: skip
    one.encode_passages(["a" * 400])
    assert one.tokens == 106


def test_an_encoding_says_what_it_sent(
    server: EmbeddingServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tokens and money of an endpoint behind a version, an adapter over it included."""
    write_remote(_model(server, "openai"), tmp_path / "named")
    layout = Layout(tmp_path / "w")
    registry = Registry(layout.registry, layout.models)
    given = override(Settings(), {"remote.openai_url": f"{server.url}/v1", "remote.openai_price": 2e5})
    made = registry.register_base(tmp_path / "named", name="openai:m", fingerprint="f", dimension=DIMENSION)
    cached = CachedEncoder(version_encoder(registry, made, given), tmp_path / "vectors")
    adapter = identity("low_rank", "query", cached.fingerprint, "openai:m", DIMENSION)
    assert endpoint_of(AdaptedEncoder(cached, adapter)) is cached.encoder
    (tmp_path / "texts.txt").write_text("one\ntwo\n", encoding="utf-8")
    encode_texts(tmp_path / "texts.txt", tmp_path / "o.npy", "passage", "base", given, layout, TerminalReporter())
    assert "  openai:m: 6 tokens were sent now (1.2000 USD)\n" in capsys.readouterr().err


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
    [{"openai_url": "localhost:80"}, {"batch": 2049}, {"tries": 0}, {"voyage_price": -1.0}, {"cohere_key_env": "a-b"}],
)
def test_options_that_mean_nothing_are_refused(bad: dict[str, Any]) -> None:
    """With section and key."""
    with pytest.raises(SettingsError, match=rf"\[remote\] {next(iter(bad))}"):
        RemoteOptions(**bad)


@pytest.mark.parametrize(("length", "told"), [(4_000, "it reads 512 tokens"), (1_800, "")])
def test_texts_beyond_a_documented_limit_are_told(
    server: EmbeddingServer, encoder: Make, length: int, told: str
) -> None:
    """Once, and nothing is sent to find out where a text is beyond it for certain."""
    one = encoder("cohere", model="embed-english-v3.0")
    with contextlib.ExitStack() as stack:
        if told:
            stack.enter_context(pytest.warns(RuntimeWarning, match=told))
        one.encode_passages(["a" * length])
    one.encode_passages(["a" * length])  # not told again
    assert one.cut == (2 if told else 0)
    assert len(server.requests) == (2 if told else 3)  # within the documented limit it is tried


def prose(characters: int, topic: str = "word") -> str:
    """Text of about so many characters, of words that differ."""
    words = (f"{topic}{n}" for n in range(characters))
    text = ""
    while len(text) < characters:
        text += f"{next(words)} "
    return text


@pytest.mark.parametrize("counting", [True, False])
@pytest.mark.parametrize(
    ("texts", "cut"),
    [
        ([prose(4_000, f"of{n}x") for n in range(64)], 64),
        ([*(f"short {n}" for n in range(63)), prose(20_000)], 1),
        (["长文本" * 1_000], 0),  # one word, so it is read whole
        (["\n".join(["长文本" * 7] * 99 + ["尾"])], 1),
    ],
)
def test_texts_of_which_only_the_beginning_is_read_are_told(
    server: EmbeddingServer, encoder: Make, texts: list[str], cut: int, counting: bool
) -> None:
    """However the batch is mixed and whatever is counted: the beginning of the longest text has the whole's vector."""
    server.behaviour = reading(50, counting=counting)
    one = encoder(model="reads-50-words", batch=64)
    with contextlib.ExitStack() as stack:
        if cut:
            stack.enter_context(pytest.warns(RuntimeWarning, match=r"reads at most the first [\d,]+ characters"))
        one.encode_passages(texts)
    one.encode_passages(texts)  # neither told nor looked at again
    assert one.cut == 2 * cut
    assert len(server.requests) == 3
    longest, sent = max(texts, key=len).rstrip(), server.requests[1][1]["input"]
    assert len(sent) == 1
    assert longest.startswith(sent[0])
    assert 0.7 * len(longest) < len(sent[0]) <= 0.75 * len(longest)


@pytest.mark.parametrize(("provider", "model"), [("cohere", "embed-multilingual-v3.0"), ("voyage", "voyage-3")])
def test_documentation_is_not_believed_alone(
    server: EmbeddingServer, encoder: Make, provider: Provider, model: str
) -> None:
    """Where each letter is a token, much shorter texts are cut than those of the language that it was written for."""
    server.behaviour = reading(50)
    one = encoder(provider, model=model)
    with pytest.warns(RuntimeWarning, match=r"reads at most the first [\d,]+ characters"):
        one.encode_passages(["一 二 三 四 五 六 七 八 九 十 " * 60])
    assert one.cut == 1


def test_texts_that_are_read_whole_are_looked_at_once(server: EmbeddingServer, encoder: Make) -> None:
    """Once in a process, on account, and again for much longer texts alone; short ones are not looked at."""
    one = encoder(model="reads-all")
    one.encode_passages([prose(900)])
    assert len(server.requests) == 1
    one.encode_passages([prose(2_000), prose(1_500)])
    assert len(server.requests) == 3
    assert server.requests[-1][1]["input"] == [prose(2_000)[:1_500].rpartition(" ")[0]]
    assert one.tokens == 3 * (1 + 2 + 1)
    one.encode_passages([prose(2_900)])
    encoder(model="reads-all").encode_passages([prose(2_900)])
    assert len(server.requests) == 5
    one.encode_queries([prose(3_100)])
    assert len(server.requests) == 7
    assert one.cut == 0


def test_a_look_that_fails_costs_no_vectors(server: EmbeddingServer, encoder: Make) -> None:
    """What was paid for comes back, although nobody knows now whether it was read to its end."""
    server.behaviour = lambda _path, _body: (503, b"") if len(server.requests) == 2 else None
    one = encoder(model="fails", tries=1)
    assert one.encode_passages([prose(2_000)]).shape == (1, DIMENSION)
    assert (len(server.requests), one.cut) == (2, 0)


@pytest.mark.parametrize(("provider", "most"), [("openai", 2048), ("cohere", 96), ("voyage", 1000)])
def test_a_batch_is_what_the_provider_takes(
    server: EmbeddingServer, encoder: Make, provider: Provider, most: int
) -> None:
    """Each has its own limit, and the smallest does not hold for all."""
    one = encoder(provider, 4, batch=2048)
    assert one.at_once == most
    one.encode_passages(["a"] * (most + 1))
    assert [len(body.get("texts") or body["input"]) for _, body, _ in server.requests] == [most, 1]


@through_every_sdk
@pytest.mark.parametrize("status", [400, 413])
def test_a_batch_that_is_too_large_is_sent_in_halves(
    server: EmbeddingServer, encoder: Make, provider: Provider, status: int
) -> None:
    """Until the endpoint takes it, in the caller's order."""
    field = "texts" if provider == "cohere" else "input"
    server.behaviour = lambda _path, body: (status, {"detail": "too many tokens"}) if len(body[field]) > 10 else None
    texts = [f"text number {n}" for n in range(33)]
    one = encoder(provider, batch=32)
    found = one.encode_passages(texts)
    wanted = np.array([vector(text, DIMENSION) for text in texts])
    np.testing.assert_allclose(found, wanted / np.linalg.norm(wanted, axis=1, keepdims=True), rtol=1e-5)
    assert [len(body[field]) for _, body, _ in server.requests] == [32, 16, 8, 8, 16, 8, 8, 1]


def test_a_refusal_for_another_reason_is_not_divided(server: EmbeddingServer, encoder: Make) -> None:
    """Halves would be paid for, and lost with the text that is refused."""
    server.behaviour = lambda _path, body: (400, "flagged by our policy") if "bad" in body["input"] else None
    with pytest.raises(ModelError, match="refuses the request"):
        encoder().encode_passages(["bad", *"bcdefgh"])
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 413])
def test_a_text_that_is_refused_alone_ends_it(server: EmbeddingServer, encoder: Make, status: int) -> None:
    """There is nothing left to halve, and what is longest is asked for before anything else of its batch is paid."""
    server.behaviour = lambda _path, body: (status, "too long") if any(len(t) > 9 for t in body["input"]) else None
    with pytest.raises(ModelError, match="refuses the request"):
        encoder().encode_passages(["a" * 10, *"bcdefgh"])
    assert [len(body["input"]) for _, body, _ in server.requests] == [8, 4, 2, 1]


def test_halves_are_looked_at_each(server: EmbeddingServer, encoder: Make) -> None:
    """One vector too few for one half and one too many for the other are not the right number for both."""

    def shifted(path: str, body: dict[str, Any]) -> tuple[int, Any]:
        if len(body["input"]) == 4:
            return 413, ""
        more = [[], ["x"]][len(server.requests) - 2]
        return usual(path, {**body, "input": body["input"][: 1 + 2 * len(more)] + more})

    server.behaviour = shifted
    with pytest.raises(ModelError, match="gave 1 vectors for 2 texts"):
        encoder().encode_passages(list("abcd"))


def test_what_was_paid_for_is_kept_after_every_request(server: EmbeddingServer, encoder: Make, tmp_path: Path) -> None:
    """An endpoint that fails at the third request costs nothing for the first two when it is asked again."""
    server.behaviour = lambda _path, _body: (402, "no more") if len(server.requests) == 3 else None
    texts = [f"text number {n}" for n in range(8)]
    with pytest.raises(ModelError):
        CachedEncoder(encoder(batch=2), tmp_path).encode_passages(texts)
    server.behaviour = lambda _path, _body: None
    sent = len(server.texts)
    CachedEncoder(encoder(batch=2), tmp_path).encode_passages(texts)
    assert len(server.texts) - sent == 4
