"""The card of a tuned model: `README.md` of its folder, in the form that model hubs read.

Tells what it is, what it was made from, how well it does and how sure that is, what it is for and what it is not for.
Tells names and figures, never a query or a passage of the user's. Knows nothing of where models lie.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from jargonaut.evaluation.comparison import SystemResult, system
from jargonaut.evaluation.measures import HEADLINE
from jargonaut.evaluation.report import RunReport
from jargonaut.evaluation.report_markdown import told
from jargonaut.evaluation.wording import amount, markdown, markdown_table, percent, sentence, three

_RECIPE = ("loss", "epochs", "batch_size", "lr", "scale", "negatives", "lora_rank", "seed")
_TAGS = ("sentence-transformers", "sentence-similarity", "feature-extraction", "information-retrieval", "jargonaut")
_METRICS = {"nDCG@10": "cosine_ndcg@10", "recall@10": "cosine_recall@10", "MRR@10": "cosine_mrr@10"}
"""Our names of measures → those that sentence-transformers writes into cards."""
_SOURCES = {
    "label": "people's judgements",
    "click": "clicks of a search log",
    "recent-click": "the newest clicks of a search log",
    "llm": "questions by a language model",
    "structure": "headings, definitions and links of the documents",
}


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What a card tells that no report knows.

    Attributes:
        base: The base model's id or name.
        licence: Of the base model, which the tuned one inherits; `unknown` where nobody said.
        version: Name of the tuned version.
        dimension: Length of its full vectors.
        query_prompt: Put before queries.
        passage_prompt: Put before passages.
        max_tokens: Longer texts are cut to this; None for the model's own limit.
        sources: Part (`train`, `test` …) → kind of source → pairs.
        origin: `given` when the data brought its own split, else `ours`.
        domain: Name of the documents.
        code: Package → version.
    """

    base: str
    licence: str = "unknown"
    version: str = ""
    dimension: int | None = None
    query_prompt: str = ""
    passage_prompt: str = ""
    max_tokens: int | None = None
    sources: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    origin: str = "ours"
    domain: str = "this domain"
    code: Mapping[str, str] = field(default_factory=dict)


def to_card(report: RunReport, facts: CardFacts) -> str:
    """The card as Markdown with its head."""
    blocks = (
        _introduction(report, facts), _use(report, facts), _figures(report), _data(report, facts),
        _training(report, facts), _intended(facts), _limits(report, facts),
    )  # fmt: skip
    return "\n".join([_head(report, facts), *(line for block in blocks for line in block)]) + "\n"


def _head(report: RunReport, facts: CardFacts) -> str:
    """YAML that hubs read. A base that is no hub id, or a licence that nobody knows, is left out: hubs refuse both."""
    from huggingface_hub import EvalResult, ModelCardData

    tuned = system(report.systems, "tuned", report.headline_dim)
    results = [
        EvalResult(
            task_type="information-retrieval", task_name="Information Retrieval", dataset_type="jargonaut-test",
            dataset_name=f"{facts.domain} (test)", metric_type=_METRICS[name], metric_name=name,
            metric_value=round(tuned.metrics[name], 4),
        )
        for name in HEADLINE
        if tuned is not None
    ]  # fmt: skip
    data = ModelCardData(
        license=None if facts.licence == "unknown" else facts.licence,
        base_model=facts.base if facts.base.count("/") == 1 and not facts.base.startswith((".", "/", "~")) else None,
        library_name="sentence-transformers", pipeline_tag="sentence-similarity", tags=list(_TAGS),
        model_name=report.tuned if results else None, eval_results=results or None,
    )  # fmt: skip
    return f"---\n{data.to_yaml()}\n---"


def _introduction(report: RunReport, facts: CardFacts) -> Iterator[str]:
    yield from ("", f"# {markdown(report.tuned)}", "")
    size = f" Texts become vectors of {facts.dimension} components" if facts.dimension else ""
    shorter = sorted({one.dim for one in report.systems if one.kind == "tuned" and one.dim}, reverse=True)
    cut = f", which may be cut to {', '.join(map(str, shorter[1:]))} (Matryoshka)" if len(shorter) > 1 else ""
    yield (
        f"An embedding model for retrieval: **{markdown(facts.base)}**, fine-tuned on {markdown(facts.domain)} by "
        f"jargonaut.{size}{cut}{'.' if size else ''}"
    )
    yield from ("", f"> {markdown(report.verdict.sentence, 1000)}", "")


def _use(report: RunReport, facts: CardFacts) -> Iterator[str]:
    full, deployed = facts.dimension, report.headline_dim
    cut = f", truncate_dim={deployed}" if deployed and full and deployed < full else ""
    prompts = [f"query prompt {facts.query_prompt!r}"] * bool(facts.query_prompt)
    prompts += [f"passage prompt {facts.passage_prompt!r}"] * bool(facts.passage_prompt)
    yield from (
        "## Use", "", "```python", "from sentence_transformers import SentenceTransformer", "",
        f'model = SentenceTransformer("path/to/this/folder"{cut})',
        'queries = model.encode_query(["…"], normalize_embeddings=True)',
        'passages = model.encode_document(["…"], normalize_embeddings=True)',
        "scores = queries @ passages.T  # cosines", "```", "",
        ("A server must apply every module of `modules.json`: one that leaves out a dense layer gives other vectors of "
         "the same length. Vectors of this model and of any other do not mix."), "",
    )  # fmt: skip
    if prompts:
        yield from (f"It was trained and measured with {' and '.join(map(markdown, prompts))}.", "")


