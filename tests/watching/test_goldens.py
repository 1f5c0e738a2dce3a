"""How the golden set grows: by files, and by what people accept in reviews."""

from __future__ import annotations

import json

import pytest

from jargonaut.errors import InputError
from jargonaut.formats import write_jsonl
from jargonaut.pairs.review import Decision, DecisionStore, key_of
from jargonaut.records import Pair
from tests.lifecycle.shop import text_of
from tests.watching.conftest import Watched


def _accept(shop: Watched, query: str, passage: int, verdict: str = "accept") -> None:
    store = DecisionStore(shop.open().layout.reviews)
    store.add(Decision(key_of(query, text_of(passage)), "ann", verdict, query=query, at="2027-01-01T00:00:00+00:00"))  # type: ignore[arg-type]


def test_answers_that_are_nowhere_are_refused(shop: Watched) -> None:
    """A mistyped passage id would be a query that expired before it was asked: it is told when it is added."""
    goldens, file = shop.open().golden(shop.docs), shop.root / "g.jsonl"
    rows = [{"query": "right", "positives": ["p1"]}, {"query": "mistyped", "positives": ["page1"]}]
    file.write_text("\n".join(map(json.dumps, rows)))
    added, bad = goldens.add(file)
    assert (added.new, len(bad)) == (1, 1)
    assert "page1" in str(bad[0])
    assert [one.query for one in goldens.sets.pending()] == ["right"]
    file.write_text(json.dumps(rows[1]))
    with pytest.raises(InputError, match="no usable golden query"):
        goldens.add(file)


def test_what_a_review_accepts_becomes_golden(shop: Watched) -> None:
    """An accepted test pair is added, a doubted label that people accept is one more answer, a rejected one is not."""
    opened = shop.open()
    goldens = opened.golden(shop.docs)
    test = goldens._made().pairs.splits.test  # type: ignore[union-attr]
    first, second, third = test[:3]
    with pytest.raises(InputError, match="no test pair was accepted"):
        goldens.add_reviewed()
    _accept(shop, first.query, int(first.passage_id[1:]))
    _accept(shop, second.query, int(second.passage_id[1:]), "reject")
    doubted = Pair(third.query_id, third.query, "p7")
    train = Pair("q3", goldens._made().pairs.splits.train[3].query, "p8")  # type: ignore[union-attr]
    run = opened.layout.runs / "r1"
    run.mkdir(parents=True)
    write_jsonl(run / "label_errors.jsonl", [doubted, train])
    _accept(shop, doubted.query, 7)
    _accept(shop, train.query, 8)
    added, bad = goldens.add_reviewed()
    assert (added.new, bad) == (2, [])
    assert {one.query: set(one.positives) for one in goldens.sets.pending()} == {
        first.query: {first.passage_id}, third.query: {"p7"},
    }  # fmt: skip
    assert {one.query: set(one.positives) for one in goldens.freeze().queries}[third.query] >= {"p7"}
