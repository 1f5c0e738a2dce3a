"""Which collection a name, a version or a position stands for, by what the registry remembers and the store holds.

Knows names; opens a collection only to remember one that nobody recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jargonaut.errors import InputError
from jargonaut.index import VectorStore, content_of
from jargonaut.registry import IndexRecord, Registry

BUILD = "`jargonaut index build` builds one"


@dataclass(frozen=True, slots=True)
class Target:
    """A version and the collection that it searches: its own, or under a query adapter the base's."""

    version: str
    record: IndexRecord

    @property
    def name(self) -> str:
        """Names both, for files about them."""
        owner = self.version == self.record.version
        return self.record.name if owner else f"{self.record.name}@{self.version}"


class Catalogue:
    """The collections of a workspace.

    Args:
        registry: Remembers them.
        store: Holds them.
    """

    def __init__(self, registry: Registry, store: VectorStore) -> None:
        self._registry, self._store = registry, store

    def target(self, target: str | None) -> Target:
        """A version and its collection, by the name of either; what is live when None.

        Raises:
            InputError: There is none.
        """
        live = self._registry.live()
        if target is None and live is not None:
            return Target(live.version, self.find(live.index))
        record = self.find(target)
        named = any(one.version == target for one in self._registry.list())
        return Target(target if named and target is not None else record.version, record)

    def find(self, target: str | None) -> IndexRecord:
        """What is remembered of a collection, or of a version's newest one; of the live one when None.

        A query adapter's is its base's: the live one where that is of the same space, else the newest.

        Raises:
            InputError: There is none.
        """
        live = self._registry.live()
        if target is None and live is None:
            remedy = "name a collection or a version; `jargonaut index status` lists them"
            raise InputError("nothing is live", remedy=remedy)
        wanted = target if target is not None else live.index if live else ""
        for attempt in ("recorded", "adopted"):
            kept = [one for one in self._registry.indexes.all() if not one.removed]
            fitting = self._fitting(wanted, kept)
            if fitting:
                return fitting[-1]
            if attempt == "recorded":
                self._adopt()
        named = next((version for version in self._registry.list() if version.version == wanted), None)
        if named is not None:
            named.require_vectors()
        space = self._space(wanted)
        if space is not None:
            beneath = next((one.version for one in self._registry.list() if one.fingerprint == space), wanted)
            searched = f", and neither has {beneath}, whose vectors it searches" if beneath != wanted else ""
            remedy = f"`jargonaut index build {wanted}` builds one"
            raise InputError(f"version {wanted} has no index{searched}", remedy=remedy)
        known = ", ".join(one.name for one in kept)
        raise InputError(f"there is no collection or version {wanted!r}", remedy=f"known: {known}" if known else BUILD)

    def beside(self, version: str) -> IndexRecord:
        """A version's collection over the passages that are live; its newest where there is none.

        Raises:
            InputError: It has no collection.
        """
        live = self._registry.live()
        if live is not None and live.version == version:
            return self.find(live.index)
        newest = self.find(version)
        pointed = self._registry.indexes.get(live.index) if live is not None else None
        kept = [one for one in self._registry.indexes.all() if not one.removed]
        same = [one for one in self._fitting(version, kept) if pointed is not None and one.content == pointed.content]
        return same[-1] if same else newest

    def newest_other(self) -> IndexRecord:
        """The newest collection that is not live.

        Raises:
            InputError: There is none.
        """
        live = self._registry.live()
        there = {info.name for info in self._store.collections() if info.complete}
        others = [one for one in self._registry.indexes.all()
                  if not one.removed and one.name in there and (live is None or one.name != live.index)]  # fmt: skip
        if not others:
            raise InputError("there is no other index to switch to", remedy=BUILD)
        return others[-1]

    def _fitting(self, wanted: str, kept: Sequence[IndexRecord]) -> list[IndexRecord]:
        """The collections of a name or of a version, the one that is meant last."""
        own = [one for one in kept if wanted in (one.name, one.version)]
        if own:
            return own
        space, live = self._space(wanted), self._registry.live()
        found = [one for one in kept if one.fingerprint == space]
        return sorted(found, key=lambda one: live is not None and one.name == live.index)

    def _space(self, version: str) -> str | None:
        """Fingerprint of the vectors that a version searches; None where there is no such version."""
        return next((one.searched for one in self._registry.list() if one.version == version), None)

    def unfinished(self) -> tuple[str, ...]:
        """What builds have begun, or killed ones left."""
        return tuple(info.name for info in self._store.collections() if not info.complete)

    def oldest_first(self) -> list[str]:
        """Finished collections; those that nobody remembers come first."""
        number = {one.name: one.number for one in self._registry.indexes.all()}
        return sorted((i.name for i in self._store.collections() if i.complete), key=lambda n: (number.get(n, 0), n))

    def _adopt(self) -> None:
        """Remembers finished collections that an older release, or a registry that was lost, built."""
        known = {one.name for one in self._registry.indexes.all() if not one.removed}
        versions = {one.fingerprint: one for one in self._registry.list()}
        for info in self._store.collections():
            if info.complete and info.name not in known and info.fingerprint in versions:
                content = content_of(self._store.open(info.name, info.fingerprint))
                version = versions[info.fingerprint].version
                self._registry.indexes.record(
                    IndexRecord(
                        info.name, version, info.fingerprint, info.dimension, content, info.quantisation, info.meta
                    )
                )
