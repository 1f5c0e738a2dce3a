"""`jargonaut.toml` and flags → typed options, and back to a commented `jargonaut.toml`.

Knows which section of the file is which stage's options. Knows nothing of what an option does: types, defaults,
meanings and limits are read off the options dataclasses, which live beside the functions that obey them.
"""

from __future__ import annotations

import difflib
import inspect
import textwrap
import tomllib
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from jargonaut.adapters import AdapterOptions
from jargonaut.corpus import ChunkOptions, DedupOptions, LoadOptions
from jargonaut.encoding.devices import ComputeOptions
from jargonaut.encoding.remote import RemoteOptions
from jargonaut.errors import JargonautError, SettingsError, require_limits
from jargonaut.evaluation import (
    AnswerOptions,
    AssessmentOptions,
    EvaluationOptions,
    LadderOptions,
    PerturbationOptions,
    SavingsOptions,
    SliceOptions,
    ThresholdOptions,
)
from jargonaut.index import BuildOptions, IndexOptions, PlanOptions, VerifyOptions
from jargonaut.llm import EndpointOptions, Prices
from jargonaut.llm.local import LocalOptions
from jargonaut.monitoring import QueryLogOptions, WatchOptions
from jargonaut.negatives import MiningOptions
from jargonaut.optionvalues import checked, from_text, shown, toml, wanted
from jargonaut.pairs import FilterOptions, SplitOptions, StructureOptions
from jargonaut.pairs.clicks import ClickOptions
from jargonaut.pairs.curation import CurationOptions
from jargonaut.pairs.questions import JudgeOptions, QuestionOptions
from jargonaut.pairs.review import ReviewOptions
from jargonaut.pairs.statistics import StatisticsOptions
from jargonaut.registry import RegistryOptions
from jargonaut.reranking import RerankerOptions
from jargonaut.retrieval import BM25Options
from jargonaut.students import StaticOptions
from jargonaut.training import SweepOptions, TrainOptions

FLAGS = "the command line"
MIN_TOKENS = 8  # with fewer, little is left of a text but the marks around it

_WIDTH = 100
_HEADER = """\
# Settings of jargonaut. Every key is shown with its value; to change one, remove the `#` before it.
# Lines with a space after the `#` only explain."""


