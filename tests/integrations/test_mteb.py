"""What a jargonaut model inside `mteb` promises."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jargonaut import evaluation, formats, retrieval
from jargonaut.encoding.devices import ComputeOptions
from jargonaut.encoding.local import LocalEncoder
from jargonaut.encoding.models import find_model
from jargonaut.errors import InputError, JargonautError
from jargonaut.integrations.mteb import MtebEncoder, beir_task
from jargonaut.records import Passage, Qrel, Query

PASSAGES = [
    Passage("a", "Renal failure that comes on quickly.", "Acute kidney injury"),
    Passage("b", "High pressure of the blood in the arteries.", "Hypertension"),
    Passage("c", "The heart beats irregularly and often fast.", "Atrial fibrillation"),
    Passage("d", "Sugar in the blood is too high for years.", "Diabetes mellitus"),
]
QUERIES = [Query("q1", "AKI"), Query("q2", "irregular heartbeat"), Query("q3", "sweet urine")]
JUDGED = [Qrel("q1", "a", 1), Qrel("q2", "c", 1), Qrel("q3", "d", 1), Qrel("q3", "b", 0)]


@pytest.fixture(scope="module")
def encoder() -> LocalEncoder:
    """The base model."""
    return LocalEncoder(find_model("embedded"), ComputeOptions(device="cpu", precision="fp32"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small BEIR folder."""
    path = tmp_path_factory.mktemp("clinic")
    formats.write_beir(path, PASSAGES, [*QUERIES, Query("q4", "unjudged")], {"test": [*JUDGED, Qrel("q4", "a", 0)]})
    return path


def test_texts_are_what_we_embed(encoder: LocalEncoder) -> None:
    """A query is encoded as a query; a passage with its title as in a run, not as mteb joins them; others as texts."""
    ours = MtebEncoder(encoder)
    batches = [{"text": ["Hypertension high"], "title": ["Hypertension"], "body": ["high"]}, {"text": ["low"]}]
    expected = encoder.encode_passages(["Hypertension\nhigh", "low"])
    np.testing.assert_allclose(ours.encode(batches, prompt_type="document"), expected, atol=1e-6)
    asked = ours.encode([{"text": ["high?"]}], prompt_type="query")
    np.testing.assert_allclose(asked, encoder.encode_queries(["high?"]), atol=1e-6)


def test_vectors_are_cut_and_normalised_again(encoder: LocalEncoder) -> None:
    """At a smaller dimension rows have that length and norm 1; a dimension that there is none of is refused."""
    short = MtebEncoder(encoder, dim=32).encode([{"text": ["one", "two"]}])
    assert short.shape == (2, 32)
    np.testing.assert_allclose(np.linalg.norm(short, axis=1), 1, atol=1e-6)
    for dim in (0, 385):
        with pytest.raises(InputError, match="384 dimensions"):
            MtebEncoder(encoder, dim=dim)


def test_similarities_are_cosines(encoder: LocalEncoder) -> None:
    """Every row with every row, and row by row, whatever the rows' lengths are."""
    ours, one, other = MtebEncoder(encoder), np.array([[3.0, 0.0], [1.0, 1.0]]), np.array([[2.0, 0.0], [0.0, 5.0]])
    np.testing.assert_allclose(ours.similarity(one, other).numpy(), [[1, 0], [0.5**0.5, 0.5**0.5]], atol=1e-6)
    np.testing.assert_allclose(ours.similarity_pairwise(one, other).numpy(), [1, 0.5**0.5], atol=1e-6)


def test_mteb_scores_our_model_as_we_do(encoder: LocalEncoder, folder: Path) -> None:
    """A BEIR folder is a task, our model runs in it, and its scores are ours."""
    mteb = pytest.importorskip("mteb")
    from mteb.models import EncoderProtocol

    ours = MtebEncoder(encoder)
    assert isinstance(ours, EncoderProtocol)
    found = mteb.evaluate(ours, beir_task(folder), cache=None, show_progress_bar=False)
    (scores,) = found.task_results[0].scores["test"]
    run = retrieval.dense_run(
        "ours", [q.id for q in QUERIES], encoder.encode_queries([q.text for q in QUERIES]),
        [p.id for p in PASSAGES], encoder.encode_passages([p.content("title") for p in PASSAGES]), k=4,
    )  # fmt: skip
    expected = evaluation.per_query(run, JUDGED, QUERIES)
    assert scores["ndcg_at_10"] == pytest.approx(expected.mean("nDCG@10"), abs=1e-4)
    assert scores["recall_at_1"] == pytest.approx(expected.mean("recall@1"), abs=1e-4)
    assert found.model_name == "jargonaut/all-MiniLM-L6-v2"
    assert found.model_revision == encoder.fingerprint


def test_without_mteb_the_way_to_it_is_told(folder: Path) -> None:
    """A missing extra is named with the command that installs it."""
    try:
        import mteb  # noqa: F401
    except ImportError:
        with pytest.raises(JargonautError, match="mteb is not installed"):
            beir_task(folder)
    else:
        pytest.skip("mteb is installed")
