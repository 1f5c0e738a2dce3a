"""Many calls to a server that misbehaves: nothing is lost, nothing is paid twice, and every failure has clear words."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jargonaut.databases import DamagedError
from jargonaut.errors import InputError, JargonautError, ModelError, SettingsError
from jargonaut.llm import ChatClient, EndpointOptions
from jargonaut.llm.endpoint import model_identity
from jargonaut.protocols import ChatReply, ChatRequest, Message

from .conftest import Hurry
from .endpoint import Behaviour, Body, Endpoint, Response, echo, error, said

Serve = Callable[[Behaviour], Endpoint]
Client = Callable[..., ChatClient]
SCHEMA = {"type": "object"}


def request(text: str, *, schema: dict[str, str] | None = None) -> ChatRequest:
    """A request under its own words."""
    return ChatRequest(text, (Message("user", text),), schema)


def asked(client: ChatClient, *texts: str) -> dict[str, ChatReply]:
    """Replies by request."""
    return {reply.key: reply for reply in client.complete_many(map(request, texts))}


def test_every_request_has_one_reply(serve: Serve, client: Client) -> None:
    """A hundred requests, a hundred answers, each under its own key, and an account of them."""
    one = client(serve(echo))
    names = [f"n{number}" for number in range(100)]
    replies = list(one.complete_many(map(request, names)))
    assert sorted(reply.key for reply in replies) == sorted(names)
    assert all(reply.text == f"re: {reply.key}" and not reply.fault for reply in replies)
    assert (one.account.calls, one.account.prompt_tokens, one.account.completion_tokens) == (100, 10_000, 2_000)


def test_no_requests_give_no_replies(serve: Serve, client: Client) -> None:
    """An empty job ends at once."""
    assert list(client(serve(echo)).complete_many([])) == []


def test_calls_run_side_by_side_up_to_the_limit(serve: Serve, client: Client) -> None:
    """The endpoint sees as many calls at once as it was said to bear, and never more."""
    server = serve(lambda body, number: Response(body=echo(body, number).body, after=0.05))
    asked(client(server, concurrency=4), *map(str, range(24)))
    assert server.most_at_once == 4


def test_requests_are_drawn_as_they_are_needed(serve: Serve, client: Client) -> None:
    """However many requests there are, only a few are ahead of the replies."""
    drawn = 0

    def endless() -> Iterator[ChatRequest]:
        nonlocal drawn
        while True:
            drawn += 1
            yield request(str(drawn))

    replies = client(serve(echo), concurrency=4).complete_many(endless())
    for _ in range(50):
        next(replies)
    replies.close()
    assert drawn <= 50 + 8


def test_an_answer_is_paid_for_once(serve: Serve, client: Client) -> None:
    """A second run asks for nothing, and its account says so."""
    server = serve(echo)
    first = asked(client(server), "a", "b")
    again = client(server)
    second = asked(again, "a", "b")
    assert len(server.requests) == 2
    assert {key: reply.text for key, reply in second.items()} == {key: reply.text for key, reply in first.items()}
    assert all(reply.cached for reply in second.values())
    assert (again.account.calls, again.account.cached, again.account.prompt_tokens) == (0, 2, 0)


def test_a_name_at_another_address_is_another_model(serve: Serve, client: Client) -> None:
    """Two servers that call what they run `m` never answer for each other, not even after a restart."""
    one, other = serve(echo), serve(lambda *_: Response(body=said("mine")))
    asked(client(one), "a")
    assert asked(client(other), "a")["a"].text == "mine"
    assert asked(client(one), "a")["a"].text == "re: a"
    assert (len(one.requests), len(other.requests)) == (1, 1)


def test_an_address_is_the_same_however_it_is_written() -> None:
    """A closing slash, capitals of the host and a password in it make no other model; the path and the port do."""
    written = ("http://Host:80/v1", "http://host:80/v1/", "http://me:secret@host:80/v1")
    assert len({model_identity(EndpointOptions(address, "m")) for address in written}) == 1
    others = ("http://host:80/v2", "http://host:81/v1", "https://host:80/v1", "http://[::1]:80/v1")
    assert len({model_identity(EndpointOptions(address, "m")) for address in (*written, *others)}) == 5
    assert "secret" not in model_identity(EndpointOptions(written[2], "m"))


def test_two_processes_do_not_pay_for_the_same(serve: Serve, client: Client) -> None:
    """While one asks, another is told so and sends nothing; when it is done, the other one has its answers."""
    server = serve(echo)
    replies = client(server).complete_many(map(request, "ab"))
    next(replies)
    with pytest.raises(JargonautError, match="another process is asking"):
        asked(client(server), "c")
    replies.close()
    assert "c" not in server.asked()
    assert asked(client(server), "c")["c"].text == "re: c"


def test_equal_requests_at_once_are_one_call(serve: Serve, client: Client) -> None:
    """Two passages with the same words cost one call, and both have a reply."""
    server = serve(lambda body, number: Response(body=echo(body, number).body, after=0.1))
    replies = list(client(server).complete_many([request("same")] * 5))
    assert [reply.text for reply in replies] == ["re: same"] * 5
    assert len(server.requests) == 1


def test_another_parameter_is_another_question(serve: Serve, client: Client) -> None:
    """Another seed, temperature or model is asked anew."""
    server = serve(echo)
    asked(client(server), "a")
    list(client(server).complete_many([ChatRequest("a", (Message("user", "a"),), seed=1)]))
    list(client(server).complete_many([ChatRequest("a", (Message("user", "a"),), temperature=0.1)]))
    assert len(server.requests) == 3


KILLED = """
import sys
from pathlib import Path
from jargonaut.llm import ChatClient, EndpointOptions
from jargonaut.protocols import ChatRequest, Message
client = ChatClient(EndpointOptions(sys.argv[1], "m", concurrency=4), "k", Path(sys.argv[2]))
requests = (ChatRequest(str(n), (Message("user", str(n)),)) for n in range(60))
for number, reply in enumerate(client.complete_many(requests)):
    print(reply.key, flush=True)
