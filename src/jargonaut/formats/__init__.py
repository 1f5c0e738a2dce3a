"""Every file format, in one place.

Readers stream. A row that cannot be used goes to `on_bad` as a `BadRow` with its file and line, and reading goes on; a
file that cannot be opened is an `InputError`. Text that is read can be written: lone surrogates become U+FFFD. Writers
are atomic. Knows files; knows nothing of what the records mean to a stage.
"""

from jargonaut.formats.beir import (
    QRELS_HEADER,
    beir_corpus,
    is_beir,
    read_passages,
    read_qrels,
    read_queries,
    write_beir,
    write_passages,
    write_qrels,
    write_queries,
)
from jargonaut.formats.jsonl import OnBad, Reasons, is_jsonl, read_jsonl, read_records, read_texts, write_jsonl
from jargonaut.formats.label_sets import files_of
from jargonaut.formats.labels import LABEL_FORMATS, JudgementFile, LabelOptions, open_judgements
from jargonaut.formats.tables import Table, open_table
from jargonaut.formats.trec import TrecRun, read_trec_qrels, read_trec_run, write_trec_qrels, write_trec_run

__all__ = [
    "LABEL_FORMATS",
    "QRELS_HEADER",
    "JudgementFile",
    "LabelOptions",
    "OnBad",
    "Reasons",
    "Table",
    "TrecRun",
    "beir_corpus",
    "files_of",
    "is_beir",
    "is_jsonl",
    "open_judgements",
    "open_table",
    "read_jsonl",
    "read_passages",
    "read_qrels",
    "read_queries",
    "read_records",
    "read_texts",
    "read_trec_qrels",
    "read_trec_run",
    "write_beir",
    "write_jsonl",
    "write_passages",
    "write_qrels",
    "write_queries",
    "write_trec_qrels",
    "write_trec_run",
]
