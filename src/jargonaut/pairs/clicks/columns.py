"""Which column of a click log is which: by what the user says, else by the names that logs usually give them.

Knows names. What stands in a column is read elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from jargonaut.errors import InputError
from jargonaut.pairs.clicks.options import SECTION, ClickOptions

Role = Literal[
    "query", "document", "shown", "rank", "clicked", "click_time", "time", "session", "impressions", "clicked_document"
]

_NAMES: dict[Role, str] = {
    "query": "query querytext userquery rawquery searchquery searchterm searchterms searchtext searchstring "
    "searchphrase search querystring question keyword keywords keyphrase term terms q",
    "document": "documentid docid document doc passageid passage pid did itemid item productid articleid pageid "
    "corpusid corpus targetid target resultid result documenturl docurl resulturl pageurl url uri link href "
    "address landingpage page",
    "clicked_document": "clickedids clickedid clickeddocs clickeddoc clickeddocuments clickeddocument clickeddocids "
    "clickeddocid clickeddocumentid clickeddocumentids clickedresults clickedresult clickedresultid clickeditem "
    "clickeditems clickeditemid clickedurl clickedurls clickedlink clickurl clickurls clickdoc clickdocid clickid "
    "clickeddocumenturl clickedpassage clickedpassageid clickedpage",
    "shown": "shown shownids showndocs showndocuments shownresults displayed displayedids resultids resultlist results "
    "docids docs documentids documents urls hits impressionids ranking rankedlist serp items itemids passageids",
    "rank": "rank rankshown shownrank ranks position positions pos resultrank resultposition itemrank itemposition "
    "displayrank displayposition docrank docposition averageposition avgposition slot",
    "clicked": "clicked click isclick isclicked clicks wasclicked hasclick clickflag clickcount clicknumber numclicks "
    "nclicks clickedposition clickedpositions clickedrank clickedranks clickposition clickpositions clickrank",
    "click_time": "clicktime clickedtime clickedat clicktimestamp clickts clickdate clickdatetime timeofclick",
    "time": "time timestamp ts datetime date day createdat eventtime eventtimestamp querytime querytimestamp "
    "searchtime searchedat servedat shownat impressiontime loggedat requesttime epoch",
    "session": "session sessionid sessid sid searchsession searchsessionid sessionkey visit visitid user userid uid "
    "anonid anonymousid clientid visitorid deviceid cookie cookieid searcher",
    "impressions": "impressions impressioncount numimpressions nimpressions views viewcount shows timesshown",
}
_VAGUE = ("", "page", "result", "target")
"""Names of a result's column that may as well mean something else: beside a list of results they do."""
_OPTIONS: dict[Role, str] = {
    "query": "query_column",
    "document": "document_column",
    "shown": "shown_column",
    "rank": "rank_column",
    "clicked": "clicked_column",
    "click_time": "click_time_column",
    "time": "time_column",
    "session": "session_column",
    "impressions": "impressions_column",
}


@dataclass(frozen=True, slots=True)
class Columns:
    """Where what stands in a log; "" for what it does not have.

    Attributes:
        query: The query's text.
        document: The result of a row; in a log of clicks alone, what was clicked.
        shown: The results of a page, in a log with a row for each page.
        rank: Where the result was shown.
        clicked: Whether it was clicked; in a log of pages, the ids or ranks that were, "" if the listed results say it.
        click_time: When it was clicked.
        time: When the query was asked.
        session: By whom.
        impressions: How often the result was shown.
        only_clicks: Whether every row is a click, or a query without one.
    """

    query: str
    document: str = ""
    shown: str = ""
    rank: str = ""
    clicked: str = ""
    click_time: str = ""
    time: str = ""
    session: str = ""
    impressions: str = ""
    only_clicks: bool = False


def find_columns(names: Sequence[str], options: ClickOptions, where: str) -> Columns:
    """Finds the columns of a log.

    Args:
        names: The columns that it has.
        options: May name some.
        where: The log, for messages.

    Raises:
        InputError: A column that must be there is not, or one that was named is not.
    """
    found = {role: _named(role, names, options, where) for role in _OPTIONS}
    taken = {name for name in found.values() if name}
    for role in (*_OPTIONS, "clicked_document"):
        if not found.get(role):
            found[role] = _usual(role, [name for name in names if name not in taken])
            taken |= {found[role]} - {""}
    if not found["query"]:
        raise missing_column("query", "no column holds the query", names, where)
    if found["shown"] and (options.shown_column or _folded(found["document"]) in _VAGUE):
        told = found["clicked"] if options.clicked_column else ""
        clicked = told or found["clicked_document"] or found["clicked"]  # `clicks` may be their number
        return Columns(found["query"], "", found["shown"], "", clicked, "", found["time"], found["session"])
    return _of_results(found, names, options, where)


def click_column(names: Sequence[str]) -> str:
    """The column of a table by whose name it is a click log; "" where there is none."""
    roles: tuple[Role, ...] = ("clicked", "clicked_document", "click_time")
    return next((found for role in roles if (found := _usual(role, names))), "")


def _of_results(found: dict[Role, str], names: Sequence[str], options: ClickOptions, where: str) -> Columns:
    document = found["document"] or found["clicked_document"]
    if not document:
        raise missing_column("document", "no column holds the result's id or address", names, where)
    says = bool(found["clicked"] or found["click_time"])
    only_clicks = options.every_row_is_a_click or (not says and not found["document"])
    if not says and not only_clicks:
        raise missing_column(
            "clicked", "no column says whether the result was clicked", names, where, "every_row_is_a_click=true"
        )
    return Columns(
        found["query"], document, "", found["rank"], found["clicked"], found["click_time"], found["time"],
        found["session"], found["impressions"], only_clicks,
    )  # fmt: skip


def _named(role: Role, names: Sequence[str], options: ClickOptions, where: str) -> str:
    """The column that the options name for a role, as the log spells it."""
    wanted: str = getattr(options, _OPTIONS[role])
    if not wanted:
        return ""
    exact = [name for name in names if name == wanted]
    alike = exact or [name for name in names if _folded(name) == _folded(wanted)]
    if not alike:
        raise missing_column(role, f"there is no column {wanted!r}", names, where)
    return alike[0]


def _usual(role: Role, names: Sequence[str]) -> str:
    """The column whose name logs usually give to a role; the most telling name wins."""
    folded = {_folded(name): name for name in reversed(names)}  # of two alike the first
    return next((folded[usual] for usual in _NAMES[role].split() if usual in folded), "")


def _folded(name: str) -> str:
    """A name without case, `_`, spaces and other signs; whole where that leaves nothing."""
    return re.sub(r"[\W_]+", "", name.casefold()) or name


def missing_column(role: Role, what: str, names: Sequence[str], where: str, otherwise: str = "") -> InputError:
    """The error that says which columns there are and how the missing one is named."""
    shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
    remedy = f"name it: --column {_OPTIONS[role].removesuffix('_column')}=COLUMN"
    if otherwise:
        remedy += f"; or, if the log lists nothing but clicks: --set {SECTION}.{otherwise}"
    return InputError(f"{what}; its columns are: {shown or 'none'}", where=where, remedy=remedy)
