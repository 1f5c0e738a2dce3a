"""What the vectors of a collection depend on, in words, so that a refusal can show both values.

The fingerprint decides; this says why. Knows encoders and notes of collections.
"""

from __future__ import annotations

from collections.abc import Mapping

from jargonaut.errors import MismatchError
from jargonaut.index import Collection, CollectionInfo, VectorStore, unknown_collection
from jargonaut.protocols import Encoder

CONTEXT, CHUNKER = "context", "chunker"
_FEATURE = "encoder."


def features(encoder: Encoder) -> dict[str, str]:
    """Everything that an encoder says of its vectors: model, prompts, pooling, token limit, normalisation."""
    inner: object = encoder
    while not hasattr(inner, "features") and hasattr(inner, "encoder"):
        inner = inner.encoder
    said = getattr(inner, "features", None)
    return {"model": encoder.name} if said is None else dict(said)


def notes(encoder: Encoder, context: str, chunker: str) -> dict[str, str]:
    """What a collection notes of what its vectors depend on."""
    said = {f"{_FEATURE}{key}": value for key, value in features(encoder).items()}
    return {**said, CONTEXT: context, CHUNKER: chunker}


def open_collection(store: VectorStore, name: str, encoder: Encoder) -> Collection:
    """A finished collection that this encoder built.

    Raises:
        InputError: There is no finished collection of this name.
        MismatchError: Another encoder built it, or one of another dimension; the message shows what differs.
    """
    found = next((info for info in store.collections() if info.name == name), None)
    if found is None or not found.complete:
        raise unknown_collection(name, store.collections(), store.location)
    _require_encoder(found, encoder)
    return store.open(name, encoder.fingerprint)


def require_chunker(info: CollectionInfo, chunker: str, context: str) -> None:
    """Refuses passages that were cut in another way than those of a collection.

    Raises:
        MismatchError: They were, or the collection does not say how its own were cut.
    """
    ours = {CHUNKER: chunker, CONTEXT: context}
    wrong = [f"{key}: {info.meta.get(key, 'not noted')!r} in the index, {value!r} now" for key, value in ours.items()
             if info.meta.get(key) != value]  # fmt: skip
    if wrong:
        raise MismatchError(
            f"the passages were cut in another way than those of the index ({'; '.join(wrong)})",
            where=info.name,
            remedy="go back to the settings that it was built with, or build another: `jargonaut index build`",
        )


def _require_encoder(info: CollectionInfo, encoder: Encoder) -> None:
    wrong = []
    if info.fingerprint != encoder.fingerprint:
        noted = {k.removeprefix(_FEATURE): v for k, v in info.meta.items() if k.startswith(_FEATURE)}
        wrong = _differences(noted, features(encoder))
        wrong.append(f"fingerprint: {info.fingerprint} in the index, {encoder.fingerprint} in use")
    if info.dimension != encoder.dimension:
        wrong.append(f"dimension: {info.dimension} in the index, {encoder.dimension} in use")
    if wrong:
        raise MismatchError(
            f"another encoder built this index ({'; '.join(wrong)})",
            where=info.name,
            remedy="search with the version that built it, or build an index for this one: `jargonaut index build`",
        )


def _differences(noted: Mapping[str, str], ours: Mapping[str, str]) -> list[str]:
    return [
        f"{key}: {noted[key]!r} in the index, {value!r} in use"
        for key, value in ours.items()
        if key in noted and noted[key] != value
    ]
