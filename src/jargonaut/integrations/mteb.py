"""A jargonaut model inside `mteb`, and a BEIR folder as a task of its own there (extra `mteb`).

    import mteb
    from jargonaut.integrations.mteb import MtebEncoder, beir_task

    mteb.evaluate(MtebEncoder.named("v1", workspace="my-domain"), beir_task("my-domain-beir"))

The model encodes as it does in jargonaut: own prompts, own packing, vectors cut to a dimension where one is given.
Nothing is downloaded. Knows mteb's protocols; what is encoded with is any `Encoder`, a remote one as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from jargonaut import formats
from jargonaut.encoders import named_encoder
from jargonaut.errors import InputError, JargonautError
from jargonaut.layout import Layout
from jargonaut.protocols import Encoder, Vectors
from jargonaut.records import SPLITS, BadRow, Context, Passage, Qrel, SplitName
from jargonaut.settings import Settings, load_settings

if TYPE_CHECKING:
    import torch

_ISO_LANGUAGE = "eng-Latn"


class MtebEncoder:
    """Any `Encoder` as `mteb` wants one (`mteb.models.EncoderProtocol`).

    Args:
        encoder: What turns texts into vectors; its own prompts are applied, mteb's are not.
        dim: Vectors are cut to this many components and normalised again; all of them when None.
        context: Whether a passage's title is put before its text, as `jargonaut run` does with a BEIR folder.
    """

    def __init__(self, encoder: Encoder, *, dim: int | None = None, context: Context = "title") -> None:
        if dim is not None and not 1 <= dim <= encoder.dimension:
            raise InputError(f"{encoder.name} has {encoder.dimension} dimensions, not {dim}", where="dim",
                             remedy=f"choose from 1 to {encoder.dimension}")  # fmt: skip
        self._encoder, self._dim, self._context = encoder, dim, context

    @classmethod
    def named(
        cls, model: str | None = None, *, workspace: str | Path = ".", dim: int | None = None,
        settings: Settings | None = None,
    ) -> MtebEncoder:  # fmt: skip
        """A model by its name.

        Args:
            model: A registered version of the workspace such as `v1`, `embedded`, a folder or a hub id; the base model
                of the settings when None.
            workspace: The project folder.
            dim: As above.
            settings: Of the workspace; those of its `jargonaut.toml` when None.

        Raises:
            ModelError: There is no such model.
        """
        layout = Layout(Path(workspace))
        return cls(named_encoder(model, settings or load_settings(layout.settings), layout), dim=dim)

    def encode(self, inputs: Iterable[Mapping[str, Any]], *, prompt_type: Any = None, **_: Any) -> NDArray[np.float32]:
        """Vectors of batches of texts, one row each.

        Args:
            inputs: mteb's batches: `text`, and of a passage its `title` and `body`.
            prompt_type: mteb's `query` or `document`; what is neither (as in clustering) is encoded as a passage.
        """
        query = str(getattr(prompt_type, "value", prompt_type)) == "query"
        texts = [text for batch in inputs for text in (batch["text"] if query else self._passages(batch))]
        vectors = self._encoder.encode_queries(texts) if query else self._encoder.encode_passages(texts)
        return vectors if self._dim is None else _cut(vectors, self._dim)

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        """Cosines of every row with every row, shape (rows, rows)."""
        import torch

        one, other = (torch.nn.functional.normalize(_rows(x), dim=-1) for x in (embeddings1, embeddings2))
        return one @ other.T

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any:
        """Cosines of row i with row i, shape (rows,)."""
        import torch

        return torch.nn.functional.cosine_similarity(_rows(embeddings1), _rows(embeddings2))

    @property
    def mteb_model_meta(self) -> Any:
        """What mteb writes beside its results: the encoder's name and, as its revision, its fingerprint."""
        _require_mteb()
        from mteb.models.model_meta import ModelMeta, ScoringFunction

        name = re.sub(r"[^\w.-]+", "-", Path(self._encoder.name).name).strip("-") or "model"
        return ModelMeta(
            loader=None, name=f"jargonaut/{name}", revision=self._encoder.fingerprint, release_date=None,
            languages=None, n_parameters=None, memory_usage_mb=None, max_tokens=None,
            embed_dim=self._dim or self._encoder.dimension, license=None, open_weights=None,
            public_training_code=None, public_training_data=None, framework=["Sentence Transformers"],
            similarity_fn_name=ScoringFunction.COSINE, use_instructions=False, training_datasets=None,
        )  # fmt: skip

    def _passages(self, batch: Mapping[str, Any]) -> Sequence[str]:
        """The texts of a batch of passages, put together as jargonaut does, which mteb does otherwise with titles."""
        if "body" not in batch:
            return list(batch["text"])
        titles = batch.get("title") or [""] * len(batch["body"])
        return [
            Passage("", body, title or "").content(self._context)
            for body, title in zip(batch["body"], titles, strict=True)
        ]


