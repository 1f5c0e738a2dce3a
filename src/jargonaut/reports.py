"""Reports of a workspace's runs, read back; and runs made elsewhere, judged beside ours.

Nothing is measured again that a run has measured: what it left (`report.json`, per-query scores, TREC runs) is enough
for every form of its report. Knows where runs lie and what is in their folders; what is shown, the evaluation knows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from jargonaut import artifacts, evaluation, formats
from jargonaut.artifacts import unreadable
from jargonaut.encoding.models import EMBEDDED_NAME, ModelFolder, find_model
from jargonaut.errors import InputError, JargonautError, MismatchError, ModelError
from jargonaut.formats.trec import column
from jargonaut.layout import Layout
from jargonaut.protocols import Reporter
from jargonaut.records import BadRow, Qrel, Run
from jargonaut.registry import ModelVersion, Registry

REPORT, TREC = "report.json", "trec"
SHOWN_ROWS = 3
_STRANGE = 0.1
"""Share of queries with ranks and scores at odds above which it is said; a few are ties."""


@dataclass(frozen=True)
class FinishedRun:
    """A run that was finished.

    Attributes:
        folder: Its files; they are the run's, and are only read.
    """

    folder: Path

    @property
    def id(self) -> str:
        """Name of the run."""
        return self.folder.name

    @cached_property
    def value(self) -> dict[str, Any]:
        """`report.json`, parsed.

        Raises:
            MismatchError: It is damaged.
        """
        path = self.folder / REPORT
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise unreadable(path, error) from error
        except ValueError as error:
            raise MismatchError(
                f"the report is damaged ({error})", where=str(path), remedy="`jargonaut run` writes it anew"
            ) from error
        if not isinstance(value, dict):
            raise MismatchError("this is no report", where=str(path), remedy="`jargonaut run` writes it anew")
        return value

    @cached_property
    def report(self) -> evaluation.RunReport:
        """The report.

        Raises:
            MismatchError: It cannot be read, or its scores are gone.
        """
        path = self.folder / evaluation.PER_QUERY
        if not path.exists():
            raise MismatchError("the per-query scores are gone", where=str(path), remedy="`jargonaut run` makes them")
        try:
            return evaluation.from_json(self.value, evaluation.read_per_query(path))
        except MismatchError as error:
            where = error.where or str(self.folder / REPORT)
            raise MismatchError(error.what, where=where, remedy=error.remedy) from error

    def inputs(self) -> Mapping[str, str]:
        """Keys of what went in, by stage; empty where nobody knows."""
        try:
            value = json.loads((self.folder / artifacts.MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        inputs = value.get("inputs") if isinstance(value, dict) else None
        return inputs if isinstance(inputs, dict) else {}


def finished_runs(layout: Layout) -> list[FinishedRun]:
    """All runs of a workspace that have a report, the newest last."""
    folders = [path.parent for path in layout.runs.glob(f"*/{REPORT}") if not path.parent.name.startswith(".")]
    return sorted(map(FinishedRun, folders), key=_made)


def find_run(layout: Layout, wanted: str | None = None) -> FinishedRun:
    """The run of this name, or the newest one.

    Args:
        layout: The workspace's paths.
        wanted: Its name or how that begins, its folder, or a file in it; the newest run when None.

    Raises:
        InputError: There is none, or several begin like this.
    """
    runs = finished_runs(layout)
    if wanted is not None:
        place = Path(wanted)
        folder = place.parent if place.is_file() else place
        if (folder / REPORT).is_file():
            return FinishedRun(folder)
        named = [run for run in runs if run.id.startswith(wanted)] if wanted else []
        if len(named) == 1:
            return named[0]
        if named or runs:
            what = f"{len(named)} runs begin with {wanted!r}" if named else f"there is no run {wanted!r}"
            known = ", ".join(run.id for run in (named or runs)[-4:])
            raise InputError(what, where=str(layout.runs), remedy=f"name one of {known}")
    if not runs:
        raise InputError(
            "no run has been finished in this workspace", where=str(layout.root),
            remedy="run `jargonaut run DOCS --workspace DIR` first, or name the workspace with --workspace",
        )  # fmt: skip
    return runs[-1]


def rendered(run: FinishedRun, form: str, layout: Layout) -> str:
    """A run's report as text.

    Args:
        run: The run.
        form: `html`, `md`, `json`, `card` or `text`.
        layout: The workspace's paths.

    Raises:
        MismatchError: What the run left is damaged.
    """
    match form:
        case "html":
            return evaluation.to_html(run.report)
        case "md":
            return evaluation.to_markdown(run.report)
        case "json":
            return json.dumps(evaluation.to_json(run.report), indent=2, ensure_ascii=False)
        case "card":
            return evaluation.to_card(run.report, card_facts(run, layout))
        case "text":
            return f"{run.report.table()}\n\n{run.report.verdict.sentence}"
    raise InputError(f"a report has no form {form!r}", remedy="html, md, json, card or text")


def card_facts(run: FinishedRun, layout: Layout) -> evaluation.CardFacts:
    """What the workspace knows of a run's model besides its report; what it does not know is left out.

    Args:
        run: The run.
        layout: The workspace's paths.
    """
    version = _version(run, layout)
    lineage: Mapping[str, Any] = {} if version is None else version.lineage
    base = lineage.get("base") or {}
    folder = None if version is None else _folder(version)
    pairs = artifacts.read(layout.stage("pairs") / (run.inputs().get("pairs") or "-"))
    counts: Mapping[str, Any] = {} if pairs is None else pairs.counts
    return evaluation.CardFacts(
        base=_hub_id(str(base.get("name") or run.report.base)),
        licence=str(base.get("licence") or "unknown"),
        version="" if version is None else version.version,
        dimension=max((s.dim for s in run.report.systems if s.kind == "tuned" and s.dim), default=None),
        query_prompt=folder.prompts.query if folder else "",
        passage_prompt=folder.prompts.passage if folder else "",
        max_tokens=(version.max_tokens if version else None) or (folder.max_tokens if folder else None),
        sources=counts.get("sources") or {},
        origin=str(counts.get("origin") or "ours"),
        domain=str(run.inputs().get("name") or Path(run.report.source).name),
        code=lineage.get("code") or {},
    )


def _version(run: FinishedRun, layout: Layout) -> ModelVersion | None:
    """The version that holds the run's model."""
    if not layout.registry.exists():
        return None
    training = run.inputs().get("training")
    for version in reversed(Registry(layout.registry, layout.models).list()):
        if version.run_id == run.id or (training and version.lineage.get("training") == training):
            return version
    return None


