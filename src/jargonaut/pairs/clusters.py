"""Passages in clusters, by k-means over their vectors (Lloyd 1982, in mini-batches; Sculley 2010).

One way of doing it for everybody who wants to know what a corpus is about. Knows points; knows no passages.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BATCH = 4096


def fitted(points: NDArray[np.float32], count: int, seed: int) -> Any:
    """Clusters of points, as scikit-learn has them: `predict`, `labels_`, `cluster_centers_`.

    Args:
        points: Shape (n, dimension); at least `count` of them. Where fewer are distinct, some clusters stay empty.
        count: Clusters.
        seed: Of the first centres.
    """
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct points than clusters
        return MiniBatchKMeans(count, random_state=seed, n_init=3, batch_size=_BATCH).fit(points)