"""


def test_a_killed_run_pays_for_no_answer_twice(serve: Serve, client: Client, tmp_path: Path) -> None:
    """Kill -9 in the middle, run again: each answer was sent once, save those on their way at the kill."""
    server = serve(lambda body, number: Response(body=echo(body, number).body, after=0.03))
    command = [sys.executable, "-c", KILLED, server.base_url, str(tmp_path / "answers.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(20):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
    time.sleep(0.2)  # what the server was working on ends there
    before = sum(server.asked().values())
    assert 20 <= before < 60
    replies = asked(client(server, concurrency=4), *map(str, range(60)))
    assert len(replies) == 60
    assert not any(reply.fault for reply in replies.values())
    twice = [text for text, count in server.asked().items() if count > 1]
    assert len(twice) <= 4
    assert sum(reply.cached for reply in replies.values()) >= before - 4


def test_a_caller_who_stops_early_loses_nothing_that_was_on_its_way(serve: Serve, client: Client) -> None:
    """Answers that arrive after the last one that was wanted are kept."""
    server = serve(lambda body, number: Response(body=echo(body, number).body, after=0.1))
    replies = client(server, concurrency=4).complete_many(map(request, "abcdefgh"))
    next(replies)
    replies.close()
    sent = len(server.requests)
    asked(client(server), *"abcdefgh")
    assert len(server.requests) == 8
    assert sent >= 4


def test_works_inside_a_running_event_loop(serve: Serve, client: Client) -> None:
    """A notebook has a loop of its own."""

    async def cell() -> dict[str, ChatReply]:
        return asked(client(serve(echo)), "a")

    assert asyncio.run(cell())["a"].text == "re: a"


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "7"}, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}])
def test_a_storm_of_429_drops_nothing(serve: Serve, client: Client, hurry: Hurry, headers: dict[str, str]) -> None:
    """Two of three calls are refused as too many, with or without Retry-After; every request is answered in the end."""

    def busy(body: Body, number: int) -> Response:
        return echo(body, number) if number % 3 == 2 else error(429, "slow down", headers=headers)

    one = client(serve(busy))
    replies = asked(one, *map(str, range(40)))
    assert len(replies) == 40
    assert not any(reply.fault for reply in replies.values())
    assert one.account.retried >= 40
    assert hurry.waits


def test_retry_after_is_obeyed(serve: Serve, client: Client, hurry: Hurry) -> None:
    """Nobody asks again before the time that the endpoint named."""
    one = client(serve(lambda b, n: error(429, "wait", headers={"Retry-After": "40"}) if n == 0 else echo(b, n)))
    asked(one, "a")
    assert hurry.now >= 40


def test_a_storm_slows_all_workers_down(serve: Serve, client: Client, hurry: Hurry) -> None:
    """An endpoint that bears two calls at once is found out: most calls are answered at their first try."""
    open_now = 0

    def two_at_once(body: Body, number: int) -> Response:
        nonlocal open_now
        open_now += 1
        try:
            if open_now > 2:
                return error(429, "two at once")
            time.sleep(0.01)
            return echo(body, number)
        finally:
            open_now -= 1

    one = client(serve(two_at_once), concurrency=16)
    replies = asked(one, *map(str, range(200)))
    assert not any(reply.fault for reply in replies.values())
    assert one.account.retried < 150
    assert hurry.waits


def test_an_endpoint_that_is_only_busy_ends_the_run(serve: Serve, client: Client) -> None:
    """Ten minutes of nothing but 429 is an error that says so, not a job that runs for ever."""
    with pytest.raises(ModelError, match=r"too busy for \d+ s.*slow down") as caught:
        asked(client(serve(lambda _b, _n: error(429, "slow down"))), "a")
    assert "none of them is paid for twice" in str(caught.value)


def test_a_wait_that_is_too_long_ends_the_run(serve: Serve, client: Client, hurry: Hurry) -> None:
    """A daily quota asks for hours: the user is told, instead of waiting."""
    with pytest.raises(ModelError, match="asks to wait 7,200 s"):
        asked(client(serve(lambda _b, _n: error(429, "daily", headers={"Retry-After": "7200"}))), "a")
    assert hurry.now < 60


def test_a_used_up_quota_ends_the_run_at_once(serve: Serve, client: Client) -> None:
    """429 for want of credit is not a storm, though it has the same number."""
    server = serve(lambda _b, _n: error(429, "You exceeded your quota", code="insufficient_quota"))
    with pytest.raises(ModelError, match="used up"):
        asked(client(server), "a")
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504, 529])
def test_server_errors_are_tried_again(serve: Serve, client: Client, hurry: Hurry, status: int) -> None:
    """A server that fails twice and then answers has answered; the waits grow."""
    one = client(serve(lambda b, n: error(status, "oops") if n < 2 else echo(b, n)))
    assert asked(one, "a")["a"].text == "re: a"
    assert one.account.retried == 2
    assert hurry.waits[1] > hurry.waits[0] > 0


def test_dropped_connections_are_tried_again(serve: Serve, client: Client) -> None:
    """A body that ends in the middle is no answer."""

    def dropping(body: Body, number: int) -> Response:
        return Response(body=echo(body, number).body, cut=60 if number % 2 == 0 else None)

    replies = asked(client(serve(dropping)), *"abcdef")
    assert {reply.text for reply in replies.values()} == {f"re: {letter}" for letter in "abcdef"}


def test_a_slow_answer_is_asked_for_again(serve: Serve, client: Client) -> None:
    """A call that takes longer than it may is made again."""
    server = serve(lambda b, n: Response(body=echo(b, n).body, after=0.6 if n == 0 else 0.0))
    assert asked(client(server, timeout=0.2), "a")["a"].text == "re: a"


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>gateway</html>", b'{"choices": []}', b'{"choices": [{"message": null}]}', b"[]", b'{"choi', b"null"],
)
def test_a_garbled_answer_is_asked_for_again(serve: Serve, client: Client, body: bytes) -> None:
    """Whatever a broken server or a proxy sends under status 200."""
    assert asked(client(serve(lambda b, n: Response(body=body) if n == 0 else echo(b, n))), "a")["a"].text == "re: a"


def test_one_poisonous_request_is_given_up_and_the_others_go_on(serve: Serve, client: Client) -> None:
    """A request on which the server always fails is named with its fault; all others are answered."""

    def poison(body: Body, number: int) -> Response:
        return error(500, "CUDA error") if body["messages"][-1]["content"] == "7" else echo(body, number)

    one = client(serve(poison), concurrency=2)
    replies = asked(one, *map(str, range(100)))
    assert [key for key, reply in replies.items() if reply.fault] == ["7"]
    assert "CUDA error" in replies["7"].fault
    assert one.account.failed == 1


def test_a_refused_request_fails_alone(serve: Serve, client: Client) -> None:
    """400 for one passage (it is too long) says so for that one, and is not asked again and again."""

    def too_long(body: Body, number: int) -> Response:
        return error(400, "context length exceeded") if "long" in str(body["messages"]) else echo(body, number)

    server = serve(too_long)
    replies = asked(client(server), "a", "long", "b")
    assert "context length exceeded" in replies["long"].fault
    assert {key for key, reply in replies.items() if reply.text} == {"a", "b"}
    assert len(server.requests) == 3


def test_a_failure_is_not_kept(serve: Serve, client: Client) -> None:
    """What failed is asked again by the next run."""
    server = serve(lambda b, n: error(400, "no") if n == 0 else echo(b, n))
    assert asked(client(server), "a")["a"].fault
    assert asked(client(server), "a")["a"].text == "re: a"


def test_an_endpoint_that_refuses_everything_ends_the_run(serve: Serve, client: Client) -> None:
    """A model that is not for chat refuses each request: after some, that is said once."""
    server = serve(lambda _b, _n: error(400, "this is not a chat model"))
    with pytest.raises(ModelError, match=r"refuses every request.*not a chat model"):
        asked(client(server), *map(str, range(1000)))
    assert len(server.requests) < 60


@pytest.mark.parametrize("status", [401, 403])
def test_an_expired_key_ends_the_run_and_keeps_what_was_paid(serve: Serve, client: Client, status: int) -> None:
    """The key expires in the middle: a sentence, no more calls, and with a new key only the rest is asked."""
    expired = True

    def expiring(body: Body, number: int) -> Response:
        return (
            error(status, "Incorrect API key provided: sk-secret") if expired and number >= 30 else echo(body, number)
        )

    server = serve(expiring)
    with pytest.raises(ModelError, match=r"refuses the key.*\n.*none of them is paid for twice") as caught:
        asked(client(server), *map(str, range(100)))
    assert "sk-secret" not in str(caught.value)
    assert len(server.requests) <= 30 + 8
    expired = False
    replies = asked(client(server, key="sk-new"), *map(str, range(100)))
    assert sum(reply.cached for reply in replies.values()) == 30
    assert max(server.asked().values()) == 1


def test_calls_on_their_way_are_kept_when_the_run_ends(serve: Serve, client: Client) -> None:
    """While one worker is told that the key is bad, the others' answers arrive and are not lost."""

    def mixed(body: Body, number: int) -> Response:
        if body["messages"][-1]["content"] == "bad":
            return Response(401, {"error": {"message": "expired"}}, after=0.05)
        return Response(body=echo(body, number).body, after=0.4)

    server = serve(mixed)
    with pytest.raises(ModelError):
        asked(client(server), "bad", "a", "b", "c")
    replies = asked(client(server), "a", "b", "c")
    assert all(reply.cached for reply in replies.values())


