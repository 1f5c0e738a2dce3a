"""All figures together: their JSON, their lines, their notices, and sets that hold nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest
from rich.cells import cell_len

from jargonaut.artifacts import plain
from jargonaut.errors import SettingsError
from jargonaut.pairs import RemovedPair
from jargonaut.pairs.statistics import PairStatistics, StatisticsOptions, statistics
from jargonaut.records import Pair, PairSplits, Passage

from .samples import asked, corpus

OPTIONS = StatisticsOptions(permutations=19, gap_queries=60, topics=3)
PASSAGES = corpus(120, per_document=2)
NASTY = "\x1b[31mred\x1b[0m [bold]x[/bold]\n\ttab " + "很长的查询" * 30


@pytest.fixture(scope="module")
def whole() -> PairStatistics:
    """Figures of a set that has something of everything."""
    train = [*asked(PASSAGES, "label", "{} {}", 1), *asked(PASSAGES, "llm:how-to", "how do {} and {} fit?", 2)]
    train += [Pair("n", NASTY, "p0", 1, NASTY), Pair("n", NASTY, "p1", 0), Pair("u", "lost", "nowhere", 3)]
    removed = [RemovedPair(Pair(f"r{i}", NASTY, "p0"), "too_long\n", NASTY) for i in range(5)]
    return statistics(PairSplits(tuple(train), (), (), {}), PASSAGES, removed=removed, options=OPTIONS)


def test_figures_are_json(whole: PairStatistics) -> None:
    """Every figure is a finite JSON value."""
    assert json.loads(json.dumps(plain(whole), allow_nan=False))["counts"]["total"]["positives"] == 242


def test_lines_fit_a_terminal(whole: PairStatistics) -> None:
    """No line is wider than 100 columns, breaks, or carries control characters of the users' texts."""
    lines = whole.sentences()
    assert max(map(cell_len, lines)) <= 100
    assert all(line.isprintable() for line in lines)
    for heading in ("PAIRS", "LENGTH", "WORDS COPIED", "REPEATS", "COVERAGE", "GENERATED", "LEFT OUT", "LOOK AT"):
        assert any(line.startswith(heading) for line in lines), heading


def test_the_gap_is_measured_where_both_kinds_are(whole: PairStatistics) -> None:
    """With generated and real queries there is a gap, with one kind there is none."""
    assert whole.gap is not None
    assert whole.gap.classifier is not None
    one = {"train": asked(PASSAGES, "label", "{} {}", 1)}
    assert statistics(one, PASSAGES, options=OPTIONS).gap is None


def test_removed_pairs_are_counted_by_rule_with_examples() -> None:
    """The most frequent rule first; examples have different queries."""
    removed = [RemovedPair(Pair("a", "same", "p0"), "b-rule", "7 words")] * 5 + [RemovedPair(Pair("b", "x", "p1"), "a")]
    found = statistics({}, PASSAGES, removed=iter(removed), options=OPTIONS).removed
    assert [(one.rule, one.pairs, len(one.examples)) for one in found] == [("b-rule", 5, 1), ("a", 1, 1)]
    assert found[0].examples[0].detail == "7 words"


@pytest.mark.parametrize("passages", [[], PASSAGES], ids=["no corpus", "corpus"])
@pytest.mark.parametrize(
    "pairs", [{}, {"train": []}, {"train": [Pair("a", "x", "p0", 0)]}, {"train": [Pair("a", "x", "gone")]}]
)
def test_sets_without_a_usable_pair_are_no_error(passages: Sequence[Passage], pairs: dict[str, Sequence[Pair]]) -> None:
    """Nothing to measure gives zeros, and a notice that says what to do."""
    found = statistics(pairs, passages, options=OPTIONS)
    assert found.notices
    assert found.sentences()
    json.dumps(plain(found), allow_nan=False)


