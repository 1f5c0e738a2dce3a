"""What rankings and scores say against a pair."""

from __future__ import annotations

import pytest

from jargonaut.errors import InputError, SettingsError
from jargonaut.pairs import FilterOptions
from jargonaut.pairs.curation import CurationOptions, Evidence, curate

from .cases import TEXT, evidence, pair, ranked

ROUND = FilterOptions(round_trip_k=2)
HITS = {"x": 0.9, "y": 0.8, "p": 0.7}


def test_a_positive_must_be_found_by_one_ranking() -> None:
    """One ranking is enough; what no ranking finds is removed with its rank in each."""
    rank = ranked(
        {"base": {"lost": HITS, "found": HITS}, "BM25": {"lost": {"x": 3.0, "y": 2.0}, "found": {"p": 3.0, "x": 1.0}}}
    )
    done = curate([pair("lost"), pair("found")], evidence(rank=rank), limits=ROUND)
    assert [p.query for p in done.kept] == ["found"]
    assert [(r.rule, r.detail) for r in done.removed] == [("round_trip", "rank 3 in base, not in the first 2 of BM25")]


def test_any_ranking_may_have_it_among_the_first() -> None:
    """A positive stays if one of them has it among the first k; a curated negative always stays."""
    rank = ranked({"dense": {"dose": {"a": 3.0, "b": 2.0, "c": 1.0}}, "bm25": {"dose": {"d": 3.0, "a": 2.0}}})
    pairs = [pair("dose", passage) for passage in "abcde"] + [pair("dose", "f", relevance=0)]
    done = curate(pairs, evidence(*"abcdef", rank=rank), limits=ROUND)
    assert [(p.passage_id, p.relevance) for p in done.kept] == [("a", 1), ("b", 1), ("d", 1), ("f", 0)]
    assert next((r.pair.passage_id, r.detail) for r in done.removed) == (
        "c", "rank 3 in dense, not in the first 2 of bm25",
    )  # fmt: skip


@pytest.mark.parametrize("provenance", ["label", "recent-click", "click"])
def test_what_people_chose_need_not_be_found(provenance: str) -> None:
    """Judgements, clicks and newest clicks stay though no search finds them; clicks only until they are asked to."""
    rank = ranked({"base": {"insulin": HITS}})
    given = [pair("insulin", provenance=provenance)]
    assert curate(given, evidence(rank=rank), limits=ROUND).kept
    strict = CurationOptions(round_trip_clicks=True)
    assert len(curate(given, evidence(rank=rank), strict, ROUND).kept) == (provenance != "click")


def test_a_query_that_was_not_ranked_is_not_lost() -> None:
    """Without a ranking nothing is known, so nothing is removed."""
    assert curate([pair("new")], evidence(rank=ranked({"base": {"insulin": HITS}})), limits=ROUND).kept


def test_a_ranking_that_is_too_short_is_a_mistake() -> None:
    """A depth of 3 cannot say what the first 20 are."""
    rank = ranked({"base": {"insulin": HITS, "short": {f"x{n}": 1.0 for n in range(3)}}})
    with pytest.raises(ValueError, match="depth of 3"):
        curate([pair("short")], evidence(rank=rank))


def test_ambiguous_needs_the_same_rival_in_every_ranking() -> None:
    """A passage that is as good in one ranking only makes no query ambiguous."""
    both = {"base": {"insulin": {"p": 1.0, "x": 0.96}}, "BM25": {"insulin": {"x": 9.0, "p": 8.0}}}
    other = {"base": {"insulin": {"p": 1.0, "x": 0.96}}, "BM25": {"insulin": {"y": 9.0, "p": 8.0}}}
    done = curate([pair("insulin")], evidence(rank=ranked(both)))
    assert [(f.rule, f.detail) for f in done.flags] == [
        ("ambiguous", "x scores, of the best positive's score, 96% in base, 112% in BM25")
    ]
    assert done.kept
    assert not curate([pair("insulin")], evidence(rank=ranked(other))).flags


def test_ambiguous_queries_are_removed_by_option_and_gold_ones_only_flagged() -> None:
    """Removal is asked for; what people judged is flagged all the same."""
    rank = ranked({"base": {q: {"p": 1.0, "x": 0.99} for q in ("one", "two")}})
    options = CurationOptions(remove_ambiguous=True)
    done = curate([pair("one"), pair("two", provenance="label")], evidence(rank=rank), options)
    assert [p.query for p in done.kept] == ["two"]
    assert (done.counts["ambiguous"], done.flagged) == (1, {"ambiguous": 1})


