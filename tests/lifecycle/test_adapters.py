"""A query adapter goes live on its base's collection: nothing is embedded, and every step can be taken back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jargonaut import Workspace
from jargonaut.adapters import Adapter, save_adapter
from jargonaut.encoding.local import LocalEncoder
from jargonaut.encoding.models import find_model
from jargonaut.errors import InputError, MismatchError
from jargonaut.registry import ModelVersion
from tests.adapters.worlds import some_adapter
from tests.lifecycle.shop import Shop

QUESTION = "the valve of the radius"


def adapted(shop: Shop, tmp_path: Path, sides: str = "query") -> tuple[ModelVersion, Adapter]:
    """Registers an adapter on the base as `v2`."""
    base = LocalEncoder(find_model(str(shop.base)))
    one = some_adapter("linear", "both" if sides == "both" else "query", base.fingerprint, base.dimension)
    save_adapter(one, tmp_path / "adapter")
    version = shop.open().registry().register(
        tmp_path / "adapter", name="adapted", fingerprint=one.fingerprint, dimension=base.dimension, base="base",
        run_id="r2", kind="adapter", space="" if sides == "both" else one.base,
    )  # fmt: skip
    return version, one


def ids(opened: Workspace, model: str | None = None) -> list[str]:
    """What a search finds."""
    return [hit.passage.id for hit in opened.search(QUESTION, k=10, model=model).hits]


def test_promotion_moves_the_pointer_and_builds_nothing(live: Shop, tmp_path: Path) -> None:
    """The base's collection serves the adapter's queries; a roll back gives the base's answers again."""
    before = live.open().registry().live()
    assert before is not None
    version, one = adapted(live, tmp_path)
    opened = live.open()
    base_found = ids(opened)
    now = opened.promote(version.version)
    assert (now.version, now.index) == ("v2", before.index)
    assert [status.name for status in opened.index().status()] == [before.index]
    found = opened.search(QUESTION, k=10)
    assert found.version == "v2"
    encoder = LocalEncoder(find_model(str(live.base)))
    query = one.mapped(encoder.encode_queries([QUESTION]), "query")
    passages = encoder.encode_passages([hit.passage.text for hit in found.hits])
    np.testing.assert_allclose([hit.score for hit in found.hits], (passages @ query.T)[:, 0], atol=2e-2)
    assert [hit.passage.id for hit in found.hits] != base_found
    assert opened.rollback().version == "base"
    assert ids(opened) == base_found == ids(opened, "base")
    assert ids(opened, "v2") == [hit.passage.id for hit in found.hits]  # also while it is not live


def test_building_for_an_adapter_builds_its_bases_index(shop: Shop, tmp_path: Path) -> None:
    """Where the base has no index yet, it is said, and one build serves both."""
    adapted(shop, tmp_path)
    index = shop.open().index()
    with pytest.raises(InputError, match="v2 has no index, and neither has base, whose vectors it searches"):
        index.switch("v2")
    made = index.build("v2")
    assert made.record.version == "base"
    assert index.build("base").info.reused
    assert index.switch("v2").index == made.info.collection
    assert index.gc(keep=0).collections == ()  # what the adapter searches is live, whoever built it


def test_a_served_search_syncs_and_shadows_like_any_other(live: Shop, tmp_path: Path) -> None:
    """A sync embeds with the base, verification passes, and a shadow sees two versions on one collection."""
    adapted(live, tmp_path)
    opened = live.open()
    opened.promote("v2")
    live.write({f"p{n}": f"a new text about the invoice, number {n}" for n in range(30)})
    assert live.open(**{"build.most_removed": 1}).index(live.docs).sync().added + 30 >= 30
    assert opened.index().verify("v2").intact
    queries = tmp_path / "queries.txt"
    queries.write_text("invoice\nthe axle\n", encoding="utf-8")
    assert opened.shadow("base", queries, k=5).queries == 2
    with pytest.raises(InputError, match="v2 is what is live"):
        opened.shadow("v2", queries)


def test_an_adapter_of_both_sides_needs_an_index_of_its_own(live: Shop, tmp_path: Path) -> None:
    """It cannot go live on the base's vectors; its own are made from the cached ones."""
    adapted(live, tmp_path, "both")
    opened = live.open()
    with pytest.raises(InputError, match="v2 has no index"):
        opened.promote("v2")
    made = opened.index().build("v2")
    assert made.record.version == "v2"
    assert made.encoded == 0  # every passage came from the cache
    assert opened.promote("v2").index == made.info.collection


def test_a_changed_base_is_refused_with_both_fingerprints(live: Shop, tmp_path: Path) -> None:
    """An adapter whose base is another model now goes nowhere near users."""
    _, one = adapted(live, tmp_path)
    registry = live.open().registry()
    version = registry.get("v2")
    other = LocalEncoder(find_model(str(live.tuned)))
    save_adapter(some_adapter("linear", "query", other.fingerprint, other.dimension), tmp_path / "wrong")
    registry.register(
        tmp_path / "wrong", name="wrong", fingerprint="f" * 32, dimension=other.dimension, base="base", run_id="r3",
        kind="adapter", space=version.space,
    )  # fmt: skip
    with pytest.raises(MismatchError) as told:
        live.open().promote("v3")
    assert other.fingerprint in str(told.value)
    assert one.base in str(told.value)
    live_now = registry.live()
    assert live_now is not None
    assert live_now.version == "base"
