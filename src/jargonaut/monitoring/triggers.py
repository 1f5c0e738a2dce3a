"""The rules of monitoring: one table, read from top to bottom; every rule speaks for itself.

Each compares one figure with one limit, so how far it is from firing can be said. Knows facts and thresholds; measures
nothing and remembers nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from jargonaut.monitoring.drift import DriftTest
from jargonaut.monitoring.options import WatchOptions
from jargonaut.monitoring.records import Finding, FindingKind


@dataclass(frozen=True, slots=True)
class Change:
    """A paired change of a mean with its interval: now − reference.

    Attributes:
        before: The reference's mean.
        now: Today's, over the same queries.
        low: Lower end of the interval of now − before.
        high: Upper end.
        queries: How many queries both were asked.
    """

    before: float
    now: float
    low: float
    high: float
    queries: int

    @property
    def difference(self) -> float:
        """Now − before."""
        return self.now - self.before

    @property
    def words(self) -> str:
        """Both means and the interval."""
        span = f"interval {self.low:+.3f} to {self.high:+.3f}"
        return f"{self.before:.3f} → {self.now:.3f}, {span}, {self.queries:,} queries"


@dataclass(frozen=True, slots=True)
class CorpusChange:
    """The documents now, against those that the live version was trained on.

    Attributes:
        passages: Passages now.
        fresh: Of these, how many training did not see with these words.
        removed: Passages of training that are gone.
        trained: Passages of training.
        new_words: Share of the running words now that training did not see.
        examples: The most frequent of these words.
    """

    passages: int
    fresh: int
    removed: int
    trained: int
    new_words: float
    examples: tuple[str, ...] = ()

    @property
    def changed(self) -> float:
        """Share of the passages now that are new or changed."""
        return self.fresh / self.passages if self.passages else 0.0

    @property
    def gone(self) -> float:
        """Share of training's passages that are gone."""
        return self.removed / self.trained if self.trained else 0.0


