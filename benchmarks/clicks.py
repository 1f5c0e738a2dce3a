"""What a click log gives back of known relevance, with and without correction of position bias.

    python -m benchmarks.clicks [DATA/nfcorpus ...] [--json] [--seeds 3] [--eta 1] [--noise 0.2] [--lasting] [--train]

Searchers who are made up (`searcher`) ask a set's training queries and are shown the first ten results of BM25 with
one of two settings, as engines on trial side by side would show them. What answers a query is known from the set's
judgements; the searchers know no others, so precision is exact although the sets lack some. `nfcorpus` has two or
three right answers among the ten and measures both errors over thousands of results; `cosqa` has one in every other
ten and so shows what noise does where nearly all that is seen is wrong. Knows scores; how a log is judged is the
package's job.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

from benchmarks.conditions import Conditions, LabelledSet
from benchmarks.entrance import parser, sentences
from benchmarks.exam import MEASURE, Exam
from benchmarks.page import paragraph, score
from benchmarks.searcher import Searcher, write_log
from benchmarks.systems import RECIPE, our_model
from jargonaut.artifacts import content_hash, plain
from jargonaut.cli.terminal import TerminalReporter
from jargonaut.encoding.devices import ComputeOptions
from jargonaut.encoding.models import EMBEDDED, find_model
from jargonaut.errors import InputError
from jargonaut.pairs import normalised, query_id
from jargonaut.pairs.clicks import ClickOptions, JudgedLog, judge_log
from jargonaut.protocols import Reporter
from jargonaut.records import BadRow, Judgement, Query, Run, Triplet
from jargonaut.retrieval import BM25, BM25Options
from jargonaut.training import train

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

SETS = ("nfcorpus", "cosqa")
VARIANTS: Mapping[str, ClickOptions] = {
    "counted": ClickOptions(examination="power", eta=0.0),
    "power law": ClickOptions(examination="power"),
    "estimated": ClickOptions(),
}
"""Name → how the log is judged: clicks per impression, and corrected by a guessed and by an estimated curve."""
LABELS = "labels"
ENGINES = (BM25Options(), BM25Options(k1=0.4, b=0.2))

QUERIES = 400
"""So many training queries are asked unless another number is."""
TOKENS = 128
"""Trained models read so many tokens of a text, which is what they can be trained on in minutes."""
CORPUS = 4000
"""So many passages are searched by trained models; those that test judges are among them."""

_EVERYTHING = 1e-6
Key = tuple[str, str]
"""A query in its normal form, and a passage."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """What one way to judge found.

    Attributes:
        found: Answers.
        right: How many of them are.
        wanted: How many there were to be found: relevant results that the log shows.
        negatives: Hard negatives.
        wrong_negatives: How many of those are relevant.
        precision_at: Precision where as many right ones are found as counting finds.
        curve: How likely it takes each rank to be looked at.
    """

    found: int
    right: int
    wanted: int
    negatives: int
    wrong_negatives: int
    precision_at: float
    curve: tuple[float, ...]

    @property
    def precision(self) -> float:
        """Share of right ones among what was found."""
        return self.right / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        """Share of what was to be found."""
        return self.right / self.wanted if self.wanted else 0.0


@dataclass(frozen=True, slots=True)
class ClickReport:
    """What logs of one set gave back.

    Attributes:
        name: Of the set.
        searcher: Who clicked; its seed is the first.
        rows: Of the first log.
        recoveries: Variant → one for each seed.
        trained: Variant → measure of a model that was trained on what it found in the first log; empty unless asked.
        conditions: Where.
    """

    name: str
    searcher: Searcher
    rows: int
    recoveries: Mapping[str, tuple[Recovery, ...]]
    trained: Mapping[str, float]
    conditions: Conditions

    def to_json(self) -> dict[str, Any]:
        """Everything."""
        shares = {
            name: [{**plain(one), "precision": one.precision, "recall": one.recall} for one in seeds]
            for name, seeds in self.recoveries.items()
        }
        true = [float(value) for value in self.searcher.examination]
        return {**plain(replace(self, recoveries={})), "recoveries": shares, "true_curve": true}

    def to_markdown(self) -> str:
        """Tables, for a page of `docs/`."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        who, seeds = self.searcher, len(next(iter(self.recoveries.values())))
        yield paragraph(
            f"`{self.name}`, training queries, {self.rows:,} shown results, {who.pages:g} pages for each query (mean), "
            f"{who.depth} results of BM25 with one of two settings, looked at with 1 / rank^{who.eta:g}, "
            f"{who.noise:.0%} of looks decided wrongly ({'the same results always' if who.lasting else 'by chance'}), "
            f"{_counted(seeds, 'seed')}."
        )
        yield ""
        head = (
            "answers | precision | recall | precision at the recall of counting | hard negatives | relevant among them"
        )
        yield f"| | {head} |"
        yield "|---|---|---|---|---|---|---|"
        for name, found in self.recoveries.items():
            values = (
                f"{mean(one.found for one in found):,.0f}",
                score(mean(one.precision for one in found)),
                score(mean(one.recall for one in found)),
                _spread([one.precision_at for one in found]),
                f"{mean(one.negatives for one in found):,.0f}",
                f"{mean(one.wrong_negatives for one in found):,.0f}",
            )
            yield f"| {name} | {' | '.join(values)} |"
        yield ""
        ranks = range(who.depth)
        yield f"| looked at, by rank | {' | '.join(str(rank + 1) for rank in ranks)} |"
        yield f"|---|{'---|' * who.depth}"
        yield f"| true | {' | '.join(score(float(value)) for value in who.examination)} |"
        estimated = self.recoveries["estimated"]
        yield f"| estimated | {' | '.join(score(mean(one.curve[rank] for one in estimated)) for rank in ranks)} |"
        if self.trained:
            yield ""
            yield f"| trained on | {' | '.join(self.trained)} |"
            yield f"|---|{'---|' * len(self.trained)}"
            yield f"| {MEASURE} on test | {' | '.join(score(value) for value in self.trained.values())} |"


