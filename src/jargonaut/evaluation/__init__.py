"""Evaluation: scores, intervals, comparisons, the gate before training, the verdict after it, and the report.

Knows runs, judgements and scores. Knows nothing of how a model is trained or an index is searched.
"""

from jargonaut.evaluation.alternatives import Alternative, Cost, Depth, Rival
from jargonaut.evaluation.assessment import Assessment, Grounds, assess
from jargonaut.evaluation.assessment_options import AssessmentOptions
from jargonaut.evaluation.changes import Change, Changes, find_changes
from jargonaut.evaluation.comparison import (
    Comparison,
    SystemKind,
    SystemResult,
    compare,
    pareto_front,
    slug,
    summarise,
)
from jargonaut.evaluation.gate import (
    Evidence,
    Forgetting,
    Jury,
    Slice,
    Verdict,
    VerdictName,
    deployed_dimension,
    jury_of,
    verdict,
)
from jargonaut.evaluation.grounds import Churn, PairEvidence, Vocabulary
from jargonaut.evaluation.measures import (
    HEADLINE,
    JUDGED,
    MEASURES,
    Scores,
    per_query,
    query_clusters,
    read_per_query,
    unjudged,
    write_per_query,
)
from jargonaut.evaluation.options import EvaluationOptions, Pipeline
from jargonaut.evaluation.power import smallest_detectable
from jargonaut.evaluation.report import RunReport, TrainingCurve
from jargonaut.evaluation.report_html import to_html
from jargonaut.evaluation.report_json import to_json
from jargonaut.evaluation.report_table import verdict_table
from jargonaut.evaluation.results import read_systems, system_rows, write_systems
from jargonaut.evaluation.rules import RULES, Reason, rules_table
from jargonaut.evaluation.statistics import (
    NO_DIFFERENCE,
    Interval,
    fewest_clusters,
    mean_interval,
    paired_bootstrap,
)
from jargonaut.evaluation.systems_table import systems_table

__all__ = [
    "HEADLINE",
    "JUDGED",
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
    "Evidence",
    "Forgetting",
    "Grounds",
    "Interval",
    "Jury",
    "PairEvidence",
    "Pipeline",
    "Reason",
    "Rival",
    "RunReport",
    "Scores",
    "Slice",
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
    "jury_of",
    "mean_interval",
    "paired_bootstrap",
    "pareto_front",
    "per_query",
    "query_clusters",
    "read_per_query",
    "read_systems",
    "rules_table",
    "slug",
    "smallest_detectable",
    "summarise",
    "system_rows",
    "systems_table",
    "to_html",
    "to_json",
    "unjudged",
    "verdict",
    "verdict_table",
    "write_per_query",
    "write_systems",
]
