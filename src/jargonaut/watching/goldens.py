"""What a user does with the golden set: add, freeze, list, check.

Joins golden sets with labelled files, what the live version was trained on, and the live index.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jargonaut import formats
from jargonaut.errors import InputError
from jargonaut.exams import exam_of_source
from jargonaut.monitoring import Added, GoldenQuery, GoldenSet, GoldenSets
from jargonaut.pairs.review import DecisionStore
from jargonaut.records import BadRow, positives
from jargonaut.suspects import accepted, suspects
from jargonaut.watching.golden import golden_pairs, golden_set, leaked
from jargonaut.watching.looking import Watch
from jargonaut.watching.snapshot import Trained, ancestry, held_passages, trained_on


@dataclass(frozen=True, slots=True)
class GoldenCheck:
    """How honest and alive the golden set is.

    Attributes:
        golden: The set in force.
        leaked: Queries that the live version was trained on; None where that cannot be told.
        expired: Queries none of whose passages is indexed or in the documents.
        pending: Queries that wait to be frozen.
    """

    golden: GoldenSet
    leaked: tuple[GoldenQuery, ...] | None
    expired: tuple[GoldenQuery, ...]
    pending: int


class Goldens:
    """The golden set of one workspace.

    Args:
        watch: The workspace.
    """

    def __init__(self, watch: Watch) -> None:
        self.watch, self.sets = watch, GoldenSets(watch.layout.golden)

    def add(self, path: Path) -> tuple[Added, list[BadRow]]:
        """Adds the queries of a file; they count once they are frozen.

        Args:
            path: A BEIR folder, of which `qrels/test.tsv` counts, or a JSONL with `query` and `positives` (ids of
                passages, or an object of id → grade).

        Raises:
            InputError: It cannot be read, or holds no usable query.
        """
        bad: list[BadRow] = []
        watch = self.watch
        if path.is_dir():
            exam = exam_of_source(path, watch.settings, watch.layout, watch.reporter)
            found: Sequence[GoldenQuery] = golden_pairs(exam.test, path.resolve().name)
        else:
            found = _of_file(path, bad)
        nowhere = {one.id for one in self._expired(GoldenSet("", "", tuple(found)))}
        bad += [
            BadRow(str(path), 0, "positives", f"no passage or document here answers {one.query[:60]!r}: "
                   f"{', '.join(one.positives)[:60]}") for one in found if one.id in nowhere
        ]  # fmt: skip
        found = [one for one in found if one.id not in nowhere]
        if not found:
            told = f", the first fault: {bad[0]}" if bad else ""
            raise InputError(f"no usable golden query{told}", where=str(path), remedy=_FORM)
        return self.sets.add(found), bad

    def add_reviewed(self) -> tuple[Added, list[BadRow]]:
        """Adds what people accepted in `pairs review`: test pairs of the live version, and answers that labels lacked.

        Queries that the live version was trained on are left out, since they cannot test it.

        Raises:
            InputError: There is no run, or nothing was accepted.
        """
        layout, made = self.watch.layout, self._made()
        if made is None or made.pairs is None or made.corpus is None:
            raise InputError("what the live version was made from is not here", remedy="`jargonaut run DOCS` first")
        decisions = DecisionStore(layout.reviews).in_force()
        passages = {one.id: one for one in made.corpus.passages}
        asked = {pair.query_id for pair in made.pairs.splits.test}
        doubted = [pair for pair in suspects(layout, passages) if pair.query_id in asked]
        taken = accepted([*positives(made.pairs.splits.test), *doubted], passages, decisions)
        found = golden_pairs(taken, "review")
        if not found:
            raise InputError("no test pair was accepted in a review", remedy="`jargonaut pairs review`")
        seen = {one.id for one in self._leaked(GoldenSet("", "", found)) or ()}
        bad = [BadRow("review", 0, "query", f"the live version was trained on {one.query[:60]!r}")
               for one in found if one.id in seen]  # fmt: skip
        return self.sets.add([one for one in found if one.id not in seen]), bad

    def freeze(self) -> GoldenSet:
        """Makes the next version: what is in force, what was added, without what expired.

        Raises:
            InputError: Nothing would be left, or a query was trained on.
        """
        now = self._in_force()
        first = now.queries if now is not None and not now.frozen else ()
        without = {one.id for one in self._expired(now)} if now is not None else set[str]()
        waiting = GoldenSet("", "", self.sets.pending())
        bad = self._leaked(waiting)
        if bad:
            raise InputError(
                f"the live version was trained on {len(bad):,} of the queries that wait, so they cannot test it; the "
                f"first: {bad[0].query!r}",
                where=str(self.sets.root / "pending.jsonl"),
                remedy="take them out of that file, or freeze after a version is live that did not see them",
            )
        return self.sets.freeze(self.watch.clock(), first=first, without=without)

    def versions(self) -> tuple[GoldenSet, ...]:
        """All frozen versions, oldest first."""
        return self.sets.versions()

    def check(self) -> GoldenCheck:
        """Looks at the set in force.

        Raises:
            InputError: There is none.
        """
        now = self._in_force()
        if now is None:
            raise InputError("there is no golden query", remedy="`jargonaut golden add FILE`")
        return GoldenCheck(now, self._leaked(now), tuple(self._expired(now)), len(self.sets.pending()))

    def _in_force(self) -> GoldenSet | None:
        return golden_set(self.watch.layout, self._made())

    def _made(self) -> Trained | None:
        registry = self.watch.index.registry
        live = registry.live()
        return None if live is None else trained_on(registry, registry.get(live.version), self.watch.layout)

    def _leaked(self, golden: GoldenSet) -> tuple[GoldenQuery, ...] | None:
        registry = self.watch.index.registry
        live = registry.live()
        if live is None or not golden.queries:
            return ()
        versions = ancestry(registry, registry.get(live.version))
        ids = leaked(golden, versions, self.watch.layout, self.watch.settings.bm25.language)
        return None if ids is None else tuple(one for one in golden.queries if one.id in ids)

    def _expired(self, golden: GoldenSet) -> list[GoldenQuery]:
        registry = self.watch.index.registry
        live = registry.live()
        if live is None:
            return []
        named = sorted({passage for one in golden.queries for passage in one.positives})
        store = self.watch.index.store.open(live.index, registry.get(live.version).searched)
        there = set(store.fetch(named))
        if not there.issuperset(named):
            there |= held_passages(self.watch.documents(), set(named) - there)
        return [one for one in golden.queries if there.isdisjoint(one.positives)]


_FORM = 'one {"query": "…", "positives": ["passage id"]} a line, or a BEIR folder'


def _of_file(path: Path, bad: list[BadRow]) -> list[GoldenQuery]:
    if not path.exists():
        raise InputError("there is no such file or folder", where=str(path), remedy=_FORM)
    found = []
    for line, row in formats.read_jsonl(path, bad.append):
        query, positives = row.get("query"), row.get("positives")
        if not isinstance(query, str) or not query.strip():
            bad.append(BadRow(str(path), line, "query", "a text is wanted"))
            continue
        if isinstance(positives, list) and positives and all(isinstance(p, str) and p for p in positives):
            positives = dict.fromkeys(positives, 1)
        grades = positives if isinstance(positives, dict) else {}
        if not grades or not all(isinstance(g, int) and not isinstance(g, bool) and g > 0 for g in grades.values()):
            told = f"a list of passage ids, or an object of id → grade is wanted, not {json.dumps(positives)[:60]}"
            bad.append(BadRow(str(path), line, "positives", told))
            continue
        found.append(GoldenQuery(query, grades, path.stem))
    return found
