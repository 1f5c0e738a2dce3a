"""Which words texts hold, as a sparse table of counts: one column for each stem, named by its usual spelling.

Stop words and bare numbers are left out. Knows texts, not whose they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jargonaut.pairs.phrases import STOP_WORDS
from jargonaut.pairs.wording import stemmed, words


@dataclass(frozen=True, slots=True)
class WordCounts:
    """How often each text holds each word.

    Attributes:
        names: The spelling by which a stem is known: its most frequent one.
        counts: CSR matrix of float64, (texts, stems).
    """

    names: tuple[str, ...]
    counts: Any  # scipy's sparse arrays have no types

    def of(self, rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        """How often each word occurs in some of the texts."""
        found: NDArray[np.float64] = np.asarray(self.counts[np.flatnonzero(rows)].sum(axis=0)).ravel()
        return found


def word_counts(texts: Sequence[str], language: str) -> WordCounts:
    """Counts words by stem.

    Raises:
        SettingsError: Snowball has no stemmer for `language`.
    """
    from scipy.sparse import csr_array

    stem_of: dict[str, str] = {}
    columns: dict[str, int] = {}
    spellings: list[Counter[str]] = []
    indices: list[int] = []
    starts = [0]
    often: list[int] = []
    for text in texts:
        found = Counter(words(text))
        kept = [word for word in found if word not in STOP_WORDS and not word.isdigit()]
        fresh = [word for word in kept if word not in stem_of]
        stem_of.update(zip(fresh, stemmed(fresh, language), strict=True))
        for word in kept:
            column = columns.setdefault(stem_of[word], len(columns))
            if column == len(spellings):
                spellings.append(Counter())
            spellings[column][word] += found[word]
            indices.append(column)
            often.append(found[word])
        starts.append(len(indices))
    shape = (len(texts), len(columns))
    table = csr_array(
        (np.asarray(often, dtype=np.float64), np.asarray(indices, dtype=np.int64), np.asarray(starts)), shape=shape
    )
    table.sum_duplicates()
    names = tuple(min(found, key=lambda word: (-found[word], word)) for found in spellings)
    return WordCounts(names, table)
