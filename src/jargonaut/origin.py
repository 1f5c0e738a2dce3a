"""Where a model version came from, as far as files and installed packages say it: licence, code, seeds.

Knows model cards, packages and options; knows nothing of runs.
"""

from __future__ import annotations

import platform
import re
from dataclasses import fields
from importlib import metadata
from pathlib import Path

from jargonaut.settings import Settings

_PACKAGES = ("jargonaut", "torch", "transformers", "sentence-transformers", "tokenizers", "lancedb", "numpy")


def licence_of(folder: Path) -> str:
    """The licence that a model's card names in its head; `unknown` where it names none.

    Args:
        folder: A model folder, with the card in `README.md` as model hubs have it.
    """
    try:
        text = (folder / "README.md").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "unknown"
    head = re.match(r"\s*---\n(.*?)\n---", text, re.DOTALL)
    said = re.search(r"^licen[cs]e:\s*['\"]?([^'\"\n]+)", head[1], re.MULTILINE) if head else None
    return said[1].strip() if said else "unknown"


def code_versions() -> dict[str, str]:
    """Package → version, of those that decide what a training gives, and Python's own."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def seeds_of(settings: Settings) -> dict[str, int]:
    """Section → its seed, for every section that has one."""
    sections = {one.name: getattr(settings, one.name) for one in fields(settings)}
    return {name: options.seed for name, options in sections.items() if hasattr(options, "seed")}