def measure(
    folder: Path,
    searcher: Searcher,
    seeds: int,
    reporter: Reporter,
    *,
    asked: int = QUERIES,
    trained: bool = False,
    most: int | None = None,
) -> ClickReport:
    """Lets searchers click and judges the logs.

    Args:
        folder: A BEIR folder.
        searcher: Who; the seeds are counted up from its own.
        seeds: Logs.
        reporter: Shows how far it is.
        asked: Most queries.
        trained: Whether models are trained too.
        most: Most training pairs of each model; all when None.
    """
    source = LabelledSet.read(folder)
    queries, relevant = _asked(source)
    queries = queries[:asked]
    rankings = _rankings(source, queries, searcher.depth)
    recoveries: dict[str, list[Recovery]] = {name: [] for name in VARIANTS}
    answers: dict[str, list[Judgement]] = {}
    rows = 0
    for number in range(seeds):
        who = replace(searcher, seed=searcher.seed + number)
        shown = _shown(rankings, queries, relevant)
        with tempfile.TemporaryDirectory() as temporary:
            log = Path(temporary) / "log.csv"
            written = write_log(log, queries, rankings, relevant, who)
            found = _recovered(log, shown)
        for name, (recovery, judged) in found.items():
            recoveries[name].append(recovery)
            reporter.line(
                f"  {folder.name}, seed {who.seed}, {name}: precision at equal recall {recovery.precision_at:.4f}"
            )
            if number == 0:
                rows, answers[name] = written, [j for j in judged.judgements if _is_answer(j)]
    models = _trained(source, answers, shown, most, reporter) if trained else {}
    return ClickReport(
        folder.name, searcher, rows, {name: tuple(each) for name, each in recoveries.items()}, models, Conditions.here()
    )


def _asked(source: LabelledSet) -> tuple[list[Query], dict[str, frozenset[str]]]:
    """The training queries, each wording once, and what answers them."""
    ids = dict.fromkeys(judgement.query_id for judgement in source.train)
    by_words: dict[str, set[str]] = {}
    first: dict[str, Query] = {}
    for id_ in ids:
        words = normalised(source.queries[id_])
        if words:
            first.setdefault(words, Query(id_, source.queries[id_]))
            by_words.setdefault(words, set())
    for judgement in source.train:
        by_words.get(normalised(source.queries[judgement.query_id]), set()).add(judgement.passage_id)
    return list(first.values()), {query.id: frozenset(by_words[words]) for words, query in first.items()}


def _rankings(source: LabelledSet, queries: Sequence[Query], depth: int) -> list[Run]:
    """What the two engines answer."""
    ids, texts = [p.id for p in source.passages], [p.content("title") for p in source.passages]
    return [BM25(ids, texts, engine).search(queries, depth) for engine in ENGINES]


def _shown(
    rankings: Sequence[Run], queries: Sequence[Query], relevant: Mapping[str, frozenset[str]]
) -> dict[Key, bool]:
    """Everything that a searcher may see → whether it is right."""
    return {
        (normalised(query.text), document): document in relevant[query.id]
        for query in queries
        for run in rankings
        for document in run.rankings.get(query.id, {})
    }


def _recovered(log: Path, shown: Mapping[Key, bool]) -> dict[str, tuple[Recovery, JudgedLog]]:
    """What each variant makes of a log."""
    judged = {name: judge_log(log, options, _refuse) for name, options in VARIANTS.items()}
    counted = sum(shown[_key(j)] for j in judged["counted"].judgements if _is_answer(j))
    found: dict[str, tuple[Recovery, JudgedLog]] = {}
    for name, options in VARIANTS.items():
        everything = judge_log(log, replace(options, min_relevance=_EVERYTHING, min_clicks=1), _refuse)
        ranked = sorted((j for j in everything.judgements if _is_answer(j)), key=lambda j: (-(j.score or 0), _key(j)))
        answers = [j for j in judged[name].judgements if _is_answer(j)]
        negatives = [j for j in judged[name].judgements if j.relevance == 0 and j.provenance == "click"]
        recovery = Recovery(
            len(answers),
            sum(shown[_key(j)] for j in answers),
            sum(shown.values()),
            len(negatives),
            sum(shown[_key(j)] for j in negatives),
            precision_at([shown[_key(j)] for j in ranked], counted),
            curve.values if (curve := judged[name].curve) else (),
        )
        found[name] = recovery, judged[name]
    return found


