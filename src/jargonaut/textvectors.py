"""Texts of a file or a folder → a `.npy` file of their vectors, in flat memory.

Joins the reading of texts with a model and the stream that goes on after a kill.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

from jargonaut.encoders import account, base_model, named_encoder
from jargonaut.encoding.cache import Kind
from jargonaut.encoding.devices import choose_devices
from jargonaut.encoding.stream import encode_to_file
from jargonaut.layout import Layout
from jargonaut.protocols import Reporter
from jargonaut.settings import Settings
from jargonaut.texts import open_texts


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


def encode_texts(
    source: Path, target: Path, kind: Kind, model: str | None, settings: Settings, layout: Layout, reporter: Reporter
) -> EncodedTexts:
    """Encodes every text into a row; the same call goes on after a kill.

    Args:
        source: As for `open_texts`.
        target: The file.
        kind: Which prompt is applied.
        model: A registered version, `embedded`, a folder or a hub id; the base model of the settings when None.
        settings: Sections `base` and `compute`, and how documents are read and cut.
        layout: Where versions and passages are kept.
        reporter: Shows the progress.

    Raises:
        InputError: The source cannot be read, holds nothing, or has a line that is no text.
        ModelError: The model cannot be used.
    """
    choose_devices(settings.compute.device)  # a device that is not there is told before anything is read
    started, reused = time.monotonic(), list[int]()
    with contextlib.closing(named_encoder(model, settings, layout)) as encoder:
        texts = open_texts(source, kind, lambda: base_model(settings), settings, layout, reporter)
        rows = encode_to_file(
            encoder, texts, target, kind=kind, total=texts.count, reporter=reporter, on_reused=reused.append
        )
        if sent := account(encoder, settings):
            reporter.line(f"  {encoder.name}: {sent}")
    return EncodedTexts(
        target, texts.file, encoder.name, encoder.fingerprint, len(rows), reused[0], rows.shape[1],
        time.monotonic() - started,
    )  # fmt: skip
