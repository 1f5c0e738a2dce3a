"""Targets of losses that several tests of training share."""

from __future__ import annotations

import torch

from jargonaut.training.losses import Targets


def plain_targets(queries: int, passages: int) -> Targets:
    """Query i is answered by passage i, every other passage is a negative, those behind the positives are hard ones."""
    ignored = torch.zeros(queries, passages, dtype=torch.bool)
    hard = torch.zeros(queries, passages, dtype=torch.bool)
    for column in range(queries, passages):
        hard[(column - queries) % queries, column] = True
    grades = torch.zeros(queries, passages)
    grades[torch.arange(queries), torch.arange(queries)] = 1
    return Targets(torch.arange(queries), ignored, hard, grades)
