"""The gate as an artifact: what was measured on dev, what else is known, and the verdict.

Joins the sample, the headroom, the domain and the corpus' history with the rules, and keeps what came of it. What could
not be measured is tried again by the next call; what could costs nothing then.
"""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from jargonaut import evaluation
from jargonaut.artifacts import Artifact, ensure, plain, write_json
from jargonaut.encoding.cache import CachedEncoder
from jargonaut.encoding.models import ModelFolder
from jargonaut.evaluation import Assessment, Grounds, PairEvidence
from jargonaut.gate.domain import vocabulary
from jargonaut.gate.headroom import Headroom
from jargonaut.gate.history import LEAST_VERSIONS, churn, versions
from jargonaut.gate.sample import Sample
from jargonaut.layout import Layout
from jargonaut.pairing import PreparedPairs
from jargonaut.protocols import Reporter
from jargonaut.records import PairSplits, positives, queries, source_of
from jargonaut.rerankers import reranker_identity
from jargonaut.settings import Settings
from jargonaut.sources import PreparedCorpus, tokenizer_of
from jargonaut.writers import endpoint

ASSESS_VERSION = 5
_FILE = "assessment.json"


def prepare_assessment(
    corpus: PreparedCorpus,
    pairs: PreparedPairs,
    base: CachedEncoder,
    folder: ModelFolder,
    dim: int,
    settings: Settings,
    layout: Layout,
    reporter: Reporter,
) -> tuple[Assessment, Artifact]:
    """Whether fine-tuning looks worth it, measured on dev; test is not opened.

    Args:
        corpus: What is searched.
        pairs: Dev's are asked, train's are counted.
        base: The base model.
        folder: Its files.
        dim: Components of its vectors that will be deployed.
        settings: Thresholds, and what is tried.
        layout: Where vectors, answers and the result are kept.
        reporter: Hears of every system.

    Raises:
        InputError: Dev holds no query with an answer.
    """
    known = versions(corpus.artifact)
    writer = endpoint(settings.llm)
    inputs: dict[str, Any] = {
        "pairs": pairs.artifact.key, "corpus": corpus.artifact.key, "base": base.fingerprint, "dim": dim,
        "versions": [one.key for one in known], "writer": [writer.base_url, writer.model],
        **reranker_identity(settings.evaluate.cross_encoder, settings, layout),
    }  # fmt: skip
    options = {
        "assess": settings.assess, "adapter": settings.adapter, "bm25": settings.bm25, "remote": settings.remote,
        "prices": settings.prices,
        "reranking": (settings.evaluate.cross_encoder, settings.evaluate.rerank_depth),
    }  # fmt: skip

    def build(target: Path) -> Mapping[str, Any]:
        started = time.monotonic()
        sample = Sample.of(corpus, pairs.splits, settings.assess)
        reporter.line(
            f"  assessing   {len(sample.asked):,} dev queries over {len(sample.passages):,} of {sample.depth.corpus:,} "
            "passages"
        )
        headroom = Headroom(sample, base, dim, settings, layout, reporter, (corpus, pairs))
        tried = headroom.measure()
        hours = headroom.reindex_minutes(headroom.seconds_each) / 60 if len(known) >= LEAST_VERSIONS else 0.0
        grounds = Grounds(
            evidence_of(pairs.splits), sample.relevant, sample.clusters, sample.depth,
            test_queries=len(queries(pairs.splits.test)), churn=churn(known, corpus.artifact.key, hours),
            vocabulary=vocabulary(sample.texts, headroom.vectors, tokenizer_of(folder),
                                  english=settings.bm25.language in {"english", "porter"}),
            notes=tuple(tried.notes), failed=tried.failed,
        )  # fmt: skip
        found = evaluation.assess(tried.rivals, grounds, settings.assess)
        found = replace(found, seconds=round(time.monotonic() - started, 1))
        write_json(target / _FILE, plain(found))
        return {"verdict": found.verdict, "sentence": found.sentence, "failed": len(found.failed)}

    def ensured() -> Artifact:
        return ensure(
            layout.stage("assessments"), "assess", version=ASSESS_VERSION, inputs=inputs, options=options, build=build
        )

    artifact = ensured()
    if artifact.reused and artifact.counts["failed"]:
        shutil.rmtree(artifact.path, ignore_errors=True)
        artifact = ensured()
    row = json.loads((artifact.path / _FILE).read_text(encoding="utf-8"))
    return Assessment.from_json(row), artifact


def evidence_of(splits: PairSplits) -> PairEvidence:
    """What there is to learn from, by source."""
    relevant = positives(splits.train)
    return PairEvidence(
        dict(sorted(Counter(source_of(pair.provenance) for pair in relevant).items())),
        len({pair.query_id for pair in relevant}),
    )
