"""The `export` commands: what leaves a workspace, in forms that other tools read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from jargonaut.artifacts import plain
from jargonaut.cli.flags import DocsFlag, JsonFlag, SetFlag, WorkspaceFlag, open_workspace
from jargonaut.cli.terminal import TerminalReporter, say
from jargonaut.registry import VersionKind

_VECTORS = "SentenceTransformer(folder).encode_query(…) and .encode_document(…) give its vectors"
_USE: Mapping[VersionKind, str] = {
    "encoder": _VECTORS, "adapter": _VECTORS,
    "static": "SentenceTransformer(folder).encode(…) gives its vectors, of queries and passages alike",
    "reranker": "CrossEncoder(folder).predict([(query, passage), …]) gives its scores",
}  # fmt: skip
"""How sentence-transformers is asked for what a version of a kind gives."""

export_app = typer.Typer(no_args_is_help=True, help="Take things out of a workspace, in forms that other tools read.")


@export_app.command("st", epilog="Example: jargonaut export st v2 my-model -w my-domain")
def sentence_transformers(
    version: Annotated[str, typer.Argument(help="Such as v2.", show_default=False)],
    folder: Annotated[Path, typer.Argument(help="Where to write; it must be empty or not there.", show_default=False)],
    workspace: WorkspaceFlag = Path(),
    setting: SetFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """A version as a folder that sentence-transformers loads; an adapter together with its base.

    A reranker becomes a folder of its `CrossEncoder`, anything else one of its `SentenceTransformer`.

    Of an adapter over an endpoint the map alone is written: the rest is not here.
    """
    opened = open_workspace(workspace, TerminalReporter(), setting)
    made = opened.export_model(version, folder)
    if as_json:
        say(json.dumps(plain(made), ensure_ascii=False))
        return
    say(f"{made.folder}: {made.version}{'' if made.whole else ', the adapter alone'}")
    if made.whole:
        say(f"  {_USE[opened.registry().get(version).kind]}")


@export_app.command(epilog="Example: jargonaut export beir my-domain-beir -w my-domain")
def beir(
    folder: Annotated[Path, typer.Argument(help="Where to write; it must be empty or not there.", show_default=False)],
    workspace: WorkspaceFlag = Path(),
    docs: DocsFlag = None,
    setting: SetFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Passages, queries and judgements as a BEIR folder, which `mteb`, `datasets` and `jargonaut run` read too.

    Passages stand in it as the workspace's models see them.
    """
    made = open_workspace(workspace, TerminalReporter(), setting).export_beir(folder, docs)
    if as_json:
        say(json.dumps(plain(made), ensure_ascii=False))
        return
    rows = ", ".join(f"{count:,} {name}" for name, count in made.judgements.items())
    say(f"{made.folder}: {made.passages:,} passages, {made.queries:,} queries, judgements: {rows}")