def test_an_unknown_model_is_named(serve: Serve, client: Client) -> None:
    """404 says what the endpoint said and what to check."""
    with pytest.raises(ModelError, match=r"does not know.*model 'm' not found.*\n.*base_url"):
        asked(client(serve(lambda _b, _n: error(404, "model 'm' not found, try pulling it first"))), "a")


def test_nobody_at_the_address_is_said_soon(tmp_path: Path, hurry: Hurry) -> None:
    """A wrong port is not waited on for ten minutes."""
    one = ChatClient(EndpointOptions("http://127.0.0.1:9/v1", "m"), "", tmp_path / "a.db", hurry.effects)
    with pytest.raises(ModelError, match=r"127\.0\.0\.1:9.*cannot be reached"):
        asked(one, "a")
    assert hurry.now < 60


def test_a_server_that_dies_for_good_ends_the_run(serve: Serve, client: Client, hurry: Hurry) -> None:
    """It answered, then failed for longer than the budget: a sentence, and what was paid is kept."""
    server = serve(lambda b, n: echo(b, n) if n < 20 else error(503, "unloaded"))
    with pytest.raises(ModelError, match=r"given no answer for \d+ s.*unloaded"):
        asked(client(server), *map(str, range(100)))
    assert hurry.now >= 600
    assert sum(server.asked().values()) == 20


