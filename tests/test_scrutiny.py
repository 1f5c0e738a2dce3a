"""A model under scrutiny over a small labelled set: what is found, what it costs, and the way back of label errors."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from jargonaut import Workspace
from jargonaut.cli.main import app
from jargonaut.contenders import Contenders, fused
from jargonaut.encoders import base_model, cached_encoder
from jargonaut.errors import SettingsError
from jargonaut.evaluation import Scrutiny
from jargonaut.formats import write_beir
from jargonaut.general_knowledge import general_knowledge
from jargonaut.notices import of_scrutiny
from jargonaut.protocols import SilentReporter, Vectors
from jargonaut.records import Passage, Qrel, Query, SplitName, positives, queries
from jargonaut.scrutiny import Subject, scrutinise
from jargonaut.settings import Settings, override
from jargonaut.story import Story
from jargonaut.suspects import SHEET

from .llm.endpoint import Body, Response, endpoint, said

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

ORGANS = ("heart", "lung", "kidney", "liver", "stomach", "brain", "skin", "eye", "ear", "bone")
WHAT = ("infection", "fracture", "tumour", "failure", "bleeding", "transplant", "stenosis", "oedema")
WRONG = "bone oedema of the bone, stage 79"
"""A query that is its answer word for word, and whose label is another passage."""
QUICK = {"evaluate.resamples": 500, "slices.smallest": 5, "thresholds.in_use": 0.5}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighty passages; thirty train queries, ten for dev and forty for test, of which one is labelled wrongly."""
    folder = tmp_path_factory.mktemp("clinic")
    named = [(organ, what) for organ in ORGANS for what in WHAT]
    rare = {0: "; bleeding and transplants are rare"}
    passages = [
        Passage(f"p{n}", f"{what} of the {organ}, stage {n}{rare.get(n % 8, '')}", organ)
        for n, (organ, what) in enumerate(named)
    ]
    asked = [Query(f"q{n}", f"what helps with {what} of the {organ}") for n, (organ, what) in enumerate(named)]
    asked[-1] = Query("q79", WRONG)
    judged = [Qrel(f"q{n}", f"p{n}", 1) for n in range(79)] + [Qrel("q79", "p0", 1), Qrel("q79", "p79", 0)]
    parts: dict[SplitName, list[Qrel]] = {"train": [], "dev": [], "test": []}
    for one in judged:
        kind = int(one.query_id[1:]) % 8
        parts["train" if kind < 3 else "dev" if kind == 3 else "test"].append(one)
    write_beir(folder, passages, asked, parts)
    return folder


@dataclass
class Counted:
    """An encoder that counts what it is asked for."""

    inner: object
    queries: int = 0
    passages: int = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """As the inner one."""
        self.queries += len(texts)
        return self.inner.encode_queries(texts)  # type: ignore[attr-defined, no-any-return]

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """As the inner one."""
        self.passages += len(texts)
        return self.inner.encode_passages(texts)  # type: ignore[attr-defined, no-any-return]


@dataclass
class Tried:
    """One scrutiny and where it lies."""

    found: Scrutiny
    folder: Path
    workspace: Path
    encoders: tuple[Counted, Counted]