def test_figures_do_not_depend_on_the_run() -> None:
    """One seed in, same figures out."""
    pairs = {"all": [*asked(PASSAGES, "label", "{} {}", 1), *asked(PASSAGES, "heading", "{} of {}", 2)]}
    assert statistics(pairs, PASSAGES, options=OPTIONS) == statistics(pairs, PASSAGES, options=OPTIONS)


def test_samples_are_told() -> None:
    """Where only a part was measured, the line says of how many."""
    passages = corpus(400)
    found = statistics({"train": asked(passages, "label", "{} {}", 1)}, passages, options=StatisticsOptions(sample=100))
    assert found.lengths.queries["label"].measured == 100
    assert found.lengths.queries["label"].of == len({p.query for p in asked(passages, "label", "{} {}", 1)})
    assert any("(100 of " in line for line in found.sentences())


def test_vectors_must_be_the_passages() -> None:
    """One vector for each passage, or it is refused."""
    with pytest.raises(ValueError, match="7 vectors for 120 passages"):
        statistics({}, PASSAGES, vectors=np.zeros((7, 3), dtype=np.float32))


def test_unknown_stemmer_is_answered() -> None:
    """A language without a stemmer names the choice, even for a set that has nothing else to measure."""
    with pytest.raises(SettingsError, match="klingon"):
        statistics({"train": asked(PASSAGES, "label", "{}", 1)}, PASSAGES, language="klingon")


@pytest.mark.parametrize(
    ("key", "value"), [("sample", 0), ("permutations", 1), ("clear_gap", 0.5), ("seed", -1), ("gap_queries", 10)]
)
def test_options_outside_their_limits_are_refused(key: str, value: float) -> None:
    """A setting that means nothing is named."""
    with pytest.raises(SettingsError, match=key):
        StatisticsOptions(**{key: value})


def said(pairs: dict[str, list[Pair]], passages: Sequence[Passage] = PASSAGES) -> str:
    """The notices of a set as one text."""
    return "\n".join(statistics(pairs, passages, options=OPTIONS).notices)


def test_one_document_that_supplies_most_is_named() -> None:
    """91 % of the pairs from one document is bad news."""
    train = [Pair(f"q{i}", f"question {i} about thing {i}", "p0") for i in range(91)]
    train += [Pair(f"r{i}", f"other {i}", f"p{i + 10}") for i in range(9)]
    assert '91% of the pairs come from one document, "d0"' in said({"train": train})


def test_copied_words_are_told_with_their_source() -> None:
    """A source that copies its passages is named, one that does not is not."""
    pairs = [*asked(PASSAGES, "heading", "{} {} {}", 1)]
    pairs += [Pair(f"f{i}", f"unrelated{i} wording{i}", f"p{i}", 1, "label") for i in range(60)]
    notices = said({"train": pairs})
    assert "structure queries repeat 100%" in notices
    assert "label queries repeat" not in notices


def test_documents_without_a_pair_lead_to_topics() -> None:
    """Where most documents have none, the least covered topics are listed."""
    notices = said({"train": asked(PASSAGES[:40], "label", "{} {}", 1)})
    assert "67% of the documents have no pair. Least asked for: " in notices


def test_leaks_come_first() -> None:
    """A query in two parts is the gravest notice."""
    one = asked(PASSAGES, "label", "{} {}", 1)
    notices = statistics({"train": one, "test": one[:3]}, PASSAGES, options=OPTIONS).notices
    assert notices[0].startswith("3 queries stand in more than one of train, test")


def test_the_newest_clicks_do_not_train() -> None:
    """What is kept to judge a model is missed nowhere in train."""
    assert "stand in train" in said({"train": asked(PASSAGES, "recent-click", "{} {}", 1), "test": []})


def test_a_test_set_of_generated_queries_is_told() -> None:
    """A score on generated queries alone is no score of users'."""
    made, real = asked(PASSAGES, "llm", "{} {}", 1), asked(PASSAGES, "label", "{} for {}", 2)
    assert "no query of a real user" in said({"train": real, "test": made})
    assert "of the test set are generated" in said({"train": made[:60], "test": [*made[60:], *real]})
    assert "test set" not in said({"train": made, "test": real})
