"""Promises of finding repeats."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from jargonaut.corpus import DedupOptions, deduplicate, near_duplicates
from jargonaut.deduplication import shingle
from jargonaut.errors import SettingsError
from jargonaut.records import Passage

WORDS = [f"word{i}" for i in range(2000)]


def text(seed: int, length: int = 80) -> list[str]:
    """Words that share no order with those of another seed."""
    return list(np.random.default_rng(seed).choice(WORDS, size=length))


def templated(count: int) -> list[str]:
    """Passages of 140 words that share all but 18: the similarity of any two is .75, below the threshold."""
    rng = np.random.default_rng(0)
    words = text(4, 140)
    return [" ".join([*words[:60], *(f"v{rng.integers(10**9)}" for _ in range(18)), *words[78:]]) for _ in range(count)]


def passages(*texts: str) -> list[Passage]:
    """Passages whose ids are their positions."""
    return [Passage(str(i), t) for i, t in enumerate(texts)]


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    """|a ∩ b| / |a ∪ b|."""
    return len(a & b) / len(a | b)


def test_exact_repeats_are_dropped_whatever_their_case_and_white_space() -> None:
    """The first is kept and stands for the others."""
    result = deduplicate(passages("Same  words here", "other", "same words\nHERE", "SAME WORDS HERE"))
    assert [p.id for p in result.kept] == ["0", "1"]
    assert result.duplicate_of == {"2": "0", "3": "0"}
    assert (result.exact, result.near) == (2, 0)


def test_near_repeats_are_dropped_and_their_exact_copies_with_them() -> None:
    """One changed word among eighty is the same passage."""
    words = text(1)
    changed = " ".join([*words[:-1], "different"])
    result = deduplicate(passages(" ".join(words), " ".join(text(2)), changed, changed.upper()))
    assert [p.id for p in result.kept] == ["0", "1"]
    assert result.duplicate_of == {"2": "0", "3": "0"}
    assert (result.exact, result.near) == (1, 1)


def test_short_texts_are_compared_exactly_only() -> None:
    """Few words say too little to be nearly the same."""
    groups = near_duplicates([("a", "cholera due to x"), ("b", "cholera due to y"), ("c", "Cholera due to X")])
    assert groups == {"a": "a", "b": "b", "c": "a"}


def test_groups_are_found_with_precision_and_recall() -> None:
    """Against true similarities: every pair above the threshold is grouped, and no unrelated text is."""
    items: list[tuple[str, str]] = []
    for base in range(150):
        words = text(base)
        items.append((f"{base}/original", " ".join(words)))
        for copy, changes in enumerate((1, 3, 12)):
            rng = np.random.default_rng(1000 * base + copy)
            edited = list(words)
            for _ in range(changes):
                edited[rng.integers(len(edited))] = f"new{rng.random()}"
            items.append((f"{base}/{changes}", " ".join(edited)))
    groups = near_duplicates(items)
    options = DedupOptions()
    assert all(id_.split("/")[0] == group.split("/")[0] for id_, group in groups.items())
    texts = dict(items)
    close = missed = 0
    for base in range(150):
        original = shingle(texts[f"{base}/original"], options)
        for changes in (1, 3, 12):
            id_ = f"{base}/{changes}"
            if jaccard(original, shingle(texts[id_], options)) >= options.threshold:
                close += 1
                missed += groups[id_] != f"{base}/original"
    assert close >= 150
    assert missed <= 0.02 * close


def test_groups_join_through_a_third_text_but_nothing_unlike_is_dropped() -> None:
    """A ~ B ~ C is one group; `deduplicate` keeps C where only B, which is gone, resembles it."""
    words = text(7, 100)
    first, second, third = words, ["x1", "x2", *words[2:]], ["x1", "x2", *words[2:-5], *"abcde"]
    texts = [" ".join(t) for t in (first, second, third)]
    options = DedupOptions(threshold=0.88)
    a, b, c = (shingle(t, options) for t in texts)
    assert jaccard(a, b) >= 0.88
    assert jaccard(b, c) >= 0.88
    assert jaccard(a, c) < 0.88
    assert set(near_duplicates([(str(i), t) for i, t in enumerate(texts)], options).values()) == {"0"}
    assert [p.id for p in deduplicate(passages(*texts), options).kept] == ["0", "2"]


def test_result_is_the_same_every_time() -> None:
    """Same texts, same seed, same groups."""
    items = [(str(i), " ".join(text(i % 40)) + f" tail{i}") for i in range(200)]
    assert near_duplicates(items) == near_duplicates(items)


def test_thousands_of_variants_of_one_template_are_no_quadratic_step() -> None:
    """Boilerplate that differs in a number is grouped in seconds."""
    words = " ".join(text(3))
    items = [(str(i), f"page{i} {words}") for i in range(4000)] + [(f"same{i}", words) for i in range(4000)]
    started = time.process_time()
    groups = near_duplicates(items)
    assert len(set(groups.values())) == 1
    assert time.process_time() - started < 5


@pytest.mark.parametrize("changes", [3, 8])
def test_near_repeats_are_found_in_a_crowd_that_shares_a_template(changes: int) -> None:
    """Among a thousand passages of one template, none of which is a repeat, the true repeats are found."""
    crowd = templated(1000)
    repeats = [" ".join([*t.split()[:60], *(f"x{i}n{k}" for k in range(changes)), *t.split()[60 + changes :]])
               for i, t in enumerate(crowd[::20])]  # fmt: skip
    groups = near_duplicates([(str(i), t) for i, t in enumerate([*crowd, *repeats])])
    assert sum(groups[str(1000 + i)] == str(20 * i) for i in range(50)) >= 47
    assert len(set(groups.values())) <= 1003
    result = deduplicate(passages(*crowd, *repeats))
    assert result.near >= 47
    assert all(int(kept) == 20 * (int(id_) - 1000) for id_, kept in result.duplicate_of.items())


@pytest.mark.parametrize(
    "values",
    [{"threshold": 0.0}, {"threshold": 1.01}, {"threshold": float("nan")}, {"shingle_words": 0}, {"min_words": 0},
     {"num_perm": 8}, {"seed": -1}],
)  # fmt: skip
def test_values_that_mean_nothing_are_refused(values: dict[str, Any]) -> None:
    """The error names the setting and its limits."""
    with pytest.raises(SettingsError, match=rf"\[dedup\] {next(iter(values))}: "):
        DedupOptions(**values)


def test_lone_surrogates_are_compared_like_other_text() -> None:
    """Text that cannot be written can be compared."""
    assert near_duplicates([("a", "half \ud83d"), ("b", "Half  \ud83d"), ("c", "half \ud83e")])["b"] == "a"


def test_nothing_is_no_trouble() -> None:
    """No texts, and only texts that are too short, have no near-duplicates."""
    assert near_duplicates([]) == {}
    assert deduplicate(passages("a", "", "b")).near == 0


def test_other_scripts_are_compared_by_character() -> None:
    """Text without spaces has near-duplicates too."""
    rng = np.random.default_rng(0)
    characters = [chr(0x4E00 + int(rng.integers(2000))) for _ in range(120)]
    changed = [*characters[:-1], "漢"]
    assert near_duplicates([("a", "".join(characters)), ("b", "".join(changed))]) == {"a": "a", "b": "a"}
