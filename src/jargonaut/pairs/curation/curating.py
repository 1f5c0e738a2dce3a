"""All rules of curation, one after another: what is cheap comes before what has to be searched or paid for.

The rules' order is that of `RULES`. Knows the order and keeps the books; what a rule looks at is known by the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from jargonaut.pairs.curation.balance import over_share, too_easy
from jargonaut.pairs.curation.evidence import Evidence, Scorer, Scores, scored
from jargonaut.pairs.curation.language import foreign
from jargonaut.pairs.curation.merging import merge_queries
from jargonaut.pairs.curation.options import CurationOptions
from jargonaut.pairs.curation.outcome import RULES, Curated, Flag
from jargonaut.pairs.curation.rules import below, easy, lost, rivalled
from jargonaut.pairs.curation.standing import Standing
from jargonaut.pairs.filters import FilterOptions, RemovedPair, length_filter
from jargonaut.pairs.provenance import is_gold, may_be_doubted
from jargonaut.pairs.repeats import distinct
from jargonaut.records import Pair

OnStep = Callable[[str], None]


def curate(
    pairs: Iterable[Pair],
    evidence: Evidence,
    options: CurationOptions | None = None,
    limits: FilterOptions | None = None,
    on_step: OnStep = lambda _: None,
) -> Curated:
    """Keeps the pairs that are worth learning from, and says what became of the others.

    In order: length, language, queries that ask the same, repeated pairs, round trip, ambiguous and generic queries,
    the judge, the cross-encoder, then fair shares (easy pairs, documents, topics) until none is exceeded. What people
    judged is removed only as a repeat, or where the corpus lacks the passage. Pairs of relevance 0 are only merged, and
    removed for their length or as repeats.

    The order of the pairs changes nothing but the order of the result. Curating what was kept, with the same evidence,
    keeps it all; where ambiguous queries are removed, rankings must then be read with the `known_positives` of what was
    removed, and pairs must not be in different given splits.

    For a million pairs over 300,000 passages this takes minutes: no rule compares pairs with each other.

    Args:
        pairs: From any sources; a query id has one text.
        evidence: What is known of passages and pairs.
        options: What is worth learning from.
        limits: Lengths, the depth of the round trip, the absolute cap of a document.
        on_step: Told the name of each step when it is done.

    Raises:
        InputError: A score in the evidence lies outside 0 to 1.
        SettingsError: Snowball has no stemmer for the evidence's language.
    """
    curation = _Curation(list(pairs), evidence, options or CurationOptions(), limits or FilterOptions())
    for name, step in curation.steps.items():
        step()
        on_step(name)
    return curation.result()


@dataclass(slots=True)
class _Curation:
    """The books: every pair as it stands, which were removed and why, what is known of the rest.

    Attributes:
        pairs: All pairs; a merged query is replaced in place.
        evidence: What is known.
        options: What is worth learning from.
        limits: Lengths, depth and cap.
        fate: Row → rule and detail of what was removed.
        merged: Old query id → new.
        flags: Rule → row → detail.
        unscored: Rule → positives without a score.
        skipped: Rule → what it lacked.
        ranked: The rows that standings were asked for, and these.
        easy: Row of an easy positive → closeness and detail.
    """

    pairs: list[Pair]
    evidence: Evidence
    options: CurationOptions
    limits: FilterOptions
    fate: dict[int, tuple[str, str]] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)
    flags: dict[str, dict[int, str]] = field(default_factory=dict)
    unscored: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    ranked: tuple[list[int], Sequence[Standing]] = ((), ())  # type: ignore[assignment]
    easy: dict[int, tuple[float, str]] = field(default_factory=dict)

    @property
    def steps(self) -> Mapping[str, Callable[[], None]]:
        """Name → what is done, in order."""
        return {
            "length": self._length, "language": self._language, "merge": self._merge, "repeats": self._repeats,
            "rank": self._rank, "round_trip": self._round_trip, "rivals": self._rivals,
            "judge": lambda: self._scores("judge", self.evidence.judge, self.options.judge_threshold),
            "cross_encoder": lambda: self._scores(
                "cross_encoder", self.evidence.cross_encoder, self.options.cross_encoder_threshold
            ),
            "easy": self._easy, "shares": self._shares,
        }  # fmt: skip

    def result(self) -> Curated:
        """What came of it."""
        place = {rule: n for n, rule in enumerate(RULES)}
        gone = sorted(self.fate, key=lambda row: (place[self.fate[row][0]], row))
        flags = sorted((row, rule, detail) for rule, rows in self.flags.items() for row, detail in rows.items())
        return Curated(
            tuple(pair for row, pair in enumerate(self.pairs) if row not in self.fate),
            tuple(RemovedPair(self.pairs[row], *self.fate[row]) for row in gone),
            self.merged,
            tuple(Flag(self.pairs[row], rule, detail) for row, rule, detail in flags if row not in self.fate),
            self.unscored,
            self.skipped,
        )

    def _left(self, *, relevant: bool = False) -> list[int]:
        """Rows that still stand."""
        return [
            row for row, pair in enumerate(self.pairs)
            if row not in self.fate and (not relevant or pair.relevance > 0)
        ]  # fmt: skip

    def _remove(self, rows: Sequence[int], rule: str, found: Mapping[int, str]) -> None:
        """Removes what a rule found among some rows."""
        self.fate.update((rows[n], (rule, detail)) for n, detail in found.items())

    def _length(self) -> None:
        broken = length_filter(self.pairs, self.evidence.texts, self.limits).removed
        rows = iter(enumerate(self.pairs))
        for one in broken:
            row = next(row for row, pair in rows if pair is one.pair)
            if one.rule == "passage_unknown" or not is_gold(one.pair):
                self.fate[row] = one.rule, one.detail

    def _language(self) -> None:
        if self.options.language:
            rows = self._left()
            self._remove(rows, "language", foreign([self.pairs[row] for row in rows], self.evidence.texts))

    def _merge(self) -> None:
        if not self.options.merge:
            return
        rows = self._left()
        encode, cosine = self.evidence.encode, self.options.merge_cosine
        merged = merge_queries([self.pairs[row] for row in rows], encode, cosine, self.evidence.stemmer)
        self.merged = merged.queries
        for row, pair in zip(rows, merged.pairs, strict=True):
            self.pairs[row] = pair

    def _repeats(self) -> None:
        rows = self._left()
        found = distinct([self.pairs[row] for row in rows])
        for n, pair in found.kept.items():
            self.pairs[rows[n]] = pair
        for n, repeat in found.repeats.items():
            self.fate[rows[n]] = repeat.rule, found.detail(n)

    def _rank(self) -> None:
        rows = self._left(relevant=True)
        if self.evidence.rank is None:
            for rule in ("round_trip", "ambiguous", "easy"):
                self.skipped[rule] = "there are no rankings"
        elif rows:
            self.ranked = rows, self.evidence.rank([self.pairs[row] for row in rows])

    def _round_trip(self) -> None:
        rows, standings = self.ranked
        if standings and self.options.round_trip:
            k, clicks = self.limits.round_trip_k, self.options.round_trip_clicks
            self._remove(rows, "round_trip", lost([self.pairs[row] for row in rows], standings, k, clicks=clicks))

    def _rivals(self) -> None:
        rows, standings = self.ranked
        for n, (rule, detail) in rivalled(standings, self.options).items() if standings else ():
            row = rows[n]
            if row in self.fate:
                continue
            if self.options.remove_ambiguous and may_be_doubted(self.pairs[row]):
                self.fate[row] = rule, detail
            else:
                self.flags.setdefault(rule, {})[row] = detail

    def _scores(self, rule: str, scores: Scores | Scorer | None, threshold: float) -> None:
        if scores is None:
            self.skipped[rule] = "there are no scores"
            return
        rows = [row for row in self._left() if may_be_doubted(self.pairs[row])]
        asked = [self.pairs[row] for row in rows]
        known = scored(scores, asked, rule)
        self.unscored[rule] = sum(score is None for score in known)
        self._remove(rows, rule, below(known, asked, threshold))

    def _easy(self) -> None:
        rows, standings = self.ranked
        left = np.array([n for n, row in enumerate(rows) if row not in self.fate], np.int64)
        if not len(left) or not standings:
            return
        among = [rows[n] for n in left]
        found = easy(
            [self.pairs[row] for row in among], [one.take(left) for one in standings], self.evidence.texts,
            self.options, self.evidence.stemmer,
        )  # fmt: skip
        self.easy = {among[n]: one for n, one in found.items()}
        self.flags["easy"] = {row: detail for row, (_, detail) in self.easy.items()}

    def _shares(self) -> None:
        """Fair shares; cutting one may exceed another, so until none is."""
        documents = {p.passage_id: self.evidence.documents.get(p.passage_id, p.passage_id) for p in self.pairs}
        before = -1
        while before != len(self.fate):
            before = len(self.fate)
            self._cut("easy", lambda rows: too_easy(self.pairs, rows, self.easy, self.options.max_easy_share))
            self._cut("document_cap", lambda rows: over_share(
                self.pairs, rows, documents, 1.0, self.limits.max_per_document))  # fmt: skip
            self._cut("document_share", lambda rows: over_share(
                self.pairs, rows, documents, self.options.max_document_share))  # fmt: skip
            self._cut("topic_share", lambda rows: over_share(
                self.pairs, rows, self.evidence.topics, self.options.max_topic_share))  # fmt: skip
        if not self.evidence.topics:
            self.skipped["topic_share"] = "there are no topics"

    def _cut(self, rule: str, over: Callable[[Sequence[int]], Mapping[int, str]]) -> None:
        self.fate.update((row, (rule, detail)) for row, detail in over(self._left(relevant=True)).items())
