"""Evaluation: scores, intervals, comparisons, the gate before training, the verdict after it, and the report.

Knows runs, judgements and scores. Knows nothing of how a model is trained or an index is searched.
"""

from jargonaut.evaluation.alternatives import Alternative, Cost, Depth, Rival
from jargonaut.evaluation.answers import AnswerDelta, AnswerOptions, answer_delta
from jargonaut.evaluation.assessment import Assessment, Grounds, assess
from jargonaut.evaluation.assessment_options import AssessmentOptions
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
    SystemKind,
    SystemResult,
    compare,
    pareto_front,
    slug,
    summarise,
    with_intervals,
)
from jargonaut.evaluation.conditions import ConditionResult, Retention, condition, retention
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
from jargonaut.evaluation.label_errors import LabelError, LabelErrors, likely_label_errors
from jargonaut.evaluation.ladder import Advice, LadderOptions, Rung, RungKind, advise
from jargonaut.evaluation.ladder_page import ladder_html, ladder_text
from jargonaut.evaluation.measures import (
    DEPTH,
    HEADLINE,
    JUDGED,
    MEASURES,
    PER_QUERY,
    Scores,
    per_query,
    query_clusters,
    read_per_query,
    unjudged,
    write_per_query,
)
from jargonaut.evaluation.options import EvaluationOptions, Pipeline
from jargonaut.evaluation.outside import JudgedRun, RunComparison, compare_runs
from jargonaut.evaluation.paraphrases import Paraphrases, write_paraphrases
from jargonaut.evaluation.perturbations import PERTURBATIONS, PerturbationOptions, drawn_queries, perturbed
from jargonaut.evaluation.power import smallest_detectable
from jargonaut.evaluation.report import RunReport, TrainingCurve
from jargonaut.evaluation.report_card import CardFacts, to_card
from jargonaut.evaluation.report_html import to_html
from jargonaut.evaluation.report_json import from_json, to_json
from jargonaut.evaluation.report_markdown import to_markdown
from jargonaut.evaluation.report_runs import runs_html, runs_json, runs_markdown, runs_text
from jargonaut.evaluation.report_table import verdict_table
from jargonaut.evaluation.results import front_row, read_systems, system_rows, write_systems
from jargonaut.evaluation.rules import RULES, Reason, rules_table
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
from jargonaut.evaluation.systems_table import systems_table
from jargonaut.evaluation.thresholds import ScaleShift, ScoredHits, ThresholdOptions, scale_shift

__all__ = [
    "DEPTH",
    "HEADLINE",
    "JUDGED",
    "MEASURES",
    "NO_DIFFERENCE",
    "PERTURBATIONS",
    "PER_QUERY",
    "RULES",
    "Advice",
    "Alternative",
    "AnswerDelta",
    "AnswerOptions",
    "Assessment",
    "AssessmentOptions",
    "CardFacts",
    "Change",
    "Changes",
    "Churn",
    "Comparison",
    "ConditionResult",
    "Cost",
    "Depth",
    "EvaluationOptions",
    "Evidence",
    "Forgetting",
    "Grounds",
    "Interval",
    "JudgedRun",
    "Jury",
    "LabelError",
    "LabelErrors",
    "LadderOptions",
    "MovedPassages",
    "MovedTerm",
    "NearMiss",
    "PairEvidence",
    "Paraphrases",
    "PerturbationOptions",
    "Pipeline",
    "Reason",
    "Retention",
    "Rival",
    "RunComparison",
    "RunReport",
    "Rung",
    "RungKind",
    "Saving",
    "Savings",
    "SavingsOptions",
    "ScaleShift",
    "ScoredHits",
    "Scores",
    "Scrutiny",
    "Slice",
    "SliceOptions",
    "SliceResult",
    "SystemKind",
    "SystemResult",
    "Terms",
    "ThresholdOptions",
    "TrainingCurve",
    "Verdict",
    "VerdictName",
    "Vocabulary",
    "WorstSlice",
    "advise",
    "answer_delta",
    "assess",
    "compare",
    "compare_runs",
    "condition",
    "deployed_dimension",
    "drawn_queries",
    "fewest_clusters",
    "find_changes",
    "from_json",
    "front_row",
    "jury_of",
    "kinds_of",
    "ladder_html",
    "ladder_text",
    "length_bands",
    "likely_label_errors",
    "mean_interval",
    "moved_passages",
    "paired_bootstrap",
    "pareto_front",
    "per_query",
    "perturbed",
    "query_clusters",
    "read_per_query",
    "read_systems",
    "retention",
    "rules_table",
    "runs_html",
    "runs_json",
    "runs_markdown",
    "runs_text",
    "savings",
    "scale_shift",
    "slice_results",
    "slug",
    "smallest_detectable",
    "summarise",
    "system_rows",
    "systems_table",
    "to_card",
    "to_html",
    "to_json",
    "to_markdown",
    "unjudged",
    "verdict",
    "verdict_table",
    "with_intervals",
    "word_count",
    "worst_slice",
    "write_paraphrases",
    "write_per_query",
    "write_systems",
]
