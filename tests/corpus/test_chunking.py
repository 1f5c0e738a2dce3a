"""Promises of cutting documents into passages."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from jargonaut.corpus import Chunker, ChunkOptions, chunk
from jargonaut.errors import SettingsError
from jargonaut.records import Document

SENTENCE = "The torque wrench is calibrated once a year by the workshop. "

blocks = st.sampled_from(
    [
        "# Title",
        "## Größe 漢字",
        "Setext\n---",
        "```\n# code\nx = 1\n```",
        "- item one\n- item two",
        SENTENCE * 3,
        SENTENCE * 15,
        "Ünïcode wörds 漢字 🙂 " * 12,
        "| a | b |\n| --- | --- |\n| 1 | 2 |",
        "term\n: its definition " + SENTENCE,
        "x" * 2500,
    ]
)


@given(parts=st.lists(blocks, max_size=8), markdown=st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_offsets_point_at_the_passages_own_text(tokenizer: Tokenizer, parts: list[str], markdown: bool) -> None:
    """`text[start:end]` is the passage, passages are in order and never overlap, ids are unique."""
    document = Document("d", "\n\n".join(parts), "d", markdown=markdown)
    passages = list(chunk(document, tokenizer, ChunkOptions(max_tokens=50)))
    assert all(document.text[p.start : p.end] == p.text for p in passages)
    assert all(a.end <= b.start for a, b in pairwise(passages))
    assert [p.id for p in passages] == [f"d#{i}" for i in range(len(passages))]


def test_passages_fit_the_tokenizer_even_if_it_truncates_and_pads(tokenizer: Tokenizer) -> None:
    """No passage has more tokens than asked, counted without the tokenizer's own truncation."""
    text = SENTENCE * 200
    passages = list(chunk(Document("d", text), tokenizer, ChunkOptions(max_tokens=64)))
    counter = Tokenizer.from_str(tokenizer.to_str())
    counter.no_truncation()
    counter.no_padding()
    sizes = [len(counter.encode(p.text).ids) for p in passages]
    assert max(sizes) <= 64
    assert sum(sizes) / len(sizes) > 40


def test_title_and_heading_path_are_kept_and_heading_lines_are_not_in_the_text(tokenizer: Tokenizer) -> None:
    """A passage knows where it stands; the document's title is not repeated in its path."""
    text = f"# Guide\n\n{SENTENCE}\n\n## Tools\n\n### Wrench\n\n{SENTENCE}"
    first, second = chunk(Document("d", text, "Guide"), tokenizer)
    assert (first.headings, second.headings) == ((), ("Tools", "Wrench"))
    assert first.title == second.title == "Guide"
    assert first.text == second.text == SENTENCE.strip()
    assert second.document_id == "d"


def test_no_passage_crosses_a_heading(tokenizer: Tokenizer) -> None:
    """Two short sections are two passages, although both would fit into one."""
    text = f"# A\n\n{SENTENCE}\n\n# B\n\n{SENTENCE}"
    assert [p.headings for p in chunk(Document("d", text, "x"), tokenizer)] == [("A",), ("B",)]


def test_plain_text_has_no_headings(tokenizer: Tokenizer) -> None:
    """In plain text `#` is a character."""
    (passage,) = chunk(Document("d", f"# not a heading\n{SENTENCE}", "t", markdown=False), tokenizer)
    assert passage.text.startswith("# not a heading")
    assert passage.headings == ()


def test_fragments_and_lists_of_links_are_left_out_and_counted(tokenizer: Tokenizer) -> None:
    """Too few letters, or nothing but links, is no passage."""
    contents = "\n".join(f"- [A page about torque wrenches {i}](p{i}.html)" for i in range(5))
    chunker = Chunker(tokenizer)
    passages = list(chunker.chunk(Document("d", f"# A\n\nSee below.\n\n# B\n\n{contents}\n\n# C\n\n{SENTENCE}", "t")))
    assert [p.headings for p in passages] == [("C",)]
    assert chunker.too_short == 2


def test_term_stays_with_its_definition(tokenizer: Tokenizer) -> None:
    """A passage does not begin with a definition whose term ends the one before."""
    text = "\n\n".join(f"torque_limit_{i}\n: {SENTENCE * 2}" for i in range(12))
    passages = list(chunk(Document("d", text), tokenizer, ChunkOptions(max_tokens=50)))
    assert len(passages) > 5
    assert not any(p.text.startswith(": ") for p in passages)


def test_letters_without_a_space_are_cut_too(tokenizer: Tokenizer) -> None:
    """A megabyte without white space does not become one passage."""
    passages = list(chunk(Document("d", "abcdefghij" * 20_000, markdown=False), tokenizer))
    assert max(len(p.text) for p in passages) <= 4000


def test_cost_grows_with_length_and_not_with_its_square(tokenizer: Tokenizer) -> None:
    """A text four times as long takes about four times as long."""
    chunker = Chunker(tokenizer)

    def seconds(copies: int) -> float:
        started = time.process_time()
        assert list(chunker.chunk(Document("d", (SENTENCE * 5 + "\n\n") * copies, markdown=False)))
        return time.process_time() - started

    seconds(20)
    assert seconds(800) < 10 * max(seconds(200), 0.02)


@pytest.mark.parametrize("values", [{"max_tokens": 7}, {"min_chars": -1}, {"max_link_share": 1.5}])
def test_sizes_that_mean_nothing_are_refused(values: dict[str, Any]) -> None:
    """The error names the setting and its limits."""
    with pytest.raises(SettingsError, match=rf"\[chunk\] {next(iter(values))}: "):
        ChunkOptions(**values)
