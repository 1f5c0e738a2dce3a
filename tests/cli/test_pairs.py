"""`pairs add` and `pairs check` as a user types them: what they print, and how they end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from jargonaut.cli.main import app
from tests.llm.endpoint import Body, Response, endpoint, error, said

TOPICS = ["vault keys", "backup jobs", "load balancers", "invoices", "audit logs", "mail relays", "quotas", "webhooks"]


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A passage about each topic."""
    file = tmp_path / "passages.jsonl"
    rows = [
        {"_id": f"p{n}", "text": f"What operators do about {topic}.", "title": ""} for n, topic in enumerate(TOPICS)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A click log in a language of its own, with a bad row and a page that the corpus does not hold."""
    rows = ["Frage,url,Pos,geklickt"]
    for page in range(40):
        n = page % len(TOPICS)
        rows += [f"{TOPICS[n]} kaputt,p{n},1,ja", f"{TOPICS[n]} kaputt,p{(n + 1) % len(TOPICS)},2,nein"]
    rows += ["sonst was,nowhere,1,ja"] * 20
    rows += ["x,p1,erster,ja"]
    file = tmp_path / "log.csv"
    file.write_text("\n".join(rows))
    return file


COLUMNS = ("--column", "query=Frage", "--column", "rank=Pos", "--column", "clicked=geklickt")


def pairs(docs: Path, *arguments: str) -> Result:
    """Runs the command in a workspace beside the documents."""
    workspace = str(docs.parent / "ws")
    return CliRunner().invoke(app, ["pairs", *arguments, "-w", workspace])


def test_a_click_log_is_checked_without_being_added(docs: Path, log: Path) -> None:
    """It says what `add` would, line for line, and nothing is there afterwards."""
    checked = pairs(docs, "check", str(log), "--clicks", "--docs", str(docs), *COLUMNS)
    assert checked.exit_code == 0, checked.output
    assert "log.csv:102: field 'Pos'" in checked.stdout
    assert "'nowhere' is no passage" in checked.stdout
    assert "nothing was added yet" in pairs(docs, "list").stdout
    added = pairs(docs, "add", str(log), "--clicks", *COLUMNS).stdout.splitlines()
    assert [line for line in added if "name nothing" not in line] == [
        line for line in checked.stdout.splitlines() if "name nothing" not in line and "nowhere" not in line
    ]


def test_a_strict_check_fails_where_anything_is_wrong(docs: Path, log: Path) -> None:
    """For scripts, by its exit code and as JSON."""
    arguments = ("check", str(log), "--clicks", "--docs", str(docs), *COLUMNS)
    assert pairs(docs, *arguments, "--strict").exit_code == 2
    told = json.loads(pairs(docs, *arguments, "--json").stdout)
    assert (told["usable"], told["ok"]) == (True, False)
    assert told["attributed"]["queries"] == len(TOPICS)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--column", "foo=Frage"), "--column: 'foo' is no role"),
        (("--format", "odd"), "--format: 'odd' is no format"),
        (("--clicks", "--format", "table"), "a click log has neither --format"),
        (("--clicks",), "--column query=COLUMN"),
    ],
)
def test_a_wrong_flag_is_named_as_it_was_typed(docs: Path, log: Path, flags: tuple[str, ...], said: str) -> None:
    """Not by the settings' section that it stands for."""
    result = pairs(docs, "check", str(log), "--docs", str(docs), *flags)
    assert result.exit_code != 0
    assert said in f"{result.output} {result.exception}"


def test_a_folder_is_no_page(docs: Path) -> None:
    """Told before anything is measured."""
    result = pairs(docs, "stats", "--html", str(docs.parent))
    assert "is a folder" in str(result.exception)


def test_what_was_not_asked_now_is_not_counted_as_if_it_were(docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The account of a job that was done before is told as the past; what lacks answers stays visible in the list."""
    rows = [{"kind": "question", "text": "who mends what broke at night"}]
    refused = "webhooks"

    def behaviour(body: Body, number: int) -> Response:
        del number
        if refused and refused in body["messages"][-1]["content"]:
            return error(400, "content filter")
        return Response(body=said(json.dumps({"queries": rows})))

    with endpoint(behaviour) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_MODEL", "m")
        flags = ("--set", "questions.min_passage_words=2", "--docs", str(docs))
        assert "1 requests were given up without an answer" in pairs(docs, "generate", *flags).stdout
        assert "1 requests without an answer" in pairs(docs, "list").stdout
        refused = ""
        assert "  1 calls" in pairs(docs, "generate", *flags).stdout
        sent = len(server.requests)
        again = pairs(docs, "generate", *flags).stdout
        assert "(done before)" in again
        assert "nothing was asked now; then: 1 calls" in again
        assert len(server.requests) == sent
    assert "without an answer" not in pairs(docs, "list").stdout


def test_ratings_are_told_and_can_be_said(docs: Path) -> None:
    """From one to five stars: by `check`, by `add`, and not where the lowest that answers is said."""
    file = docs.parent / "stars.csv"
    rows = [f"who sees to {topic},p{n},{1 + n % 5}" for n, topic in enumerate(TOPICS)]
    file.write_text("\n".join(["query,doc_id,rating", *rows]))
    for command in ("check", "add"):
        flags = (command, str(file), "--docs", str(docs))
        assert "--relevant-from 4" in pairs(docs, *flags).stdout
        assert "--relevant-from" not in pairs(docs, *flags, "--relevant-from", "4").stdout
    told = json.loads(pairs(docs, "add", str(file), "--relevant-from", "4", "--json").stdout)
    assert told["attributed"]["queries"] == 2
    assert "from 1 to 10" in str(pairs(docs, "check", str(file), "--relevant-from", "0").exception)
    assert "--relevant-from" in str(pairs(docs, "add", str(file), "--clicks", "--relevant-from", "2").exception)
