"""Evaluation: scores, intervals, comparisons, the gate before training, the verdict after it, and the report.

Knows runs, judgements and scores. Knows nothing of how a model is trained or an index is searched.
"""

from jargonaut.evaluation.assessment import Alternative, Assessment, AssessmentOptions, assess, smallest_detectable
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
from jargonaut.evaluation.measures import (
    HEADLINE,
    MEASURES,
    Scores,
    per_query,
    query_clusters,
    read_per_query,
    write_per_query,
)
from jargonaut.evaluation.outside import JudgedRun, RunComparison, compare_runs
from jargonaut.evaluation.report import RunReport, TrainingCurve
from jargonaut.evaluation.report_card import CardFacts, to_card
from jargonaut.evaluation.report_html import to_html
from jargonaut.evaluation.report_json import from_json, scores_key, to_json
from jargonaut.evaluation.report_markdown import to_markdown
from jargonaut.evaluation.report_runs import runs_html, runs_json, runs_markdown, runs_text
from jargonaut.evaluation.report_table import verdict_table
from jargonaut.evaluation.statistics import (
    NO_DIFFERENCE,
    Interval,
    fewest_clusters,
    mean_interval,
    paired_bootstrap,
)

__all__ = [
    "HEADLINE",
    "MEASURES",
    "NO_DIFFERENCE",
    "Alternative",
    "Assessment",
    "AssessmentOptions",
    "CardFacts",
    "Change",
    "Changes",
    "Comparison",
    "EvaluationOptions",
    "Interval",
    "JudgedRun",
    "RunComparison",
    "RunReport",
    "Scores",
    "SystemKind",
    "SystemResult",
    "TrainingCurve",
    "Verdict",
    "VerdictName",
    "assess",
    "compare",
    "compare_runs",
    "deployed_dimension",
    "fewest_clusters",
    "find_changes",
    "from_json",
    "mean_interval",
    "paired_bootstrap",
    "per_query",
    "query_clusters",
    "read_per_query",
    "runs_html",
    "runs_json",
    "runs_markdown",
    "runs_text",
    "scores_key",
    "smallest_detectable",
    "summarise",
    "to_card",
    "to_html",
    "to_json",
    "to_markdown",
    "verdict",
    "verdict_table",
    "write_per_query",
]