@pytest.fixture(scope="module")
def folder_of_model(tiny_model: Callable[[str], SentenceTransformer], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model's folder."""
    folder = tmp_path_factory.mktemp("model")
    tiny_model("bert").save(str(folder), create_model_card=False)
    return folder


def tried(source: Path, model: Path, workspace: Path, **values: object) -> Tried:
    """A tiny model, and the same that sees eight tokens only in the part of the tuned one, under scrutiny."""
    settings = override(Settings(), {**QUICK, "base.model": str(model), **values})
    layout, reporter = Workspace(workspace).layout, SilentReporter()
    story = Story(source, layout, settings, reporter)
    other = override(settings, {"base.max_tokens": 8})
    base, tuned = (Counted(cached_encoder(base_model(one), one, layout, reporter)) for one in (settings, other))
    corpus, test = story.corpus, queries(story.pairs.splits.test)
    contenders = Contenders(corpus.texts, settings.bm25)
    words = contenders.bm25(test)
    runs = {
        name: contenders.dense(name, encoder, test, dim=32)  # type: ignore[arg-type]
        for name, encoder in (("base", base), ("tuned", tuned))
    }
    runs["hybrid"] = fused("hybrid", runs["tuned"], words)
    subject = Subject.over(
        contenders, corpus, story.pairs.splits, {"bm25": words, **runs}, (base, tuned), 32  # type: ignore[arg-type]
    )  # fmt: skip
    before = (base.passages, tuned.passages)
    folder = layout.runs / "r1"
    folder.mkdir(parents=True)
    found = scrutinise(folder, subject, settings, layout, reporter)
    base.passages, tuned.passages = base.passages - before[0], tuned.passages - before[1]
    return Tried(found, folder, workspace, (base, tuned))


@pytest.fixture(scope="module")
def one(source: Path, folder_of_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Tried:
    """One scrutiny."""
    return tried(source, folder_of_model, tmp_path_factory.mktemp("workspace"))


def test_everything_is_found(one: Tried) -> None:
    """Conditions, slices, forgetting, scale, savings and words are there, and JSON holds them with their sentences."""
    found = one.found
    assert {c.name for c in found.conditions} == {"typos", "shorter", "keywords", "paraphrase"}
    assert all(0 < c.n <= 40 for c in found.conditions)
    assert {"kind", "topic", "vocabulary", "document"} <= {s.by for s in found.slices}
    assert found.forgetting.n == len(general_knowledge().pairs)
    assert found.scale is not None
    assert found.scale.moves[0].old == 0.5
    assert found.savings is not None
    assert [s.system for s in found.savings.systems] == ["base", "bm25", "tuned", "hybrid"]
    value = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert len(value["sentences"]["conditions"]) == 4
    lines = list(of_scrutiny(value, one.folder))
    assert any("outside the domain" in line for line in lines)
    assert any(SHEET in line for line in lines)


def test_passages_are_not_encoded_again(one: Tried) -> None:
    """The tuned model is asked for the general set alone, the base for that and for what lies in its cache."""
    base, tuned = one.encoders
    assert tuned.passages == 300
    assert base.passages <= 300 + 80 + 40  # the corpus once, and the first positives for topics
    assert base.misses <= 300 + 80 + base.queries


def test_a_slice_of_unseen_words_is_told_from_the_others(one: Tried) -> None:
    """Some of test's words stand in no train query or passage; a division with one part only is left out."""
    assert {s.name for s in one.found.slices if s.by == "vocabulary"} == {
        "words that training never saw", "all words seen in training"
    }  # fmt: skip
    assert not [s for s in one.found.slices if s.by == "source"]


def test_the_same_again_finds_the_same(one: Tried, source: Path, folder_of_model: Path, tmp_path: Path) -> None:
    """Everything depends on seeds and inputs alone."""
    again = tried(source, folder_of_model, tmp_path)
    assert again.found.to_json() == one.found.to_json()


def test_a_label_error_goes_out_and_comes_back(one: Tried, source: Path) -> None:
    """An accepted row of the exported file is an answer from then on, in the part that asks its query."""
    sheet = one.folder / SHEET
    rows = list(csv.DictReader(io.StringIO(sheet.read_text(encoding="utf-8-sig"), newline="")))
    assert {row["query"] for row in rows} >= {WRONG}
    wrong = next(row for row in rows if row["query"] == WRONG)
    assert wrong["passage"] == WRONG.removeprefix("bone ")
    filled = one.workspace / "filled.csv"
    with filled.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(wrong))
        writer.writeheader()
        writer.writerow({**wrong, "decision": "yes"})
    common = ["-w", str(one.workspace), "--reviewer", "anna"]
    (one.workspace / "jargonaut.toml").write_text("", encoding="utf-8")
    done = CliRunner().invoke(app, ["pairs", "review", *common, "--import", str(filled)])
    assert "1 new decisions" in done.output, done.output
    left = CliRunner().invoke(app, ["pairs", "review", *common, "--suspects"], input="")
    assert f"1 of {len(rows)} likely label errors decided: 1 do answer" in left.output
    test = Workspace(one.workspace).pairs(source).prepared.splits.test
    answers = {(pair.query_id, pair.passage_id, pair.provenance) for pair in positives(test)}
    assert {("q79", "p79", "label"), ("q79", "p0", "label")} <= answers
    assert all(pair.relevance > 0 for pair in test if pair.passage_id == "p79")


def test_no_doubt_no_review(tmp_path: Path, source: Path) -> None:
    """A workspace whose runs doubt no label says so."""
    Workspace(tmp_path).pairs(source).corpus  # noqa: B018 - so that the workspace knows its documents
    done = CliRunner().invoke(app, ["pairs", "review", "-w", str(tmp_path), "--suspects"])
    assert "no run of this workspace doubts a label" in str(done.exception)


def test_a_language_model_that_is_not_there_is_told_first(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is read, not after hours of training."""
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(SettingsError, match=r"\[answers\] sample"):
        Story(source, Workspace(tmp_path).layout, override(Settings(), {"answers.sample": 5}), SilentReporter())


def test_a_language_model_paraphrases_and_answers(source: Path, folder_of_model: Path, tmp_path: Path) -> None:
    """Where it is wanted, an endpoint writes the paraphrases, answers from the hits, and judges what was said."""

    def answer(body: Body, number: int) -> Response:
        del number
        task = body["messages"][0]["content"]
        if "rewrite" in task:
            return Response(body=said("in other words " + body["messages"][1]["content"].splitlines()[1]))
        if "useful" in task:
            return Response(body=said(json.dumps({"useful": [True, False]})))
        if "statements" in task:
            return Response(body=said(json.dumps({"statements": [{"statement": "x", "supported": True}]})))
        return Response(body=said("An answer."))

    with endpoint(answer) as server:
        found = tried(
            source, folder_of_model, tmp_path, **{
                "llm.base_url": server.base_url, "llm.model": "m", "perturb.paraphrase_by_llm": True,
                "perturb.queries": 6, "answers.sample": 4, "answers.k": 2,
            },
        ).found  # fmt: skip
    assert next(c for c in found.conditions if c.name == "paraphrase").n == 6
    assert found.answers is not None
    assert [(m.name, m.n, m.base) for m in found.answers.metrics] == [
        ("context precision", 4, 1.0), ("context recall", 4, 1.0), ("faithfulness", 4, 1.0)
    ]  # fmt: skip
