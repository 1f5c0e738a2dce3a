"""Fine-tuning: contrastive × Matryoshka over whole batches."""

from jargonaut.training.contrastive import TrainOptions, Trained, matryoshka_dims, train

__all__ = ["TrainOptions", "Trained", "matryoshka_dims", "train"]
