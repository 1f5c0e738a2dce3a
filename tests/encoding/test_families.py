"""The table of prompts that known model families were trained with."""

from __future__ import annotations

import pytest

from jargonaut.encoding.families import Prompts, family_prompts

SEARCH = "Represent this sentence for searching relevant passages: "


@pytest.mark.parametrize(
    ("name", "query", "passage"),
    [
        ("BAAI/bge-small-en-v1.5", SEARCH, ""),
        ("BAAI/bge-m3", "", ""),
        ("intfloat/e5-base-v2", "query: ", "passage: "),
        ("intfloat/multilingual-e5-base", "query: ", "passage: "),
        ("nomic-ai/nomic-embed-text-v1.5", "search_query: ", "search_document: "),
        ("Snowflake/snowflake-arctic-embed-m-v2.0", "query: ", ""),
        ("Snowflake/snowflake-arctic-embed-m", SEARCH, ""),
        ("google/embeddinggemma-300m", "task: search result | query: ", "title: none | text: "),
        ("mixedbread-ai/mxbai-embed-large-v1", SEARCH, ""),
        ("thenlper/gte-base", "", ""),
        ("sentence-transformers/all-MiniLM-L6-v2", "", ""),
    ],
)
def test_a_known_family_gets_its_prompts(name: str, query: str, passage: str) -> None:
    """The prompts are those of the model's own card; an unknown name gets none."""
    assert family_prompts(name) == Prompts(query, passage)


@pytest.mark.parametrize(
    ("name", "end"),
    [("intfloat/multilingual-e5-large-instruct", "\nQuery: "), ("Qwen/Qwen3-Embedding-0.6B", "\nQuery:")],
)
def test_an_instructed_family_gets_an_instruction_before_queries_only(name: str, end: str) -> None:
    """Instructions stand before queries, with the spacing that the model was trained with."""
    prompts = family_prompts(name)
    assert (prompts.query.startswith("Instruct: "), prompts.query.endswith(end), prompts.passage) == (True, True, "")


def test_upper_and_lower_case_do_not_matter() -> None:
    """Names are written in many ways."""
    assert family_prompts("E5-BASE-V2") == family_prompts("e5-base-v2")
