"""Judgements that name a document, an address or words → pairs with passages of a corpus.

Knows how much each way of naming is worth. Which chunk of a document answers is chosen by a handed-in `Best`; files are
read elsewhere.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from jargonaut.errors import require_limits
from jargonaut.pairs.meaning import Corpus, Meaning, Way, meanings_of_targets, meanings_of_texts
from jargonaut.pairs.narrowing import Best
from jargonaut.pairs.repeats import distinct
from jargonaut.pairs.text_matching import digest
from jargonaut.pairs.wording import normalised, query_id
from jargonaut.records import BadRow, Judgement, Pair, Passage, SplitName

_AT_ONCE = 4096
_EXAMPLES = 3

OnBad = Callable[[BadRow], None]


@dataclass(frozen=True, slots=True)
class AttributionOptions:
    """When a passage is taken for a text that is not equal to it.

    Attributes:
        least_overlap: Least share of five-word sequences of the shorter one that both must have, above 0 to 1.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    least_overlap: float = 0.5

    def __post_init__(self) -> None:
        require_limits("attribution", self, [("least_overlap", 0 < self.least_overlap <= 1, "above 0 and at most 1")])


@dataclass(frozen=True, slots=True)
class Attributed:
    """Pairs of a corpus, with what became of every judgement.

    Attributes:
        pairs: Each (query, passage) once, a log's newest clicks beside its older ones, in the order of the judgements.
        judgements: How many came in.
        ways: How passages were found → judgements: `passage id`, `document id`, `document name`, `text`, `contained
            text`, `similar text`.
        narrowed: Judgements of a document with several passages, of which one was chosen.
        unknown: Judgements that no passage was found for.
        unknown_examples: The first of them, as told to `on_bad`.
        conflicting: Judgements whose id and text are different passages; the text counts where it is clearly another's.
        conflicting_examples: The first of them, in words.
        unlike: Judgements whose id is known but whose text is not in that passage, nor in any other.
        duplicates: Judgements of a (query, passage) that was judged before; the highest grade counts.
        contradictions: Pairs that were judged both relevant and not.
        split_conflicts: Pairs that their source puts in two parts; the later of train, dev and test counts.
        negatives_beside_positives: Judgements that a document is not relevant which answers the same query; left out,
            since they do not say which passage of it is meant.
    """

    pairs: tuple[Pair, ...]
    judgements: int = 0
    ways: Mapping[str, int] = field(default_factory=dict)
    narrowed: int = 0
    unknown: int = 0
    unknown_examples: tuple[str, ...] = ()
    conflicting: int = 0
    conflicting_examples: tuple[str, ...] = ()
    unlike: int = 0
    duplicates: int = 0
    contradictions: int = 0
    split_conflicts: int = 0
    negatives_beside_positives: int = 0

    @property
    def queries(self) -> int:
        """How many queries have at least one positive."""
        return len({pair.query_id for pair in self.pairs if pair.relevance > 0})

    @property
    def counts(self) -> dict[str, object]:
        """All figures, for a manifest."""
        names = (
            "judgements", "ways", "narrowed", "unknown", "conflicting", "unlike", "duplicates", "contradictions",
            "split_conflicts", "negatives_beside_positives",
        )  # fmt: skip
        return {"pairs": len(self.pairs), "queries": self.queries, **{name: getattr(self, name) for name in names}}


@dataclass(slots=True)
class _Entry:
    """A judgement on its way, without its texts.

    Attributes:
        places: The passages that it may mean; one when it is settled.
    """

    query_id: str
    target: str
    text: bytes
    relevance: int
    provenance: str
    score: float | None
    split: SplitName | None
    line: int
    places: tuple[int, ...] = ()
    by_document: bool = False


@dataclass(slots=True)
class _Account:
    """What is counted on the way."""

    ways: Counter[str] = field(default_factory=Counter)
    totals: Counter[str] = field(default_factory=Counter)
    unknown_examples: list[str] = field(default_factory=list)
    conflicting_examples: list[str] = field(default_factory=list)


