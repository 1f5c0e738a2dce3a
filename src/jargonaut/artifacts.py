"""Files that are either whole or absent: atomic writes, content hashes, content-addressed stage folders.

A stage's folder is named by the hash of its inputs, its options and its own version. It is built under a temporary
name, its manifest is written last, then it is renamed. So a folder that exists under its final name is complete, and a
kill at any moment leaves at worst a temporary folder that the next build of the same stage, whatever its inputs,
removes. The manifest lists the files with their sizes, so a folder that lost one later is noticed and built again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jargonaut.errors import InputError, JargonautError, MismatchError

if sys.platform != "win32":
    import fcntl

MANIFEST = "manifest.json"

_BUILDING = re.compile(r"\.building-[0-9a-f]+-([1-9][0-9]{0,8})")  # nine digits: no system has longer process ids


def content_hash(*parts: object) -> str:
    """32 hex digits over any JSON-like values and dataclasses; equal values give equal hashes on every machine.

    Text may hold lone surrogates, as the name of a file does that is not UTF-8.
    """
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(_canonical(part))
        digest.update(b"\x00")
    return digest.hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, read in blocks.

    Raises:
        InputError: The file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> InputError:
    """The error that says that the system does not let us read a file, and why."""
    return InputError(
        f"it cannot be read ({error.strerror or error})",
        where=legible(str(path)),
        remedy="check that it is there and that you may read it",
    )


def legible(text: str) -> str:
    """Text that can be written as UTF-8: a lone surrogate becomes U+FFFD."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside `path`; on a clean exit it is flushed to disk and renamed over `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        _flush(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Gives a temporary folder beside `path`, which is absent or empty; on a clean exit what is in it stands there."""
    path = path.absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
        for each in temporary.rglob("*"):
            if each.is_file():
                _flush(each)
        if path.exists():  # it may be somebody's working folder, which must not go
            for each in temporary.iterdir():
                each.rename(path / each.name)
        else:
            temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def held(path: Path) -> int | None:
    """A lock that holds until its descriptor is closed or the process ends in any way; None when another has it."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    if sys.platform == "win32":  # no such lock there: whoever starts the same work twice is not told
        return lock
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


@contextlib.contextmanager
def alone(lock: Path, busy: str, remedy: str) -> Iterator[None]:
    """Within it no other process does the same; the system frees the lock with the process.

    Args:
        lock: The file that is locked; its folder is made where it is missing.
        busy: What is said where another process has it.
        remedy: What to do then.

    Raises:
        InputError: Another process has it.
        JargonautError: Nothing can be written there.
    """
    folder = lock.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = held(lock)
    except OSError as error:
        raise JargonautError(f"nothing can be written here ({error.strerror})", where=str(folder)) from error
    if handle is None:
        raise InputError(busy, where=str(folder), remedy=remedy)
    try:
        yield
    finally:
        os.close(handle)


def write_json(path: Path, value: Any) -> None:
    """Writes indented JSON atomically; lone surrogates are written as JSON's escapes for them."""
    with atomic_write(path) as temporary:
        text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


@dataclass(frozen=True, slots=True)
class Artifact:
    """A finished stage folder.

    Attributes:
        path: The folder.
        key: Hash of inputs, options and stage version.
        counts: What the stage counted, as its manifest keeps it.
        seconds: How long the stage took when it was built.
        reused: Whether this call found it already there.
        files: Its files' sizes when it was built, as its manifest lists them; empty in one of an earlier version.
    """

    path: Path
    key: str
    counts: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    reused: bool = False
    files: Mapping[str, int] = field(default_factory=dict)

    @property
    def changed_files(self) -> list[str]:
        """Its files that are missing or have another size than when it was built.

        Only sizes are compared, so this costs next to nothing. A manifest that lists no files is believed.
        """
        return [name for name, size in self.files.items() if _size(self.path / name) != size]


