"""Mining over a small labelled set with the real base model: artifact, resume, memory, sources, re-mining."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from jargonaut import Workspace
from jargonaut.cli.main import app
from jargonaut.encoders import base_model, local_encoder
from jargonaut.errors import SettingsError
from jargonaut.formats import write_beir
from jargonaut.hardness import SEARCH_BLOCK, mined_again, searched
from jargonaut.pairs import held_out
from jargonaut.protocols import SilentReporter
from jargonaut.records import Passage, Qrel, Query
from jargonaut.settings import Settings, override
from jargonaut.story import Story

ORGANS = ("heart", "lung", "kidney", "liver", "stomach", "brain", "skin", "eye", "ear", "bone")
STRICT = ("--set", "mine.max_percent=0.6")
WHAT = ("infection", "fracture", "tumour", "failure", "bleeding", "transplant")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty passages in ten documents; forty train queries, ten for dev and ten for test."""
    folder = tmp_path_factory.mktemp("clinic")
    named = [(organ, what) for organ in ORGANS for what in WHAT]
    passages = [
        Passage(f"p{n}", f"Treatment of {what} of the {organ}, stage {n}.", f"{organ} handbook")
        for n, (organ, what) in enumerate(named)
    ]  # fmt: skip
    queries = [Query(f"q{n}", f"how is {what} of the {organ} treated") for n, (organ, what) in enumerate(named)]
    qrels = [Qrel(f"q{n}", f"p{n}", 1) for n in range(len(named))]
    write_beir(folder, passages, queries, {"train": qrels[:40], "dev": qrels[40:50], "test": qrels[50:]})
    return folder


@pytest.fixture
def story(source: Path, tmp_path: Path) -> Callable[..., Story]:
    """A run's steps in a fresh workspace, or in the same one with other settings."""
    return lambda **values: Story(
        source,
        Workspace(tmp_path).layout,
        override(Settings(), {f"mine.{key}": value for key, value in values.items()}),
        SilentReporter(),
    )


def test_negatives_come_from_train_passages_alone(story: Callable[..., Story]) -> None:
    """Nothing of dev or test is a negative, and what was taken out can be read with its texts."""
    told = story(per_pair=3, sources=["dense", "bm25"], max_percent=0.6)
    mined = told.mined
    held = held_out(told.pairs.splits)
    assert len(held) >= 20
    assert not held & {id_ for triplet in mined.triplets for id_ in triplet.negative_ids}
    assert sum(len(triplet.negative_ids) for triplet in mined.triplets) == mined.artifact.counts["negatives"] > 0
    one = mined.removed[0]
    assert one.query.startswith("how is")
    assert one.candidate == told.corpus.texts[one.passage_id]
    assert not list(told.layout.stage("searching").rglob("*.npz"))


def test_nothing_is_searched_where_no_negative_is_wanted(story: Callable[..., Story]) -> None:
    """Every pair is a triplet without negatives, and no vector was asked for."""
    told = story(per_pair=0)
    train = told.pairs.splits.train
    assert [(t.query_id, t.positive_id, t.negative_ids) for t in told.mined.triplets] == [
        (pair.query_id, pair.passage_id, ()) for pair in train if pair.relevance > 0
    ]
    assert told.base.hits + told.base.misses == 0


def test_memory_changes_nothing(story: Callable[..., Story]) -> None:
    """Vectors that lie in a file give the same artifact content, under the same name."""
    small = story(memory_gib=0.00001)
    triplets = small.mined.triplets
    folder = small.mined.artifact.path
    (folder / "manifest.json").unlink()  # so that it is mined again
    large = story()
    assert large.mined.artifact.path == folder
    assert not large.mined.artifact.reused
    assert large.mined.triplets == triplets


def test_what_is_there_is_found_again(story: Callable[..., Story]) -> None:
    """The base by its folder's name is the base, and re-mining is training's business: neither mines anew."""
    first = story()
    assert not first.mined.artifact.reused
    assert story(model=str(first.base_folder.path), remine=True).mined.artifact.reused
    assert not story(per_pair=2).mined.artifact.reused


