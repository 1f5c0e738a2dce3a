"""Words and phrases that say nothing by themselves: stop words, generic headings, generic link texts.

Lists only, all English; text in another language simply meets fewer of them.
"""

from __future__ import annotations

_STOP_WORDS = """
a about above after again against all also am an and any are as at be because been before being below between both but
by can could did do does doing done down during each either else ever few for from further get gets had has have having
he her here hers him his how however i if in into is it its itself just let like made make makes many may me might more
most much must my near need needs no nor not now of off on once one only onto or other our out over own per please same
shall she should since so some such than that the their them then there these they this those through thus to too under
until up upon us use used uses using very via was way we were what when where whether which while who whom whose why
will with within without would yet you your
"""
_GENERIC_HEADINGS = """
about|abstract|acknowledgements|acknowledgments|additional information|advanced|answer|answers|api|appendix|arguments
author|authors|availability|background|basics|bugs|caveats|changelog|changes|comments|compatibility|conclusion
conclusions|configuration|contents|copyright|credits|data|definition|definitions|dependencies|description|details
diagnostics|discussion|documentation|enhancements|environment|environment variables|errors|example|examples|exit status
exit values|faq|features|files|frequently asked questions|further reading|general|getting help|getting started|guide
help|history|implementation|important|in this article|index|info|information|install|installation|introduction
known issues|legal|licence|license|limitations|links|methods|miscellaneous|more|more information|motivation|name
next steps|note|notes|objectives|on this page|options|other|others|overview|parameters|preface|prerequisites|question
questions|quick start|quickstart|raises|rationale|reference|references|related|related topics|remarks|reporting bugs
requirements|resources|results|return type|return value|return values|returns|scope|security|see also|settings|setup
standards|summary|support|synopsis|syntax|table of contents|terms|tip|tips|todo|troubleshooting|tutorial|type|usage
usage examples|using|variables|version|versions|when to use|warning|warnings|yields
"""
_LIST_HEADINGS = """
contents|table of contents|on this page|in this article|index|name|references|see also|further reading|links|related
related topics
"""
_GENERIC_LINKS = """
here|this|link|this link|this page|this section|this document|this article|click here|read more|more|learn more|see
see more|see also|see below|below|above|next|previous|prev|back|back to top|top|home|up|details|more details|more info
source|edit|edit this page|view source|download|documentation|docs|website|reference|the documentation|continue
find out more|more information|further information|the following section|the next section|the previous section
"""


def _phrases(listed: str) -> frozenset[str]:
    return frozenset(phrase for line in listed.split("\n") for phrase in line.split("|") if phrase)


STOP_WORDS = frozenset(_STOP_WORDS.split())
"""Words that carry no topic; left out of word overlap."""
GENERIC_HEADINGS = _phrases(_GENERIC_HEADINGS)
"""Headings that say nothing without the name of what they stand under."""
LIST_HEADINGS = _phrases(_LIST_HEADINGS)
"""Headings of mere lists, which answer nothing even with a name before them."""
GENERIC_LINKS = _phrases(_GENERIC_LINKS)
"""Link texts that do not say where they lead."""