def ensure(
    root: Path,
    stage: str,
    *,
    version: int,
    inputs: Mapping[str, Any],
    options: Any,
    build: Callable[[Path], Mapping[str, Any]],
    editable: Collection[str] = (),
) -> Artifact:
    """Gives the artifact of a stage, building it only if no complete one is there.

    One that lost a file since, or of which a file has another size, is removed and built again: its name says what goes
    in, so the same comes out.

    Args:
        root: Folder that holds this stage's artifacts, `<root>/<key>`.
        stage: Its name, kept in the manifest.
        version: The stage's own version: raise it when the same inputs should give other results.
        inputs: Hashes (or small values) of everything that goes in.
        options: The stage's options dataclass, saved with the artifact.
        build: Writes the stage's files into the folder that it is given; returns counts for the manifest.
        editable: Files that people fill in where they lie: a changed one is no damage.

    Raises:
        MismatchError: The artifact's manifest cannot be read.
        JargonautError: Nothing can be written in `root`.
    """
    key = content_hash(stage, version, inputs, options)
    final = root / key
    found = _whole(final)
    if found is not None:
        return found
    temporary = root / f".building-{key}-{os.getpid()}"
    _make_room(temporary, final)
    started = time.monotonic()
    counts = build(temporary)
    manifest: dict[str, Any] = {
        "stage": stage,
        "version": version,
        "key": key,
        "inputs": plain(inputs),
        "options": plain(options),
        "counts": plain(counts),
        "seconds": round(time.monotonic() - started, 3),
        "files": {},
    }
    for path in sorted(temporary.rglob("*")):
        if path.is_file():
            _flush(path)
            name = path.relative_to(temporary).as_posix()
            if name not in editable:
                manifest["files"][name] = path.stat().st_size
    write_json(temporary / MANIFEST, manifest)
    try:
        temporary.rename(final)
    except OSError:
        if not (final / MANIFEST).exists():
            raise
        shutil.rmtree(temporary)  # another process finished the same work first
    return Artifact(final, key, manifest["counts"], manifest["seconds"], files=manifest["files"])


def read(folder: Path) -> Artifact | None:
    """The finished artifact in `folder`, or None when there is none.

    Raises:
        MismatchError: There is a manifest, but it cannot be read.
    """
    manifest = _manifest(folder)
    if manifest is None:
        return None
    counts, seconds, files = manifest["counts"], manifest["seconds"], manifest.get("files", {})
    return Artifact(folder, manifest["key"], counts, seconds, reused=True, files=files)


def plain(value: Any) -> Any:
    """Dataclasses, tuples and paths as the JSON values that stand for them."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(plain(item) for item in value)
    return str(value) if isinstance(value, Path) else value


def _manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest in `folder`, its parts of the right kinds; None when there is none."""
    path = folder / MANIFEST
    if not path.exists():
        return None
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise _broken_manifest(path, str(error)) from error
    if not isinstance(manifest, dict):
        raise _broken_manifest(path, f"an object is wanted, this is {type(manifest).__name__}")
    kinds: dict[str, type | tuple[type, ...]] = {"key": str, "counts": dict, "seconds": (int, float), "files": dict}
    for name, kind in kinds.items():
        if not isinstance({"files": {}, **manifest}.get(name), kind):
            raise _broken_manifest(path, f"{name!r} is missing or of the wrong kind")
    return manifest


def _broken_manifest(path: Path, reason: str) -> MismatchError:
    return MismatchError(
        f"the manifest cannot be read ({reason})", where=str(path), remedy=f"remove {path.parent} and run again"
    )


def _whole(folder: Path) -> Artifact | None:
    """The finished artifact in `folder` when all its files are there."""
    found = read(folder)
    return None if found is None or found.changed_files else found


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _canonical(value: object) -> bytes:
    text = json.dumps(plain(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def _flush(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def _make_room(temporary: Path, final: Path) -> None:
    """Makes the folder to build in, and removes what killed builds left and what is damaged under the final name."""
    _remove_abandoned(temporary.parent)
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        if _whole(final) is None:  # asked again: another process may have built it by now
            with contextlib.suppress(FileNotFoundError):
                final.rename(temporary)  # first, and in one step, so that a kill leaves no half of it under its name
                shutil.rmtree(temporary)
        temporary.mkdir(parents=True)
    except OSError as error:
        raise JargonautError(
            f"nothing can be written here ({error.strerror or error})",
            where=legible(str(temporary.parent)),
            remedy="check the folder's rights and that it is no read-only file system, or give another --workspace",
        ) from error


def _remove_abandoned(root: Path) -> None:
    """Removes half-built folders whose process is gone; one whose name is not as `ensure` makes it is not ours."""
    for folder in root.glob(".building-*"):
        made = _BUILDING.fullmatch(folder.name)
        if made and not _alive(int(made[1])):
            shutil.rmtree(folder, ignore_errors=True)


def _alive(pid: int) -> bool:
    """Whether a process with this id runs now; our own counts, since another thread may be building."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
