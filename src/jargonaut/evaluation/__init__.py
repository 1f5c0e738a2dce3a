"""Evaluation: scores, intervals, comparisons, the gate before training, the verdict after it, and the report.

Knows runs, judgements and scores. Knows nothing of how a model is trained or an index is searched.
"""

from jargonaut.evaluation.alternatives import Alternative, Cost, Depth, Rival
from jargonaut.evaluation.assessment import Assessment, Grounds, assess
from jargonaut.evaluation.changes import Change, Changes, find_changes
from jargonaut.evaluation.comparison import (
    Comparison,
    EvaluationOptions,
    SystemKind,
    SystemResult,
    Verdict,
    VerdictName,
    compare,
    deployed_dimension,
    summarise,
    verdict,
)
from jargonaut.evaluation.grounds import Churn, PairEvidence, Vocabulary
from jargonaut.evaluation.measures import (
    HEADLINE,
    MEASURES,
    Scores,
    per_query,
    query_clusters,
    read_per_query,
    write_per_query,
)
from jargonaut.evaluation.power import smallest_detectable
from jargonaut.evaluation.report import RunReport, TrainingCurve
from jargonaut.evaluation.report_html import to_html
from jargonaut.evaluation.report_json import to_json
from jargonaut.evaluation.report_table import verdict_table
from jargonaut.evaluation.rules import RULES, Reason, rules_table
from jargonaut.evaluation.statistics import (
    NO_DIFFERENCE,
    Interval,
    fewest_clusters,
    mean_interval,
    paired_bootstrap,
)
from jargonaut.evaluation.thresholds import AssessmentOptions

__all__ = [
    "HEADLINE",
    "MEASURES",
    "NO_DIFFERENCE",
    "RULES",
    "Alternative",
    "Assessment",
    "AssessmentOptions",
    "Change",
    "Changes",
    "Churn",
    "Comparison",
    "Cost",
    "Depth",
    "EvaluationOptions",
    "Grounds",
    "Interval",
    "PairEvidence",
    "Reason",
    "Rival",
    "RunReport",
    "Scores",
    "SystemKind",
    "SystemResult",
    "TrainingCurve",
    "Verdict",
    "VerdictName",
    "Vocabulary",
    "assess",
    "compare",
    "deployed_dimension",
    "fewest_clusters",
    "find_changes",
    "mean_interval",
    "paired_bootstrap",
    "per_query",
    "query_clusters",
    "read_per_query",
    "rules_table",
    "smallest_detectable",
    "summarise",
    "to_html",
    "to_json",
    "verdict",
    "verdict_table",
    "write_per_query",
]
