"""Where a workspace's axes come from, and what they are good for, with the real base model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from jargonaut import Workspace
from jargonaut.axes import axes_of
from jargonaut.general_knowledge import general_knowledge
from jargonaut.judges import DevJudge
from jargonaut.pairs import held_out
from jargonaut.protocols import Encoder, SilentReporter, Vectors
from jargonaut.records import queries
from jargonaut.settings import Settings
from jargonaut.story import Story
from jargonaut.training import principal_axes

from .tinysets import write_clinic


@dataclass
class Noting:
    """Encodes as another does and notes the texts; in other axes, where some are given."""

    inner: Encoder
    axes: np.ndarray | None = None
    seen: dict[str, list[str]] = field(default_factory=lambda: {"query": [], "passage": []})

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """The inner encoder's, turned."""
        self.seen["query"] += texts
        return self._turned(self.inner.encode_queries(texts))

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """The inner encoder's, turned."""
        self.seen["passage"] += texts
        return self._turned(self.inner.encode_passages(texts))

    def _turned(self, vectors: Vectors) -> Vectors:
        return vectors if self.axes is None else (vectors @ self.axes).astype(np.float32)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """A run's steps over a small labelled set of real terms."""
    folder = tmp_path_factory.mktemp("clinic")
    return Story(write_clinic(folder / "set", folder / "full"), Workspace(folder / "w").layout, Settings(),
                 SilentReporter())  # fmt: skip


def test_dev_and_test_are_not_looked_at(story: Story) -> None:
    """Axes come from train's passages and queries; they are found once."""
    noting = Noting(story.base)
    axes = axes_of(story.corpus, story.pairs, noting, story.layout, story.reporter)
    held = {story.corpus.texts[id_] for id_ in held_out(story.pairs.splits)}
    assert len(held) >= 20
    assert set(noting.seen["passage"]) == set(story.corpus.texts.values()) - held
    assert noting.seen["query"] == [query.text for query in queries(story.pairs.splits.train)]
    again = Noting(story.base)
    np.testing.assert_array_equal(axes_of(story.corpus, story.pairs, again, story.layout, story.reporter), axes)
    assert not any(again.seen.values())


def test_cut_vectors_find_more_in_principal_axes(story: Story) -> None:
    """Sixty-four components of axes that were taken from other topics; whole vectors find the same."""
    known = general_knowledge()
    half = len(known.pairs) // 2
    taught, asked = known.pairs[:half], known.pairs[half:]
    answers = {pair.passage_id for pair in asked}
    base = story.base
    axes = principal_axes(
        base.encode_passages([text for id_, text in known.texts.items() if id_ not in answers]),
        base.encode_queries([pair.query for pair in taught]),
    )
    turned = Noting(base, axes)
    cut, whole = (DevJudge(asked, known.texts, dim, seed=1) for dim in (64, base.dimension))
    assert cut.score(turned) > cut.score(base) + 0.02
    assert whole.score(turned) == pytest.approx(whole.score(base), abs=1e-3)