def test_many_rivals_make_a_query_generic() -> None:
    """Enough unrelated passages within the margin in every ranking, and the query is too generic."""
    hits = {"p": 1.0, **{f"x{n}": 0.99 for n in range(6)}}
    done = curate([pair("introduction")], evidence(rank=ranked({"base": {"introduction": hits}})))
    assert done.flagged == {"generic": 1}


def test_easy_pairs_are_flagged() -> None:
    """Copied words, first everywhere and nothing near: easy. Other words, or a near rival: not."""
    far, near = {"p": 1.0, "x": 0.5}, {"p": 1.0, "x": 0.9}
    rank = ranked({"base": {"insulin meals": far, "sweet disease": far, "blood sugar": near}})
    done = curate([pair("insulin meals"), pair("sweet disease"), pair("blood sugar")], evidence(rank=rank))
    assert [(f.pair.query, f.rule) for f in done.flags] == [("insulin meals", "easy")]


def test_easy_pairs_are_capped_and_the_hardest_stay() -> None:
    """Beyond their share those go from which least is learnt; a thousand may always stay."""
    queries = [f"insulin {n}" for n in range(1200)]
    rank = ranked({"base": {q: {f"p{n}": 1.0, "x": 0.5 + n / 10_000} for n, q in enumerate(queries)}})
    known = evidence(*(f"p{n}" for n in range(1200)), rank=rank)
    done = curate([pair(q, f"p{n}") for n, q in enumerate(queries)], known, CurationOptions(
        max_easy_share=0.1, easy_overlap=0.5))  # fmt: skip
    assert done.counts["easy"] == 200
    assert {r.pair.query for r in done.removed} == set(queries[:200])


def test_scores_below_the_threshold_remove() -> None:
    """A judge and a cross-encoder remove what they score low, never gold; the unknown passes and is counted."""
    given = [pair("low"), pair("high"), pair("unknown"), pair("nan"), pair("gold", provenance="label")]
    scores = {("low", "p"): 0.2, ("high", "p"): 0.9, ("gold", "p"): 0.0, ("nan", "p"): float("nan")}
    done = curate(given, evidence(judge=scores))
    assert [p.query for p in done.kept] == ["high", "unknown", "nan", "gold"]
    assert (done.counts["judge"], done.unscored) == (1, {"judge": 2})
    assert curate(given, evidence(cross_encoder=scores)).counts["cross_encoder"] == 0


def test_costly_evidence_is_asked_about_what_is_left_only() -> None:
    """A judge that is paid for by the call never sees what cheaper rules removed."""
    asked: list[str] = []

    def judge(pairs: object) -> list[float]:
        asked.extend(p.query for p in pairs)  # type: ignore[attr-defined]
        return [1.0] * len(asked)

    given = [pair("insulin"), pair("Insulin?"), pair("ab"), pair("gold", provenance="label"), pair("no", relevance=0)]
    curate(given, evidence(judge=judge))
    assert asked == ["Insulin?"]


@pytest.mark.parametrize(("score", "message"), [(7.0, "scored query 'qqq' with passage 'p' 7"), (-0.1, "-0.1")])
def test_scores_of_another_scale_are_refused(score: float, message: str) -> None:
    """A judge that gives marks from 0 to 10 would let everything pass; it is told."""
    with pytest.raises(InputError, match=message):
        curate([pair("qqq")], evidence(judge={("qqq", "p"): score}))


def test_a_judge_that_skips_pairs_is_refused() -> None:
    """Fewer scores than pairs could not be told apart."""
    with pytest.raises(InputError, match="0 scores for 1"):
        curate([pair("qqq")], evidence(judge=lambda _: []))


def test_options_have_limits() -> None:
    """A threshold that means nothing names its key."""
    with pytest.raises(SettingsError, match=r"\[curate\] margin"):
        CurationOptions(margin=1.5)
    with pytest.raises(SettingsError, match=r"\[curate\] generic_rivals"):
        CurationOptions(generic_rivals=9)


def test_texts_are_enough() -> None:
    """Without rankings, vectors and scores the rest is done, and what was not is said."""
    done = curate([pair("insulin")], Evidence({"p": TEXT}))
    assert done.kept
    assert set(done.skipped) == {"round_trip", "ambiguous", "easy", "judge", "cross_encoder", "topic_share"}
    assert "round_trip: not applied (there are no rankings)" in done.sentences()
