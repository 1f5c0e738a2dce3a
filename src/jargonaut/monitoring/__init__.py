"""Whether what is live is still good: signals, tests with a stated rate of false alarms, rules, alarms, golden sets.

Knows records, arrays, files and one SQLite file. What is measured is handed in by the composition tier.
"""

from jargonaut.monitoring.alerts import Channel, channels, deliver
from jargonaut.monitoring.drift import DriftTest, energy_test, scores_test, shares_test
from jargonaut.monitoring.golden import Added, GoldenQuery, GoldenSet, GoldenSets, digest_of, golden_id
from jargonaut.monitoring.options import QueryLogOptions, WatchOptions
from jargonaut.monitoring.querylog import LoggedQuery, QueryLog, as_logged, read_log, redacted
from jargonaut.monitoring.records import SIGNALS, Alarm, Finding, Happening, PassRecord, Point, Signal
from jargonaut.monitoring.store import Series
from jargonaut.monitoring.telling import told
from jargonaut.monitoring.triggers import (
    RULES,
    Change,
    CorpusChange,
    Drift,
    Facts,
    acceptable,
    findings,
    rules_table,
)
from jargonaut.monitoring.words import Pieces, shattered, unknown, vocabulary, words

__all__ = [
    "RULES",
    "SIGNALS",
    "Added",
    "Alarm",
    "Change",
    "Channel",
    "CorpusChange",
    "Drift",
    "DriftTest",
    "Facts",
    "Finding",
    "GoldenQuery",
    "GoldenSet",
    "GoldenSets",
    "Happening",
    "LoggedQuery",
    "PassRecord",
    "Pieces",
    "Point",
    "QueryLog",
    "QueryLogOptions",
    "Series",
    "Signal",
    "WatchOptions",
    "acceptable",
    "as_logged",
    "channels",
    "deliver",
    "digest_of",
    "energy_test",
    "findings",
    "golden_id",
    "read_log",
    "redacted",
    "rules_table",
    "scores_test",
    "shares_test",
    "shattered",
    "told",
    "unknown",
    "vocabulary",
    "words",
]
