"""The history of a workspace in plain sentences.

Knows events and what each kind of them means to a reader; reads nothing and decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from jargonaut.registry.versions import Event, ModelVersion

SHOWN_METRIC = "nDCG@10"


def narrate(events: Iterable[Event], versions: Iterable[ModelVersion]) -> Iterator[str]:
    """One sentence for each event, oldest first, without its time.

    Args:
        events: What happened.
        versions: What is known of the versions that it happened to.
    """
    known = {version.version: version for version in versions}
    listed = list(events)
    tested = {event.version for event in listed if event.kind == "tested"}
    for event in listed:
        tell = _SENTENCES.get(event.kind)
        if tell is None:  # written by a later release
            yield f"{event.version}: {event.kind}."
        elif isinstance(tell, str):
            yield tell.format_map({**event.detail, "version": event.version})
        else:
            version = known.get(event.version)
            if version is not None and event.kind == "registered" and event.version in tested:
                version = replace(version, metrics={})  # it had none then
            yield tell(event, version, event.detail)


_Teller = Callable[[Event, ModelVersion | None, Mapping[str, Any]], str]


def _registered(event: Event, version: ModelVersion | None, detail: Mapping[str, Any]) -> str:
    del detail
    if version is None:
        return f"{event.version} was registered."
    if not version.base:
        return f"The model {version.name} was registered as {event.version}."
    return f"{event.version} was registered: {version.name}, tuned from {version.base}{_score(version)}."


def _tested(event: Event, version: ModelVersion | None, detail: Mapping[str, Any]) -> str:
    del detail
    return f"{event.version} was tested{'' if version is None else _score(version)}."


def _score(version: ModelVersion) -> str:
    scored = version.metrics.get(SHOWN_METRIC)
    return "" if scored is None else f"; {SHOWN_METRIC} on test {scored:.3f}"


def _promoted(event: Event, version: ModelVersion | None, detail: Mapping[str, Any]) -> str:
    del version
    before = detail.get("before")
    if before is None:
        instead = "; nothing was live before"
    elif before == event.version:
        instead = " in place of another index of the same version"
    else:
        instead = f" in place of {before}"
    return f"{event.version} went live on {_index(detail)}{instead}."


def _rolled_back(event: Event, version: ModelVersion | None, detail: Mapping[str, Any]) -> str:
    del version
    return f"{detail.get('before')} was rolled back: {event.version} is live again on {_index(detail)}."


def _retired(event: Event, version: ModelVersion | None, detail: Mapping[str, Any]) -> str:
    del version
    reason = f": {detail['reason']}" if detail.get("reason") else ""
    return f"{event.version} was retired{reason}."


def _indexed(event: Event, version: ModelVersion | None, detail: Mapping[str, Any]) -> str:
    del version
    encoded = detail.get("encoded")
    work = f", {encoded:,} of them encoded anew" if encoded is not None else ""
    return f"{detail['count']:,} passages were indexed for {event.version}{work}: {_index(detail)}."


def _failed(event: Event, version: ModelVersion | None, detail: Mapping[str, Any]) -> str:
    del version
    return f"The index {detail['index']} of {event.version} failed its verification ({', '.join(detail['failed'])})."


def _index(detail: Mapping[str, Any]) -> str:
    dimension = detail.get("dimension")
    return f"{detail['index']}{f' ({dimension} dimensions)' if dimension else ''}"


_SENTENCES: Mapping[str, str | _Teller] = {
    "registered": _registered,
    "adopted": "The folder of {version} was there without an entry, and was taken in again.",
    "tested": _tested,
    "restored": "The files of {version} were damaged or lost, and were restored.",
    "moved": "The files of {version} lie in {path} now.",
    "promoted": _promoted,
    "rolled back": _rolled_back,
    "retired": _retired,
    "reinstated": "{version} may be served again.",
    "indexed": _indexed,
    "verified": "The index {index} of {version} passed its verification.",
    "failed verification": _failed,
    "synced": (
        "The index {index} of {version} followed the documents: "
        "{added:,} added, {changed:,} changed, {removed:,} removed."
    ),
    "removed": "The index {index} of {version} was removed; nothing pointed at it.",
}
