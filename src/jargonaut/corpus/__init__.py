"""The corpus stage: a folder of documents → documents → passages without repeats.

Knows files and text. Knows nothing of queries, vectors or models, save the tokenizer that it is given.
"""

from jargonaut.corpus.chunking import Chunker, ChunkOptions, chunk
from jargonaut.corpus.language import language_notice
from jargonaut.corpus.loading import DOCUMENT_TYPES, LoadOptions, load_documents, source_hash
from jargonaut.corpus.reading import Corpus, read_folder
from jargonaut.deduplication import Deduplicated, DedupOptions, deduplicate, near_duplicates

__all__ = [
    "DOCUMENT_TYPES",
    "ChunkOptions",
    "Chunker",
    "Corpus",
    "DedupOptions",
    "Deduplicated",
    "LoadOptions",
    "chunk",
    "deduplicate",
    "language_notice",
    "load_documents",
    "near_duplicates",
    "read_folder",
    "source_hash",
]
