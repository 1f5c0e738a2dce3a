"""Fine-tuning: contrastive × Matryoshka over whole batches."""

from jargonaut.training.checkpoints import Checkpoints
from jargonaut.training.contrastive import VERSION, Trained, TrainOptions, matryoshka_dims, require_fit, train
from jargonaut.training.parallel import World, launched
from jargonaut.training.progress import Callback, EpochDone, StepDone, StopTraining
from jargonaut.training.references import ReferenceVectors

__all__ = [
    "VERSION",
    "Callback",
    "Checkpoints",
    "EpochDone",
    "ReferenceVectors",
    "StepDone",
    "StopTraining",
    "TrainOptions",
    "Trained",
    "World",
    "launched",
    "matryoshka_dims",
    "require_fit",
    "train",
]
