"""Teachers of a student: what a reranker says of the training's passages, computed once, or a larger encoder.

Knows names of models and the artifact of the scores. What a student makes of them is for training to know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jargonaut import formats
from jargonaut.artifacts import Artifact, content_hash, ensure
from jargonaut.encoders import cached_encoder, named_encoder
from jargonaut.encoding.cache import CachedEncoder
from jargonaut.encoding.models import find_model
from jargonaut.layout import Layout
from jargonaut.protocols import Reporter
from jargonaut.records import Triplet
from jargonaut.registry import Registry
from jargonaut.rerankers import named_reranker, remembered_logits
from jargonaut.reranking import LocalReranker, is_cross_encoder
from jargonaut.settings import Settings

TEACH_VERSION = 1
_FILE = "scores.jsonl"


@dataclass(frozen=True, slots=True)
class TaughtScore:
    """What a teacher says of one passage, as a logit."""

    query_id: str
    passage_id: str
    score: float


def open_teacher(name: str, settings: Settings, layout: Layout, reporter: Reporter) -> LocalReranker | CachedEncoder:
    """The teacher of this name: a reranker where it is one, else an encoder, whose vectors are cached.

    Args:
        name: A registered version such as `v3`, a folder, or a hub id.
        settings: Where it runs.
        layout: Where versions are registered and vectors are kept.
        reporter: Shows the progress of encoding.

    Raises:
        ModelError: There is no such model.
    """
    where = "[train] teacher"
    if layout.registry.exists():
        known = {one.version: one for one in Registry(layout.registry, layout.models).list()}
        if name in known and known[name].kind == "reranker":
            return named_reranker(name, settings, layout, where)
        if name in known:
            return CachedEncoder(named_encoder(name, settings, layout), layout.vectors, reporter)
    folder = find_model(name, trust_remote_code=settings.base.trust_remote_code)
    if is_cross_encoder(folder.path):
        return named_reranker(name, settings, layout, where)
    # Its own prompts and limit: those of the settings are the student's.
    own = replace(settings, base=replace(settings.base, model=name, query_prompt=None, passage_prompt=None,
                                         max_tokens=None))  # fmt: skip
    return cached_encoder(folder, own, layout, reporter)


def taught_by(
    teacher: LocalReranker, examples: Sequence[Triplet], queries: Mapping[str, str], passages: Mapping[str, str],
    inputs: Mapping[str, str], layout: Layout, reporter: Reporter,
) -> dict[str, dict[str, float]]:  # fmt: skip
    """Query id → passage id → logit, for each example's positive and hard negatives; computed once.

    Args:
        teacher: Reads query and passage together.
        examples: Queries with a positive and hard negatives, by id.
        queries: Query id → text.
        passages: Passage id → text.
        inputs: Keys of what the examples came from.
        layout: Where the scores are kept.
        reporter: Shows the progress.
    """
    wanted = list(dict.fromkeys((e.query_id, p) for e in examples for p in (e.positive_id, *e.negative_ids)))

    def build(folder: Path) -> Mapping[str, Any]:
        both = [(queries[q], passages[p]) for q, p in wanted]
        scores = remembered_logits(teacher, both, layout, reporter, f"asking the teacher {teacher.name}").tolist()
        rows = [TaughtScore(q, p, score) for (q, p), score in zip(wanted, scores, strict=True)]
        formats.write_jsonl(folder / _FILE, rows)
        return {"scores": len(rows)}

    made: Artifact = ensure(
        layout.stage("taught"), "teach", version=TEACH_VERSION,
        inputs={**inputs, "teacher": teacher.fingerprint, "asked": content_hash(wanted)}, options=None, build=build,
    )  # fmt: skip
    found: dict[str, dict[str, float]] = {}
    for one in formats.read_records(made.path / _FILE, TaughtScore):
        found.setdefault(one.query_id, {})[one.passage_id] = one.score
    return found
