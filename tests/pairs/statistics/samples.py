"""A small corpus about two subjects, and queries about it, that several tests share."""

from __future__ import annotations

import random
from collections.abc import Sequence

from jargonaut.records import Pair, Passage

GARDEN = (
    "soil", "seeds", "watering", "roses", "pruning", "compost", "garden", "roots", "leaves", "fertiliser", "tomatoes",
)  # fmt: skip
NETWORK = (
    "router", "packets", "firewall", "latency", "subnet", "gateway", "bandwidth", "switch", "protocol", "cable",
)  # fmt: skip


def corpus(count: int, per_document: int = 1, seed: int = 0) -> list[Passage]:
    """Passages of 30 words, every other one about gardens, the rest about networks."""
    draw = random.Random(seed)
    return [
        Passage(
            f"p{i}",
            " ".join(draw.choices(GARDEN if i % 2 == 0 else NETWORK, k=30)),
            document_id=f"d{i // per_document}",
        )
        for i in range(count)
    ]


def asked(passages: Sequence[Passage], provenance: str, form: str, seed: int) -> list[Pair]:
    """One query a passage, of four of its words in a form such as "how do {} and {}"."""
    draw = random.Random(seed)
    found = []
    for passage in passages:
        words = draw.sample(sorted(set(passage.text.split())), 4)
        text = form.format(*words)
        found.append(Pair(f"{provenance}-{passage.id}", text, passage.id, 1, provenance))
    return found
