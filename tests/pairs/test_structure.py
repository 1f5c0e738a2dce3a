"""Pairs from documents' structure."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from jargonaut.errors import SettingsError
from jargonaut.markdown import sections
from jargonaut.pairs import StructuralPairs, StructureOptions, structural_pairs
from jargonaut.records import Document, Passage

GUIDE = """\
# Storage guide

How the store keeps what it is given, and for how long.

## 3.2.1. How do I rotate a key?[¶](#rotate "Permalink")

Call rotate and wait until every replica has answered. See the [retention policy](reference.md#retention-policy) for how
long the old one lives, and [here](reference.md) for the rest; also [the project site](https://example.org/site).

## Examples

A store with two replicas and one witness is made by this line.

**Q: Can I use it offline?**

A: Yes, all of it works without a network connection.

## See also

- [Retention policy](reference.md#retention-policy)
- [Missing page](nowhere.md)
"""
REFERENCE = """\
# Reference manual

Everything that can be set, by name.

## Retention policy

Old keys are kept for thirty days and are then overwritten.

## Glossary

witness
: A replica that votes and stores nothing.

**quorum**: more than half of all replicas that may vote.

- tombstone — the mark that a removed row leaves behind.
"""


def cut(document: Document) -> list[Passage]:
    """One passage for each section's body."""
    found = []
    for number, section in enumerate(sections(document.text)):
        body = document.text[section.body_start : section.end]
        start = section.body_start + len(body) - len(body.lstrip())
        if text := body.strip():
            id_ = f"{document.id}#{number}"
            found.append(Passage(id_, text, document.title, section.path, document.id, start, start + len(text)))
    return found


def pairs_of(*documents: Document, options: StructureOptions | None = None) -> StructuralPairs:
    """Pairs of whole documents."""
    return structural_pairs(documents, [p for document in documents for p in cut(document)], options)


def triples(found: StructuralPairs) -> set[tuple[str, str, str]]:
    """Pairs as (query, passage id, provenance)."""
    return {(pair.query, pair.passage_id, pair.provenance) for pair in found}


@pytest.fixture
def guide() -> Sequence[Document]:
    """Two documents, one of which links to the other."""
    return (
        Document("docs/guide.md", GUIDE, "Storage guide"),
        Document("docs/reference.md", REFERENCE, "Reference manual"),
    )


def test_title_leads_to_first_passage(guide: Sequence[Document]) -> None:
    """A document's title is a query for its first passage, once, as `title`."""
    assert [t for t in triples(pairs_of(*guide)) if t[0] == "Storage guide"] == [
        ("Storage guide", "docs/guide.md#0", "title")
    ]


def test_question_heading_loses_number_and_permalink(guide: Sequence[Document]) -> None:
    """A heading that asks is a `question`, without numbering and permalink sign."""
    assert ("How do I rotate a key?", "docs/guide.md#1", "question") in triples(pairs_of(*guide))


def test_generic_heading_gets_its_parent(guide: Sequence[Document]) -> None:
    """`Examples` alone asks nothing; it is named after what it stands under."""
    assert ("Storage guide: Examples", "docs/guide.md#2", "heading") in triples(pairs_of(*guide))


def test_faq_entry_leads_to_answer(guide: Sequence[Document]) -> None:
    """A bold question is a query for the passage that holds its answer."""
    assert ("Can I use it offline?", "docs/guide.md#2", "question") in triples(pairs_of(*guide))


@pytest.mark.parametrize("term", ["witness", "quorum", "tombstone"])
def test_definitions(guide: Sequence[Document], term: str) -> None:
    """Definition lists, bold terms and `term — …` lead to the passage that defines the term."""
    assert (term, "docs/reference.md#2", "definition") in triples(pairs_of(*guide))


def test_link_in_a_sentence_leads_to_its_section(guide: Sequence[Document]) -> None:
    """Words of a link are a query for the section it leads to; external, generic and listed links are none."""
    found = [pair for pair in pairs_of(*guide, options=StructureOptions()) if pair.provenance == "link"]
    assert found == []  # the heading of the same words came first
    renamed = Document(guide[0].id, GUIDE.replace("[retention policy]", "[how long keys live]"), guide[0].title)
    links = [(p.query, p.passage_id) for p in pairs_of(renamed, guide[1]) if p.provenance == "link"]
    assert links == [("how long keys live", "docs/reference.md#1")]


@pytest.mark.parametrize("words", ["Chapter 21", "this page", "https://example.org/a b"])
def test_link_that_does_not_say_what_is_there(words: str) -> None:
    """A link text that names a place instead of a topic is no query."""
    one = Document("a.md", f"# First page\n\nAll of that is told in [{words}](b.md) at some length.")
    other = Document("b.md", "# Second page\n\nSome words.")
    assert pairs_of(one, other).by_source == {"heading": 2}


def test_dead_link_is_counted() -> None:
    """A link into the corpus that leads nowhere is counted and makes no pair."""
    text = "# The start page\n\nPlease read the [setup chapter](gone.md) before you do anything else."
    found = pairs_of(Document("a.md", text, "The start page"))
    assert (found.unresolved_links, found.by_source) == (1, {"title": 1})


def test_reference_style_links_and_other_extensions() -> None:
    """`[text]` with its target at the end resolves, also to a page whose extension differs."""
    one = Document(
        "a.html", "# First page\n\nSee the [second chapter] for all details of it.\n\n[second chapter]: b.html#the-end"
    )
    other = Document("b.md", "# Second page\n\nSome words.\n\n## The end\n\nThis is how it ends.")
    assert ("second chapter", "b.md#1", "link") in triples(pairs_of(one, other))


def test_same_words_are_one_query_with_several_positives() -> None:
    """Equal query texts share an id, whatever their case, and keep every positive where several are allowed."""
    one = Document("a.md", "# Rolling upgrade\n\nStop one node.")
    other = Document("b.md", "# rolling upgrade\n\nStart one node.")
    assert (len(pairs_of(one, other)), pairs_of(one, other).ambiguous) == (0, 1)
    found = pairs_of(one, other, options=StructureOptions(max_passages_per_query=2))
    assert len({pair.query_id for pair in found}) == 1
    assert {pair.passage_id for pair in found} == {"a.md#0", "b.md#0"}


def test_ambiguous_query_is_dropped() -> None:
    """A text that leads to more passages than allowed is no query, and is counted."""
    documents = [Document(f"{n}.md", f"# Release notes of today\n\nText number {n}.") for n in range(6)]
    found = pairs_of(*documents)
    assert (len(found), found.ambiguous) == (0, 1)


def test_file_name_is_no_title() -> None:
    """A title that is only the file's name asks nothing."""
    document = Document("notes/meeting notes.txt", "Words of a text.", "meeting notes", markdown=False)
    passage = Passage("p", document.text, document_id=document.id, end=len(document.text))
    assert len(structural_pairs([document], [passage])) == 0


def test_cap_per_document_is_counted() -> None:
    """No document gives more pairs than the cap."""
    text = "# The long page\n\nIntro.\n\n" + "".join(
        f"## Chapter about {w} things\n\nBody {w}.\n\n" for w in "abcdefgh"
    )
    found = pairs_of(Document("a.md", text, "The long page"), options=StructureOptions(max_per_document=3))
    assert (len(found), found.over_cap) == (3, 6)


def test_order_of_documents_does_not_matter(guide: Sequence[Document]) -> None:
    """The pairs are the same whichever document is read first."""
    assert pairs_of(*guide).pairs == pairs_of(*reversed(guide)).pairs


def test_headings_without_spaces_between_words() -> None:
    """A Chinese heading is a query although it has no spaces."""
    assert ("安装指南说明", "a.md#0", "heading") in triples(
        pairs_of(Document("a.md", "# 安装指南说明\n\n先下载软件包。"))
    )


def test_code_block_holds_no_definitions() -> None:
    """What looks like a definition inside a code block is none."""
    text = "# A page of code\n\nWords before.\n\n```\n**term**: not a definition at all\n```\n"
    assert pairs_of(Document("a.md", text, "A page of code")).by_source == {"title": 1}


@pytest.mark.parametrize(
    "bad", [{"min_query_chars": -1}, {"max_query_words": 1}, {"max_per_document": 0}, {"max_passages_per_query": 0}]
)
def test_limits_that_mean_nothing_are_refused(bad: dict[str, int]) -> None:
    """Negative counts and limits that no query can keep are refused."""
    with pytest.raises(SettingsError, match=rf"\[structure\] {next(iter(bad))}"):
        StructureOptions(**bad)  # type: ignore[arg-type]  # on purpose
