"""Immutable model versions, the append-only history, and the one pointer that says what is live."""

from jargonaut.registry.registry import BASE, Registry
from jargonaut.registry.versions import Event, Live, ModelVersion

__all__ = ["BASE", "Event", "Live", "ModelVersion", "Registry"]
