"""What a review says: the share of pairs that are accepted, how sure that is, and what follows from it.

Knows counts, strata and settled decisions. Nothing here asks or stores.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from jargonaut.pairs.review.cards import Card, Stratum
from jargonaut.pairs.review.decisions import REASONS, Decision, Verdict, disagree, settled
from jargonaut.pairs.review.sampling import ReviewOptions, Sample

Outcome = Literal["regenerate", "good", "undecided", "nothing"]


@dataclass(frozen=True, slots=True)
class Rate:
    """The share of pairs that are accepted as they are, with its interval; an edited pair was not.

    Attributes:
        accepted: Cards that were accepted.
        decided: Cards that were decided.
        rate: The share among all the pairs that the cards stand for: every stratum counts by its size.
        low: Lower end of the interval.
        high: Upper end.
        effective: How many cards drawn without strata would be as good.
    """

    accepted: int
    decided: int
    rate: float
    low: float
    high: float
    effective: float


@dataclass(frozen=True, slots=True)
class Results:
    """What a review came to, over all reviewers.

    Attributes:
        reviewer: Whose review it is.
        cards: Cards in the sample.
        left: Those that this reviewer did not decide, skipped ones left out.
        skipped: Those that this reviewer skipped.
        accepted: Cards that were accepted, by what all reviewers' decisions come to.
        edited: Cards whose query was edited.
        rejected: Cards that were rejected.
        reasons: Reason → how many cards were rejected for it.
        overall: The share of pairs that are accepted; None where no card was decided.
        by_source: Provenance → the same of its pairs.
        reviewers: Everybody who decided a card of the sample.
        judged_by_several: Cards that two or more decided.
        disagreements: Those of them that some accept as they are and some do not.
        outcome: `regenerate` where the whole interval lies below what is wanted, `good` where none of it does,
            `undecided` between, `nothing` where no card was decided.
        wanted: Share that must be accepted.
        more: How many more cards would decide it, if the share stays what it is; 0 unless undecided.
        available: Pairs that could be shown.
        unknown: Pairs that could not, since their passage is not in the corpus.
    """

    reviewer: str
    cards: int
    left: int
    skipped: int
    accepted: int
    edited: int
    rejected: int
    reasons: Mapping[str, int]
    overall: Rate | None
    by_source: Mapping[str, Rate]
    reviewers: tuple[str, ...]
    judged_by_several: int
    disagreements: int
    outcome: Outcome
    wanted: float
    more: int
    available: int
    unknown: int

    @property
    def sentence(self) -> str:
        """What follows from the review, in words."""
        if self.overall is None:
            return "Nothing is decided yet."
        rate, low, high = (self._percent(each) for each in (self.overall.rate, self.overall.low, self.overall.high))
        found = f"{rate} of the pairs are accepted ({low} to {high})"
        rule = f"the rule: below {self.wanted:.0%}, regenerate"
        if self.outcome == "regenerate":
            return f"{found}: regenerate them ({rule})."
        if self.outcome == "good":
            return f"{found}: they are good enough ({rule})."
        reserve = self.left + self.skipped
        where = (
            "they are in this sample" if self.more <= reserve else f"take --sample {self.cards + self.more - reserve}"
        )
        return (
            f"{found}: not decided yet ({rule}). If the share stays, {self.more} more "
            f"{'card decides' if self.more == 1 else 'cards decide'} it: {where}."
        )

    def _percent(self, share: float) -> str:
        """A share that is not taken for what is wanted when it only comes close."""
        text = f"{share:.0%}"
        return f"{share:.1%}" if text == f"{self.wanted:.0%}" and share != self.wanted else text


def wilson(rate: float, number: float, confidence: float) -> tuple[float, float]:
    """The score interval of a share (Wilson 1927, "Probable Inference", JASA 22).

    Args:
        rate: The share, from 0 to 1.
        number: Of how many, above 0; may be a fraction or infinite.
        confidence: Probability mass.
    """
    if math.isinf(number):
        return rate, rate
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    shrink = 1 + z * z / number
    middle = (rate + z * z / (2 * number)) / shrink
    half = z / shrink * math.sqrt(rate * (1 - rate) / number + z * z / (4 * number * number))
    return min(rate, max(0.0, middle - half)), max(rate, min(1.0, middle + half))


def acceptance(
    counts: Mapping[Stratum, tuple[int, int]], sizes: Mapping[Stratum, int], confidence: float
) -> Rate | None:
    """The share of accepted pairs over strata, each counting by its size.

    Wilson's interval with the effective sample size under unequal weights (Kish 1965, "Survey Sampling") and the finite
    population correction, so that a set that was looked at as a whole has no doubt left. A stratum without a decision
    says nothing and counts for nothing.

    Args:
        counts: Stratum → (accepted, decided).
        sizes: Stratum → cards that it stands for.
        confidence: Probability mass of the interval.

    Returns:
        None where nothing is decided.
    """
    seen = {stratum: pair for stratum, pair in counts.items() if pair[1]}
    if not seen:
        return None
    weights = {stratum: max(sizes.get(stratum, 0), decided) for stratum, (_, decided) in seen.items()}
    total = sum(weights.values())
    accepted, decided = (sum(column) for column in zip(*seen.values(), strict=True))
    rate = sum(weights[stratum] * hits / of for stratum, (hits, of) in seen.items()) / total
    rate = min(1.0, max(0.0, rate))
    alone = total**2 / sum(weights[stratum] ** 2 / of for stratum, (_, of) in seen.items())
    effective = _corrected(alone, decided, max(decided, sum(sizes.values())))
    return Rate(accepted, decided, rate, *wilson(rate, effective, confidence), effective)


def cards_to_decide(rate: Rate, population: int, options: ReviewOptions) -> int:
    """How many more cards put the whole interval on one side of what is wanted, if the share stays what it is.

    Args:
        rate: What is known.
        population: Cards that there are.
        options: What is wanted, and how sure.
    """
    population = max(population, rate.decided)
    if rate.decided == population:
        return 0
    free = rate.effective * (population - rate.decided) / max(1, population - 1)  # without the correction
    worth = free / rate.decided

    def decides(number: int) -> bool:
        low, high = wilson(rate.rate, _corrected(worth * number, number, population), options.confidence)
        return outcome_of(low, high, options.wanted) != "undecided"

    fewest, most = rate.decided, population  # the whole set decides in any case
    while fewest < most:
        middle = (fewest + most) // 2
        fewest, most = (fewest, middle) if decides(middle) else (middle + 1, most)
    return fewest - rate.decided


def outcome_of(low: float, high: float, wanted: float) -> Outcome:
    """On which side of what is wanted an interval lies."""
    return "regenerate" if high < wanted else "good" if low >= wanted else "undecided"


def results_of(
    sample: Sample, decisions: Mapping[str, Mapping[str, Decision]], reviewer: str, options: ReviewOptions
) -> Results:
    """Counts a review.

    Args:
        sample: The cards; decisions on others were not drawn at random and count for nothing.
        decisions: Card → reviewer → what holds.
        reviewer: Whose cards are left.
        options: What is wanted, and how sure.
    """
    said = {card.key: decisions.get(card.key, {}) for card in sample.cards}
    final = {key: one for key, votes in said.items() if (one := settled(votes.values())) is not None}
    several = [votes for votes in said.values() if sum(one.verdict != "skip" for one in votes.values()) > 1]
    mine = Counter(votes[reviewer].verdict if reviewer in votes else None for votes in said.values())
    verdicts = Counter(one.verdict for one in final.values())
    why = Counter(one.reason for one in final.values() if one.verdict == "reject")
    overall = _rate(sample.cards, final, sample.sizes, options)
    outcome = "nothing" if overall is None else outcome_of(overall.low, overall.high, options.wanted)
    undecided = overall is not None and outcome == "undecided"
    return Results(
        reviewer=reviewer,
        cards=len(sample.cards),
        left=mine[None],
        skipped=mine["skip"],
        accepted=verdicts["accept"],
        edited=verdicts["edit"],
        rejected=verdicts["reject"],
        reasons={reason or "no reason given": why[reason] for reason in (*REASONS, "") if why[reason]},
        overall=overall,
        by_source=_by_source(sample, final, options),
        reviewers=tuple(sorted({who for votes in said.values() for who in votes})),
        judged_by_several=len(several),
        disagreements=sum(disagree(votes.values()) for votes in several),
        outcome=outcome,
        wanted=options.wanted,
        more=cards_to_decide(overall, sum(sample.sizes.values()), options) if undecided and overall else 0,
        available=sample.available,
        unknown=sample.unknown,
    )


def _by_source(sample: Sample, final: Mapping[str, Decision], options: ReviewOptions) -> dict[str, Rate]:
    found: dict[str, Rate] = {}
    for provenance in sorted({stratum.provenance for stratum in sample.sizes}):
        cards = tuple(card for card in sample.cards if card.stratum.provenance == provenance)
        sizes = {stratum: size for stratum, size in sample.sizes.items() if stratum.provenance == provenance}
        rate = _rate(cards, final, sizes, options)
        if rate is not None:
            found[provenance] = rate
    return found


def _rate(
    cards: tuple[Card, ...], final: Mapping[str, Decision], sizes: Mapping[Stratum, int], options: ReviewOptions
) -> Rate | None:
    verdicts: dict[Stratum, list[Verdict]] = defaultdict(list)
    for card in cards:
        if card.key in final:
            verdicts[card.stratum].append(final[card.key].verdict)
    counts = {stratum: (said.count("accept"), len(said)) for stratum, said in verdicts.items()}
    return acceptance(counts, sizes, options.confidence)


def _corrected(number: float, drawn: int, population: int) -> float:
    """The finite population correction as a sample size; infinite when everything was drawn."""
    return number * (population - 1) / (population - drawn) if population > drawn else math.inf
