"""What a training's last turn does to its model, and what it is good for, with the real base model."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from jargonaut import Workspace, teaching
from jargonaut.encoding.models import find_model
from jargonaut.general_knowledge import general_knowledge
from jargonaut.judges import DevJudge
from jargonaut.pairs import held_out
from jargonaut.protocols import Encoder, SilentReporter, Vectors
from jargonaut.records import queries
from jargonaut.settings import Settings, override
from jargonaut.story import Story
from jargonaut.training import fitted_axes

from .tinysets import write_clinic


@dataclass
class Turned:
    """Encodes as another does, in other axes."""

    inner: Encoder
    axes: NDArray[np.float64]

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """The inner encoder's, turned."""
        return (self.inner.encode_queries(texts) @ self.axes).astype(np.float32)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """The inner encoder's, turned."""
        return (self.inner.encode_passages(texts) @ self.axes).astype(np.float32)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Story]:
    """A run's steps over a small labelled set of real terms; its training takes seconds."""
    folder = tmp_path_factory.mktemp("clinic")
    source, layout = write_clinic(folder / "set", folder / "full"), Workspace(folder / "w").layout

    def told(**values: object) -> Story:
        return Story(source, layout, override(Settings(), {"train.epochs": 1, **values}), SilentReporter())

    return told


def test_whole_vectors_find_the_same(story: Callable[..., Story]) -> None:
    """A training with the turn and one without give models that find the same, by other numbers."""
    texts = [*story().corpus.texts.values()][:20]
    turned, plain = (story(**{"train.turn": turn}).tuned_encoder.encode_passages(texts) for turn in (True, False))
    np.testing.assert_allclose(turned @ turned.T, plain @ plain.T, atol=2e-2)  # in the cache they are bfloat16
    assert np.abs(turned - plain).max() > 0.1


def test_what_training_says_of_cut_vectors_is_of_the_turned_model(story: Callable[..., Story]) -> None:
    """Dev's score at the deployed dimension is that of the model that is kept, and general knowledge's, too."""
    cut = {"evaluate.deployed_dim": 64, "train.dims": [384, 64]}
    turned, plain = (story(**cut, **{"train.turn": turn}) for turn in (True, False))
    judge = DevJudge(turned.pairs.splits.dev, turned.corpus.texts, 64, turned.settings.train.seed)
    assert turned.tuned.counts["dev"][1] == pytest.approx(judge.score(turned.tuned_encoder), abs=0.01)
    assert turned.tuned.counts["dev"][1] != pytest.approx(plain.tuned.counts["dev"][1], abs=0.002)
    assert turned.tuned.counts["general"][1] > plain.tuned.counts["general"][1] + 0.02
    assert find_model(str(turned.tuned.path / "model")).dimension == 384


@pytest.mark.parametrize("values", [{"train.turn": False}, {"train.dims": [384]}])
def test_where_nothing_is_turned_the_model_has_the_modules_of_its_base(
    story: Callable[..., Story], values: dict[str, object]
) -> None:
    """Switched off, or no vector will be cut: servers that know no dense layers are served then."""
    told = story(**values)
    tuned, base = (json.loads((folder / "modules.json").read_text())
                   for folder in (told.tuned.path / "model", told.base_folder.path))  # fmt: skip
    assert len(tuned) == len(base) == 3


def test_dev_and_test_are_not_looked_at(story: Callable[..., Story], monkeypatch: pytest.MonkeyPatch) -> None:
    """Axes come from train's passages and queries."""
    told = story(**{"train.seed": 5})
    seen: list[str] = []
    monkeypatch.setattr(teaching, "sampled", lambda texts, _: seen.extend(texts) or list(texts))
    told.tuned  # noqa: B018 - trained now
    held = {told.corpus.texts[id_] for id_ in held_out(told.pairs.splits)}
    assert len(held) >= 20
    assert set(seen) == {*told.corpus.texts.values()} - held | {q.text for q in queries(told.pairs.splits.train)}


def test_cut_vectors_find_more_in_fitted_axes(story: Callable[..., Story]) -> None:
    """Sixty-four components, in axes that were taken from other topics."""
    known, base = general_knowledge(), story().base
    half = len(known.pairs) // 2
    taught, asked = known.pairs[:half], known.pairs[half:]
    answers = {pair.passage_id for pair in asked}
    axes = fitted_axes(
        base.encode_passages([text for id_, text in known.texts.items() if id_ not in answers]),
        base.encode_queries([pair.query for pair in taught]),
        (384, 64),
    )
    cut, whole = (DevJudge(asked, known.texts, dim, seed=1) for dim in (64, base.dimension))
    assert cut.score(Turned(base, axes)) > cut.score(base) + 0.02
    assert whole.score(Turned(base, axes)) == pytest.approx(whole.score(base), abs=1e-3)