def attribute(
    judgements: Iterable[Judgement],
    passages: Sequence[Passage],
    best: Best,
    on_bad: OnBad,
    *,
    source: str,
    options: AttributionOptions | None = None,
) -> Attributed:
    """Finds the passages that judgements mean.

    A target is looked for as a passage's id, a document's id, a path or address of a document (other separators,
    folders more or fewer, with or without ending, where that means one document), at last as words. A text is looked
    for as it is but for case, white space and closing punctuation, then by what it shares with passages in word
    sequences. Where a judgement has both, the target counts, unless the text is clearly another passage's.

    A document of several passages is narrowed to one: the one that holds the judgement's text, else the one that `best`
    chooses. A judgement that a document is not relevant is left out when a passage of it answers the same query.

    Queries with the same words (but for case, white space and closing punctuation) are one query, whatever their
    source calls them. Time and memory are linear in judgements and passages.

    Args:
        judgements: Any, from any source; read once.
        passages: The corpus. Where several passages fit equally well, the first counts.
        best: Chooses among passages of one document.
        on_bad: Told of every judgement that no passage is found for.
        source: Name of the judgements' file, for messages.
        options: Thresholds.
    """
    options = options or AttributionOptions()
    account = _Account()
    asked: dict[str, str] = {}
    texts: dict[bytes, str] = {}
    entries = list(_entries(judgements, asked, texts, account, on_bad, source))
    corpus = Corpus(passages)
    targets = meanings_of_targets({entry.target for entry in entries if entry.target}, corpus)
    words = meanings_of_texts(texts, corpus, options.least_overlap)

    known = []
    for entry in entries:
        if _placed(entry, targets.found, words, texts, corpus, account, options.least_overlap):
            known.append(entry)
        else:
            _refuse(entry, targets.ambiguous, texts, account, on_bad, source)
    settled = list(_settled(known, asked, corpus, best, account))
    return _merged(settled, asked, corpus, account)


def _entries(
    judgements: Iterable[Judgement], asked: dict[str, str], texts: dict[bytes, str], account: _Account, on_bad: OnBad,
    source: str,
) -> Iterator[_Entry]:  # fmt: skip
    """The judgements in short; fills query id → words and digest → text."""
    ids: dict[str, str] = {}
    digests: dict[str, bytes] = {"": b""}  # a query and a passage come back in many judgements
    for one in judgements:
        account.totals["judgements"] += 1
        if one.query not in ids:
            ids[one.query] = query_id(one.query) if normalised(one.query) else ""
        if not ids[one.query]:
            account.totals["unknown"] += 1
            on_bad(BadRow(source, one.line, "query", f"{_shown(one.query)} has no words"))
            continue
        id_ = ids[one.query]
        asked.setdefault(id_, one.query)
        key = digests.get(one.text)
        if key is None:
            key = digests[one.text] = digest(one.text) if one.text.strip() else b""
            if key:
                texts.setdefault(key, one.text)
        yield _Entry(
            id_, one.target.strip(), key, max(0, one.relevance), one.provenance, one.score, one.split, one.line
        )


def _placed(
    entry: _Entry, targets: Mapping[str, Meaning], words: Mapping[bytes, Meaning], texts: Mapping[bytes, str],
    corpus: Corpus, account: _Account, least: float,
) -> bool:  # fmt: skip
    """Gives an entry the places that it may mean; False when there are none."""
    target, text = targets.get(entry.target), words.get(entry.text)
    if target is None:
        return text is not None and _take(entry, corpus.alone(text), text.way, account)
    if text is None:
        if entry.text and not corpus.holds(target.places, texts[entry.text], least):
            account.totals["unlike"] += 1
        return _take(entry, target.places, target.way, account)
    inside = corpus.among(text, corpus.members(target))
    if not inside:
        inside = corpus.holding(target.places, texts[entry.text], least)
    if inside:
        one = target.places if target.way == "passage id" else inside
        return _take(entry, one, target.way, account, narrowed=len(target.places) > 1)
    account.totals["conflicting"] += 1
    wins = text if text.clear else target
    if len(account.conflicting_examples) < _EXAMPLES:
        ids = [corpus.passages[meaning.places[0]].id for meaning in (target, text)]
        kept = "the text" if text.clear else "the id"
        account.conflicting_examples.append(
            f"line {entry.line}: {_shown(entry.target)} is {ids[0]}, but its text is that of {ids[1]}; {kept} counts"
        )
    return _take(entry, corpus.alone(text) if wins is text else target.places, wins.way, account)


def _take(entry: _Entry, places: tuple[int, ...], way: Way, account: _Account, *, narrowed: bool = False) -> bool:
    entry.places = places
    entry.by_document = len(places) > 1
    account.ways[way] += 1
    account.totals["narrowed"] += narrowed and not entry.by_document
    return True


def _refuse(
    entry: _Entry, ambiguous: Mapping[str, int], texts: Mapping[bytes, str], account: _Account, on_bad: OnBad,
    source: str,
) -> None:  # fmt: skip
    if entry.target in ambiguous:
        reason = f"{_shown(entry.target)} may mean any of {ambiguous[entry.target]} documents"
    elif entry.target and entry.text:
        reason = f"neither {_shown(entry.target)} nor its text is in the corpus"
    elif entry.target:
        reason = f"{_shown(entry.target)} is no passage and no document of the corpus"
    elif entry.text:
        reason = f"no passage holds the words {_shown(texts[entry.text])}"
    else:
        reason = "neither an id nor a text says what is judged"
    bad = BadRow(source, entry.line, "", reason)
    account.totals["unknown"] += 1
    if len(account.unknown_examples) < _EXAMPLES:
        account.unknown_examples.append(str(bad))
    on_bad(bad)


