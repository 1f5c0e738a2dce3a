"""Which model versions exist, what happened to them, and which one is live.

A version is a folder that never changes plus one row. The folder appears under its name whole (copied beside it,
manifest last, renamed), then the row is committed. A kill between the two leaves a whole folder without a row, and the
next registration adopts it from its manifest. Knows folders and SQLite; knows nothing of training, and an index only by
name.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from jargonaut.artifacts import plain
from jargonaut.databases import database, transaction
from jargonaut.errors import InputError, MismatchError
from jargonaut.registry.indexes import IndexRecords, require_servable
from jargonaut.registry.tables import (
    MIGRATIONS,
    insert,
    insert_event,
    live_pointer,
    pointer,
    reading,
    select,
    select_events,
    set_run,
    way_back,
)
from jargonaut.registry.versions import (
    Event,
    Live,
    ModelVersion,
    VersionKind,
    copy_model,
    flush,
    hash_of_model,
    is_whole,
    model_hash,
    read_manifest,
    write_manifest,
)

BASE = "base"
"""Version name of the first base model; others are `base-2`, `base-3` …"""

_INCOMING = ".incoming-"


def _now() -> datetime:
    return datetime.now(UTC)


class Registry:
    """Model versions of one workspace. Several processes and threads may use it at once.

    Args:
        path: The database file; created when missing.
        models: Folder of the version folders.
        clock: Gives the time, with its zone.
    """

    def __init__(self, path: Path, models: Path, *, clock: Callable[[], datetime] = _now) -> None:
        self.path = path
        self.models = models
        self._clock = clock

    def register(
        self,
        source_folder: Path,
        *,
        name: str,
        fingerprint: str,
        dimension: int,
        base: str,
        run_id: str,
        metrics: Mapping[str, float] | None = None,
        lineage: Mapping[str, Any] | None = None,
        query_prompt: str | None = None,
        passage_prompt: str | None = None,
        max_tokens: int | None = None,
        kind: VersionKind = "encoder",
        space: str = "",
    ) -> ModelVersion:
        """Copies a model folder into the registry as a new version. The source stays as it is.

        The same files with the same fingerprint are the same version: registering them again, after another evaluation
        or after a kill at any moment, gives back the first one. One that no run had tested takes the run, its metrics
        and its lineage over. If its folder was lost or altered, it is restored.

        Args:
            source_folder: A folder that sentence-transformers loads.
            name: Descriptive name.
            fingerprint: Identity of the encoder made from it.
            dimension: Length of its full vectors.
            base: Version or name of the model it was tuned from.
            run_id: The run that made it.
            metrics: Headline metrics on test.
            lineage: What it came from; JSON-like.
            query_prompt: Put before queries; None for what the files say.
            passage_prompt: Put before passages; None for what the files say.
            max_tokens: Longer texts are cut to this; None for what the files say.
            kind: What it is.
            space: Fingerprint of the encoder whose passage vectors it searches; empty where it embeds passages itself.

        Raises:
            InputError: The folder is missing or empty.
            MismatchError: The folder changed while it was copied.
        """
        wanted = ModelVersion(
            version="",
            content_hash=hash_of_model(source_folder),
            name=name,
            path=self.models,
            fingerprint=fingerprint,
            dimension=dimension,
            base=base,
            run_id=run_id,
            created=self._time(),
            metrics=dict(metrics or {}),
            lineage=plain(lineage or {}),
            query_prompt=query_prompt,
            passage_prompt=passage_prompt,
            max_tokens=max_tokens,
            kind=kind,
            space=space,
        )
        with database(self.path, MIGRATIONS) as connection, transaction(connection):
            # The lock is held while the folder is copied, so any other half-copied folder is an abandoned one.
            self._adopt(connection)
            known = self._same(connection, wanted)
            if known is not None and is_whole(known):
                return self._tested(connection, known, wanted)
            version = known or replace(wanted, version=self._next_name(connection))
            version = replace(version, path=self.models / version.version)
            self._copy(source_folder, version)
            if known is None:
                insert(connection, version, path="")
            self._note(connection, "restored" if known else "registered", version.version, {"run": run_id})
            return self._tested(connection, version, wanted)

    def register_base(
        self,
        folder: Path,
        *,
        name: str,
        fingerprint: str,
        dimension: int,
        query_prompt: str | None = None,
        passage_prompt: str | None = None,
        max_tokens: int | None = None,
    ) -> ModelVersion:
        """Registers a base model where it lies, without copying it.

        The first one is `base`; another model (by fingerprint) becomes `base-2` and so on. A known one that was
        registered elsewhere stays there, unless it is gone or altered there, as after a reinstallation.
        """
        digest = hash_of_model(folder)
        path = str(folder.resolve())
        with database(self.path, MIGRATIONS) as connection, transaction(connection):
            bases = [
                v for v in select(connection, self.models) if v.version == BASE or v.version.startswith(f"{BASE}-")
            ]
            for known in bases:
                if known.fingerprint != fingerprint:
                    continue
                if str(known.path) != path and not is_whole(known):
                    connection.execute("UPDATE versions SET path = ? WHERE version = ?", (path, known.version))
                    self._note(connection, "moved", known.version, {"path": path})
                    return replace(known, path=Path(path))
                return known
            label = f"{BASE}-{len(bases) + 1}" if bases else BASE
            version = ModelVersion(
                label, digest, name, Path(path), fingerprint, dimension, base="", run_id="", created=self._time(),
                query_prompt=query_prompt, passage_prompt=passage_prompt, max_tokens=max_tokens,
            )  # fmt: skip
            insert(connection, version, path=path)
            self._note(connection, "registered", label, {"path": path})
            return version

    def list(self) -> tuple[ModelVersion, ...]:
        """All versions, oldest first."""
        with reading(self.path) as connection:
            return select(connection, self.models)

    def get(self, version: str) -> ModelVersion:
        """One version.

        Raises:
            InputError: There is none of this name; the message lists those there are.
        """
        with reading(self.path) as connection:
            return self._get(connection, version)

    def verify(self, version: str) -> ModelVersion:
        """Reads every file of a version again and compares the hash.

        Raises:
            InputError: There is no such version.
            MismatchError: Its folder is gone, or a file was changed, added or removed.
        """
        known = self.get(version)
        if not known.path.is_dir():
            raise MismatchError(f"the folder of version {version!r} is gone", where=str(known.path))
        found = model_hash(known.path)
        if found != known.content_hash:
            raise MismatchError(
                f"version {version!r} was altered: its files hash to {found}, registered was {known.content_hash}",
                where=str(known.path),
                remedy="remove the folder and run again, which restores it; or promote another version",
            )
        return known

    def verify_all(self, versions: Sequence[str] | None = None) -> dict[str, str | None]:
        """Reads every file of versions again: version → what is wrong with it, None for nothing.

        Args:
            versions: Those; all when None.

        Raises:
            InputError: There is no such version.
        """
        found: dict[str, str | None] = {}
        for version in [one.version for one in self.list()] if versions is None else versions:
            try:
                self.verify(version)
                found[version] = None
            except MismatchError as error:
                found[version] = str(error)
        return found

    def live(self) -> Live | None:
        """The pointer in force; None before the first promotion."""
        with reading(self.path) as connection:
            return live_pointer(connection)

    @property
    def indexes(self) -> IndexRecords:
        """What is remembered of vector collections."""
        return IndexRecords(self.path, self._time)

    def promote(
        self, version: str, index: str, dimension: int, *, instead_of: Live | Literal["anything"] | None = "anything"
    ) -> Live:
        """Makes a version live, together with a verified collection of its vectors. Atomic.

        Promoting what is live already changes nothing.

        Args:
            version: A registered version.
            index: Name of its vector collection, recorded and verified before (`indexes`).
            dimension: Length of the collection's vectors.
            instead_of: What must be live for this to happen (None: nothing), for callers that decided on what they saw.

        Raises:
            InputError: There is no such version or collection, it has no such dimension, or it was retired or removed.
            MismatchError: The collection was not verified as it is, or belongs to another model; or something else is
                live than `instead_of`.
        """
        with database(self.path, MIGRATIONS) as connection, transaction(connection):
            known = self._get(connection, version)
            if not 0 < dimension <= known.dimension:
                raise InputError(f"version {version!r} has {known.dimension} dimensions, not {dimension}")
            before = live_pointer(connection)
            if before is not None and (before.version, before.index, before.dimension) == (version, index, dimension):
                return before
            if instead_of not in ("anything", before):
                raise MismatchError(f"{before.version if before else 'nothing'} went live meanwhile", where=version)
            known.require_vectors()
            if known.status == "retired":
                raise InputError(
                    f"version {version!r} was retired",
                    remedy=f"`jargonaut models retire {version} --undo` allows it again",
                )
            made = require_servable(connection, index, known.searched, dimension)
            number = connection.execute(
                "INSERT INTO pointers (version, dimension, index_name, quantisation, since, previous) "
                "VALUES (?, ?, ?, ?, ?, (SELECT pointer FROM live)) RETURNING number",
                (version, dimension, index, made.quantisation, self._time()),
            ).fetchone()[0]
            return self._point(connection, "promoted", number, before)

    def rollback(self) -> Live:
        """Goes back to the pointer that was in force before the live one was promoted. Atomic.

        Versions that were retired since and collections that were removed are passed over.

        Raises:
            InputError: There is nothing to go back to.
        """
        with database(self.path, MIGRATIONS) as connection, transaction(connection):
            before, number = live_pointer(connection), way_back(connection)
            if before is None or number is None:
                raise InputError(
                    "there is nothing to go back to", where=str(self.path), remedy="promote a version instead"
                )
            return self._point(connection, "rolled back", number, before)

    def way_back(self) -> Live | None:
        """What a roll back would make live; None when there is nothing to go back to."""
        with reading(self.path) as connection:
            number = way_back(connection)
            return pointer(connection, number) if number is not None else None

    def retire(self, version: str, reason: str = "") -> ModelVersion:
        """Says that a version shall not be served any more: it cannot be promoted, and a roll back passes it over.

        Its files stay, since other versions may have come from it.

        Raises:
            InputError: There is no such version, or it is live.
        """
        with database(self.path, MIGRATIONS) as connection, transaction(connection):
            known = self._get(connection, version)
            if known.status == "live":
                raise InputError(f"version {version!r} is live", remedy="promote another one, or roll back, first")
            if known.status != "retired":
                connection.execute("INSERT INTO retired VALUES (?, ?)", (version, reason))
                self._note(connection, "retired", version, {"reason": reason})
            return self._get(connection, version)

    def reinstate(self, version: str) -> ModelVersion:
        """Takes a retirement back.

        Raises:
            InputError: There is no such version, or it was not retired.
        """
        with database(self.path, MIGRATIONS) as connection, transaction(connection):
            if self._get(connection, version).status != "retired":
                raise InputError(f"version {version!r} was not retired")
            connection.execute("DELETE FROM retired WHERE version = ?", (version,))
            self._note(connection, "reinstated", version, {})
            return self._get(connection, version)

    def events(self) -> tuple[Event, ...]:
        """Everything that happened, oldest first."""
        with reading(self.path) as connection:
            return select_events(connection)

    def _time(self) -> str:
        return self._clock().astimezone(UTC).isoformat(timespec="seconds")

    def _note(self, connection: sqlite3.Connection, kind: str, version: str, detail: Mapping[str, Any]) -> None:
        insert_event(connection, self._time(), kind, version, detail)

    def _point(self, connection: sqlite3.Connection, kind: str, number: int, before: Live | None) -> Live:
        """Moves the live pointer."""
        connection.execute("INSERT OR REPLACE INTO live VALUES (1, ?)", (number,))
        now = pointer(connection, number)
        detail = {"index": now.index, "dimension": now.dimension, "before": before.version if before else None}
        self._note(connection, kind, now.version, detail)
        return now

    def _get(self, connection: sqlite3.Connection, version: str) -> ModelVersion:
        known = {v.version: v for v in select(connection, self.models)}
        if version not in known:
            raise InputError(
                f"there is no model version {version!r}",
                where=str(self.path),
                remedy=f"known versions: {', '.join(known)}"
                if known
                else "none is registered yet: run `jargonaut run`",
            )
        return known[version]

    def _same(self, connection: sqlite3.Connection, wanted: ModelVersion) -> ModelVersion | None:
        key = (wanted.content_hash, wanted.fingerprint)
        known = (v for v in select(connection, self.models) if v.base)  # a base lies elsewhere and is never copied
        return next((v for v in known if (v.content_hash, v.fingerprint) == key), None)

    def _tested(self, connection: sqlite3.Connection, known: ModelVersion, found: ModelVersion) -> ModelVersion:
        """The version; one that no run had tested gets the run that has now, and what that found."""
        if known.run_id or not found.run_id:
            return known
        version = replace(known, run_id=found.run_id, metrics=found.metrics, lineage=found.lineage)
        write_manifest(version.path, version)
        set_run(connection, version)
        self._note(connection, "tested", version.version, {"run": version.run_id})
        return version

    def _next_name(self, connection: sqlite3.Connection) -> str:
        """The first free `v<number>` above all that are taken, by a row or by a folder of somebody else."""
        taken = [v.version for v in select(connection, self.models)] + [path.name for path in self.models.glob("v*")]
        return f"v{1 + max((int(name[1:]) for name in taken if name[:1] == 'v' and name[1:].isdecimal()), default=0)}"

    def _adopt(self, connection: sqlite3.Connection) -> None:
        """Clears up after a killed registration: half copies go, whole folders without a row get one."""
        for folder in self.models.glob(f"{_INCOMING}*"):
            shutil.rmtree(folder, ignore_errors=True)
        known = {v.version for v in select(connection, self.models)}
        found = [read_manifest(path) for path in self.models.glob("v*") if path.name not in known]
        whole = [v for v in found if v is not None and v.version == v.path.name and v.version[1:].isdecimal()]
        for version in sorted(whole, key=lambda v: int(v.version[1:])):
            if model_hash(version.path) == version.content_hash and self._same(connection, version) is None:
                insert(connection, version, path="")
                self._note(connection, "adopted", version.version, {"run": version.run_id})

    def _copy(self, source: Path, version: ModelVersion) -> None:
        """Makes the version's folder appear, whole."""
        incoming = self.models / f"{_INCOMING}{version.version}-{os.getpid()}"
        incoming.mkdir(parents=True)
        try:
            copy_model(source, incoming, version.content_hash)
            write_manifest(incoming, version)
            shutil.rmtree(version.path, ignore_errors=True)  # a damaged one
            incoming.rename(version.path)
        except BaseException:
            shutil.rmtree(incoming, ignore_errors=True)
            raise
        flush(self.models)