def _folder(version: ModelVersion) -> ModelFolder | None:
    try:
        return find_model(str(version.path), query_prompt=version.query_prompt, passage_prompt=version.passage_prompt)
    except ModelError:  # its files are gone; what is known of it is told all the same
        return None


def _hub_id(name: str) -> str:
    """The id under which others find the embedded model; any other name as it is."""
    return f"sentence-transformers/{name}" if name == EMBEDDED_NAME else name


def judge_outside(
    layout: Layout,
    files: Sequence[Path],
    qrels: Path | None,
    against: str | None,
    options: evaluation.EvaluationOptions,
    reporter: Reporter,
) -> evaluation.RunComparison:
    """Scores TREC runs that were made anywhere.

    Args:
        layout: The workspace's paths.
        files: The runs.
        qrels: The judgements; those of the workspace's newest run when None.
        against: What they are compared with: a TREC run, or the name of one of ours (`tuned-384`). When None, our
            tuned model where the judgements are ours, else the first of `files`.
        options: How intervals are drawn.
        reporter: Warned of what a reader must know.

    Raises:
        InputError: A file cannot be read, or has a row that cannot be used, or nothing can be compared.
    """
    ours = find_run(layout) if qrels is None else None
    judged = _read_qrels(qrels or find_run(layout).folder / TREC / "test.qrels")
    baseline = _baseline(layout, ours, against)
    paths = [*([] if baseline is None else [baseline]), *files]
    runs = [_read_run(path, paths, reporter) for path in paths]
    found = evaluation.compare_runs(runs, judged, groups=_groups(layout, ours), options=options)
    for notice in found.notices:
        reporter.warn(notice)
    return found


def _made(run: FinishedRun) -> tuple[str, str]:
    """When a run was finished, as its report says, so that copying a workspace changes nothing; its id decides ties."""
    try:
        return str(run.value.get("created", "")), run.id
    except JargonautError:  # a damaged report is told when it is asked for
        return "", run.id


def _baseline(layout: Layout, ours: FinishedRun | None, against: str | None) -> Path | None:
    """The file of what runs are compared with; None for the first of them."""
    if against is None and ours is None:
        return None
    if against is not None and Path(against).is_file():
        return Path(against)
    run = ours or find_run(layout)
    folder = run.folder / TREC
    wanted = against or evaluation.slug("tuned", run.report.headline_dim, "float32")
    known = sorted(path.name.removesuffix(".run") for path in folder.glob("*.run"))
    if wanted not in known:
        raise InputError(
            f"there is neither a file nor a system of ours called {wanted!r}", where="--against",
            remedy=f"give a TREC run, or one of {', '.join(known)}" if known else "give a TREC run",
        )  # fmt: skip
    return folder / f"{wanted}.run"


def _read_run(path: Path, paths: Sequence[Path], reporter: Reporter) -> Run:
    """A run in which every row can be used: one that lost some would be scored as another system."""
    bad: list[BadRow] = []
    same = [other for other in paths if other.name == path.name]
    found = formats.read_trec_run(path, bad.append, name=str(path) if len(same) > 1 else None)
    _refuse(path, bad, found.rows)
    if not found.rows:
        raise InputError("there is no answer in this run", where=str(path), remedy="a run has six columns a line")
    if len(found.disordered) > _STRANGE * len(found.run.rankings):
        reporter.warn(
            f"{found.run.name}: in {len(found.disordered):,} queries the ranks tell another order than the scores; as "
            "in trec_eval, the scores count (higher is better)"
        )
    return found.run


def _read_qrels(path: Path) -> list[Qrel]:
    bad: list[BadRow] = []
    found = list(formats.read_trec_qrels(path, bad.append))
    _refuse(path, bad, len(found))
    if not found:
        raise InputError("there is no judgement in this file", where=str(path),
                         remedy="a line has four columns: query, 0, passage, grade")  # fmt: skip
    return found


def _refuse(path: Path, bad: Sequence[BadRow], good: int) -> None:
    if bad:
        shown = "".join(f"\n    {row}" for row in bad[:SHOWN_ROWS])
        raise InputError(
            f"{len(bad):,} of {len(bad) + good:,} rows cannot be used, and without them it would be another "
            f"file that is scored:{shown}",
            where=str(path), remedy="mend these rows, or take them out on purpose",
        )  # fmt: skip


def _groups(layout: Layout, ours: FinishedRun | None) -> dict[str, str]:
    """Passage → document group as TREC files name passages; empty where nobody knows."""
    if ours is None:
        return {}
    path = layout.stage("pairs") / ours.inputs().get("pairs", "") / "groups.json"
    try:
        groups = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {column(passage): str(group) for passage, group in groups.items()} if isinstance(groups, dict) else {}
