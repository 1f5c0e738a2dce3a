"""What a set of pairs is like: counts, lengths, copied words, repeats, coverage, generated against real queries.

Measures and shows; changes no pair, reads no file and loads no model.
"""

from jargonaut.pairs.statistics.coverage import Coverage
from jargonaut.pairs.statistics.gap import Gap
from jargonaut.pairs.statistics.options import StatisticsOptions
from jargonaut.pairs.statistics.page import to_html
from jargonaut.pairs.statistics.summary import PairStatistics, statistics

__all__ = ["Coverage", "Gap", "PairStatistics", "StatisticsOptions", "statistics", "to_html"]
