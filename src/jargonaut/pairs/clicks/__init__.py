"""Click logs → judgements: sessions sifted, position bias corrected, the newest part held out."""

from jargonaut.pairs.clicks.judgements import JudgedLog, judge_log
from jargonaut.pairs.clicks.log import ClickLog, Impression, open_log
from jargonaut.pairs.clicks.options import ClickOptions
from jargonaut.pairs.clicks.propensity import ExaminationCurve, examination
from jargonaut.pairs.clicks.sessions import similar

__all__ = [
    "ClickLog",
    "ClickOptions",
    "ExaminationCurve",
    "Impression",
    "JudgedLog",
    "examination",
    "judge_log",
    "open_log",
    "similar",
]
