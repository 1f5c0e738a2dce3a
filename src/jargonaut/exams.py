"""What two models are examined on: judged queries over a corpus, from a version's own pairs or from a labelled set.

Knows where a version's test lies and how a BEIR folder is read. Trains nothing and divides nothing: what is there as
test is the test.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jargonaut import artifacts, formats
from jargonaut.artifacts import Artifact, content_hash
from jargonaut.encoders import base_model
from jargonaut.errors import InputError, MismatchError
from jargonaut.labelled import labelled_parts
from jargonaut.layout import Layout
from jargonaut.pairing import PreparedPairs
from jargonaut.pairs import normalised
from jargonaut.pairs.drawing import group_names
from jargonaut.pairs.grouping import blocks
from jargonaut.pairs.provenance import judged_queries
from jargonaut.protocols import Reporter
from jargonaut.records import BadRow, Pair, PairSplits, queries
from jargonaut.registry import ModelVersion
from jargonaut.settings import Settings
from jargonaut.sources import PreparedCorpus, Source, open_source, prepare_corpus

_JUDGE = "put judgements with a score above 0, of known queries and passages, into qrels/test.tsv"


@dataclass(frozen=True, slots=True)
class Exam:
    """Judged queries over a corpus.

    Attributes:
        source: What a reader calls it.
        corpus: The passages that are searched.
        test: The pairs whose queries are asked.
        train: Pairs that the version was taught on; () where they are not known.
        dev: Pairs by which the weights of hybrids are fitted; () where there are none.
        groups: Passage id → document group.
        key: Hash of all of it.
        notices: What a reader must know of it.
    """

    source: str
    corpus: PreparedCorpus
    test: tuple[Pair, ...]
    train: tuple[Pair, ...]
    dev: tuple[Pair, ...]
    groups: Mapping[str, str]
    key: str
    notices: tuple[str, ...] = ()

    @property
    def splits(self) -> PairSplits:
        """The pairs by part."""
        return PairSplits(self.train, self.dev, self.test, self.groups, "given")

    @property
    def judged(self) -> frozenset[str]:
        """Ids of the queries whose answers a label, a click or a review names."""
        return judged_queries(self.test)


def exam_of_version(version: ModelVersion, layout: Layout) -> Exam:
    """The test split of the pairs that a version was made from.

    Raises:
        InputError: It was not made from pairs, or its pairs or passages are gone.
    """
    pairs, corpus = kept_artifact(version, "pairs", layout), kept_artifact(version, "corpus", layout)
    if pairs is None or corpus is None:
        what = (
            "was not tuned here, so it has no test split" if not version.base else "has lost the pairs it was made of"
        )
        raise InputError(
            f"{version.version} {what}", where=f"--version {version.version}",
            remedy="name a labelled set to be tested on: `jargonaut evaluate BEIR-FOLDER`",
        )  # fmt: skip
    splits = PreparedPairs(pairs).splits
    source = str(version.lineage.get("source", ""))
    return Exam(
        f"the test split of {version.version}'s pairs", kept_corpus(corpus, Path(source)), splits.test, splits.train,
        splits.dev, splits.groups, content_hash(pairs.key, corpus.key),
    )  # fmt: skip


def exam_of_source(path: Path, settings: Settings, layout: Layout, reporter: Reporter) -> Exam:
    """The test judgements of a BEIR folder, all of them.

    Raises:
        InputError: It is no BEIR folder, or it has no usable test judgement.
    """
    if path.exists() and (path.is_file() or not formats.is_beir(path)):  # before a large folder is read and hashed
        raise InputError(
            "models are tested on a labelled set, and this is none", where=str(path),
            remedy="give a BEIR folder (corpus.jsonl, queries.jsonl, qrels/test.tsv), or leave it out to test on the "
            "version's own test split",
        )  # fmt: skip
    corpus = prepare_corpus(open_source(path, settings), base_model(settings), settings, layout, reporter)
    bad: list[BadRow] = []
    try:
        parts, counts = labelled_parts(corpus, bad.append)
    except InputError as error:
        raise InputError(error.what, where=error.where, remedy=_JUDGE) from error
    test, dev = tuple(parts.get("test", ())), tuple(parts.get("dev", ()))
    if not queries(test):
        there = ", ".join(f"{name}.tsv" for name in parts if parts[name]) or "nothing that can be used"
        what = "no judgement of test.tsv says that a known passage answers a known query" if "test" in parts else (
            f"it has no test split, only {there}"
        )  # fmt: skip
        raise InputError(what, where=str(path / "qrels"), remedy=_JUDGE)
    sets = blocks(corpus.documents, corpus.near_duplicates)
    names = group_names((pair.passage_id for pair in (*test, *dev)), sets)
    roots = ((passage, sets.find(("passage", passage))) for passage in corpus.documents)
    groups = {passage: f"g-{names[root]}" for passage, root in roots if root in names}
    key = content_hash(corpus.artifact.key, [_row(pair) for pair in (*test, *dev)])
    return Exam(str(path), corpus, test, (), dev, groups, key, tuple(_notices(counts, bad)))


def _row(pair: Pair) -> list[object]:
    """What of a pair decides a score."""
    return [pair.query_id, pair.query, pair.passage_id, pair.relevance, pair.provenance]


def seen_in_training(version: ModelVersion, exam: Exam, layout: Layout) -> tuple[int, int] | None:
    """How many of the exam's queries a version was trained on, and how many of the passages that answer them.

    By their words, since ids may be another set's. None where it is not known what it was trained on.
    """
    pairs, corpus = kept_artifact(version, "pairs", layout), kept_artifact(version, "corpus", layout)
    if pairs is None or corpus is None:
        return None
    train = [pair for pair in formats.read_records(pairs.path / "train.jsonl", Pair) if pair.relevance > 0]
    texts = kept_corpus(corpus, Path()).texts
    asked = {normalised(pair.query) for pair in train}
    read = {normalised(texts[pair.passage_id]) for pair in train if pair.passage_id in texts}
    answers = {pair.passage_id for pair in exam.test if pair.relevance > 0}
    return (
        sum(normalised(query.text) in asked for query in queries(exam.test)),
        sum(normalised(exam.corpus.texts[passage_id]) in read for passage_id in answers),
    )


def kept_artifact(version: ModelVersion, stage: str, layout: Layout) -> Artifact | None:
    """The artifact that a version names in its lineage, if it is still there and whole."""
    key = version.lineage.get(stage)
    if not isinstance(key, str) or not key:
        return None
    found = artifacts.read(layout.stage(stage) / key)
    return None if found is None or found.changed_files else found


def kept_corpus(artifact: Artifact, path: Path) -> PreparedCorpus:
    """A corpus as it was prepared, without looking at its source again."""
    try:
        inputs = json.loads((artifact.path / artifacts.MANIFEST).read_text(encoding="utf-8"))["inputs"]
        return PreparedCorpus(artifact, Source(path, inputs["kind"], inputs["source"]))
    except (KeyError, ValueError) as error:
        raise MismatchError(
            "the manifest does not say what the passages came from", where=str(artifact.path), remedy="run again"
        ) from error


def _notices(counts: Mapping[str, object], bad: Sequence[BadRow]) -> Iterator[str]:
    for field, words in (("unknown_queries", "judgements name an unknown query"),
                         ("unknown_passages", "judgements name an unknown passage"),
                         ("without_positive", "queries have no usable positive")):  # fmt: skip
        if counts.get(field):
            yield f"{counts[field]:,} {words}; they are left out"
    if bad:
        yield f"{len(bad):,} rows could not be used, the first: {bad[0]}"
