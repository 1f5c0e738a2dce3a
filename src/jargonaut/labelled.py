"""The pairs that a BEIR folder brings: its own train, dev and test, and why there are none.

Knows the layout of the folder. Knows nothing of other sources of pairs, and splits nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jargonaut import formats, pairs
from jargonaut.errors import InputError
from jargonaut.records import SPLITS, Pair, Qrel, Query, SplitName
from jargonaut.sources import PreparedCorpus


def own_parts(prepared: PreparedCorpus) -> dict[SplitName, Sequence[Pair]]:
    """The pairs that a BEIR folder brings, by part; none for another source."""
    return labelled_parts(prepared, lambda _: None)[0] if prepared.source.kind == "beir" else {}


def labelled_parts(
    prepared: PreparedCorpus, on_bad: formats.OnBad
) -> tuple[dict[SplitName, Sequence[Pair]], dict[str, Any]]:
    """The parts of a BEIR folder, and what of them could not be used."""
    folder = prepared.source.path
    of_queries, of_qrels = formats.Reasons(on_bad), formats.Reasons(on_bad)
    asked = list(formats.read_queries(folder / "queries.jsonl", of_queries))
    files = {"train": "train", "dev": "dev", "validation": "dev", "valid": "dev", "test": "test"}
    parts: dict[SplitName, Sequence[Pair]] = {}
    counts: dict[str, Any] = {}
    judged: list[Qrel] = []
    for stem, name in files.items():
        path = folder / "qrels" / f"{stem}.tsv"
        if name in parts or not path.exists():
            continue
        judgements = list(formats.read_qrels(path, of_qrels))
        judged += judgements
        found = pairs.pairs_from_qrels(
            asked, judgements, prepared.texts.keys(), of_qrels,
            queries_source=str(folder / "queries.jsonl"), qrels_source=str(path),
        )  # fmt: skip
        parts[name] = found.pairs  # type: ignore[index]  # the table's values are split names
        for field in ("unknown_queries", "unknown_passages", "without_positive"):
            counts[field] = counts.get(field, 0) + getattr(found, field)
    if not any(parts.values()):
        raise _no_judgement(folder, asked, list(parts), judged, counts, of_qrels if asked else of_queries)
    counts["given"] = [name for name in SPLITS if parts.get(name)]
    return parts, counts


def _no_judgement(
    folder: Path, asked: Sequence[Query], found: Sequence[str], judged: Sequence[Qrel], counts: Mapping[str, int],
    reasons: formats.Reasons,
) -> InputError:  # fmt: skip
    """Why no pair came out of a BEIR folder: the first of its parts that gives nothing."""
    where = folder / "qrels"
    if not asked:
        where = folder / "queries.jsonl"
        what = f"no line holds a usable query{reasons}" if reasons.first else "there is no query in it"
    elif not found:
        others = ", ".join(sorted(path.name for path in where.glob("*"))[:5])
        what = f"there is none of train.tsv, dev.tsv and test.tsv{f', only {others}' if others else ''}"
    elif not judged:
        what = f"no line of {', '.join(found)} holds a usable judgement{reasons}" if reasons.first else (
            f"there is no judgement in {', '.join(found)}"
        )  # fmt: skip
    elif not any(one.relevance > 0 for one in judged):
        what = f"none of the {len(judged):,} judgements has a score above 0, so nothing answers any query"
    else:
        what = (
            f"none of the {len(judged):,} judgements says that a known passage answers a known query: "
            f"{counts['unknown_queries']:,} name a query that is not in queries.jsonl, {counts['unknown_passages']:,} "
            f"others a passage that is not in the corpus{reasons}"
        )
    return InputError(
        what, where=str(where), remedy="without labels, give the corpus.jsonl itself: pairs are then made from titles"
    )
