"""What an adapter learns from: vectors of queries and passages, and which answer which, as rows.

Knows ids, vectors and near-duplicate groups; knows no model and no loss.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jargonaut.errors import InputError
from jargonaut.protocols import Vectors

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """Queries with their answers among passages.

    Attributes:
        queries: Vectors, shape (n, d), normalised.
        passages: Vectors of all that may stand in a step, shape (m, d), normalised.
        answers: For each query the rows of its answers in `passages`; at least one.
        ignored: For each query rows that are no negatives of it: what may answer it, and near-duplicates of that.
        hard: For each query the rows of its hard negatives; there may be none.
    """

    queries: Vectors
    passages: Vectors
    answers: tuple[Rows, ...]
    ignored: tuple[Rows, ...]
    hard: tuple[Rows, ...]

    @classmethod
    def of(
        cls,
        query_ids: Sequence[str],
        queries: Vectors,
        passage_ids: Sequence[str],
        passages: Vectors,
        positives: Mapping[str, Iterable[str]],
        groups: Mapping[str, str],
        hard: Mapping[str, Iterable[str]] | None = None,
        known: Mapping[str, Iterable[str]] | None = None,
    ) -> Lesson:
        """From ids; queries without an answer among the passages are left out, and so are unknown passages.

        Args:
            query_ids: One for each row of `queries`.
            queries: Their vectors.
            passage_ids: One for each row of `passages`.
            passages: Their vectors.
            positives: Query id → the passages that it learns to find.
            groups: Passage id → near-duplicate group; what is missing stands alone.
            hard: Query id → its hard negatives.
            known: Query id → further passages that may answer it: neither learned from nor negatives.

        Raises:
            InputError: Nothing is left to learn from: fewer than two queries, or no passage beside the answers.
        """
        row = {id_: number for number, id_ in enumerate(passage_ids)}
        alike: dict[str, list[int]] = {}
        for id_, number in row.items():
            alike.setdefault(groups.get(id_, id_), []).append(number)
        kept: list[int] = []
        answers, ignored, harder = list[Rows](), list[Rows](), list[Rows]()
        for number, query_id in enumerate(query_ids):
            taught = set(positives.get(query_id, ()))
            spared = taught.union((known or {}).get(query_id, ()))
            own = sorted(row[id_] for id_ in taught if id_ in row)
            same = {other for id_ in spared for other in alike.get(groups.get(id_, id_), [])}
            if not own or len(same) >= len(row):
                continue
            kept.append(number)
            answers.append(np.array(own, dtype=np.int64))
            ignored.append(np.array(sorted(same), dtype=np.int64))
            taken = {row[id_] for id_ in (hard or {}).get(query_id, ()) if id_ in row} - same
            harder.append(np.array(sorted(taken), dtype=np.int64))
        if len(kept) < 2:
            raise InputError(
                f"{len(kept)} training queries have an answer that can be told from other passages; an adapter needs "
                "two or more", remedy="add pairs: `jargonaut pairs add`",
            )  # fmt: skip
        return cls(queries[kept], passages, tuple(answers), tuple(ignored), tuple(harder))
