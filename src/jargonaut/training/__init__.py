"""Fine-tuning: contrastive × Matryoshka over whole batches."""

from jargonaut.training.checkpoints import Checkpoints
from jargonaut.training.contrastive import VERSION, Trained, TrainOptions, matryoshka_dims, train
from jargonaut.training.parallel import World, launched
from jargonaut.training.progress import Callback, EpochDone, StepDone, StopTraining

__all__ = [
    "VERSION",
    "Callback",
    "Checkpoints",
    "EpochDone",
    "StepDone",
    "StopTraining",
    "TrainOptions",
    "Trained",
    "World",
    "launched",
    "matryoshka_dims",
    "train",
]
