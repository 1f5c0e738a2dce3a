"""When a finding becomes an alarm, and when an alarm ends, so that nobody is paged twice for one thing.

Knows a rule's latest answers. Knows nothing of what they are about.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from jargonaut.monitoring.options import WatchOptions

Step = Literal["raise", "clear", "stay"]


def step(answers: Sequence[bool], *, is_open: bool, sudden: bool, options: WatchOptions) -> Step:
    """What becomes of an alarm.

    Args:
        answers: Whether the rule fired, oldest first; only looks at which it could be told.
        is_open: Whether its alarm is open.
        sudden: Whether one look is enough.
        options: How many looks are needed.
    """
    if not answers:
        return "stay"
    if is_open:
        quiet = answers[-options.clear_after :]
        return "clear" if len(quiet) == options.clear_after and not any(quiet) else "stay"
    needed, among = (1, 1) if sudden else (options.confirm, options.confirm_of)
    # The latest must be one of them: an alarm is never raised by a look that found nothing.
    return "raise" if answers[-1] and sum(answers[-among:]) >= needed else "stay"


def remembered(options: WatchOptions) -> int:
    """How many answers decide."""
    return max(options.confirm_of, options.clear_after)
