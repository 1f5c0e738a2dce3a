"""From a document to its best passage by words alone."""

from __future__ import annotations

from jargonaut.pairs.narrowing import LexicalBest

TEXTS = {
    "a": "Setup > Install\nInstall the server on Linux",
    "b": "Setup > Backups\nThe server writes backups every night",
    "c": "Setup > Removal\nRemove the server from Linux",
}


def test_rare_words_count_more_than_common_ones() -> None:
    """`server` stands in all passages of the document, `backup` in one."""
    best = LexicalBest(TEXTS)
    assert best([("server on linux backup", ("a", "b", "c")), ("removing from linux", ("a", "b", "c"))]) == ["b", "c"]


def test_ties_go_to_the_first() -> None:
    """Also where no word is shared, or the query has none."""
    best = LexicalBest(TEXTS)
    assert best([("nothing shared", ("b", "a")), ("?", ("c", "a")), ("linux", ("c", "a"))]) == ["b", "c", "c"]


def test_nothing_asked_gives_nothing() -> None:
    """An empty batch is one."""
    assert LexicalBest(TEXTS)([]) == []
