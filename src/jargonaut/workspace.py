"""A project folder and everything one does with it: the Python twin of the command line."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jargonaut.artifacts import legible
from jargonaut.errors import InputError
from jargonaut.layout import Layout
from jargonaut.protocols import Reporter, SilentReporter
from jargonaut.settings import Settings, load_settings
from jargonaut.training import World

if TYPE_CHECKING:
    from jargonaut.collection import PairCollection
    from jargonaut.encoding.cache import Kind
    from jargonaut.evaluation import Assessment
    from jargonaut.hardness import PreparedNegatives
    from jargonaut.pipeline import RunResult
    from jargonaut.records import Passage
    from jargonaut.registry import Live, ModelVersion, Registry
    from jargonaut.sweeping import SweepResult
    from jargonaut.tuning import TunedModel


@dataclass(frozen=True, slots=True)
class Hit:
    """One passage that a search found: its rank from 1 and its cosine similarity."""

    rank: int
    score: float
    passage: Passage


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What one version answers to one query."""

    query: str
    version: str
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class EncodedTexts:
    """A `.npy` file of vectors.

    Attributes:
        path: The file; row i is the vector of text i.
        texts: The file whose lines the texts are.
        model: What encoded them.
        fingerprint: Its identity.
        rows: Texts.
        reused: Those of them that an earlier call had encoded before it was stopped.
        dimension: Length of one vector.
        seconds: What this call took, loading the model included.
    """

    path: Path
    texts: Path
    model: str
    fingerprint: str
    rows: int
    reused: int
    dimension: int
    seconds: float

    @property
    def rate(self) -> float:
        """Texts that this call encoded in a second."""
        return (self.rows - self.reused) / self.seconds


