"""Fine-tuning: contrastive × Matryoshka over whole batches."""

from jargonaut.training.axes import fitted_axes, principal_axes, turn
from jargonaut.training.checkpoints import Checkpoints
from jargonaut.training.contrastive import VERSION, Trained, train
from jargonaut.training.dimensions import matryoshka_dims, require_fit
from jargonaut.training.interpolation import Blend, Interpolation, interpolate, tensors_of
from jargonaut.training.lesson import careful, pairs_of_epoch, passes
from jargonaut.training.options import DISTILLING, TrainOptions
from jargonaut.training.parallel import World, launched
from jargonaut.training.progress import Callback, EpochDone, StepDone, StopTraining
from jargonaut.training.references import ReferenceVectors
from jargonaut.training.search import SweepOptions
from jargonaut.training.steps import is_out_of_memory

__all__ = [
    "DISTILLING",
    "VERSION",
    "Blend",
    "Callback",
    "Checkpoints",
    "EpochDone",
    "Interpolation",
    "ReferenceVectors",
    "StepDone",
    "StopTraining",
    "SweepOptions",
    "TrainOptions",
    "Trained",
    "World",
    "careful",
    "fitted_axes",
    "interpolate",
    "is_out_of_memory",
    "launched",
    "matryoshka_dims",
    "pairs_of_epoch",
    "passes",
    "principal_axes",
    "require_fit",
    "tensors_of",
    "train",
    "turn",
]