def test_an_outage_is_ridden_out(serve: Serve, client: Client, hurry: Hurry) -> None:
    """A server that is restarted for some minutes loses no request."""

    def restarting(body: Body, number: int) -> Response:
        return error(503, "loading model") if 20 < hurry.now + number < 220 else echo(body, number)

    replies = asked(client(serve(restarting)), *map(str, range(100)))
    assert not any(reply.fault for reply in replies.values())


FORMS = {
    "json_object": lambda wanted: wanted["type"] == "json_schema",
    "none": lambda _wanted: True,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("words", ["response_format is not supported", "Bad Request"])
def test_an_unsupported_response_format_is_left_out_and_remembered(
    serve: Serve, client: Client, form: str, words: str
) -> None:
    """json_schema, then json_object, then nothing: what works is found once and used from then on."""

    def picky(body: Body, number: int) -> Response:
        wanted = body.get("response_format")
        return error(400, words) if wanted and FORMS[form](wanted) else echo(body, number)

    server = serve(picky)
    one = client(server, concurrency=1)
    replies = list(one.complete_many(request(str(n), schema=SCHEMA) for n in range(20)))
    assert not any(reply.fault for reply in replies)
    assert one.dialect.form == form
    assert len(server.requests) == 20 + (1 if form == "json_object" else 2)


def test_parameters_that_a_model_refuses_are_left_out(serve: Serve, client: Client) -> None:
    """A reasoning model takes another name for the length, and no temperature."""

    def reasoning(body: Body, number: int) -> Response:
        if "max_tokens" in body:
            return error(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        if "temperature" in body:
            return error(400, "Unsupported value: 'temperature' does not support 0.7 with this model.")
        if "seed" in body:
            return error(422, "extra fields not permitted: seed")
        return echo(body, number)

    server = serve(reasoning)
    replies = list(client(server, concurrency=1).complete_many(request(str(n), schema=SCHEMA) for n in range(5)))
    assert not any(reply.fault for reply in replies)
    assert len(server.requests) == 5 + 3
    assert server.requests[-1]["response_format"]["type"] == "json_schema"


def test_tokens_that_nobody_counted_are_estimated(serve: Serve, client: Client) -> None:
    """An endpoint without usage still gives an account, which says that it is an estimate."""
    one = client(serve(lambda _b, _n: Response(body=said("x" * 400, usage=False))))
    asked(one, "a" * 400)
    assert (one.account.unmetered, one.account.completion_tokens, one.account.prompt_tokens) == (1, 100, 104)
    assert "estimated" in one.account.sentence()


def test_invalid_utf8_loses_its_letters_and_no_more(serve: Serve, client: Client) -> None:
    """Bytes that are not UTF-8 become the sign for a broken letter."""
    body = json.dumps(said("caf\u00e9?"), ensure_ascii=False).encode("latin-1")
    assert asked(client(serve(lambda _b, _n: Response(body=body))), "a")["a"].text == "caf\ufffd?"


def test_lone_surrogates_can_be_asked_and_answered(serve: Serve, client: Client) -> None:
    """Badly decoded text breaks neither the request nor the cache."""
    server = serve(lambda _b, _n: Response(body=b'{"choices":[{"message":{"content":"\\ud83d x"}}]}'))
    reply = asked(client(server), "bad \ud83d letter")["bad \ud83d letter"]
    assert reply.text == "\ufffd x"
    assert asked(client(server), "bad \ud83d letter")["bad \ud83d letter"].text == reply.text


def test_an_answer_cut_at_its_length_says_so(serve: Serve, client: Client) -> None:
    """Also when it comes from the cache."""
    server = serve(lambda _b, _n: Response(body=said("half a", finish="length")))
    assert [asked(client(server), "a")["a"].finished for _ in range(2)] == [False, False]


def test_the_key_is_sent_and_stays_secret(
    serve: Serve, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key that was handed in goes to the endpoint; one in the environment does not, and none is written down."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-else")
    server = serve(echo)
    one = client(server)
    asked(one, "a")
    asked(client(server, key=""), "b")
    assert "Bearer sk-secret" in server.keys
    assert not any("somebody" in key for key in server.keys)
    assert "sk-secret" not in repr(one) + repr(vars(one)["options"])
    assert b"sk-secret" not in (tmp_path / "answers.db").read_bytes()


def test_a_key_that_cannot_be_one_is_refused(serve: Serve, client: Client) -> None:
    """A key with a line break in it is named before anything is sent."""
    with pytest.raises(InputError, match="OPENAI_API_KEY"):
        client(serve(echo), key="sk-one\nsk-two")


@pytest.mark.parametrize("missing", ["base_url", "model"])
def test_an_endpoint_without_address_or_model_is_refused(tmp_path: Path, missing: str) -> None:
    """What is missing is named."""
    options = EndpointOptions(**({"base_url": "http://localhost/v1", "model": "m"} | {missing: None}))  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=missing):
        ChatClient(options, "", tmp_path / "a.db")


@pytest.mark.parametrize(
    ("key", "value"),
    [("base_url", "localhost:8000"), ("base_url", "http://h:99999/v1"), ("concurrency", 0), ("timeout", 0),
     ("key_env", "sk-abc-123"), ("time_budget", float("nan")), ("tries", 0)],
)  # fmt: skip
def test_options_out_of_their_limits_are_refused(key: str, value: object) -> None:
    """Each limit is told with its remedy; a key in place of a variable's name is one of them."""
    with pytest.raises(SettingsError, match=key):
        EndpointOptions(**{key: value})  # type: ignore[arg-type]


def test_without_the_sdk_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing extra is named."""
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(ModelError, match=r"jargonaut\[llm\]"):
        ChatClient(EndpointOptions("http://localhost/v1", "m"), "", tmp_path / "a.db")


def test_a_password_in_the_address_is_not_told(serve: Serve, client: Client) -> None:
    """An address may hold a secret; a message must not."""
    server = serve(lambda _b, _n: error(404, "no"))
    server.base_url = server.base_url.replace("http://", "http://me:hunter2@")
    with pytest.raises(ModelError, match=r"127\.0\.0\.1") as caught:
        asked(client(server), "a")
    assert "hunter2" not in str(caught.value)


def test_a_damaged_cache_is_named_and_left_alone(serve: Serve, client: Client, tmp_path: Path) -> None:
    """Answers that were paid for are not thrown away because a file looks wrong."""
    path = tmp_path / "answers.db"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(DamagedError, match=r"answers\.db"):
        asked(client(serve(echo)), "a")
    assert path.read_bytes().startswith(b"this is no database")


def test_an_error_in_the_callers_requests_is_the_callers(serve: Serve, client: Client) -> None:
    """It comes out as it is, and nothing hangs."""

    def failing() -> Iterator[ChatRequest]:
        yield request("a")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(client(serve(echo)).complete_many(failing()))
    gc.collect()