def _figures(report: RunReport) -> Iterator[str]:
    rows = [_row(report, one) for one in report.ordered_systems()]
    queries = len(report.systems[0].scores.query_ids) if report.systems else 0
    unseen = " whose passages the model never saw" if report.is_clean else ""
    yield from ("## Scores", "")
    yield (
        f"On {queries:,} test queries{unseen}. In parentheses the {percent(report.confidence)} interval: a system's "
        "own in the first columns, that of the paired difference in the last."
    )
    yield ""
    yield from markdown_table(
        ["system", "dimensions", "nDCG@10", "recall@10", "MRR@10", "nDCG@10 against the base"], rows
    )


def _row(report: RunReport, one: SystemResult) -> list[str]:
    def figure(name: str) -> str:
        bar = one.intervals.get(name)
        shown = three(one.metrics[name])
        return shown if bar is None else f"{shown} ({three(bar.low)} to {three(bar.high)})"

    difference = told(report.against_base(one))
    return [markdown(one.name), str(one.dim or "–"), *map(figure, HEADLINE), difference]


def _data(report: RunReport, facts: CardFacts) -> Iterator[str]:
    yield from ("## Data", "")
    counts = report.counts
    rows = [
        [part, amount(counts.get(part)), amount(counts.get(f"{part}_queries")), _origin(facts.sources.get(part, {}))]
        for part in ("train", "dev", "test")
    ]
    yield from markdown_table(["part", "pairs", "queries", "where they come from"], rows, left=(0, 3))
    how = (
        "The split came with the data." if facts.origin == "given"
        else "Parts were drawn by document and near-duplicate group: none is shared."
    )  # fmt: skip
    clean = "Nothing of test was seen in training or mining." if report.is_clean else _shared(report)
    yield from (f"{how} {clean}".strip(), "")


def _shared(report: RunReport) -> str:
    found = {name: value for name, value in report.leakage.items() if value}
    return f"**Test shares material with training: {markdown(amount(found))}.**" if found else ""


def _origin(kinds: Mapping[str, int]) -> str:
    named = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    return "; ".join(f"{_SOURCES.get(kind, markdown(kind))} ({count:,})" for kind, count in named) or "–"


def _training(report: RunReport, facts: CardFacts) -> Iterator[str]:
    recipe: Mapping[str, Any] = report.settings.get("train") or {}
    yield from ("## Training", "")
    told_ = [f"{name.replace('_', ' ')} {_setting(recipe[name])}" for name in _RECIPE if recipe.get(name)]
    if told_:
        yield f"- {markdown('; '.join(told_))}"
    curve = report.curve
    if curve.chosen_epoch is not None:
        moved = (
            f", moved towards the base to α = {curve.chosen_alpha:g}" if curve.chosen_alpha not in (None, 0, 1) else ""
        )
        yield f"- kept: the weights of epoch {curve.chosen_epoch:g}{moved}"
    if facts.code:
        yield f"- {markdown(', '.join(f'{name} {version}' for name, version in facts.code.items()))}"
    yield ""


def _setting(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _intended(facts: CardFacts) -> Iterator[str]:
    yield from ("## Intended use", "")
    yield (
        f"Finding passages of {markdown(facts.domain)} that answer a question, alone or fused with BM25. It is no "
        "classifier, and its similarities are no probabilities: a threshold that was set for the base model has to be "
        "set anew."
    )
    yield ""


def _limits(report: RunReport, facts: CardFacts) -> Iterator[str]:
    yield from ("## Limits", "")
    yield "- Measured on the domain above only; elsewhere the base model may be better."
    if report.scrutiny is not None:
        found = report.scrutiny.sentences
        for text in (*found["slices"], *found["forgetting"], *found["scale"]):
            yield f"- {markdown(sentence(text), 1000)}"
    general = dict(report.curve.general_ndcg)
    if report.scrutiny is None and report.curve.blends and general:
        chosen = next((b for b in report.curve.blends if b[0] == report.curve.chosen_alpha), report.curve.blends[-1])
        before = report.curve.blends[0][2]
        yield f"- On general questions it scores {three(chosen[2])} nDCG@10, the base {three(before)}."
    if facts.max_tokens:
        yield f"- Texts are cut to {facts.max_tokens} tokens."
    if facts.licence == "unknown":
        yield "- The licence of the base model is not known here: look it up before you pass this model on."
    else:
        yield f"- The licence is the base model's ({markdown(facts.licence)}); for the data's, ask its owner."
    for notice in report.notices:
        yield f"- {markdown(notice, 1000)}"
    yield ""
