"""The training of a candidate, from mined pairs to weights that are kept near enough to the base.

Knows what decides a training, and so its name; what it is taught with, who judges it, and what a killed one goes on
from. Knows nothing of test, and not what comes before or after it in a run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jargonaut import training
from jargonaut.artifacts import content_hash, plain, write_json
from jargonaut.encoders import base_model, cached_encoder
from jargonaut.encoding.cache import CachedEncoder
from jargonaut.encoding.local import LocalEncoder, load_model, quiet_libraries
from jargonaut.encoding.models import ModelFolder
from jargonaut.hardness import PreparedNegatives, mined_again
from jargonaut.judges import Judges
from jargonaut.layout import Layout
from jargonaut.pairing import PreparedPairs
from jargonaut.pairs import held_out
from jargonaut.protocols import Encoder, Reporter
from jargonaut.records import Triplet, grades, queries
from jargonaut.reranking import LocalReranker
from jargonaut.settings import BaseOptions, Settings
from jargonaut.sources import PreparedCorpus
from jargonaut.teachers import open_teacher, taught_by

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

AXES_SAMPLE = 1000
"""Most passages, and most queries, that axes are fitted to."""


@dataclass(frozen=True)
class Teaching:
    """One training, done or not.

    Attributes:
        corpus: The passages.
        pairs: The pairs; those of dev judge.
        mined: Train pairs with their hard negatives.
        base: The base model.
        base_folder: Its files.
        recipe: How it is fine-tuned, the deployed dimension among the Matryoshka dimensions.
        deployed: The dimension that will serve.
        settings: Of the machine, the base, mining and forgetting.
        layout: Where checkpoints lie.
        reporter: Shows the progress.
        callbacks: Told of steps and epochs.
    """

    corpus: PreparedCorpus
    pairs: PreparedPairs
    mined: PreparedNegatives
    base: CachedEncoder
    base_folder: ModelFolder
    recipe: training.TrainOptions
    deployed: int
    settings: Settings
    layout: Layout
    reporter: Reporter
    callbacks: Sequence[training.Callback] = ()

    @cached_property
    def inputs(self) -> Mapping[str, str]:
        """What goes in, by hashes and keys."""
        given = {
            "pairs": self.pairs.artifact.key, "corpus": self.corpus.artifact.key, "base": self.base.fingerprint,
            "negatives": self.mined.artifact.key,
        }  # fmt: skip
        given |= {"guide": self._guide().fingerprint} if self.recipe.guide else {}
        return given | ({"teacher": self._teacher.fingerprint} if self._teacher is not None else {})

    @property
    def options(self) -> Mapping[str, Any]:
        """Settings that decide what training gives."""
        recipe = replace(self.recipe, graph_gib=None)  # how much memory it takes changes no gradient
        options = {"train": recipe, "precision": self.settings.compute.precision, "deployed": self.deployed}
        return options | ({"remine": True} if self.settings.mine.renews else {})

    @cached_property
    def checkpoints(self) -> training.Checkpoints:
        """What a killed training goes on from."""
        minutes = self.settings.compute.checkpoint_minutes or math.inf  # none are made, but one that is there counts
        identity = content_hash(training.VERSION, {"inputs": self.inputs, "options": self.options})
        return training.Checkpoints(self.layout.stage("checkpoints"), identity, 60 * minutes)

    def train(self, folder: Path) -> Mapping[str, Any]:
        """Writes the tuned model and how its training went into a folder; gives the counts of its artifact."""
        model, result, judges = self.tune()
        found = judges.interpolated(model, result, self.reporter)
        start, kept = found.start, found.kept
        cut = [dim for dim in self._dims if dim < self.base.dimension]
        if self.recipe.turn and cut and found.alpha:
            self._turn(model, cut)
            if self.deployed in cut:  # vectors of this length find other things now
                kept = replace(kept, dev=judges.dev(model), general=judges.general(model))
                self.reporter.line(f"  turned: dev nDCG@10 {kept.dev:.4f}, general knowledge {kept.general:.4f}")
        with quiet_libraries():
            model.save(str(folder / "model"), create_model_card=False)
        write_json(folder / "training.json", {**plain(result), "interpolation": plain(found), "kept": plain(kept)})
        return {
            "steps": result.steps, "pairs": result.pairs, "alpha": found.alpha,
            "best_epoch": result.best_epoch if found.alpha else 0,  # where the base itself is kept, no epoch is
            "within_limit": kept.fits(start, found.limit), "dev": [start.dev, kept.dev],
            "general": [start.general, kept.general], "notices": result.notices,
        }  # fmt: skip

    def tune(self) -> tuple[SentenceTransformer, training.Trained, Judges]:
        """The tuned model, how its training went, and who judged it."""
        import torch

        splits, texts, recipe = self.pairs.splits, self.corpus.texts, self.recipe
        examples = self.mined.triplets
        near = self._references(self.base, examples) if recipe.batching == "similar" else None
        guide = self._references(self._guide(), examples) if recipe.loss == "gist" else None
        taught = self._taught(examples)
        if isinstance(self._teacher, CachedEncoder):
            guide = self._references(self._teacher, examples)
            self._teacher.close()
        self.base.close()  # a GPU's memory is training's
        base, compute = self.settings.base, self.settings.compute
        judges = Judges(splits.dev, texts, self.deployed, self.base_folder, self.settings)
        self.reporter.line(f"  dev: {judges}")
        model = load_model(self.base_folder, compute, max_tokens=base.max_tokens,
                           trust_remote_code=base.trust_remote_code, dtype=torch.float32)  # fmt: skip
        result = training.train(
            model, self.base_folder.prompts, examples, {q.id: q.text for q in queries(splits.train)}, texts,
            self.mined.known_positives(self.pairs), self.corpus.near_duplicates, recipe, compute,
            score=judges.dev, general=judges.general, deployed_dim=self.deployed, base_vectors=near,
            guide_vectors=guide, taught=taught, grades=grades(splits.train), callbacks=self.callbacks,
            checkpoints=self.checkpoints, remine=self._remined if self.settings.mine.renews else None,
            reporter=self.reporter,
        )  # fmt: skip
        return model, result, judges

    @property
    def _dims(self) -> tuple[int, ...]:
        """The Matryoshka dimensions."""
        return training.matryoshka_dims(self.base.dimension, self.recipe.dims)

    def _turn(self, model: SentenceTransformer, dims: Sequence[int]) -> None:
        """Rotates a model's vectors, so that those cut to `dims` find most nearly what whole ones find."""
        encoder = LocalEncoder.around(self.base_folder, model, self.settings.compute)
        held = held_out(self.pairs.splits)
        passages = sampled([text for id_, text in self.corpus.texts.items() if id_ not in held], AXES_SAMPLE)
        asked = sampled([query.text for query in queries(self.pairs.splits.train)], AXES_SAMPLE)
        vectors = encoder.encode_passages(passages), encoder.encode_queries(asked)
        training.turn(model, training.fitted_axes(*vectors, dims, next(model.parameters()).device))
        shown = ", ".join(map(str, dims))
        self.reporter.line(f"  turned: vectors are rotated, so that those cut to {shown} dimensions find more")

    @cached_property
    def _teacher(self) -> LocalReranker | CachedEncoder | None:
        """The model that teaches; None where none does."""
        name = self.recipe.teacher
        return open_teacher(name, self.settings, self.layout, self.reporter) if name else None

    def _taught(self, examples: Sequence[Triplet]) -> Mapping[str, Mapping[str, float]] | None:
        """What a teacher that reads query and passage together says; its memory is training's afterwards."""
        if not isinstance(self._teacher, LocalReranker):
            return None
        asked = {query.id: query.text for query in queries(self.pairs.splits.train)}
        inputs = {"pairs": self.pairs.artifact.key, "negatives": self.mined.artifact.key}
        found = taught_by(self._teacher, examples, asked, self.corpus.texts, inputs, self.layout, self.reporter)
        self._teacher.close()
        return found

    def _guide(self) -> CachedEncoder:
        """The model that guides a guided loss; it is not held, since its memory is training's."""
        name, trust = self.recipe.guide, self.settings.base.trust_remote_code
        if not name:
            return self.base
        settings = replace(self.settings, base=BaseOptions(model=name, trust_remote_code=trust))
        return cached_encoder(base_model(settings), settings, self.layout, self.reporter)

    def _references(self, encoder: Encoder, examples: Sequence[Triplet]) -> training.ReferenceVectors:
        """Vectors of the training texts by a model that is not in training."""
        asked = {query.id: query.text for query in queries(self.pairs.splits.train)}
        wanted = list(dict.fromkeys(p for e in examples for p in (e.positive_id, *e.negative_ids)))
        return training.ReferenceVectors.of(
            list(asked), encoder.encode_queries(list(asked.values())),
            wanted, encoder.encode_passages([self.corpus.texts[passage_id] for passage_id in wanted]),
        )  # fmt: skip

    def _remined(self, model: SentenceTransformer) -> list[Triplet]:
        """The training's pairs with the negatives that the model finds hard as it is now."""
        encoder = LocalEncoder.around(self.base_folder, model, self.settings.compute)
        return mined_again(
            self.corpus, self.pairs, self.mined, encoder, self.settings, self.layout, self.checkpoints.folder,
            self.reporter,
        )  # fmt: skip


def sampled(texts: Sequence[str], most: int, seed: int = 0) -> list[str]:
    """At most so many of the texts, drawn at random, in their order."""
    drawn = np.random.default_rng(seed).permutation(len(texts))[:most]
    return [texts[row] for row in np.sort(drawn)]