@dataclass(frozen=True, slots=True)
class BaseOptions:
    """The model to start from.

    Attributes:
        model: `embedded` (all-MiniLM-L6-v2, needs no network), a folder, or a hub id such as `BAAI/bge-small-en-v1.5`.
        query_prompt: Text put before every query; not set takes what the model's family wants.
        passage_prompt: Text put before every passage; not set takes what the model's family wants.
        max_tokens: Longer texts are cut to this many tokens; not set takes the model's own limit.
        trust_remote_code: Whether Python code that comes with the model may run.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    model: str = "embedded"
    query_prompt: str | None = None
    passage_prompt: str | None = None
    max_tokens: int | None = None
    trust_remote_code: bool = False

    def __post_init__(self) -> None:
        enough = self.max_tokens is None or self.max_tokens >= MIN_TOKENS
        require_limits("base", self, [("max_tokens", enough, f"{MIN_TOKENS} or more, or not set")])


@dataclass(frozen=True, slots=True)
class Settings:
    """Every stage's options; a field's name is its section in `jargonaut.toml`.

    Attributes:
        base: The model to start from.
        compute: Where and in which number format it runs.
        load: What is read.
        chunk: How documents are cut.
        dedup: Which passages are the same.
        structure: Pairs from the documents' own structure.
        clicks: Judgements from click logs.
        questions: Questions that a language model writes.
        llm: The endpoint that it is asked at.
        local_llm: The language model that runs here where there is no endpoint.
        prices: What the endpoint charges.
        judge: A language model that judges pairs.
        filter: Sizes of pairs that are kept.
        curate: Which pairs are worth learning from.
        review: How many pairs people look at.
        statistics: What is measured of pairs.
        split: How pairs are divided.
        assess: Thresholds of the gate before training, and how much it measures.
        remote: Embedding endpoints that may be candidates.
        bm25: Lexical search.
        mine: Hard negatives.
        train: Fine-tuning.
        adapter: Maps of query vectors on top of a model that stays as it is.
        reranker: A cross-encoder that orders the first hits anew.
        static: Students of word vectors.
        ladder: Which way to search is good enough.
        evaluate: How systems are compared.
        perturb: The same questions as other people would type them.
        slices: Parts of the test queries that are looked at one by one.
        thresholds: Thresholds on similarity that applications use.
        savings: What better ranking saves.
        answers: Answers that a language model gives from each model's hits.
        build: How passages are embedded into an index.
        verify: What an index must pass before it can go live.
        plan: What planning an index assumes.
        registry: What a run may make live, and where registered versions are told.
        index: Where the vectors of the passages lie, and how they are searched.
        watch: When monitoring speaks up, and whom it tells.
        query_log: What is kept of users' queries.
    """

    base: BaseOptions = field(default_factory=BaseOptions)
    compute: ComputeOptions = field(default_factory=ComputeOptions)
    load: LoadOptions = field(default_factory=LoadOptions)
    chunk: ChunkOptions = field(default_factory=ChunkOptions)
    dedup: DedupOptions = field(default_factory=DedupOptions)
    structure: StructureOptions = field(default_factory=StructureOptions)
    clicks: ClickOptions = field(default_factory=ClickOptions)
    questions: QuestionOptions = field(default_factory=QuestionOptions)
    llm: EndpointOptions = field(default_factory=EndpointOptions)
    local_llm: LocalOptions = field(default_factory=LocalOptions)
    prices: Prices = field(default_factory=Prices)
    judge: JudgeOptions = field(default_factory=JudgeOptions)
    filter: FilterOptions = field(default_factory=FilterOptions)
    curate: CurationOptions = field(default_factory=CurationOptions)
    review: ReviewOptions = field(default_factory=ReviewOptions)
    statistics: StatisticsOptions = field(default_factory=StatisticsOptions)
    split: SplitOptions = field(default_factory=SplitOptions)
    assess: AssessmentOptions = field(default_factory=AssessmentOptions)
    remote: RemoteOptions = field(default_factory=RemoteOptions)
    bm25: BM25Options = field(default_factory=BM25Options)
    mine: MiningOptions = field(default_factory=MiningOptions)
    train: TrainOptions = field(default_factory=TrainOptions)
    sweep: SweepOptions = field(default_factory=SweepOptions)
    adapter: AdapterOptions = field(default_factory=AdapterOptions)
    reranker: RerankerOptions = field(default_factory=RerankerOptions)
    static: StaticOptions = field(default_factory=StaticOptions)
    ladder: LadderOptions = field(default_factory=LadderOptions)
    evaluate: EvaluationOptions = field(default_factory=EvaluationOptions)
    perturb: PerturbationOptions = field(default_factory=PerturbationOptions)
    slices: SliceOptions = field(default_factory=SliceOptions)
    thresholds: ThresholdOptions = field(default_factory=ThresholdOptions)
    savings: SavingsOptions = field(default_factory=SavingsOptions)
    answers: AnswerOptions = field(default_factory=AnswerOptions)
    build: BuildOptions = field(default_factory=BuildOptions)
    verify: VerifyOptions = field(default_factory=VerifyOptions)
    plan: PlanOptions = field(default_factory=PlanOptions)
    registry: RegistryOptions = field(default_factory=RegistryOptions)
    index: IndexOptions = field(default_factory=IndexOptions)
    watch: WatchOptions = field(default_factory=WatchOptions)
    query_log: QueryLogOptions = field(default_factory=QueryLogOptions)


def load_settings(path: Path | None, defaults: Settings | None = None) -> Settings:
    """Reads a `jargonaut.toml`.

    Args:
        path: The file; None, or a file that is not there, gives the defaults.
        defaults: What holds where the file says nothing; the usual defaults when None.

    Raises:
        SettingsError: The file is no TOML, or names an unknown section or key, or holds a value of the wrong type.
    """
    if path is None or not path.exists():
        return defaults or Settings()
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(
            f"this is not readable TOML: {error}",
            where=str(path),
            remedy='a section is `[train]`, a setting is `epochs = 2`, and text stands in quotes: `model = "embedded"`',
        ) from error
    settings = defaults or Settings()
    for section, table in tables.items():
        _known_section(section, str(path))
        if not isinstance(table, dict):
            raise SettingsError(
                f"{section} is a section, not a setting", where=str(path), remedy=f"write `[{section}]` on its own line"
            )
        settings = _with(settings, section, table, str(path))
    return settings


def override(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """Settings with some values replaced, under the same checks as the file's.

    Args:
        settings: What holds otherwise.
        values: `section.key` → value. Text is read as a TOML value first (`"2"`, `"[256, 64]"`), then as plain text;
            `none` unsets a setting that may be unset.

    Raises:
        SettingsError: A name is unknown, or a value has the wrong type.
    """
    tables: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        section, dot, key = name.partition(".")
        _known_section(section, FLAGS)
        if not dot:
            raise SettingsError(
                f"{name} is a section", where=FLAGS, remedy=f"name one of its keys: {section}.KEY=VALUE"
            )
        kind = _known_key(section, key, FLAGS)
        tables.setdefault(section, {})[key] = from_text(kind, value) if isinstance(value, str) else value
    for section, table in tables.items():
        settings = _with(settings, section, table, FLAGS)
    return settings


def template(settings: Settings | None = None) -> str:
    """The text of a `jargonaut.toml` that explains itself.

    Args:
        settings: Values that differ from the defaults are written as live lines; the others are commented out, so that
            the file follows the defaults of later releases. None takes the defaults.

    Returns:
        TOML. Lines that start with `# ` explain; those that start with `#` and no space are settings.
    """
    settings, defaults = settings or Settings(), Settings()
    blocks = [_HEADER]
    for section in _sections():
        options, default = getattr(settings, section), getattr(defaults, section)
        blocks.append(f"{_comment(_title(type(options)))}\n[{section}]")
        meanings = explain(section)
        for key in _kinds(type(options)):
            value = getattr(options, key)
            mark = "#" if value == getattr(default, key) else ""
            blocks.append(f"{_comment(meanings[key])}\n{_setting(key, value, mark, _kinds(type(options))[key])}")
    return "\n\n".join(blocks) + "\n"


def explain(section: str) -> dict[str, str]:
    """Every key of a section → what it means, on one line, as its options' docstring says."""
    options = _sections()[section]
    meanings = _attributes(options)
    return {key: meanings.get(key, "") for key in _kinds(options)}


