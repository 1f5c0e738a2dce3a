"""Evaluation: scores, intervals, comparisons, the gate before training, the verdict after it, and the report.

Knows runs, judgements and scores. Knows nothing of how a model is trained or an index is searched.
"""

from jargonaut.evaluation.answers import AnswerDelta, AnswerOptions, answer_delta
from jargonaut.evaluation.assessment import Alternative, Assessment, AssessmentOptions, assess, smallest_detectable
from jargonaut.evaluation.changes import (
    Change,
    Changes,
    MovedPassages,
    MovedTerm,
    NearMiss,
    find_changes,
    moved_passages,
)
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
from jargonaut.evaluation.conditions import ConditionResult, Retention, condition, retention
from jargonaut.evaluation.label_errors import LabelError, LabelErrors, likely_label_errors
from jargonaut.evaluation.measures import (
    HEADLINE,
    MEASURES,
    Scores,
    per_query,
    query_clusters,
    read_per_query,
    write_per_query,
)
from jargonaut.evaluation.paraphrases import Paraphrases, write_paraphrases
from jargonaut.evaluation.perturbations import PERTURBATIONS, PerturbationOptions, drawn_queries, perturbed
from jargonaut.evaluation.report import RunReport, TrainingCurve
from jargonaut.evaluation.report_html import to_html
from jargonaut.evaluation.report_json import to_json
from jargonaut.evaluation.report_table import verdict_table
from jargonaut.evaluation.savings import Saving, Savings, SavingsOptions, savings
from jargonaut.evaluation.scrutiny import Scrutiny, Terms
from jargonaut.evaluation.slices import (
    SliceOptions,
    SliceResult,
    WorstSlice,
    kinds_of,
    length_bands,
    slice_results,
    word_count,
    worst_slice,
)
from jargonaut.evaluation.statistics import (
    NO_DIFFERENCE,
    Interval,
    fewest_clusters,
    mean_interval,
    paired_bootstrap,
)
from jargonaut.evaluation.thresholds import ScaleShift, ScoredHits, ThresholdOptions, scale_shift

__all__ = [
    "HEADLINE",
    "MEASURES",
    "NO_DIFFERENCE",
    "PERTURBATIONS",
    "Alternative",
    "AnswerDelta",
    "AnswerOptions",
    "Assessment",
    "AssessmentOptions",
    "Change",
    "Changes",
    "Comparison",
    "ConditionResult",
    "EvaluationOptions",
    "Interval",
    "LabelError",
    "LabelErrors",
    "MovedPassages",
    "MovedTerm",
    "NearMiss",
    "Paraphrases",
    "PerturbationOptions",
    "Retention",
    "RunReport",
    "Saving",
    "Savings",
    "SavingsOptions",
    "ScaleShift",
    "ScoredHits",
    "Scores",
    "Scrutiny",
    "SliceOptions",
    "SliceResult",
    "SystemKind",
    "SystemResult",
    "Terms",
    "ThresholdOptions",
    "TrainingCurve",
    "Verdict",
    "VerdictName",
    "WorstSlice",
    "answer_delta",
    "assess",
    "compare",
    "condition",
    "deployed_dimension",
    "drawn_queries",
    "fewest_clusters",
    "find_changes",
    "kinds_of",
    "length_bands",
    "likely_label_errors",
    "mean_interval",
    "moved_passages",
    "paired_bootstrap",
    "per_query",
    "perturbed",
    "query_clusters",
    "read_per_query",
    "retention",
    "savings",
    "scale_shift",
    "slice_results",
    "smallest_detectable",
    "summarise",
    "to_html",
    "to_json",
    "verdict",
    "verdict_table",
    "word_count",
    "worst_slice",
    "write_paraphrases",
    "write_per_query",
]
