"""What a click log says of the live system, against logs whose truth is known because they were made."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from jargonaut.monitoring import PassRecord
from tests.watching.conftest import Watched, value, watch_of

SHOWN = 4_000
"""How often every page was shown: so often that chance moves a share by less than a hundredth."""
CLICKED, ERRED = 0.8, 0.02
"""How often a relevant and an irrelevant result are clicked by those who look at them."""


def _log(shop: Watched, inside: int, outside: int, name: str = "{}") -> Path:
    """A log of an engine that shows what the live one finds above what it does not find.

    Rank r is looked at with probability 1 / r. Of what the live system finds `inside` results are relevant, and of what
    it does not find `outside`, so that its recall is known; clicks that are counted as they are would flatter it.
    """
    rng = np.random.default_rng(7)
    ids = [f"p{number}" for number in range(80)]
    queries = [f"Ledger and valve, number {number}" for number in range(12)]
    answers = watch_of(shop).asker.ask_anew(queries)
    path = shop.root / "clicks.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(("query", "document_id", "rank", "clicks", "impressions"))
        for query, answer in zip(queries, answers, strict=True):
            found = [hit.passage.id for hit in answer.hits][:5]
            others = [id_ for id_ in ids if id_ not in {hit.passage.id for hit in answer.hits}][:5]
            relevant = {*found[:inside], *others[:outside]}
            for rank, id_ in enumerate([*found, *others], start=1):
                chance = (CLICKED if id_ in relevant else ERRED) / rank
                rows.writerow((query, name.format(id_), rank, rng.binomial(SHOWN, chance), SHOWN))
    return path


def _look(shop: Watched, path: Path) -> PassRecord:
    return watch_of(shop, **{"watch.clicks": str(path)}).look()


@pytest.mark.parametrize(("inside", "outside"), [(1, 1), (1, 3), (2, 0)])
def test_recall_is_what_it_truly_is_although_clicks_are_biased(shop: Watched, inside: int, outside: int) -> None:
    """Of what searchers find relevant, the share that the live system finds; uncorrected it would be far higher."""
    found = _look(shop, _log(shop, inside, outside))
    wrong_clicks = ERRED * 5  # five results of either half, and whoever errs does so everywhere alike
    there, gone = (CLICKED * count + wrong_clicks - ERRED * count for count in (inside, outside))
    truth = there / (there + gone)
    assert value(found, "counterfactual_recall") == pytest.approx(truth, abs=0.03)
    counted = _look(shop, _log(shop, inside, outside))  # the same log, every rank counted as looked at
    naive = watch_of(shop, **{"watch.clicks": "clicks.csv", "clicks.examination": "power", "clicks.eta": 0.0}).look()
    assert value(counted, "counterfactual_recall") == value(found, "counterfactual_recall")
    assert value(naive, "counterfactual_recall") > truth + (0.04 if outside == 0 else 0.2)


def test_click_through_is_told_by_rank(shop: Watched) -> None:
    """A relevant result at rank 1, irrelevant ones below: each rank's share of clicks is what the log was made with."""
    found = _look(shop, _log(shop, 1, 0))
    assert value(found, "click_through_1") == pytest.approx(CLICKED, abs=0.01)
    for rank in (2, 10):
        assert value(found, f"click_through_{rank}") == pytest.approx(ERRED / rank, abs=0.003)
    assert found.signal("click_through_11") is None


def test_addresses_mean_documents_and_strangers_are_left_out(shop: Watched) -> None:
    """A log that calls results by their addresses is understood; what is no document of ours is told, and left out."""
    plain = value(_look(shop, _log(shop, 1, 1)), "counterfactual_recall")
    path = _log(shop, 1, 1, "https://docs.example.com/shop/{}.html")
    found = _look(shop, path)
    assert value(found, "counterfactual_recall") == plain
    with path.open("a", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows((f"Ledger and valve, number {n}", "gone", 1, SHOWN // 2, SHOWN) for n in range(12))
    found = _look(shop, path)
    assert value(found, "counterfactual_recall") == pytest.approx(plain, abs=0.01)  # the mean click rate moved a little
    assert any("results that were clicked are none of the documents" in notice for notice in found.notices)


def test_a_log_of_clicks_alone_says_so(shop: Watched) -> None:
    """Without what was shown there is no click-through, and nothing is made up."""
    path = shop.root / "clicks.csv"
    path.write_text("query,document_id,rank,clicked\nledger,p1,1,1\nvalve,p2,2,1\n", encoding="utf-8")
    found = _look(shop, path)
    assert found.signal("click_through") is None
    assert any("lists clicks alone" in notice for notice in found.notices)
