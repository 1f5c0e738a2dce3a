"""What all pages of this room share: their templates, the words in them, and the one script that sorts tables.

The script is our own and stands in the page; the page's policy names its hash, so nothing else can run there, whatever
a document says. Knows nothing of what a page tells.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jargonaut.evaluation import wording
from jargonaut.evaluation.comparison import Comparison
from jargonaut.evaluation.statistics import signed
from jargonaut.pictures import template

if TYPE_CHECKING:
    from jinja2 import Template

PAGES = Path(__file__).with_name("pages")


def page_template(name: str) -> Template:
    """A page's template with the filters, the script and the policy that all of them use.

    Args:
        name: Of a file in `pages/`.
    """
    from markupsafe import Markup

    found = template(
        PAGES / name,
        {
            "signed": signed, "amount": wording.amount, "duration": wording.duration, "words": wording.words,
            "cut": wording.cut, "three": wording.three, "percent": wording.percent, "bytes": wording.size,
            "p_value": wording.p_value, "sentence": wording.sentence, "couple": _couple, "named": shown_name,
            "three_or_dash": lambda value: "–" if value is None else wording.three(value),
            "share": lambda value: "–" if value is None else wording.percent(value),
            "saving": lambda value: f"{-100 * value:+.0f}%".replace("-", "−"),
        },
    )  # fmt: skip
    script, policy = _script()
    found.globals.update(script=Markup(script), policy=Markup(policy))  # noqa: S704 - both are ours, not the user's
    return found


def _couple(one: Comparison) -> str:
    """Who is compared with whom; what is the same for both is said once."""
    same = (one.baseline_dim, one.baseline_precision) == (one.candidate_dim, one.candidate_precision)
    candidate = _form(one.candidate_dim, one.candidate_precision)
    baseline = "" if same else _form(one.baseline_dim, one.baseline_precision)
    names = (shown_name(one.candidate, one.candidate_precision), shown_name(one.baseline, one.baseline_precision))
    return f"{names[0]}{candidate} − {names[1]}{baseline}"


def shown_name(name: str, precision: str) -> str:
    """A system's name without its number format, which stands beside it."""
    return name.removesuffix(f" {precision}")


def _form(dim: int | None, precision: str) -> str:
    shown = [str(dim)] * bool(dim) + [precision] * (precision != "float32")
    return f" {' '.join(shown)}" if shown else ""


@cache
def _script() -> tuple[str, str]:
    """The script, and the policy under which it alone may run."""
    text = (PAGES / "sort.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return text, f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