def beir_task(
    folder: str | Path, *, split: Literal["train", "dev", "test"] = "test", language: str = _ISO_LANGUAGE
) -> Any:
    """A BEIR folder, such as `jargonaut export beir` writes, as a retrieval task of mteb.

    Args:
        folder: Holds `corpus.jsonl`, `queries.jsonl` and `qrels/<split>.tsv`.
        split: The part whose queries are asked.
        language: Of the texts, as mteb names it (ISO 639-3 and ISO 15924).

    Raises:
        InputError: It is no BEIR folder, has no such part, or a row in it cannot be used.
    """
    _require_mteb()
    from datasets import Dataset
    from mteb.abstasks.retrieval import AbsTaskRetrieval
    from mteb.abstasks.task_metadata import TaskMetadata

    path = Path(folder)
    passages, asked, judged = _read(path, split)
    name = re.sub(r"\W+", "", path.resolve().name.title()) or "Workspace"

    class Task(AbsTaskRetrieval):  # type: ignore[misc]  # mteb is an extra, so to the type checker it is Any
        metadata = TaskMetadata(
            name=f"Jargonaut{name}", description=f"Retrieval over {path.resolve().name}, made by jargonaut.",
            dataset={"path": str(path.resolve()), "revision": "local"}, type="Retrieval", category="t2t",
            eval_splits=[split], eval_langs=[language], main_score="ndcg_at_10", is_public=False,
        )  # fmt: skip

        def load_data(self, *_: Any, **__: Any) -> None:
            """Hands over what was read; nothing is downloaded."""
            corpus = Dataset.from_list([{"id": p.id, "title": p.title, "text": p.text} for p in passages])
            queries = Dataset.from_list([{"id": id_, "text": text} for id_, text in asked.items()])
            data = {"corpus": corpus, "queries": queries, "relevant_docs": judged, "top_ranked": None}
            self.dataset = {"default": {split: data}}
            self.data_loaded = True

    return Task()


def _read(path: Path, split: SplitName) -> tuple[list[Passage], dict[str, str], dict[str, dict[str, int]]]:
    """Passages, the asked queries, and grades of one part of a BEIR folder, in which every row must be usable."""
    corpus = formats.beir_corpus(path)
    if corpus is None or not formats.is_beir(path):
        raise InputError("this is no BEIR folder", where=str(path),
                         remedy="`jargonaut export beir FOLDER` writes one")  # fmt: skip
    file = path / "qrels" / f"{split}.tsv"
    if not file.exists():
        known = ", ".join(name for name in SPLITS if (path / "qrels" / f"{name}.tsv").exists())
        raise InputError(f"there are no judgements of {split}", where=str(file), remedy=f"there are: {known or 'none'}")
    passages = list(formats.read_passages(corpus, _refuse))
    texts = {query.id: query.text for query in formats.read_queries(path / "queries.jsonl", _refuse)}
    judged = _judged(formats.read_trec_qrels(file, _refuse))
    unknown = next((id_ for id_ in judged if id_ not in texts), None)
    if unknown is not None:
        raise InputError(f"query {unknown!r} is judged and has no text", where=str(file))
    if not judged:
        raise InputError(f"no query of {split} has a relevant passage", where=str(file))
    return passages, {id_: texts[id_] for id_ in judged}, judged


def _judged(qrels: Iterable[Qrel]) -> dict[str, dict[str, int]]:
    """Query id → grades, of queries that have a positive: mteb would score the others 0."""
    found: dict[str, dict[str, int]] = {}
    for qrel in qrels:
        found.setdefault(qrel.query_id, {})[qrel.passage_id] = qrel.relevance
    return {id_: grades for id_, grades in found.items() if any(grades.values())}


def _refuse(bad: BadRow) -> None:
    raise InputError(str(bad), remedy="mend the file: a task without this row would be another task")


def _rows(vectors: Any) -> torch.Tensor:
    """Vectors of any kind, one a row."""
    import torch

    return torch.as_tensor(np.atleast_2d(np.asarray(vectors)), dtype=torch.float32)


def _cut(vectors: Vectors, dim: int) -> Vectors:
    head = vectors[:, :dim]
    return np.asarray(head / np.maximum(np.linalg.norm(head, axis=1, keepdims=True), 1e-12), dtype=np.float32)


def _require_mteb() -> None:
    try:
        import mteb  # noqa: F401
    except ImportError as error:
        raise JargonautError("mteb is not installed", remedy="pip install 'jargonaut[mteb]'") from error