def test_approximate_search_says_how_good_it_was(story: Callable[..., Story]) -> None:
    """Its recall is in the artifact."""
    counts = story(search="approximate").mined.artifact.counts
    assert counts["search"]["recall"] >= 0.95
    assert story().mined.artifact.counts["search"] == {"how": "exact"}


def test_a_judge_without_an_endpoint_is_told_before_anything_is_searched(
    story: Callable[..., Story], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the setting of mining, not that of curation."""
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(SettingsError, match=r"\[mine\] judge"):
        _ = story(judge=True).mined


def test_mining_again_keeps_pairs_and_is_done_once(story: Callable[..., Story], tmp_path: Path) -> None:
    """Another model's negatives for the same pairs; asked again, even by a model that cannot encode, the same ones."""
    told = story(per_pair=2)
    arguments = (told.settings, told.layout, tmp_path / "kept", SilentReporter())
    encoder = local_encoder(base_model(told.settings), told.settings)
    again = mined_again(told.corpus, told.pairs, told.mined, encoder, *arguments)
    assert again == list(told.mined.triplets)  # the model is the same, so its negatives are
    broken: object = object()
    assert mined_again(told.corpus, told.pairs, told.mined, broken, *arguments) == again  # type: ignore[arg-type]


def test_a_search_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    """Blocks that were written are read, a damaged one is searched again, and the answer is the same."""
    count, asked = 3 * SEARCH_BLOCK + 5, list[int]()
    rng = np.random.default_rng(0)
    rows, scores = rng.integers(0, 99, (count, 4)), rng.random((count, 4), dtype=np.float32)

    def search(start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        asked.append(start)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return rows[start:end], scores[start:end]

    with pytest.raises(KeyboardInterrupt):
        searched(search, count, 4, tmp_path, SilentReporter(), "searching")
    (tmp_path / f"{SEARCH_BLOCK}-4.npz").write_bytes(b"PK half of it")
    found = searched(search, count, 4, tmp_path, SilentReporter(), "searching")
    assert asked == [0, SEARCH_BLOCK, 2 * SEARCH_BLOCK, SEARCH_BLOCK, 2 * SEARCH_BLOCK, 3 * SEARCH_BLOCK]
    np.testing.assert_array_equal(found.rows, rows)
    np.testing.assert_array_equal(found.scores, scores)


def test_the_command_tells_what_was_taken_out(source: Path, tmp_path: Path) -> None:
    """Counts by rule and examples for people; the same as JSON for machines, and nothing else on stdout."""
    runner = CliRunner()
    shown = runner.invoke(app, ["mine", str(source), "-w", str(tmp_path), "--show", "1", *STRICT])
    assert shown.exit_code == 0, shown.output
    assert "scores like the positive" in shown.stdout
    assert "searched exactly" in shown.stdout
    told = json.loads(runner.invoke(app, ["mine", "-w", str(tmp_path), "--json", "--show", "2", *STRICT]).stdout)
    assert (told["pairs"], told["negatives"]) == (40, 40)
    assert 0 < len(told["sample"]["scores like the positive"]) <= 2
    assert told["sample"]["scores like the positive"][0].keys() >= {"query", "positive", "candidate", "score"}
    assert sum(told["removed"].values()) + told["negatives"] >= told["seen"]


def test_sources_that_give_nothing_are_told(source: Path, tmp_path: Path) -> None:
    """A labelled set has no documents, so there are no neighbours; a source that does not exist is refused by name."""
    runner = CliRunner()
    near = runner.invoke(app, ["mine", str(source), "-w", str(tmp_path), "--json", "--set", 'mine.sources=["section"]'])
    assert near.exit_code == 0, near.output
    assert json.loads(near.stdout)["negatives"] == 0
    assert "every passage is alone in its section" in near.stderr
    with pytest.raises(SettingsError, match="sources"):
        override(Settings(), {"mine.sources": '["web"]'})
