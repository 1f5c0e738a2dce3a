"""Everything one does with the indexes of a workspace: build, verify, switch, roll back, sync, remove, plan.

Joins the registry, which remembers, with a store, which holds. A run goes through the same functions as a person at the
command line, so there is one way in which a pointer may move.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Literal

from jargonaut.adapters import AdaptedEncoder
from jargonaut.encoders import remembering, searching, uncached
from jargonaut.encoding.cache import CachedEncoder
from jargonaut.encoding.matryoshka import TruncatedEncoder
from jargonaut.errors import InputError, JargonautError, MismatchError
from jargonaut.index import (
    INTEGRITY,
    BuildOptions,
    Check,
    Collection,
    DamagedCollectionError,
    IndexPlan,
    IndexSearcher,
    LanceStore,
    VectorStore,
    apply_sync,
    build_index,
    content_of,
    content_of_passages,
    examine,
    plan_index,
    plan_sync,
    unknown_collection,
)
from jargonaut.layout import Layout
from jargonaut.lifecycle.catalogue import BUILD, Catalogue
from jargonaut.lifecycle.golden import golden_queries
from jargonaut.lifecycle.identity import CHUNKER, CONTEXT, notes, open_collection, require_chunker
from jargonaut.lifecycle.outcomes import (
    Built,
    IndexStatus,
    Removal,
    Synced,
    measured_rate,
    not_verified,
    older_documents,
    require_few_removed,
    statuses,
)
from jargonaut.lifecycle.passages import IndexedPassages
from jargonaut.lifecycle.serving import Encoders, require_intact
from jargonaut.protocols import Encoder, Reporter, SilentReporter
from jargonaut.records import Context, IndexContent
from jargonaut.registry import IndexRecord, IndexVerification, Live, ModelVersion, Registry
from jargonaut.settings import Settings

ALIAS = "live"
"""The second name of the live collection, in stores that have such names."""


class IndexLifecycle:
    """The indexes of one workspace. Several processes may use it at once.

    Args:
        layout: The workspace's paths.
        settings: Every stage's options.
        registry: Remembers versions, collections and what is live.
        store: Holds the collections.
        encoders: Gives the encoder of a version, full length.
        corpus: Gives the passages as the documents are now.
        reporter: Where long work shows itself.
        clock: Gives the time, with its zone.
    """

    def __init__(
        self,
        layout: Layout,
        settings: Settings,
        registry: Registry,
        store: VectorStore,
        encoders: Encoders,
        corpus: Callable[[], IndexedPassages],
        reporter: Reporter | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.layout, self.settings, self.registry, self.store = layout, settings, registry, store
        self.encoders, self.corpus, self.reporter = encoders, corpus, reporter or SilentReporter()
        self.catalogue = Catalogue(registry, store)
        self._clock = clock

    def build(
        self, version: str | None = None, *, dimension: int | None = None, options: BuildOptions | None = None
    ) -> Built:
        """Embeds the documents, as they are now, into a new collection beside the live one. What is live stays live.

        A build that was killed is gone on with by the next one; a collection that holds the same already is used as it
        is. Vectors of unchanged passages come from the cache. A query adapter searches its base's vectors, so for one
        the base's collection is built, if it is not there yet.

        Args:
            version: A registered version; the live one, else the newest, when None.
            dimension: Vectors are cut to this length; when None what is live for this version, else what its run chose.
            options: Steps and speed; the settings' when None.

        Raises:
            InputError: There is no such version, or no passage.
            MismatchError: The files of the version are not what was registered.
        """
        asked = self._version(version)
        model, passages = self._embedder(asked), self.corpus()
        full = self._cached(self.encoders(model))
        before = full.misses
        encoder = TruncatedEncoder(full, dimension or self._dimension(asked))
        noted = notes(encoder, passages.context, passages.chunker)
        index = self.settings.index
        info = build_index(
            self.store, model.version, passages.passages, passages.contents, encoder, quantisation=index.quantisation,
            approximate=index.approximate, meta=noted, options=options or self.settings.build, reporter=self.reporter,
            clock=self._clock,
        )  # fmt: skip
        if info.reused:
            self._renote(self.store.open(info.collection, encoder.fingerprint), noted)
        record = IndexRecord(
            info.collection, model.version, info.fingerprint, info.dimension, info.content, index.quantisation, noted
        )
        encoded = full.misses - before
        detail = {"encoded": encoded, "seconds": round(info.seconds, 3), "reused": info.reused}
        return Built(info, self.registry.indexes.record(record, detail), encoded)

    def verify(self, target: str | None = None) -> IndexVerification:
        """Examines a collection and records what was found.

        Args:
            target: A collection, or a version, whose newest one is meant; what is live when None.

        Raises:
            InputError: There is no such collection.
            MismatchError: A sync of it has begun and not ended, or another encoder built it.
        """
        record = self.catalogue.find(target)
        if record.target is not None:
            raise MismatchError(
                f"a sync of the collection {record.name!r} was begun and not ended",
                remedy=f"`jargonaut index sync --collection {record.name}` ends it",
            )
        return self.registry.indexes.verified(self._examined(record, record.content))

    def switch(self, target: str | None = None, *, instead_of: Live | Literal["anything"] | None = "anything") -> Live:
        """Makes a collection and the version that built it live, in one step. What was live before stays as it is.

        The files of the version are hashed again. A collection that was not verified as it is now is verified first.

        Args:
            target: A collection, or a version, whose newest one is meant; the newest that is not live when None.
            instead_of: What must be live for this to happen; see `Registry.promote`.

        Raises:
            InputError: There is no such collection or version, or it was retired.
            MismatchError: The files or the collection are not what they were, or the verification failed.
        """
        if target is not None:
            found = self.catalogue.target(target)
            version, record = found.version, found.record
        else:
            record = self.catalogue.newest_other()
            version = record.version
        live = self.registry.live()
        if live is not None and (live.version, live.index) == (version, record.name):
            self._point_alias(live)
            return live
        for name in dict.fromkeys((version, record.version)):
            self.registry.verify(name)
        searching(self.encoders(self.registry.get(version)))  # an adapter's base is looked at here
        encoder = self._encoder(record)
        latest = self.registry.indexes.verification(record.name)
        good = latest is not None and latest.passed and latest.content == record.content
        if not good or content_of(open_collection(self.store, record.name, encoder)) != record.content:
            latest = self.verify(record.name)
            if not latest.passed:
                raise not_verified(latest)
        now = self.registry.promote(version, record.name, record.dimension, instead_of=instead_of)
        self._moved(now, live)
        return now

    def rollback(self) -> Live:
        """Goes back to what was live before, in one step; loads neither a model nor the embedded store's library.

        Raises:
            InputError: There is nothing to go back to, or its collection is gone.
            MismatchError: The files of its model are gone.
        """
        before = self.registry.way_back()
        if before is not None:
            version = self.registry.get(before.version)
            if not version.path.is_dir():
                self.registry.verify(before.version)  # which says what is gone
            self._require_there(before.index, version.searched)
        live, now = self.registry.live(), self.registry.rollback()
        self._moved(now, live)
        return now

    def sync(self, target: str | None = None, *, options: BuildOptions | None = None) -> Synced:
        """Brings a collection up to date with the documents. Run again after a kill, it ends in the same place.

        Passages are compared by hash; only what was added or changed is embedded, and from the cache where it can be.
        While it works, a search finds every passage as it was or as it is now, never half of one and never a vector of
        another model.

        Args:
            target: A collection, or a version, whose newest one is meant; what is live when None.
            options: Steps, speed, and how much may be removed; the settings' when None.

        Raises:
            InputError: There is no such collection, nothing is live, or more would be removed than is allowed.
            MismatchError: The documents are cut in another way than those of the index.
        """
        if target is None and self.registry.live() is None:
            raise InputError("nothing is live, so there is no index to bring up to date", remedy=BUILD)
        record, passages = self.catalogue.find(target), self.corpus()
        options = options or self.settings.build
        full = self._cached(self.encoders(self.registry.get(record.version)))
        encoder = TruncatedEncoder(full, record.dimension)
        with self.store.exclusive():
            record = self.catalogue.find(record.name)  # another sync may have ended while this one waited
            collection = open_collection(self.store, record.name, encoder)
            require_chunker(collection.info, passages.chunker, passages.context)
            wanted = content_of_passages(passages.passages, passages.contents)
            plan = plan_sync(collection, passages.passages, passages.contents, wanted)
            if plan.nothing and record.target is None and record.content == wanted:
                return Synced(record.name, 0, 0, 0, wanted.count, self.registry.indexes.verification(record.name))
            require_few_removed(plan, record, options)
            self.registry.indexes.begin_sync(record.name, wanted)
            apply_sync(
                collection, plan, passages.passages, passages.contents, encoder, options=options, reporter=self.reporter
            )
            found = self._examined(record, wanted)
            if not found.intact:
                self.registry.indexes.verified(found)
                raise not_verified(found)
            detail = {"added": plan.added, "changed": plan.changed, "removed": len(plan.removed)}
            self.registry.indexes.end_sync(record.name, detail, found)
        if not found.passed:
            self.reporter.warn(str(not_verified(found)))
        return Synced(record.name, plan.added, plan.changed, len(plan.removed), wanted.count, found)

    def gc(self, *, keep: int = 1, dry_run: bool = False) -> Removal:
        """Removes collections that nothing points at, and what killed builds left.

        What is live, what a roll back goes to, and the newest `keep` others stay. Waits for a build that is running.

        Args:
            keep: How many others stay; a candidate that was built and not switched to yet is one of them.
            dry_run: Whether to say only what would be removed.

        Raises:
            InputError: Nothing is live, so everything would go.
        """
        if keep < 0:
            raise InputError(f"{keep} collections cannot be kept", where="--keep")
        live = self.registry.live()
        if live is None:
            raise InputError("nothing is live, so every collection would be removed", remedy=BUILD)
        back = self.registry.way_back()
        pointed = {live.index, *([back.index] if back else [])}
        if dry_run:
            free = [name for name in self.catalogue.oldest_first() if name not in pointed]
            gone = tuple(free[: max(0, len(free) - keep)])
            return Removal((*gone, *self.catalogue.unfinished()), (*pointed, *free[len(gone) :]), done=False)
        with self.store.exclusive():
            unfinished, finished = self.catalogue.unfinished(), self.catalogue.oldest_first()
            gone = self.registry.indexes.give_up(finished, keep=keep)
            for name in (*gone, *unfinished):
                self.store.drop(name)
        return Removal((*gone, *unfinished), tuple(name for name in finished if name not in gone), done=True)

    def status(self) -> tuple[IndexStatus, ...]:
        """Every collection that is in the store or remembered, oldest first."""
        return statuses(self.registry, self.store)

    def plan(self, passages: int, dimensions: Sequence[int] = ()) -> IndexPlan:
        """What an index of so many passages would take, from what this workspace measured where it did.

        Args:
            passages: How many.
            dimensions: Lengths of vectors; the usual ones up to the model's when none is given.
        """
        versions = self.registry.list()
        full = max((one.dimension for one in versions), default=384)
        usual = [d for d in (full, 768, 512, 256, 128, 64) if d <= full]
        rate, size = measured_rate(self.registry.events()), self._passage_bytes()
        return plan_index(
            passages, dimensions or usual, measured_rate=rate, measured_bytes=size, options=self.settings.plan
        )

    def opened(self, record: IndexRecord) -> tuple[Collection, Encoder]:
        """A collection and the encoder that built it, computing and cut to its dimension."""
        encoder = self._encoder(record)
        return open_collection(self.store, record.name, encoder), encoder

    def searcher(self, record: IndexRecord, version: str | None = None) -> IndexSearcher:
        """A searcher on one collection, whatever is live.

        Args:
            record: The collection.
            version: Who searches it: an adapter on its version, for example; that version itself when None.

        Raises:
            MismatchError: It is not what the registry remembers, or it holds another model's vectors.
        """
        full = self.encoders(self.registry.get(record.version if version is None else version))
        encoder = TruncatedEncoder(searching(uncached(full)), record.dimension)
        collection = open_collection(self.store, record.name, encoder)
        require_intact(self.registry, record.name, collection.count)
        return IndexSearcher(self.store, record.name, encoder)

    def context_of(self, collection: Collection) -> Context:
        """What was put before a passage's text when this collection was made.

        Raises:
            MismatchError: It does not say.
        """
        match collection.info.meta.get(CONTEXT):
            case "none" | "title" | "headings" as said:
                return said
        raise MismatchError(
            "this collection does not say what was embedded for its passages: an older jargonaut built it",
            where=collection.info.name,
            remedy=BUILD,
        )

    def _embedder(self, version: ModelVersion) -> ModelVersion:
        """The version that embeds the passages which a version searches: itself, or an adapter's base."""
        if not version.space:
            return version
        return next((one for one in self.registry.list() if one.fingerprint == version.space), version)

    def cached(self, version: ModelVersion) -> Encoder:
        """A version's encoder, remembering."""
        return self._cached(self.encoders(version))

    def _examined(self, record: IndexRecord, wanted: IndexContent) -> IndexVerification:
        try:
            collection, encoder = self.opened(record)
            golden = golden_queries(self.layout, self.registry, record)
            context = self.context_of(collection)
            options = self.settings.verify
            found, checks = examine(collection, encoder, wanted, context=context, golden=golden, options=options)
        except DamagedCollectionError as error:
            found, checks = IndexContent("", 0), (Check("readable", error.what, "every vector", passed=False),)
        intact = all(check.passed for check in checks if check.name in INTEGRITY or check.name == "readable")
        passed = all(check.passed for check in checks)
        said = tuple({"name": c.name, "found": c.found, "wanted": c.wanted, "passed": c.passed, "value": c.value}
                     for c in checks)  # fmt: skip
        return IndexVerification(record.name, found, intact, passed, said)

    def _version(self, name: str | None) -> ModelVersion:
        live, versions = self.registry.live(), self.registry.list()
        if name is None and not versions:
            raise InputError("no model version is registered yet", remedy="run `jargonaut run DOCS` first")
        return self.registry.get(name or (live.version if live else versions[-1].version))

    def _dimension(self, version: ModelVersion) -> int:
        live = self.registry.live()
        if live is not None and live.version == version.version:
            return live.dimension
        return int(version.lineage.get("dimension") or version.dimension)

    def _encoder(self, record: IndexRecord) -> Encoder:
        return TruncatedEncoder(uncached(self.encoders(self.registry.get(record.version))), record.dimension)

    def _cached(self, encoder: Encoder) -> CachedEncoder | AdaptedEncoder:
        return remembering(encoder, self.layout.vectors, self.reporter)

    def _renote(self, collection: Collection, noted: dict[str, str]) -> None:
        """The same content may have been cut in another way before: the notes say how it is cut now."""
        if any(collection.info.meta.get(key) != noted[key] for key in (CHUNKER, CONTEXT)):
            collection.annotate(noted)

    def _passage_bytes(self) -> float | None:
        try:
            return self.corpus().mean_bytes if self.registry.live() is not None else None
        except JargonautError:  # nobody said where the documents are
            return None

    def _require_there(self, name: str, fingerprint: str) -> None:
        """Refuses to go back to a collection that is gone.

        Importing LanceDB takes a hundred times as long as going back, so of its tables the folder is looked for. One
        that was altered is refused by the searches.
        """
        if isinstance(self.store, LanceStore):
            if not (self.store.folder / f"{name}.lance").is_dir():
                raise unknown_collection(name, [], self.store.location)
            return
        require_intact(self.registry, name, self.store.open(name, fingerprint).count)

    def _moved(self, now: Live, before: Live | None) -> None:
        """What follows once the pointer has moved: other programs are told, and a reader of what is older now."""
        self._point_alias(now)
        older = older_documents(self.registry, now, before)
        if older is not None:
            self.reporter.warn(older)

    def _point_alias(self, live: Live) -> None:
        """Tells other programs by the store's own second name; the registry's pointer is what counts."""
        if not self.store.native_aliases:
            return
        try:
            self.store.set_alias(ALIAS, live.index)
        except JargonautError as error:
            self.reporter.warn(
                f"{live.index} is live, but the store's alias {ALIAS!r} could not be moved ({error.what})"
            )