def _settled(
    entries: Sequence[_Entry], asked: Mapping[str, str], corpus: Corpus, best: Best, account: _Account
) -> Iterator[_Entry]:
    """Entries with one place each: first what answers, then what does not, which must not contradict it."""
    refused: dict[str, set[int]] = defaultdict(set)
    for entry in entries:
        if entry.relevance == 0 and not entry.by_document:
            refused[entry.query_id].add(entry.places[0])
    positive = [entry for entry in entries if entry.relevance > 0]
    for entry in positive:
        # What was looked at and found wanting is not what the document is relevant for.
        if entry.by_document and (wanting := refused.get(entry.query_id)):
            entry.places = tuple(place for place in entry.places if place not in wanting) or entry.places
    _narrow(positive, asked, corpus, best, account)
    answering = {(entry.query_id, corpus.document_of(entry.places[0])) for entry in positive}
    negative = []
    for entry in entries:
        if entry.relevance > 0:
            continue
        if entry.by_document and (entry.query_id, corpus.document_of(entry.places[0])) in answering:
            account.totals["negatives_beside_positives"] += 1
        else:
            negative.append(entry)
    _narrow(negative, asked, corpus, best, account)
    dropped = {id(entry) for entry in entries if len(entry.places) > 1}
    return (entry for entry in entries if id(entry) not in dropped)


def _narrow(entries: Iterable[_Entry], asked: Mapping[str, str], corpus: Corpus, best: Best, account: _Account) -> None:
    """Chooses one passage for every entry that may mean several; the same question is asked once."""
    waiting: dict[tuple[str, tuple[int, ...]], list[_Entry]] = {}
    for entry in entries:
        if entry.by_document:
            account.totals["narrowed"] += 1
            waiting.setdefault((entry.query_id, entry.places), []).append(entry)
    keys = sorted(waiting, key=lambda key: key[1])  # one document's questions come together, so it is read once
    ids: dict[tuple[int, ...], tuple[str, ...]] = {}
    for start in range(0, len(keys), _AT_ONCE):
        block = keys[start : start + _AT_ONCE]
        for _, places in block:
            if places not in ids:
                ids[places] = tuple(corpus.passages[place].id for place in places)
        chosen = best([(asked[query], ids[places]) for query, places in block])
        for key, passage in zip(block, chosen, strict=True):
            place = key[1][ids[key[1]].index(passage)]
            for entry in waiting[key]:
                entry.places = (place,)


def _merged(entries: Iterable[_Entry], asked: Mapping[str, str], corpus: Corpus, account: _Account) -> Attributed:
    """Each query and passage once, as `distinct` has it."""
    said = [
        Pair(
            one.query_id, asked[one.query_id], corpus.passages[one.places[0]].id, one.relevance, one.provenance,
            one.score, one.split,
        )
        for one in entries
    ]  # fmt: skip
    found = distinct(said)
    account.totals["duplicates"] = len(found.repeats)
    contradicted: set[tuple[str, str]] = set()
    parts: dict[tuple[str, str], set[str]] = {}
    for row, repeat in found.repeats.items():
        key = said[row].query_id, said[row].passage_id
        if (said[row].relevance > 0) != (said[repeat.of].relevance > 0):
            contradicted.add(key)
        parts.setdefault(key, set()).update(split for n in (row, repeat.of) if (split := said[n].split) is not None)
    moved = [key for key, some in parts.items() if len(some) > 1]
    pairs = tuple(found.kept.values())
    totals = account.totals
    return Attributed(
        pairs, totals["judgements"], dict(sorted(account.ways.items())), totals["narrowed"], totals["unknown"],
        tuple(account.unknown_examples), totals["conflicting"], tuple(account.conflicting_examples), totals["unlike"],
        totals["duplicates"], len(contradicted), len(moved), totals["negatives_beside_positives"],
    )  # fmt: skip


def _shown(text: str) -> str:
    """A text in quotes, short and on one line; quotes within it are others, so that messages can be told by kind."""
    line = " ".join(text.replace("'", "’").split())
    return f"'{line[:80]}…'" if len(line) > 80 else f"'{line}'"


__all__ = ["Attributed", "AttributionOptions", "attribute"]
