"""Where a project's files live. Paths only; nothing is created or read here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SETTINGS_FILE = "jargonaut.toml"


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of one workspace, all below `<root>/.jargonaut`."""

    root: Path

    @property
    def settings(self) -> Path:
        """The user's settings; may be absent."""
        return self.root / SETTINGS_FILE

    @property
    def home(self) -> Path:
        """Everything that jargonaut writes."""
        return self.root / ".jargonaut"

    def stage(self, name: str) -> Path:
        """Artifacts of a stage, one folder per key."""
        return self.home / name

    @property
    def runs(self) -> Path:
        """Reports, per-query scores and TREC files, one folder per run."""
        return self.home / "runs"

    @property
    def reports(self) -> Path:
        """Reports of runs that were written again in another form; a run's own folder stays as it was finished."""
        return self.home / "reports"

    @property
    def models(self) -> Path:
        """Registered model versions."""
        return self.home / "models"

    @property
    def registry(self) -> Path:
        """The registry's database."""
        return self.home / "registry.db"

    @property
    def vectors(self) -> Path:
        """The vector cache."""
        return self.home / "vectors"

    @property
    def verdicts(self) -> Path:
        """What rerankers said of pairs: one file for each."""
        return self.home / "verdicts"

    @property
    def index(self) -> Path:
        """Vector collections."""
        return self.home / "index"

    @property
    def bridges(self) -> Path:
        """Maps from new models into old indexes."""
        return self.home / "bridges"

    @property
    def monitoring(self) -> Path:
        """What monitoring remembers: its series and its locks."""
        return self.home / "monitoring"

    @property
    def golden(self) -> Path:
        """Golden sets, one file per version."""
        return self.home / "golden"

    @property
    def queries(self) -> Path:
        """The log of users' queries, where it is switched on."""
        return self.home / "queries"

    @property
    def shadow(self) -> Path:
        """What candidates found beside what was live, one file per pair."""
        return self.home / "shadow"

    @property
    def source(self) -> Path:
        """Where the documents lie that this workspace was last used on."""
        return self.home / "source.json"

    @property
    def pool(self) -> Path:
        """Judgements that the user brought in, one folder per source."""
        return self.home / "pool"

    @property
    def replies(self) -> Path:
        """What language models answered; each was paid for once."""
        return self.home / "replies.db"

    @property
    def reviews(self) -> Path:
        """What people decided about pairs."""
        return self.home / "reviews.db"
