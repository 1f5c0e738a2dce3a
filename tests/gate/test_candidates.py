"""How a candidate is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from jargonaut.encoding.remote import RemoteOptions
from jargonaut.encoding.remote_models import RemoteModel
from jargonaut.errors import InputError
from jargonaut.gate import parse_candidate

OPTIONS = RemoteOptions(openai_url="http://here/v1")


@pytest.mark.parametrize(
    ("written", "name", "dims"),
    [
        ("BAAI/bge-small-en-v1.5", "BAAI/bge-small-en-v1.5", ()),
        (" embedded@128/384 ", "embedded", (384, 128)),
        ("v1@64", "v1", (64,)),
        ("a@b", "a@b", ()),
    ],
)
def test_models_that_run_here(written: str, name: str, dims: tuple[int, ...]) -> None:
    """By name, with dimensions behind an @, the largest first."""
    found = parse_candidate(written, OPTIONS)
    assert (found.name, found.dims, found.remote) == (name, dims, None)


@pytest.mark.parametrize(
    ("written", "model"),
    [
        ("openai:m", RemoteModel("openai", "m", "http://here/v1")),
        ("openai:m@256/1024", RemoteModel("openai", "m", "http://here/v1", 1024)),
        ("openai:http://gpu:8000/v1#org/m@64", RemoteModel("openai", "org/m", "http://gpu:8000/v1", 64)),
        ("cohere:embed-v4.0", RemoteModel("cohere", "embed-v4.0", OPTIONS.cohere_url)),
        ("voyage:voyage-3.5", RemoteModel("voyage", "voyage-3.5", OPTIONS.voyage_url)),
    ],
)
def test_models_at_an_endpoint(written: str, model: RemoteModel) -> None:
    """By provider and model; the largest dimension is asked for, the others are cut from it."""
    assert parse_candidate(written, OPTIONS).remote == model


def test_a_folder_may_have_an_at_in_its_name(tmp_path: Path) -> None:
    """What is there is taken as it is."""
    folder = tmp_path / "model@64"
    folder.mkdir()
    assert parse_candidate(str(folder), OPTIONS).dims == ()


@pytest.mark.parametrize("written", ["", " ", "openai:", "openai:http://gpu/v1#", "embedded@0", "voyage: "])
def test_nothing_is_no_candidate(written: str) -> None:
    """And the remedy says how one is written."""
    with pytest.raises(InputError, match="names no candidate") as caught:
        parse_candidate(written, OPTIONS)
    assert "openai:MODEL" in str(caught.value.remedy)
