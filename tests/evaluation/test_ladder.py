"""Which rung is advised, and the page and the table that say so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jargonaut.errors import SettingsError
from jargonaut.evaluation import Interval, LadderOptions, Rung, RungKind, advise, ladder_html, ladder_text
from jargonaut.evaluation.wording import significant


def rung(
    name: str, kind: RungKind, score: float, loss: tuple[float, float, float], *, ms: float = 10.0,
    size: float = 1536.0, minutes: float | None = 5.0, reindex: bool = True,
) -> Rung:  # fmt: skip
    """One that loses `loss` (mean, low, high; below 0) to the best."""
    against = Interval(*loss)
    return Rung(name, kind, 384, Interval(score, score - 0.03, score + 0.03), Interval(score - 0.7, 0.0, 0.1), against,
                ms, size, minutes, reindex)  # fmt: skip


BEST = rung("v1", "encoder", 0.80, (0.0, 0.0, 0.0))
BASE = rung("base", "base", 0.70, (-0.10, -0.13, -0.07), minutes=0.0, reindex=False)
STATIC = rung("v2", "static", 0.79, (-0.01, -0.03, 0.01), ms=0.5)
ADAPTER = rung("v3", "adapter", 0.785, (-0.015, -0.04, 0.01), reindex=False)
RERANKER = rung("v4 over base", "reranker", 0.795, (-0.005, -0.02, 0.01), ms=900.0, reindex=False)
ALL = (BASE, BEST, STATIC, ADAPTER, RERANKER)


def test_less_to_do_once_comes_before_a_faster_query() -> None:
    """An adapter needs no new index, so it is advised before word vectors that are faster and score more."""
    found = advise(ALL, LadderOptions())
    assert found.rung == "v3"
    assert "no measurable difference" in found.sentence
    assert "index stays" in found.sentence
    assert set(found.faults) == {"base", "v4 over base"}
    assert "900 ms" in found.faults["v4 over base"]


def test_of_equal_effort_the_faster_one_is_cheaper() -> None:
    """Word vectors and the tuned model both need a new index."""
    assert advise((BASE, BEST, STATIC), LadderOptions()).rung == "v2"


def test_a_measurable_loss_is_put_up_with_up_to_the_slack() -> None:
    """The base loses .10 measurably: too much, until the slack says otherwise."""
    assert advise((BASE, BEST), LadderOptions()).rung == "v1"
    allowed = advise((BASE, BEST), LadderOptions(slack=0.1, most_loss=0.1))
    assert allowed.rung == "base"
    assert "within the slack" in allowed.sentence


def test_what_forgot_too_much_is_not_advised() -> None:
    """The best on the domain's own test may have lost what everybody asks; one whose loss is not known is let pass."""
    forgetful = replace(BEST, forgot=0.05)
    found = advise((BASE, STATIC, forgetful), LadderOptions())
    assert found.rung == "v2"
    assert found.faults["v1"] == "lost 0.050 of general knowledge, 0.02 are allowed"
    assert advise((BASE, forgetful), LadderOptions(general_loss=0.05)).rung == "v1"


def test_a_loss_that_few_queries_cannot_show_is_not_taken_for_none() -> None:
    """An interval that holds zero is no proof of equality where the loss is large."""
    unsure = replace(BASE, against_best=Interval(-0.08, -1.0, 1.0))
    assert advise((unsure, BEST), LadderOptions()).rung == "v1"
    assert advise((unsure, BEST), LadderOptions(most_loss=0.1)).rung == "base"


def test_limits_on_time_and_size_leave_out_even_the_best() -> None:
    """With nothing good enough the best within the limits is advised, and what it loses is said."""
    found = advise((BASE, BEST), LadderOptions(milliseconds=5.0))
    assert "Nothing is within the limits" in found.sentence
    tight = advise((replace(BASE, bytes_per_passage=100.0), BEST), LadderOptions(gigabytes=0.5))
    assert tight.rung == "base"
    assert "0.100 nDCG@10 below v1" in tight.sentence
    assert "1.5 GB" in tight.faults["v1"]


def test_an_unknown_training_time_is_no_time_of_none() -> None:
    """A version whose training is not remembered still needed one."""
    assert replace(ADAPTER, minutes=None).effort == 1
    assert BASE.effort == 0


@pytest.mark.parametrize("values", [{"slack": -0.1}, {"most_loss": 0.001}, {"milliseconds": 0.0}, {"rerank_depth": 0}])
def test_thresholds_outside_their_limits_are_refused(values: dict[str, float]) -> None:
    """The section is named."""
    with pytest.raises(SettingsError, match=r"\[ladder\]"):
        LadderOptions(**values)  # type: ignore[arg-type]


def test_table_and_page_hold_every_rung_and_escape_what_they_are_given() -> None:
    """The page needs nothing from elsewhere; a name with markup in it is shown as it is."""
    rungs = (*ALL, replace(STATIC, name="<b>v9</b>", minutes=None))
    advice = advise(rungs, LadderOptions())
    text = ladder_text(rungs, advice)
    assert all(one.name in text for one in rungs)
    assert max(map(len, text.splitlines())) <= 120
    marked = [line for line in text.splitlines() if line.startswith("→")]
    assert len(marked) == 1
    assert "v3" in marked[0]
    page = ladder_html(rungs, advice, title="t", source="s", queries=5, passages=9, confidence=0.95,
                       notices=["few <queries>"], machine="m")  # fmt: skip
    assert "&lt;b&gt;v9" in page
    assert "<b>v9" not in page
    assert "few &lt;queries&gt;" in page
    assert page.count("<svg") == 2  # every rung takes as many bytes, so there is no picture of that
    assert "<h3>Quality against time</h3>" in page
    assert "Quality against training" not in page  # two that were trained took as long
    assert "http://" not in page.replace("http://www.w3.org", "")


@pytest.mark.parametrize(
    ("value", "shown"), [(0.6181, "0.618"), (67.46, "67.5"), (1396.2, "1,400"), (2_345_678, "2,350,000")]
)
def test_times_are_written_without_exponents(value: float, shown: str) -> None:
    """A reranker takes "1,400" ms, never "1.4e+03"."""
    assert significant(value) == shown


def test_training_and_a_new_index_are_in_the_picture() -> None:
    """Minutes on an axis of their own, and another mark for what needs a new index."""
    rungs = (BASE, BEST, replace(ADAPTER, minutes=0.5))
    page = ladder_html(rungs, advise(rungs, LadderOptions()), title="t", source="s", queries=5, passages=9,
                       confidence=0.95, notices=[], machine="m")  # fmt: skip
    assert "v1 0.800 at 5; v3 0.785 at 0.5" in page
    assert "Square: all passages must be embedded anew" in page


def test_what_needs_no_training_beats_what_does() -> None:
    """A version that scores less than the base is not on the front, though the base has no place on that axis."""
    worse = replace(STATIC, score=Interval(0.6, 0.5, 0.7))
    rungs = (BASE, BEST, worse, replace(ADAPTER, minutes=0.5, score=Interval(0.65, 0.6, 0.7)))
    page = ladder_html(rungs, advise(rungs, LadderOptions()), title="t", source="s", queries=5, passages=9,
                       confidence=0.95, notices=[], machine="m")  # fmt: skip
    picture = page.partition("<h3>Quality against training</h3>")[2]
    assert ">v1<" in picture
    assert ">v3<" not in picture
