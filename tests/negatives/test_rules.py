"""The rules against false negatives, one by one."""

from __future__ import annotations

import numpy as np
import pytest

from jargonaut.negatives import Candidates, MinedNegatives, MiningOptions, Ranking, mine
from jargonaut.records import Pair, Triplet

IDS = ["own", "a", "b", "c", "d"]


def mined(
    options: MiningOptions,
    scores: list[float],
    own: float = 0.8,
    words: dict[str, float] | None = None,
    pairs: tuple[Pair, ...] = (Pair("q", "text", "own"),),
) -> MinedNegatives:
    """Mines for one query over a to d, whose similarities are given."""
    similarity = np.array([own, *scores], np.float32)
    order = np.argsort(-similarity, kind="stable")
    found = words or {}
    lexical = Ranking(
        np.array([[IDS.index(id_) for id_ in found] or [-1]]), np.array([list(found.values()) or [0]], np.float32)
    )
    candidates = Candidates(
        ["q"], IDS, Ranking(order[None, :], similarity[order][None, :]), lambda _, rows: similarity[rows],
        {"q": frozenset(("own",))}, lambda id_: id_, {}, np.ones(5, np.bool_), lexical,
    )  # fmt: skip
    return mine(pairs, candidates, options)


def test_a_margin_is_a_distance_from_the_positive() -> None:
    """What scores less than it below the positive is left out; at the margin it stays."""
    options = MiningOptions(per_pair=4, max_percent=None, margin=0.25)
    assert mined(options, [0.7, 0.56, 0.5, 0.2]).triplets[0].negative_ids == ("c", "d")


def test_an_absolute_limit_knows_no_positive() -> None:
    """It is counted under a name of its own."""
    found = mined(MiningOptions(per_pair=4, max_percent=None, max_score=0.5), [0.9, 0.5, 0.4, 0.2], own=0.1)
    assert found.triplets[0].negative_ids == ("c", "d")
    assert found.removed == {"a known positive": 1, "scores too high": 2}


def test_no_limit_is_a_choice() -> None:
    """Then the hardest of all are taken."""
    assert mined(MiningOptions(max_percent=None), [0.9, 0.5, 0.4, 0.2]).triplets[0].negative_ids == ("a",)


def test_a_share_of_a_negative_score_lies_below_it() -> None:
    """95 % of a positive that scores -0.4 is -0.42, not -0.38: a better candidate is never let through."""
    options = MiningOptions(per_pair=4, fall_back=False)
    assert mined(options, [-0.39, -0.41, -0.43, -0.9], own=-0.4).triplets[0].negative_ids == ("c", "d")


def test_two_scorers_that_agree_take_a_candidate_out() -> None:
    """B is near by the model and no worse than the positive by BM25; a is near alone, c and d by words alone."""
    words = {"b": 9.0, "d": 8.0, "own": 7.0, "a": 6.0}
    found = mined(MiningOptions(per_pair=4, agreement=0.8), [0.7, 0.66, 0.5, 0.3], words=words)
    assert found.triplets[0].negative_ids == ("a", "c", "d")
    assert found.removed["two scorers put it beside the positive"] == 1


def test_bm25_that_misses_the_positive_has_no_say() -> None:
    """Who does not find the answer cannot say what is as good."""
    found = mined(MiningOptions(per_pair=4, agreement=0.8), [0.7, 0.66, 0.5, 0.3], words={"b": 9.0, "d": 8.0})
    assert found.triplets[0].negative_ids == ("a", "b", "c", "d")


def test_the_fall_back_can_be_refused() -> None:
    """Then a pair whose candidates all score like the positive has none."""
    scores = [0.9, 0.9, 0.9, 0.85]
    assert mined(MiningOptions(fall_back=False), scores).negatives == 0
    assert mined(MiningOptions(), scores).triplets[0].negative_ids == ("d",)


def test_the_fall_back_fills_up_when_nearly_all_were_rejected() -> None:
    """Of many candidates one was left: the least similar of the others fill the places, in the order of ranks."""
    ids, count = ["own", *(f"p{n}" for n in range(12))], 13
    similarity = np.array([0.5, *np.linspace(0.9, 0.5, 11), 0.1], np.float32)
    order = np.argsort(-similarity, kind="stable")
    candidates = Candidates(
        ["q"], ids, Ranking(order[None, :], similarity[order][None, :]), lambda _, rows: similarity[rows],
        {"q": frozenset(("own",))}, lambda id_: id_, {}, np.ones(count, np.bool_),
    )  # fmt: skip
    found = mine((Pair("q", "text", "own"),), candidates, MiningOptions(per_pair=3))
    assert (found.triplets, found.fell_back) == ((Triplet("q", "own", ("p9", "p10", "p11")),), 1)


def test_a_curated_negative_that_copies_a_positive_is_refused() -> None:
    """Somebody's grade of 0 does not make a copy of the answer wrong; it is counted."""
    pairs = (Pair("q", "text", "own"), Pair("q", "text", "a", 0), Pair("q", "text", "b", 0))
    similarity = np.array([0.8, 0.7, 0.6, 0.5, 0.4], np.float32)
    candidates = Candidates(
        ["q"], IDS, Ranking(np.arange(5)[None, :], similarity[None, :]), lambda _, rows: similarity[rows],
        {"q": frozenset(("own",))}, lambda id_: {"a": "own"}.get(id_, id_), {}, np.ones(5, np.bool_),
    )  # fmt: skip
    found = mine(pairs, candidates, MiningOptions(per_pair=2))
    assert found.triplets[0].negative_ids == ("b", "c")
    assert found.removed["same text as a positive"] == 2  # as what was curated, and as a candidate


@pytest.mark.parametrize(
    ("key", "value"),
    [("margin", -0.1), ("agreement", 0.0), ("max_score", float("nan")), ("sources", ()),
     ("sources", ("dense", "dense")), ("sources", ("web",)), ("temperature", 0.0),
     ("doubtful_from", 0.95), ("memory_gib", 0.0), ("seed", -1),
     ("model", " "), ("sampling", "best"), ("search", "fast")],
)  # fmt: skip
def test_options_that_mean_nothing_are_refused(key: str, value: object) -> None:
    """The message names the setting."""
    from jargonaut.errors import SettingsError

    with pytest.raises(SettingsError, match=rf"\[mine\] {key}"):
        MiningOptions(**{key: value})  # type: ignore[arg-type]  # on purpose


def test_two_judges_at_once_are_refused() -> None:
    """It would not be clear who decides."""
    from jargonaut.errors import SettingsError

    with pytest.raises(SettingsError, match=r"\[mine\] cross_encoder"):
        MiningOptions(cross_encoder="some/model", judge=True)
