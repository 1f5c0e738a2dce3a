"""Immutable model versions, the append-only history, and the one pointer that says what is live."""

from jargonaut.registry.comparison import Difference, compare
from jargonaut.registry.indexes import IndexRecord, IndexRecords, IndexVerification
from jargonaut.registry.narration import narrate
from jargonaut.registry.registry import BASE, Registry
from jargonaut.registry.tracking import RegistryOptions, tell_mlflow, track_version
from jargonaut.registry.versions import Event, Live, ModelVersion, VersionKind, write_card

__all__ = [
    "BASE",
    "Difference",
    "Event",
    "IndexRecord",
    "IndexRecords",
    "IndexVerification",
    "Live",
    "ModelVersion",
    "Registry",
    "RegistryOptions",
    "VersionKind",
    "compare",
    "narrate",
    "tell_mlflow",
    "track_version",
    "write_card",
]
