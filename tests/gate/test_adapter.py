"""The gate's query adapter: fitted on train, judged on dev, silent where there is nothing to fit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from jargonaut import evaluation
from jargonaut.adapters import Adapter, AdapterOptions
from jargonaut.artifacts import Artifact
from jargonaut.evaluation import AssessmentOptions, Scores
from jargonaut.formats import write_jsonl
from jargonaut.gate.adapter import tried_adapter
from jargonaut.gate.sample import Sample
from jargonaut.pairing import PreparedPairs
from jargonaut.protocols import Vectors
from jargonaut.records import Pair, PairSplits
from jargonaut.retrieval import dense_run
from jargonaut.sources import PreparedCorpus, Source
from tests.adapters.worlds import DIMENSION, turned


class Turned:
    """Queries and passages by number, as `turned` makes them."""

    name, fingerprint, dimension = "turned", "t" * 32, DIMENSION

    def __init__(self, count: int) -> None:
        self._both = turned(count)

    def encode_queries(self, texts: list[str]) -> Vectors:
        """The query of a number."""
        return self._both[0][[int(text) for text in texts]]

    def encode_passages(self, texts: list[str]) -> Vectors:
        """The passage of a number."""
        return self._both[1][[int(text.split()[-1]) for text in texts]]


def world(folder: Path, count: int, train: int) -> tuple[PreparedCorpus, PreparedPairs]:
    """So many passages, each asked for once; the first are train's, the last test's."""
    (folder / "corpus").mkdir(parents=True)
    (folder / "pairs").mkdir()
    rows = [{"id": f"p{n}", "text": f"passage {n}", "document_id": f"d{n}"} for n in range(count)]
    text = "\n".join(json.dumps({**row, "start": 0, "end": 9, "title": "", "headings": []}) for row in rows)
    (folder / "corpus" / "passages.jsonl").write_text(text + "\n", encoding="utf-8")
    (folder / "corpus" / "groups.json").write_text("{}", encoding="utf-8")
    pairs = [Pair(f"q{n}", str(n), f"p{n}") for n in range(count)]
    splits = PairSplits(tuple(pairs[:train]), tuple(pairs[train:-1]), (pairs[-1],), {})
    for name in ("train", "dev", "test"):
        write_jsonl(folder / "pairs" / f"{name}.jsonl", splits.part(name))  # type: ignore[arg-type]
    (folder / "pairs" / "groups.json").write_text("{}", encoding="utf-8")
    (folder / "pairs" / "removed.jsonl").write_text("", encoding="utf-8")
    corpus = PreparedCorpus(Artifact(folder / "corpus", "c", {"notices": []}), Source(folder, "passages", "s"))
    return corpus, PreparedPairs(Artifact(folder / "pairs", "k", {"origin": "ours"}))


def tried(folder: Path, count: int, train: int) -> tuple[Scores, Scores, int]:
    """Base's scores, the adapter's, and how many queries it was fitted on."""
    corpus, prepared = world(folder, count, train)
    sample, base = Sample.of(corpus, prepared.splits, AssessmentOptions()), Turned(count)
    queries = base.encode_queries([query.text for query in sample.asked])
    passages = base.encode_passages(list(sample.texts))

    def score(adapter: Adapter | None) -> Scores:
        asked = queries if adapter is None else adapter.mapped(queries, "query")
        run = dense_run("r", [query.id for query in sample.asked], asked, sample.ids, passages, k=10)
        return evaluation.per_query(run, sample.judged, sample.asked)

    options = replace(AdapterOptions(), lr=0.01, batch_size=32)
    found, used, _ = tried_adapter(sample, corpus, prepared, base, passages, score, options)  # type: ignore[arg-type]
    return score(None), found, used


def test_a_map_that_helps_is_measured(tmp_path: Path) -> None:
    """Where queries are turned passages, the row shows the gain, for every dev query."""
    base, found, used = tried(tmp_path, 260, 200)
    assert used == 200
    assert found.query_ids == base.query_ids
    assert np.mean(found.values["nDCG@10"]) > np.mean(base.values["nDCG@10"]) + 0.05


def test_too_few_queries_are_not_learned_by_heart(tmp_path: Path) -> None:
    """Nothing is fitted on a handful."""
    _, found, used = tried(tmp_path, 60, 30)
    assert (found.query_ids, used) == ((), 30)
