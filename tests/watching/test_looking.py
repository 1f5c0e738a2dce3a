"""One look at what is live: what it notices, what it survives, and that it changes nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from jargonaut.errors import InputError
from jargonaut.monitoring import PassRecord, QueryLog, QueryLogOptions
from jargonaut.watching import Watch, WatchResult
from jargonaut.watching.ledger import ATTEMPT
from tests.lifecycle.shop import documents
from tests.watching.conftest import START, Clock, Watched, value, watch_of

LOGGED = {
    "query_log.enabled": True, "query_log.text": "plain", "watch.min_queries": 20, "watch.sample": 60,
    "watch.window_days": 1.0,
}  # fmt: skip


def _fires(found: PassRecord) -> list[str]:
    return [one.name for one in found.findings if one.fires]


def test_nothing_changed_nothing_is_said(shop: Watched) -> None:
    """Two looks at an unchanged workspace: equal figures, no rule fires, the live pointer is where it was."""
    watch = watch_of(shop)
    before = watch.index.registry.live()
    first, second = watch.look(), watch.look()
    assert (second.healthy, _fires(second)) == (True, [])
    assert value(first, "recall_at_10") == value(second, "recall_at_10")
    assert value(second, "recall_change") == 0
    assert (value(second, "golden_queries"), value(second, "golden_leaked")) == (40, 0)
    assert second.golden == "test split of v1, not frozen"
    assert watch.index.registry.live() == before


def test_a_worse_version_is_noticed_at_once_and_an_accepted_one_is_not(shop: Watched) -> None:
    """Another model goes live and finds less: recall fell, and once a person accepts it, all is well."""
    watch = watch_of(shop)
    sets = [_golden_of(shop, watch)]  # answers that the live version finds and hardly any other
    watch.look()
    index = shop.open().index(shop.docs)
    index.switch(index.build("base").info.collection)
    watch = watch_of(shop)
    found = watch.look()
    assert "recall fell" in [alarm.name for alarm in found.raised]
    assert found.reasons
    assert sets
    assert {one.name for one in watch.accept()} >= {"recall fell"}
    after = watch.look()
    assert (after.healthy, _fires(after)) == (True, [])


def _golden_of(shop: Watched, watch: Watch) -> Sequence[object]:
    """Freezes queries whose answer is what the live version finds first."""
    texts = [f"ledger and valve, number {n}" for n in range(40)]
    answers = watch.asker.searcher.search(texts, 1)
    file = shop.root / "golden.jsonl"
    rows = [{"query": a.query, "positives": [a.hits[0].passage.id]} for a in answers]
    file.write_text("\n".join(map(json.dumps, rows)))
    goldens = shop.open().golden(shop.docs)
    added, bad = goldens.add(file)
    assert (added.new, bad) == (40, [])
    return goldens.freeze().queries


def test_passages_that_vanish_expire_their_queries(shop: Watched) -> None:
    """Withdrawn documents are no misses: their queries expire, are said, and leave the next version."""
    watch = watch_of(shop)
    _golden = shop.open().golden(shop.docs)
    assert _golden.freeze().version == "g1"
    watch.look()
    shop.write(documents(range(70)))
    shop.open(**{"build.most_removed": 1.0}).index(shop.docs).sync()
    found = watch_of(shop).look()
    assert value(found, "golden_expired") == pytest.approx(10 / 40)
    assert "golden set shrinks" in [alarm.name for alarm in found.raised]
    assert any("10 golden queries expired" in notice for notice in found.notices)
    assert (value(found, "golden_queries"), value(found, "recall_change")) == (30, pytest.approx(0, abs=0.2))
    check = shop.open().golden(shop.docs).check()
    assert len(check.expired) == 10
    assert len(shop.open().golden(shop.docs).freeze().queries) == 30


def test_new_documents_shift_the_corpus_and_say_so(shop: Watched) -> None:
    """A share of new passages, and words that training never saw, are reasons to train, with the words."""
    shop.write({**documents(range(80)), **{f"n{n}": f"Photolithography of wafers, chip {n}" for n in range(40)}})
    found = watch_of(shop).look()
    assert {"corpus shifted", "new vocabulary"} <= {alarm.name for alarm in found.reasons}
    assert value(found, "passages_changed") == pytest.approx(40 / 120)
    told = next(one for one in found.findings if one.name == "new vocabulary")
    assert "photolithography" in told.evidence


def test_documents_that_were_accepted_raise_no_alarm_until_as_many_came_again(shop: Watched) -> None:
    """After `--accept` nobody is paged for the same documents; what came since is measured from there on."""

    def grown(count: int) -> list[str]:
        shop.write({**documents(range(80)), **{f"n{n}": f"Photolithography of wafers, chip {n}" for n in range(count)}})
        return [alarm.name for alarm in watch_of(shop).look().raised]

    assert grown(40) == ["corpus shifted", "new vocabulary"]
    assert len(watch_of(shop).accept()) == 2
    assert [grown(40), grown(45)] == [[], []]
    assert "corpus shifted" in grown(160)


def test_queries_that_drift_are_noticed_and_usual_ones_are_not(shop: Watched) -> None:
    """Logged queries like the reference raise nothing for days; strange ones raise an alarm on their second day."""
    clock = Clock()
    changes = {**LOGGED, "watch.permutations": 2_999}
    log = QueryLog(shop.root / ".jargonaut" / "queries", QueryLogOptions(enabled=True, text="plain"), clock=clock)
    raised = []
    for day in range(4):
        searcher = watch_of(shop).asker.searcher
        topic = "ledger and valve, section" if day < 2 else "photolithography wafers ∂∇ zwölf"
        log.record(
            searcher.search([f"{topic} {day * 100 + n}" if day >= 2 else _usual(day * 25 + n) for n in range(25)], 3)
        )
        clock.now += timedelta(hours=23)
        found = watch_of(shop, clock, **changes).look()
        clock.now += timedelta(hours=1)
        assert value(found, "logged_queries") == 25
        raised.append([alarm.name for alarm in found.raised])
    assert raised[:3] == [[], [], []]
    assert "queries drifted" in raised[3]


def _usual(number: int) -> str:
    from tests.lifecycle.shop import WORDS

    return f"{WORDS[number % 10]} and {WORDS[number // 10 % 10]}, section {number % 80}"


def test_a_day_is_tested_once_however_often_one_looks(shop: Watched) -> None:
    """Looks within a day share its tests, so looking often raises no more false alarms."""
    clock = Clock()
    changes = {**LOGGED, "watch.permutations": 2_999}
    log = QueryLog(shop.root / ".jargonaut" / "queries", QueryLogOptions(enabled=True, text="plain"), clock=clock)
    searcher = watch_of(shop).asker.searcher
    log.record(searcher.search([_usual(n) for n in range(25)], 3))
    clock.now += timedelta(minutes=1)
    first = watch_of(shop, clock, **changes).look()
    assert any(one.name.startswith("p: ") for one in first.signals)
    log.record(searcher.search([_usual(n) for n in range(30, 60)], 3))
    clock.now += timedelta(hours=1)
    second = watch_of(shop, clock, **changes).look()
    assert not any(one.name.startswith("p: ") for one in second.signals)
    assert next(one for one in second.findings if one.name == "queries drifted").fires is None


def test_a_golden_query_in_training_is_told(shop: Watched) -> None:
    """By what it asks: another word order of a train query is found, and freezing refuses it."""
    goldens = shop.open().golden(shop.docs)
    file = shop.root / "g.jsonl"
    file.write_text(json.dumps({"query": "Section 5, invoice and ledger", "positives": ["p5"]}))
    train = next(iter((shop.root / ".jargonaut" / "pairs").glob("*/train.jsonl")))
    assert "section 5" in train.read_text()
    words = json.loads(train.read_text().splitlines()[5])["query"].split()
    file.write_text(json.dumps({"query": " ".join(reversed(words)).upper(), "positives": ["p5"]}))
    goldens.add(file)
    with pytest.raises(InputError, match="was trained on 1 of the queries"):
        goldens.freeze()
    goldens.sets.freeze(START, first=[])  # as an older release, or a hand, may have done
    found = watch_of(shop).look()
    assert "golden set leaked" in [alarm.name for alarm in found.raised]


def test_a_golden_set_that_was_altered_is_an_alarm(shop: Watched) -> None:
    """Recall is not watched any more, which must not look healthy."""
    shop.open().golden(shop.docs).freeze()
    assert watch_of(shop).look().healthy
    (shop.root / ".jargonaut" / "golden" / "g1.jsonl").unlink()
    found = watch_of(shop).look()
    assert [alarm.name for alarm in found.raised] == ["golden set broken"]
    assert "gone or was altered" in found.raised[0].evidence


def test_a_workspace_without_golden_queries_is_still_watched(shop: Watched) -> None:
    """No golden query: it is said, nothing fails, and what else can be told is told."""
    for path in (shop.root / ".jargonaut" / "pairs").glob("*"):
        import shutil

        shutil.rmtree(path)
    found = watch_of(shop).look()
    assert any("no golden query" in notice for notice in found.notices)
    assert value(found, "passages") == 80
    assert found.signal("recall_at_10") is None


def test_documents_that_are_gone_do_not_stop_the_look(shop: Watched) -> None:
    """Recall is watched all the same."""
    opened = shop.open(**{"watch.max_age_days": 0})
    index = opened.index(shop.docs)
    shop.docs.unlink()
    watch = Watch(opened.layout, opened.settings, index, lambda: opened._corpus(shop.docs), shop.listener, Clock())
    found = watch.look()
    assert any("documents cannot be read" in notice for notice in found.notices)
    assert found.signal("recall_at_10") is not None
    assert next(one for one in found.findings if one.name == "corpus shifted").fires is None


def test_a_live_system_that_does_not_answer_is_an_alarm(shop: Watched) -> None:
    """The collection is gone from the disk: the look ends, and says so as an alarm."""
    import shutil

    for table in (shop.root / ".jargonaut" / "index").glob("*.lance"):
        shutil.rmtree(table)
    found = watch_of(shop).look()
    assert "search fails" in [alarm.name for alarm in found.raised]


def test_a_full_disk_keeps_nobody_from_looking(shop: Watched) -> None:
    """The series cannot be written: figures and findings come all the same, and the next look tells of it."""
    watch = watch_of(shop)
    (shop.root / ".jargonaut" / "monitoring").mkdir()
    blocked = shop.root / ".jargonaut" / "monitoring" / "series.db"
    blocked.mkdir()
    shop.write({**documents(range(80)), **{f"n{n}": f"wafer {n}" for n in range(40)}})
    found = watch.look()
    assert (found.number, found.healthy) == (0, False)  # what is wrong is still seen
    assert any("could not be written" in notice for notice in found.notices)
    assert found.signal("recall_at_10") is not None
    blocked.rmdir()
    after = watch.look()
    assert any("the pass before could not be kept" in notice for notice in after.notices)
    assert after.number == 1


def test_a_killed_retraining_is_told(shop: Watched) -> None:
    """Its note says at which step it stopped; nobody holds the lock any more."""
    watch = watch_of(shop)
    watch.series.remember(ATTEMPT, {"key": "k", "begun": START.isoformat(), "step": "training from base"})
    found = watch.look()
    assert any("stopped at 'training from base'" in notice for notice in found.notices)


def test_two_looks_at_once_are_refused(shop: Watched) -> None:
    """The second process is told to wait."""
    from jargonaut.artifacts import held

    watch = watch_of(shop)
    (shop.root / ".jargonaut" / "monitoring").mkdir()
    assert held(shop.root / ".jargonaut" / "monitoring" / "watch.lock") is not None
    with pytest.raises(InputError, match="another process is looking"):
        watch.look()


def test_an_alert_is_sent_once_and_again_until_it_is_taken(shop: Watched, tmp_path: Path) -> None:
    """A program that fails does not fail the look; the next one tells of it and tries again; then there is quiet."""
    shop.write({**documents(range(80)), **{f"n{n}": f"wafer {n}" for n in range(40)}})
    out = tmp_path / "told.txt"
    program = tmp_path / "page.py"
    program.write_text("import sys, json; open(sys.argv[1], 'a').write(json.load(sys.stdin)['alarm'] + chr(10))")
    broken = {"watch.command": "false", "watch.alert_tries": 1}
    found = watch_of(shop, **broken).look()
    assert any("command did not take the alert 'corpus shifted'" in notice for notice in found.notices)
    works = {"watch.command": f"{sys.executable} {program} {out}", "watch.alert_timeout": 60.0}
    found = watch_of(shop, **works).look()
    assert any("did not take" in notice for notice in found.notices)
    watch_of(shop, **works).look()
    assert sorted(out.read_text().split("\n")) == ["", "corpus shifted", "new vocabulary"]


def test_a_channel_that_fails_holds_up_one_alert_of_a_look(shop: Watched, tmp_path: Path) -> None:
    """Two alarms and a program that fails: one attempt, not two, so that a webhook that hangs costs its time once."""
    shop.write({**documents(range(80)), **{f"n{n}": f"wafer {n}" for n in range(40)}})
    program = tmp_path / "fails.sh"
    program.write_text(f"echo x >> {tmp_path}/attempts; exit 1")
    found = watch_of(shop, **{"watch.command": f"sh {program}", "watch.alert_tries": 1}).look()
    assert len(found.raised) == 2
    assert (tmp_path / "attempts").read_text() == "x\n"
    works = {"watch.command": f"sh -c 'cat >> {tmp_path}/told'", "watch.alert_timeout": 60.0}
    watch_of(shop, **works).look()
    assert (tmp_path / "told").read_text().count('"alarm"') == 2


def test_the_page_and_the_words_hold_what_was_found(shop: Watched) -> None:
    """The HTML page is one document that names rules, figures and alarms, and escapes what it is given."""
    watch = watch_of(shop)
    watch.look()
    shop.write({**documents(range(80)), **{f"n{n}": f"<script>wafer</script> {n}" for n in range(40)}})
    from jargonaut.watching import look

    result: WatchResult = look(watch_of(shop))
    page = result.to_html("a <b> shop")
    assert "corpus shifted" in page
    assert "a &lt;b&gt; shop" in page
    assert "<script" not in page
    assert page.count("<svg") >= 5
    assert any("ALARM   corpus shifted" in line for line in result.lines())
    assert any("✗ corpus shifted" in line for line in result.explained())
    assert json.loads(json.dumps(result.to_json()))["healthy"] is False
