"""The prompts that known model families were trained with, in one table.

A model folder's own prompts win over this table, and the user's settings win over both. Knows names, loads nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SEARCH = "Represent this sentence for searching relevant passages: "
_INSTRUCT = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: "


@dataclass(frozen=True, slots=True)
class Prompts:
    """What is put before a query and before a passage; empty strings mean nothing is."""

    query: str = ""
    passage: str = ""


# The first pattern that matches the model's name decides, so the narrower ones stand first. Each prompt is the one that
# the model's own card gives for retrieval.
FAMILIES: tuple[tuple[str, Prompts], ...] = (
    (r"bge-m3|bge-multilingual", Prompts()),
    (r"bge-.*-zh", Prompts(query="为这个句子生成表示以用于检索相关文章：")),
    (r"bge-", Prompts(query=_SEARCH)),
    (r"e5-.*instruct|e5-mistral", Prompts(query=_INSTRUCT)),
    (r"(^|[-_/])(multilingual-)?e5-", Prompts(query="query: ", passage="passage: ")),
    (r"gte-qwen", Prompts(query=_INSTRUCT)),
    (r"gte-", Prompts()),
    (r"nomic-embed", Prompts(query="search_query: ", passage="search_document: ")),
    (r"arctic-embed-.*v2", Prompts(query="query: ")),
    (r"arctic-embed", Prompts(query=_SEARCH)),
    (r"embeddinggemma", Prompts(query="task: search result | query: ", passage="title: none | text: ")),
    (r"qwen3-embedding", Prompts(query=_INSTRUCT.rstrip(" "))),
    (r"mxbai-embed", Prompts(query=_SEARCH)),
)


def family_prompts(name: str) -> Prompts:
    """The prompts of the family that a model's name belongs to; none when it belongs to no known one."""
    lowered = name.lower()
    return next((prompts for pattern, prompts in FAMILIES if re.search(pattern, lowered)), Prompts())