def precision_at(ranked: Sequence[bool], right: int) -> float:
    """Precision at the place of a ranking where so many right ones are found; 0 where so many never are."""
    seen = 0
    for place, is_right in enumerate(ranked, start=1):
        seen += is_right
        if is_right and seen == right:
            return right / place
    return 0.0


def _trained(
    source: LabelledSet,
    answers: Mapping[str, Sequence[Judgement]],
    shown: Mapping[Key, bool],
    most: int | None,
    reporter: Reporter,
) -> dict[str, float]:
    """Measures of models that learned from each variant's answers, and from all right ones that were shown."""
    exam = Exam.of(source, "title", corpus=CORPUS)
    base = our_model()
    base.max_seq_length = TOKENS
    found = {"base": float(exam.scores(base)[0].mean())}
    keys = {name: [_key(j) for j in each] for name, each in answers.items()}
    keys[LABELS] = [key for key, is_right in shown.items() if is_right]
    for name, pairs in keys.items():
        model = _model(source, sorted(pairs, key=lambda key: content_hash(*key))[:most])
        found[name] = float(exam.scores(model)[0].mean())
        reporter.line(f"  {_learned(pairs, most)} pairs, {name}: {MEASURE} {found[name]:.4f}")
    return found


def _learned(pairs: Sequence[Key], most: int | None) -> int:
    """How many pairs are learned from."""
    return min(len(pairs), len(pairs) if most is None else most)


def _model(source: LabelledSet, pairs: Sequence[Key]) -> SentenceTransformer:
    """A model that learned from some pairs."""
    texts = {passage.id: passage.content("title") for passage in source.passages}
    queries = {query_id(words): words for words, _ in pairs}
    known: dict[str, set[str]] = {}
    for words, document in pairs:
        known.setdefault(query_id(words), set()).add(document)
    examples = [Triplet(query_id(words), document) for words, document in pairs]
    positives = {id_: frozenset(documents) for id_, documents in known.items()}
    model = our_model()
    model.max_seq_length = TOKENS
    prompts = find_model(EMBEDDED).prompts
    train(model, prompts, examples, queries, texts, positives, {}, RECIPE, ComputeOptions())
    return model


def part(source: Path) -> str:
    """Its part of `docs/benchmarks.md`; the sets lie beside `source`."""
    searchers = (Searcher(), Searcher(lasting=True))
    reports = [measure(source.parent / name, who, 3, TerminalReporter()) for name in SETS for who in searchers]
    return "\n\n".join([paragraph(reports[0].conditions.sentence), *(report.to_markdown() for report in reports)])


def main() -> None:
    """Measures, then prints Markdown or JSON."""
    arguments = _arguments()
    who = Searcher(arguments.eta, arguments.noise, arguments.pages, lasting=arguments.lasting)
    with sentences():
        report = measure(
            arguments.data,
            who,
            arguments.seeds,
            TerminalReporter(),
            asked=arguments.queries,
            trained=arguments.train,
            most=arguments.most,
        )
    print(json.dumps(report.to_json(), indent=1) if arguments.json else report.to_markdown())


def _arguments() -> argparse.Namespace:
    defaults = Searcher()
    line = parser("benchmarks.clicks", __doc__)
    line.set_defaults(data=Path("../shared/data") / SETS[0])
    line.add_argument("--json", action="store_true", help="JSON in place of Markdown")
    line.add_argument("--seeds", type=int, default=3, help="logs (default: %(default)s)")
    line.add_argument("--eta", type=float, default=defaults.eta, help="true position bias (default: %(default)s)")
    line.add_argument("--noise", type=float, default=defaults.noise, help="share of wrong decisions")
    line.add_argument("--pages", type=float, default=defaults.pages, help="pages for each query (default: %(default)s)")
    line.add_argument("--lasting", action="store_true", help="the same results are always taken wrongly")
    line.add_argument("--queries", type=int, default=QUERIES, help="most training queries (default: %(default)s)")
    line.add_argument("--train", action="store_true", help="train a model on what each variant finds")
    line.add_argument("--most", type=int, help="most training pairs of each model")
    return line.parse_args()


def _is_answer(judgement: Judgement) -> bool:
    return judgement.relevance > 0 and judgement.provenance == "click"


def _key(judgement: Judgement) -> Key:
    return normalised(judgement.query), judgement.target


def _spread(values: Sequence[float]) -> str:
    """Mean, and least and most in brackets."""
    middle = score(mean(values))
    return middle if len(values) == 1 else f"**{middle}** ({score(min(values))} to {score(max(values))})"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _refuse(bad: BadRow) -> None:
    raise InputError(str(bad), remedy="the log is of our own making: this is a bug")


if __name__ == "__main__":
    main()
