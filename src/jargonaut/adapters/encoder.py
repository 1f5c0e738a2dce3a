"""An encoder with an adapter on top.

One that maps queries alone searches the base's vectors: its fingerprint is its own, for its query vectors are, and
`SpaceEncoder` is the same under the name of the space that it searches. Knows encoders; knows no index.
"""

from __future__ import annotations

from collections.abc import Sequence

from jargonaut.adapters.maps import Adapter
from jargonaut.errors import MismatchError
from jargonaut.protocols import Encoder, Vectors


class AdaptedEncoder:
    """Vectors of a base encoder, mapped.

    Args:
        base: The encoder that the adapter was fitted on.
        adapter: The map.
        name: What a user calls the two together; made from the base's name when None.

    Attributes:
        base: As given.
        adapter: As given.

    Raises:
        MismatchError: The adapter was fitted on another encoder.
    """

    def __init__(self, base: Encoder, adapter: Adapter, name: str | None = None) -> None:
        if base.fingerprint != adapter.base:
            raise MismatchError(
                f"this adapter was fitted on encoder {adapter.base} ({adapter.base_name}), the one beneath it is "
                f"{base.fingerprint} ({base.name})",
                remedy="use the base that it names, with the prompts and the token limit that it had; or train an "
                "adapter on this one: `jargonaut train --adapter`",
            )
        self.base, self.adapter = base, adapter
        self._name = name

    @property
    def name(self) -> str:
        """What a user calls it."""
        return self._name or f"{self.base.name} with a {self.adapter.kind} adapter"

    @property
    def fingerprint(self) -> str:
        """Identity of base and map together."""
        return self.adapter.fingerprint

    @property
    def space(self) -> str:
        """Fingerprint of the encoder whose passage vectors are searched; empty where passages are mapped too."""
        return self.adapter.base if self.adapter.sides == "query" else ""

    @property
    def dimension(self) -> int:
        """Length of one vector."""
        return self.adapter.dimension

    @property
    def number_format(self) -> str:
        """The base's."""
        return str(getattr(self.base, "number_format", ""))

    @property
    def features(self) -> dict[str, str]:
        """What the base says of its vectors, and the adapter."""
        said = dict(getattr(self.base, "features", {"model": self.base.name}))
        return {**said, "adapter": f"{self.adapter.kind}, {self.adapter.sides}, {self.adapter.fingerprint}"}

    @property
    def misses(self) -> int:
        """Texts that the base had to encode, where it counts them."""
        return int(getattr(self.base, "misses", 0))

    @property
    def devices(self) -> tuple[object, ...]:
        """The base's."""
        return tuple(getattr(self.base, "devices", (None,)))

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """One row per text, mapped, shape (texts, dimension)."""
        return self.adapter.mapped(self.base.encode_queries(texts), "query")

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """One row per text, shape (texts, dimension): the base's own, or mapped where the adapter has two sides."""
        return self.adapter.mapped(self.base.encode_passages(texts), "passage")

    def close(self) -> None:
        """Ends what the base holds."""
        close = getattr(self.base, "close", None)
        if close is not None:
            close()


class SpaceEncoder:
    """A query adapter as the index that it searches knows it: under the fingerprint of its base.

    Args:
        encoder: One that maps queries alone.

    Raises:
        MismatchError: It maps passages too, so it has a space of its own.
    """

    def __init__(self, encoder: AdaptedEncoder) -> None:
        if not encoder.space:
            raise MismatchError(f"{encoder.name} maps passages too, so it searches an index of its own")
        self.encoder = encoder

    @property
    def name(self) -> str:
        """What a user calls it."""
        return self.encoder.name

    @property
    def fingerprint(self) -> str:
        """The base's."""
        return self.encoder.space

    @property
    def dimension(self) -> int:
        """Length of one vector."""
        return self.encoder.dimension

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """One row per text, mapped."""
        return self.encoder.encode_queries(texts)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """One row per text, the base's own."""
        return self.encoder.encode_passages(texts)
