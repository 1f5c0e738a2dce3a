"""Texts and the passages that hold them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jargonaut.pairs.text_matching import KEPT, POSTINGS, Shingler, alike, digest, equal_texts, share_of

WORDS = [f"w{i}" for i in range(40)]
TEXT = st.lists(st.sampled_from(WORDS), min_size=1, max_size=40).map(" ".join)


def words(first: int, last: int) -> str:
    """Numbered words."""
    return " ".join(f"word{i}" for i in range(first, last))


def test_a_part_of_a_passage_is_found() -> None:
    """However long the passage is, and whatever marks stand between the words."""
    passages = [words(0, 300), words(300, 600), words(600, 900)]
    text = "**Word410** word411, [word412](word413) word414: word415"
    ((match, *others),) = alike([text], passages, 0.5)
    assert (match.place, match.share, match.of_text, others) == (1, 1.0, 1.0, [])


def test_a_passage_that_is_a_part_of_a_text_is_found() -> None:
    """The longest part first."""
    passages = [words(0, 50), words(50, 150), words(900, 950)]
    (matches,) = alike([words(0, 150)], passages, 0.5)
    assert [match.place for match in matches] == [1, 0]
    assert matches[0].share == 1
    assert 0.5 < matches[0].of_text < 1


def test_changed_texts_are_found_down_to_the_threshold() -> None:
    """Half of the word sequences is enough for a half, and not for more."""
    passages = [words(0, 100), words(500, 600)]
    text = words(0, 60) + " " + words(700, 740)
    assert [match.place for match in alike([text], passages, 0.5)[0]] == [0]
    assert alike([text], passages, 0.7) == [[]]


def test_short_texts_are_not_looked_for() -> None:
    """Four words stand in many passages."""
    assert alike(["word1 word2 word3 word4", ""], [words(0, 100)], 0.1) == [[], []]


def test_a_line_that_stands_everywhere_is_no_match() -> None:
    """A tiny passage within a long text says nothing of it."""
    passages = ["See the next page for more", words(0, 200)]
    text = f"{words(0, 70)} {words(300, 420)} see the next page for more"
    assert [match.place for match in alike([text], passages, 0.3)[0]] == [1]


def test_scripts_without_spaces_are_matched() -> None:
    """By characters."""
    passages = ["数据库备份应当每天进行一次并且保存在另一台服务器上", "请在安装之前阅读许可证的全部条款"]
    assert [match.place for match in alike(["每天进行一次并且保存在另一台"], passages, 0.5)[0]] == [0]


def test_what_stands_in_every_passage_is_remembered_of_the_first_ones() -> None:
    """A template cannot make the work grow with its copies, and its first passage is found."""
    passages = [words(0, 30)] * (3 * POSTINGS)
    (matches,) = alike([words(0, 30)], passages, 0.5)
    assert [match.place for match in matches] == list(range(KEPT))


@given(st.lists(TEXT, max_size=6), st.lists(TEXT, max_size=8), st.sampled_from([0.2, 0.5, 1.0]))
def test_matches_are_those_of_a_comparison_one_by_one(texts: list[str], passages: list[str], least: float) -> None:
    """Shares are those of the two sets of word sequences."""
    shingler = Shingler()
    found = alike(texts, passages, least)
    assert len(found) == len(texts)
    for text, matches in zip(texts, found, strict=True):
        asked = shingler.of(text)
        shares = {place: share_of(asked, shingler.of(passage)) for place, passage in enumerate(passages)}
        assert all(abs(shares[match.place] - match.share) < 1e-12 for match in matches)
        assert {match.place for match in matches} <= {place for place, share in shares.items() if share >= least}
        contained = {place for place, share in shares.items() if share == 1 and len(asked) <= 3}
        assert contained <= {match.place for match in matches} or len(matches) == KEPT


def test_equal_texts_differ_in_case_and_closing_marks_only() -> None:
    """Their places stay in the order of the corpus."""
    found = equal_texts(["How  to?", "how to", "other", "HOW TO."])
    assert found[digest("How to")] == (0, 1, 3)