@dataclass(frozen=True, slots=True)
class Drift:
    """Drift tests of one day, with what is left of their p-values for so many of them.

    Attributes:
        tests: Each test.
        adjusted: Their p-values, adjusted for the number of tests.
        level: Below which one is a finding.
    """

    tests: tuple[DriftTest, ...]
    adjusted: tuple[float, ...]
    level: float

    def of(self, *names: str) -> tuple[DriftTest, float] | None:
        """The clearest of some tests with its adjusted p-value; None where none was made."""
        made = [(test, p) for test, p in zip(self.tests, self.adjusted, strict=True) if test.name in names]
        return min(made, key=lambda one: one[1], default=None)


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the rules look at; None is what could not be told.

    Attributes:
        options: Limits.
        search_fault: Why the live system did not answer; "" where it did.
        recall: Of golden recall@10.
        scores: Of the scores of golden queries' best hits.
        golden_fault: Why the golden set cannot be asked; "" where it can, None where there is none.
        golden: Golden queries, the expired ones counted.
        expired: Golden queries whose passages vanished.
        leaked: Golden queries that the live version was trained on; None where that is not known.
        corpus: How the documents changed.
        other_base: The settings' base model, where it is another than the live version was trained from.
        base: The base that the live version was trained from.
        labels: Judgements that were added since.
        age_days: Of the live version.
        drift: Today's tests; None where none was due or possible.
        accepted: Rule that adds up → what it measured when somebody accepted it.
    """

    options: WatchOptions
    search_fault: str = ""
    recall: Change | None = None
    scores: Change | None = None
    golden_fault: str | None = None
    golden: int = 0
    expired: int = 0
    leaked: int | None = None
    corpus: CorpusChange | None = None
    other_base: str = ""
    base: str | None = None
    labels: int | None = None
    age_days: float | None = None
    drift: Drift | None = None
    accepted: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a rule compares: it fires where the value reaches the limit.

    Attributes:
        value: On the rule's own scale, more is nearer to firing.
        limit: From where on it fires.
        evidence: In words.
    """

    value: float
    limit: float
    evidence: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table.

    Attributes:
        name: Short, unique.
        kind: Whether it is a reason to train anew.
        condition: When it fires, in words, with the names of the settings.
        measured: What it compares; None where that is not known today.
        sudden: Whether one look is enough; otherwise `confirm` of `confirm_of` are needed.
        adds_up: Whether it measures what only grows until another version is live; once somebody accepted it, it fires
            when as much as its limit was added.
    """

    name: str
    kind: FindingKind
    condition: str
    measured: Callable[[Facts], Measured | None] = field(repr=False)
    sudden: bool = True
    adds_up: bool = False


def _search(f: Facts) -> Measured:
    return Measured(float(bool(f.search_fault)), 1, f.search_fault or "the live system answers")


def _golden(f: Facts) -> Measured | None:
    if f.golden_fault is None:
        return None
    return Measured(float(bool(f.golden_fault)), 1, f.golden_fault or "the golden set can be asked")


def _recall(f: Facts) -> Measured | None:
    if f.recall is None:
        return None
    # What is certain of the fall; the slack keeps a limit of 0 from firing where nothing changed.
    return Measured(-f.recall.high, f.options.recall_drop + 1e-9, f"golden recall@10 {f.recall.words}")


def _scores(f: Facts) -> Measured | None:
    if f.scores is None:
        return None
    moved = max(0.0, f.scores.low, -f.scores.high)
    return Measured(moved, f.options.score_shift, f"golden queries' best scores {f.scores.words}")


def _corpus(f: Facts) -> Measured | None:
    if f.corpus is None:
        return None
    c = f.corpus
    told = f"{c.fresh:,} of {c.passages:,} passages ({c.changed:.1%}) are new or changed, {c.removed:,} are gone"
    return Measured(c.changed, f.options.corpus_changed, told)


def _words(f: Facts) -> Measured | None:
    if f.corpus is None:
        return None
    shown = f": {', '.join(f.corpus.examples)}" if f.corpus.examples else ""
    told = f"{f.corpus.new_words:.2%} of the documents' words are new{shown}"
    return Measured(f.corpus.new_words, f.options.new_words, told)


def _base(f: Facts) -> Measured | None:
    if f.base is None:
        return None
    told = f"the settings name {f.other_base}, the live version comes from {f.base}" if f.other_base else (
        f"the base is still {f.base}"
    )  # fmt: skip
    return Measured(float(bool(f.other_base)), 1, told)


def _labels(f: Facts) -> Measured | None:
    if f.labels is None or not f.options.new_labels:
        return None
    return Measured(f.labels, f.options.new_labels, f"{f.labels:,} judgements were added since training")


def _age(f: Facts) -> Measured | None:
    if f.age_days is None or not f.options.max_age_days:
        return None
    return Measured(f.age_days, f.options.max_age_days, f"the live version is {f.age_days:.0f} days old")


def _expired(f: Facts) -> Measured | None:
    if not f.golden:
        return None
    told = f"{f.expired:,} of {f.golden:,} golden queries have no passage left"
    return Measured(f.expired / f.golden, f.options.max_expired, told)


def _leaked(f: Facts) -> Measured | None:
    if f.leaked is None:
        return None
    return Measured(f.leaked, 1, f"the live version was trained on {f.leaked:,} of {f.golden:,} golden queries")


def _drifted(*names: str) -> Callable[[Facts], Measured | None]:
    def measured(f: Facts) -> Measured | None:
        found = None if f.drift is None else f.drift.of(*names)
        if f.drift is None or found is None:
            return None
        test, p = found
        told = f"{test.name}: {test.told}, p = {p:.2g} for all tests of the day ({test.before:,} against {test.now:,})"
        return Measured(-math.log10(max(p, 1e-300)), -math.log10(f.drift.level), told)

    return measured


QUERY_TESTS = ("query meaning", "unknown words in queries", "shattered words in queries")
SCORE_TESTS = ("best scores", "margins", "low scores")
CORPUS_TESTS = ("new documents",)

RULES: tuple[Rule, ...] = (
    Rule("search fails", "look", "the live system does not answer golden queries", _search),
    Rule("golden set broken", "look", "the frozen golden set is gone or was altered, so recall is not watched",
         _golden),
    Rule("recall fell", "retrain", "golden recall@10 lies below the reference by more than `recall_drop`, with "
         "`confidence`", _recall),
    Rule("scores moved", "look", "the mean score of golden queries' best hits moved by more than `score_shift`, with "
         "`confidence`: another model, or thresholds that no longer hold", _scores),
    Rule("corpus shifted", "retrain", "`corpus_changed` of the passages are new or changed since training", _corpus,
         adds_up=True),
    Rule("new vocabulary", "retrain", "`new_words` of the documents' running words were not seen in training", _words,
         adds_up=True),
    Rule("newer base", "retrain", "the base model of the settings is not the one that the live version comes from",
         _base, adds_up=True),
    Rule("new labels", "retrain", "`new_labels` judgements were added since training", _labels, adds_up=True),
    Rule("age", "retrain", "the live version is `max_age_days` old", _age, adds_up=True),
    Rule("golden set shrinks", "look", "`max_expired` of the golden queries have no passage left", _expired,
         adds_up=True),
    Rule("golden set leaked", "look", "the live version, or one that it was trained from, was trained on a golden "
         "query", _leaked, adds_up=True),
    Rule("new documents differ", "look", "documents that came since training are not like those before (a two-sample "
         "test)", _drifted(*CORPUS_TESTS), sudden=False),
    Rule("queries drifted", "look", "logged queries are not like the reference: their meaning, or their words (two-"
         "sample tests)", _drifted(*QUERY_TESTS), sudden=False),
    Rule("query scores drifted", "look", "logged queries are not answered like the reference: best scores, margins or "
         "low scores (two-sample tests)", _drifted(*SCORE_TESTS), sudden=False),
)  # fmt: skip
"""All rules. Those with two-sample tests share the rate of false alarms that the settings state."""


def findings(facts: Facts) -> tuple[Finding, ...]:
    """What every rule says."""
    return tuple(_finding(rule, facts) for rule in RULES)


def _finding(rule: Rule, facts: Facts) -> Finding:
    measured = rule.measured(facts)
    if measured is None:
        return Finding(rule.name, rule.kind, None, 0.0, 0.0, "nothing to compare in this pass", rule.sudden)
    accepted = facts.accepted.get(rule.name, 0.0) if rule.adds_up else 0.0
    limit = measured.limit + accepted
    told = f"{measured.evidence}; {accepted:.3g} was accepted, so its limit is {limit:.3g}" if accepted else (
        measured.evidence
    )  # fmt: skip
    return Finding(rule.name, rule.kind, measured.value >= limit, measured.value, limit, told, rule.sudden)


def acceptable(said: Sequence[Finding]) -> dict[str, float]:
    """What is accepted with some findings: rule that fires and adds up → what it measured."""
    adding = {rule.name for rule in RULES if rule.adds_up}
    return {one.name: one.value for one in said if one.fires and one.name in adding}


def rules_table() -> str:
    """The table as Markdown, for the documentation."""
    when = {True: "at once", False: "`confirm` of `confirm_of`"}
    rows = [f"| {rule.name} | {rule.condition} | {rule.kind} | {when[rule.sudden]} |" for rule in RULES]
    return "\n".join(["| rule | fires when | what for | alarm |", "|---|---|---|---|", *rows])
