"""The shape of the house: tiers, names, docstrings, promised exports."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import jargonaut

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "jargonaut"
FILES = sorted(SOURCE.rglob("*.py"))
PACKAGES = ["jargonaut", *sorted(m.name for m in pkgutil.walk_packages([str(SOURCE)], "jargonaut.") if m.ispkg)]
HEAVY = ("torch", "transformers", "sentence_transformers", "lancedb", "pyarrow", "markitdown", "altair", "bm25s",
         "openai", "httpx2", "cohere", "voyageai", "xllamacpp")  # fmt: skip


def test_modules_import_only_from_lower_tiers() -> None:
    """The tiers that pyproject.toml states are kept."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_rooms_are_named_by_their_noun() -> None:
    """No module is a place for whatever fits nowhere else."""
    nameless = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
    assert [path for path in FILES if {path.stem, path.parent.name} & nameless] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_every_module_says_what_it_knows(path: Path) -> None:
    """Every module has a docstring."""
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("package", PACKAGES)
def test_exported_names_exist(package: str) -> None:
    """What `__all__` promises can be imported."""
    module = importlib.import_module(package)
    for name in getattr(module, "__all__", ()):
        assert hasattr(module, name), f"{package}.{name}"


def test_importing_the_package_loads_no_heavy_library() -> None:
    """`import jargonaut` and its rooms start fast: heavy libraries load where they are used."""
    imports = "; ".join(f"import {package}" for package in PACKAGES)
    code = f"import sys; {imports}; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_package_is_typed() -> None:
    """Users' type checkers see our types."""
    assert jargonaut.__file__ is not None
    assert (Path(jargonaut.__file__).parent / "py.typed").exists()
