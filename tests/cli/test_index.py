"""`jargonaut index`, `models` and `log` as they are typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from jargonaut.cli.main import app
from tests.lifecycle.shop import Shop, documents, text_of


@pytest.fixture(scope="module")
def town(tiny_folder: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A workspace whose settings file names the tiny base; the base is live."""
    shop = Shop(tmp_path_factory.mktemp("town") / "shop", tiny_folder("bert"), tiny_folder("distilbert")).stock()
    settings = f'[base]\nmodel = "{shop.base}"\n[build]\nblock = 8\n[verify]\nsample = 8\n'
    (shop.root / "jargonaut.toml").write_text(settings)
    index = shop.open().index()
    index.switch(index.build("base").info.collection)
    return shop


def typed(shop: Shop, *words: str, code: int = 0) -> str:
    """What a command prints."""
    done = CliRunner().invoke(app, [*words, "-w", str(shop.root)])
    assert done.exit_code == code, (done.output, done.exception)
    return done.stdout


def told(shop: Shop, *words: str, code: int = 0) -> Any:
    """What it prints for machines."""
    return json.loads(typed(shop, *words, "--json", code=code))


@pytest.mark.slow
def test_the_life_of_an_index_is_typed(town: Shop, tmp_path: Path) -> None:
    """Build, verify, shadow, bridge, switch, sync, roll back, remove: every command answers in text and in JSON."""
    assert "40 encoded anew" in typed(town, "index", "build", "v1", "--rate", "10000")
    assert told(town, "index", "build", "v1")["info"]["reused"]
    assert "✓ content" in typed(town, "index", "verify", "v1")
    assert told(town, "index", "verify")["passed"]
    queries = tmp_path / "queries.txt"
    queries.write_text("\n".join(text_of(n) for n in range(12)))
    assert "overlap@10" in typed(town, "index", "shadow", "--candidate", "v1", "--queries", str(queries))
    assert told(town, "index", "shadow", "--candidate", "v1")["queries"] == 12
    assert "retention" in typed(town, "index", "bridge", "v1")
    assert told(town, "index", "bridge", "v1")["rows"][1]["name"] == "over the bridge"
    assert "v1, over a bridge" in typed(town, "search", "the ledger", "--bridge", "v1")
    typed(town, "search", "the ledger", "--shadow", "v1")
    assert "live: v1" in typed(town, "index", "switch", "v1")
    town.write(documents(range(2, 42)))
    assert "2 added, 0 changed, 2 removed" in typed(town, "index", "sync")
    assert told(town, "index", "sync")["added"] == 0
    assert told(town, "search", "the ledger")["version"] == "v1"
    assert told(town, "index", "rollback")["version"] == "base"
    status = typed(town, "index", "status")
    assert "live" in status
    assert "candidate" in status
    assert "would be removed" in typed(town, "index", "gc", "--keep", "0", "--dry-run")
    assert told(town, "index", "gc", "--keep", "0")["done"]
    assert [one["role"] for one in told(town, "index", "status")] == ["live"]


def test_a_plan_shows_hours_bytes_and_dollars(town: Shop) -> None:
    """50 million passages, with every assumption."""
    out = typed(town, "index", "plan", "--passages", "50e6", "--dim", "384", "--dim", "64")
    assert "50,000,000 passages" in out
    assert "83.2 GB" in out  # 50e6 × (384 × 4 + 32 × 4) bytes
    assert "binary" in out
    assert "· " in out
    assert len(told(town, "index", "plan", "--passages", "1_000")["rows"]) >= 4
    elsewhere = CliRunner().invoke(app, ["index", "plan", "--passages", "50e6", "-w", str(town.root / "nowhere")])
    assert "assumed: [plan] passages_per_second" in elsewhere.stdout
    done = CliRunner().invoke(app, ["index", "plan", "--passages", "many", "-w", str(town.root)])
    assert "'many' is no number" in str(done.exception)


def test_versions_are_compared_retired_and_verified(town: Shop) -> None:
    """Side by side, in text and JSON; a retired one is marked, and an altered one is an exit code."""
    assert "fingerprint" in typed(town, "models", "compare", "base", "v1")
    assert any(row["name"] == "base" for row in told(town, "models", "compare", "base", "v1"))
    assert "v1: retired" in typed(town, "models", "retire", "v1", "--reason", "a test")
    assert told(town, "models", "retire", "v1", "--undo")["status"] != "retired"
    assert "✓ v1" in typed(town, "models", "verify")
    weights = town.root / ".jargonaut" / "models" / "v1" / "config.json"
    whole = weights.read_text()
    weights.write_text(whole + " ")
    assert "was altered" in told(town, "models", "verify", "v1", code=2)["v1"]
    weights.write_text(whole)


def test_the_log_is_a_story(town: Shop) -> None:
    """Sentences with their time, and the same events for machines."""
    out = typed(town, "log")
    assert "was registered" in out
    assert "passed its verification" in out
    rows = told(town, "log")
    assert len(rows) == len(out.splitlines())
    assert rows[0]["sentence"] in out
