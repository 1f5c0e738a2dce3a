"""Fine-tuning: contrastive × Matryoshka over whole batches."""

from jargonaut.training.contrastive import VERSION, Trained, TrainOptions, matryoshka_dims, train

__all__ = ["VERSION", "TrainOptions", "Trained", "matryoshka_dims", "train"]