def _sections() -> dict[str, type[Any]]:
    """Section → its options dataclass."""
    kinds = typing.get_type_hints(Settings)
    return {each.name: kinds[each.name] for each in fields(Settings)}


def _kinds(options: type[Any]) -> dict[str, Any]:
    """Key → type, of an options dataclass."""
    kinds = typing.get_type_hints(options)
    return {each.name: kinds[each.name] for each in fields(options)}


def _known_section(section: str, source: str) -> None:
    if section in _sections():
        return
    owners = [name for name, options in _sections().items() if section in _kinds(options)]
    hint = f"`{section}` is a key of [{'], ['.join(owners)}]; " if owners else _did_you_mean(section, _sections())
    raise SettingsError(
        f"there is no section [{section}]", where=source, remedy=f"{hint}known sections: {', '.join(_sections())}"
    )


def _known_key(section: str, key: str, source: str) -> object:
    """The type of a key that exists."""
    kinds = _kinds(_sections()[section])
    if key not in kinds:
        raise SettingsError(
            f"there is no such setting in [{section}]",
            where=_where(source, section, key),
            remedy=f"{_did_you_mean(key, kinds)}known keys: {', '.join(kinds)}",
        )
    return kinds[key]


def _did_you_mean(name: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name.lower(), list(known), n=1)
    return f"did you mean `{close[0]}`? " if close else ""


def _where(source: str, section: str, key: str) -> str:
    return f"{source}: [{section}] {key}"


def _with(settings: Settings, section: str, table: Mapping[str, Any], source: str) -> Settings:
    """Settings with a section's keys replaced by checked values."""
    fitting: dict[str, Any] = {}
    for key, value in table.items():
        kind = _known_key(section, key, source)
        try:
            fitting[key] = checked(kind, value)
        except ValueError as error:
            raise SettingsError(
                f"{shown(value)} is not {wanted(kind)}",
                where=_where(source, section, key),
                remedy=f"the default is {shown(getattr(getattr(Settings(), section), key))}",
            ) from error
    try:
        return replace(settings, **{section: replace(getattr(settings, section), **fitting)})
    except JargonautError as error:  # a limit that the options themselves know
        raise SettingsError(error.what, where=f"{source}: [{section}]", remedy=error.remedy) from error


def _setting(key: str, value: object, mark: str, kind: object) -> str:
    """The line, or lines, of one setting; TOML has no word for what is not set."""
    if value is None:
        return f"# ({key} is not set; it takes {wanted(kind)}.)"
    line = f"{mark}{key} = {toml(value)}"
    if len(line) <= _WIDTH or not isinstance(value, (tuple, frozenset)):
        return line
    items = [toml(each) for each in (sorted(value) if isinstance(value, frozenset) else value)]
    rows = [""]
    for item in items:
        if rows[-1] and len(rows[-1]) + len(item) + 3 > _WIDTH:
            rows.append("")
        rows[-1] += (" " if rows[-1] else "") + f"{item},"
    return "\n".join(mark + row for row in [f"{key} = [", *rows, "]"])


def _comment(text: str) -> str:
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent="# ",
        subsequent_indent="# ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _title(options: type[Any]) -> str:
    """A docstring's first line."""
    return (inspect.getdoc(options) or "").partition("\n")[0]


def _attributes(options: type[Any]) -> dict[str, str]:
    """The `Attributes:` of a Google docstring: name → meaning, its lines joined."""
    _, _, section = (inspect.getdoc(options) or "").partition("Attributes:\n")
    meanings: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        indent = len(line) - len(line.lstrip())
        if line.strip() and indent == 0:
            break  # another section, or text after the list
        if indent == 4:
            name, _, meaning = line.strip().partition(":")
            meanings[name] = meaning.strip()
        elif line.strip() and name:
            meanings[name] += " " + line.strip()
    return meanings