class Workspace:
    """A project folder.

    Args:
        root: The folder; it need not exist yet.
        settings: Options of every stage; `<root>/jargonaut.toml` (or the defaults) when None.
        reporter: Where long work shows itself.

    Raises:
        InputError: The folder is a file.
        SettingsError: `jargonaut.toml` cannot be understood.
    """

    def __init__(
        self, root: str | Path = ".", *, settings: Settings | None = None, reporter: Reporter | None = None
    ) -> None:
        self.layout = Layout(Path(root))
        if self.layout.root.exists() and not self.layout.root.is_dir():
            raise InputError("the workspace is a file; a folder is wanted", where=str(root))
        self.settings = settings or load_settings(self.layout.settings)
        self.reporter = reporter or SilentReporter()

    def run(self, source: str | Path | None = None) -> RunResult:
        """The whole story: documents in; verdict, model version and index out.

        Args:
            source: A folder of documents, a BEIR folder, or a JSONL of passages; what the workspace was last used on
                when None.

        Raises:
            JargonautError: The source, the settings or the model cannot be used.
        """
        from jargonaut import pipeline

        return pipeline.run(self.documents(source), self.layout, self.settings, self.reporter)

    def assist(self, source: str | Path | None = None) -> None:
        """Takes part, as any but the first of several processes (`torchrun`), in the training of a `run`.

        Args:
            source: What the first process runs on.
        """
        from jargonaut.story import TRAINS, Story

        if World.joined().agreed(TRAINS) == TRAINS:  # what the first says counts
            Story(self.documents(source), self.layout, self.settings, SilentReporter()).assist()

    def assess(self, source: str | Path | None = None) -> Assessment:
        """Whether fine-tuning looks worth it on this source, and what would do instead; measured on dev."""
        from jargonaut.story import Story

        return Story(self.documents(source), self.layout, self.settings, self.reporter).assessment

    def mine(self, source: str | Path | None = None) -> PreparedNegatives:
        """Hard negatives for the training pairs of this source, and what was taken out; trains nothing.

        Args:
            source: As for `run`.

        Raises:
            JargonautError: The source, the settings or the model cannot be used.
        """
        from jargonaut.story import Story

        return Story(self.documents(source), self.layout, self.settings, self.reporter).mined

    def train(self, source: str | Path | None = None) -> TunedModel:
        """Everything up to a tuned model; test is not opened and nothing is released.

        Args:
            source: As for `run`, which takes the model up where this leaves it.

        Raises:
            JargonautError: The source, the settings or the model cannot be used.
        """
        from jargonaut.story import Story
        from jargonaut.tuning import tune

        return tune(Story(self.documents(source), self.layout, self.settings, self.reporter))

    def sweep(self, source: str | Path | None = None, *, trials: int, minutes: float | None = None) -> SweepResult:
        """Tries training settings on dev; the same call goes on where an earlier one stopped.

        Args:
            source: As for `run`.
            trials: Recipes to try, those of earlier calls counted.
            minutes: Wall time of this call; none when None.

        Raises:
            InputError: No trial or no time is asked for, or another process runs the same sweep.
            JargonautError: No trial could be finished, or `optuna` is not installed.
        """
        from jargonaut import sweeping
        from jargonaut.story import Story

        story = Story(self.documents(source), self.layout, self.settings, self.reporter)
        return sweeping.sweep(story, trials, minutes)

    def pairs(self, docs: str | Path | None = None) -> PairCollection:
        """The workspace's pairs: what was added, and everything one does with them.

        Args:
            docs: The documents that they are about; what the workspace was last used on when None.
        """
        from jargonaut.collection import PairCollection

        return PairCollection(self.layout, self.settings, self.reporter, None if docs is None else Path(docs))

    def search(self, query: str, *, k: int = 10, model: str | None = None) -> SearchResult:
        """Searches with the live version, or with another one.

        Args:
            query: What to look for.
            k: Hits.
            model: A registered version such as `v1` or `base`; the live one when None.

        Raises:
            InputError: Nothing is live, the version is unknown, or the query is empty.
            MismatchError: The index was not made by this model.
        """
        from jargonaut.encoders import version_encoder
        from jargonaut.encoding.matryoshka import TruncatedEncoder
        from jargonaut.index import IndexSearcher, LanceStore

        query = legible(query)
        if not query.strip():
            raise InputError("the query is empty")
        if k < 1:
            raise InputError(f"{k} hits were asked for; ask for 1 or more", where="--k")
        registry = self.registry()
        live = registry.live()
        if model is None and live is None:
            raise InputError("nothing is live in this workspace", where=str(self.layout.root), remedy=_RUN_FIRST)
        version = registry.get(model or (live.version if live else ""))
        pointed = live is not None and live.version == version.version
        index, dimension = (live.index, live.dimension) if live and pointed else self._index_of(version)
        encoder = TruncatedEncoder(version_encoder(registry, version, self.settings), dimension)
        searcher = IndexSearcher(LanceStore(self.layout.index), index, encoder)
        found = searcher.search_texts([query], k)[0]
        passages = searcher.passages([hit.passage_id for hit in found])
        hits = (Hit(rank, hit.score, passages[hit.passage_id]) for rank, hit in enumerate(found, start=1))
        return SearchResult(query, version.version, tuple(hits))

    def encode(
        self, source: str | Path, target: str | Path, *, kind: Kind = "passage", model: str | None = None
    ) -> EncodedTexts:
        """Encodes texts into a `.npy` file, in flat memory; the same call goes on after a kill.

        Args:
            source: A `.jsonl` (field `text`, after its `title` where it has one), a `.txt` of one text per line, a BEIR
                folder, or a folder of documents, which becomes the passages that a run would make of it.
            target: The file.
            kind: Which prompt is applied.
            model: A registered version such as `v1`, `embedded`, a folder or a hub id; the base model of the settings
                when None.

        Raises:
            InputError: The source cannot be read, holds nothing, or has a line that is no text.
            ModelError: The model cannot be used.
        """
        from jargonaut.encoders import base_model, named_encoder
        from jargonaut.encoding.devices import choose_devices
        from jargonaut.encoding.stream import encode_to_file
        from jargonaut.texts import open_texts

        choose_devices(self.settings.compute.device)  # a device that is not there is told before anything is read
        started, reused = time.monotonic(), list[int]()
        with contextlib.closing(named_encoder(model, self.settings, self.layout)) as encoder:
            texts = open_texts(
                Path(source), kind, lambda: base_model(self.settings), self.settings, self.layout, self.reporter
            )
            rows = encode_to_file(
                encoder, texts, Path(target), kind=kind, total=texts.count, reporter=self.reporter,
                on_reused=reused.append,
            )  # fmt: skip
        return EncodedTexts(
            Path(target), texts.file, encoder.name, encoder.fingerprint, len(rows), reused[0], rows.shape[1],
            time.monotonic() - started,
        )  # fmt: skip

    def models(self) -> Sequence[ModelVersion]:
        """Registered versions, oldest first."""
        return self.registry().list()

    def promote(self, version: str) -> Live:
        """Makes a version and its newest index live, in one step.

        Raises:
            InputError: The version is unknown, or it has no index.
            MismatchError: Its files are gone or are not what was registered.
        """
        registry = self.registry()
        registry.verify(version)
        index, dimension = self._index_of(registry.get(version), newest=True)
        return registry.promote(version, index, dimension)

    def rollback(self) -> Live:
        """Goes back to what was live before."""
        return self.registry().rollback()

    def registry(self) -> Registry:
        """The workspace's registry.

        Raises:
            InputError: There is no workspace here yet.
        """
        from jargonaut.registry import Registry

        if not self.layout.registry.exists():
            raise InputError("no run has been finished in this workspace", where=str(self.layout.root),
                             remedy=_RUN_FIRST)  # fmt: skip
        return Registry(self.layout.registry, self.layout.models)

    def documents(self, source: str | Path | None = None) -> Path:
        """Where the documents lie: as told, else where they lay when the workspace was last used.

        Raises:
            InputError: Nobody said so yet.
        """
        from jargonaut.sources import recalled_source

        return recalled_source(self.layout) if source is None else Path(source)

    def _index_of(self, version: ModelVersion, *, newest: bool = False) -> tuple[str, int]:
        """Collection and dimension: over the passages that are live if wanted and there is such a one, else newest."""
        from jargonaut.index import BUILT, PASSAGES, LanceStore

        made = {c.name: c for c in LanceStore(self.layout.index).collections() if c.complete}
        live = None if newest else self.registry().live()
        same = made[live.index].meta.get(PASSAGES) if live and live.index in made else None
        fitting = [c for c in made.values() if c.fingerprint == version.fingerprint]
        if not fitting:
            raise InputError(f"version {version.version} has no index", remedy=_RUN_FIRST)
        best = max(fitting, key=lambda c: (c.meta.get(PASSAGES) == same, c.meta.get(BUILT, ""), c.name))
        return best.name, best.dimension


_RUN_FIRST = "run `jargonaut run DOCS --workspace DIR` first"
