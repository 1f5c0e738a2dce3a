"""What a sweep tries: the range of each setting. Knows numbers; how they are drawn is not its business."""

from __future__ import annotations

import math
from dataclasses import dataclass

from jargonaut.errors import require_limits


@dataclass(frozen=True, slots=True)
class SweepOptions:
    """What `jargonaut train --sweep` tries.

    A range that does not hold today's setting is widened to it, since that is tried first.

    Attributes:
        lr: Lowest and highest peak learning rate of the whole model.
        lora_lr: The same of adapters, where they are trained in its stead.
        epochs: Fewest and most passes over the pairs.
        scale: Lowest and highest inverse temperature; not varied where the loss has none.
        per_pair: Fewest and most hard negatives per pair.
        batch_size: Batch sizes to choose from.
        prune: Whether a trial is given up when its dev score after an epoch is below the median of those before it.
        seed: Of what is drawn.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    lr: tuple[float, float] = (1e-5, 2e-4)
    lora_lr: tuple[float, float] = (1e-4, 1e-3)
    epochs: tuple[int, int] = (1, 4)
    scale: tuple[float, float] = (10.0, 60.0)
    per_pair: tuple[int, int] = (0, 4)
    batch_size: tuple[int, ...] = (64, 128, 256)
    prune: bool = True
    seed: int = 13

    def __post_init__(self) -> None:
        lr, lora_lr, epochs, scale, per_pair = self.lr, self.lora_lr, self.epochs, self.scale, self.per_pair
        require_limits(
            "sweep", self, (
                ("lr", 0 < lr[0] <= lr[1] < math.inf, "lowest and highest, above 0, such as [1e-5, 2e-4]"),
                ("lora_lr", 0 < lora_lr[0] <= lora_lr[1] < math.inf, "lowest and highest, above 0, as [1e-4, 1e-3]"),
                ("epochs", 1 <= epochs[0] <= epochs[1], "fewest and most, 1 or more, such as [1, 4]"),
                ("scale", 0 < scale[0] <= scale[1] < math.inf, "lowest and highest, above 0, such as [10, 60]"),
                ("per_pair", 0 <= per_pair[0] <= per_pair[1], "fewest and most, 0 or more, such as [0, 4]"),
                ("batch_size", min(self.batch_size, default=0) >= 2, "one or more, each at least 2"),
                ("seed", self.seed >= 0, "0 or more"),
            ),
        )  # fmt: skip
