"""The pairs of a workspace: labels, clicks and generated questions meet, are curated, reviewed and split."""

from __future__ import annotations

import csv
import json
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jargonaut import JargonautError, Workspace, gathering
from jargonaut.errors import InputError, SettingsError
from jargonaut.formats import read_jsonl, write_beir
from jargonaut.formats.labels import LabelOptions
from jargonaut.notices import of_pairs
from jargonaut.pairing import PreparedPairs
from jargonaut.pairs.review import DecisionStore, Review, sample
from jargonaut.records import SPLITS, Pair, Passage, Qrel, Query, SplitName, source_of
from jargonaut.settings import Settings, override

from .llm.endpoint import Body, Endpoint, Response, endpoint, error, said

ORGANS = ["heart", "liver", "kidney", "spleen", "lung", "stomach", "thyroid", "pancreas", "bladder", "retina"]
ILLS = ["infarction", "stenosis", "rupture", "abscess", "fibrosis", "oedema", "necrosis", "carcinoma", "atrophy"]
PLACES = [(organ, ill) for organ in ORGANS for ill in ILLS]
LENIENT = {
    "split.teach_queries": 1,
    "split.min_test_queries": 1,
    "split.min_dev_queries": 1,
    "split.min_train_positives": 1,
}


def passage(organ: str, ill: str) -> str:
    """What a passage says."""
    return f"The {ill} of the {organ} is found by ultrasound and treated on the ward for diseases of the {organ}."


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """Ninety passages, each a document of its own; titles are no questions."""
    file = tmp_path / "passages.jsonl"
    rows = [{"_id": f"{organ}-{ill}", "text": passage(organ, ill), "title": ""} for organ, ill in PLACES]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """A label for each of sixty passages, and two rows that are no use."""
    file = tmp_path / "gold.csv"
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["question", "passage_id"])
        writer.writerows([f"how is {ill} in the {organ} treated", f"{organ}-{ill}"] for organ, ill in PLACES[:60])
        writer.writerows([["nobody knows this", "nowhere"], ["", "heart-stenosis"]])
    return file


def workspace(tmp_path: Path, **changes: Any) -> Workspace:
    """A workspace with lenient limits."""
    settings = override(Settings(), LENIENT | {"structure.enabled": False} | changes)
    return Workspace(tmp_path / "ws", settings=settings)


def by_source(prepared: PreparedPairs) -> dict[str, Counter[str]]:
    """Part → pairs of each source."""
    return {name: Counter(source_of(pair.provenance) for pair in prepared.splits.part(name)) for name in SPLITS}


def every(prepared: PreparedPairs) -> list[Pair]:
    """The pairs of all parts."""
    return [pair for name in SPLITS for pair in prepared.splits.part(name)]


def writes(body: Body, number: int) -> Response:
    """Questions about whatever organ and ill the prompt shows last."""
    del number
    asked = body["messages"][-1]["content"]
    organ = next(one for one in ORGANS if f"of the {one} " in asked)
    ill = next(one for one in ILLS if f"The {one} of the {organ}" in asked)
    questions = [f"patient with {organ} trouble that looks like {ill}", f"what helps when {ill} hits a {organ}"]
    return Response(body=said(json.dumps({"questions": [{"kind": "question", "text": one} for one in questions]})))


@pytest.fixture
def llm() -> Iterator[Endpoint]:
    """An endpoint that writes two questions about each passage."""
    with ExitStack() as stack:
        yield stack.enter_context(endpoint(writes))


def test_labels_are_looked_up_and_what_cannot_be_is_named(tmp_path: Path, docs: Path, labels: Path) -> None:
    """Unknown ids and bad rows are counted with their lines; the good ones are pairs."""
    added = workspace(tmp_path).pairs(docs).add(labels)
    assert added.attributed is not None
    assert (added.attributed.counts["pairs"], added.attributed.counts["unknown"]) == (60, 1)
    assert [row.line for row in added.entry.bad_rows()] == [63]
    rows = [row for _, row in read_jsonl(added.attributed.path / "left_out.jsonl", pytest.fail)]
    assert "nowhere" in rows[0]["reason"]


def test_a_workspace_remembers_its_documents(tmp_path: Path, docs: Path, labels: Path) -> None:
    """Named once, they need not be named again; a workspace that never heard of any says so."""
    with pytest.raises(InputError, match="does not know its documents"):
        workspace(tmp_path).pairs().check(labels)
    assert workspace(tmp_path).pairs(docs).check(labels).usable
    assert workspace(tmp_path).pairs().check(labels).usable


def test_labels_may_come_before_the_documents(tmp_path: Path, docs: Path, labels: Path) -> None:
    """They are kept as they were said and looked up when the documents are known."""
    assert workspace(tmp_path).pairs().add(labels).attributed is None
    assert sum(by_source(workspace(tmp_path).pairs(docs).prepared)["test"].values()) > 0


@pytest.mark.slow
def test_people_judge_and_a_model_teaches(tmp_path: Path, docs: Path, labels: Path, llm: Endpoint) -> None:
    """Generated questions stand in train alone, and no passage that people judge for test or dev is paid for."""
    changes = {"llm.base_url": llm.base_url, "llm.model": "m", "questions.min_passage_words": 5}
    opened = workspace(tmp_path, **changes).pairs(docs)
    opened.add(labels)
    job = opened.plan_questions(per_passage=2)
    assert llm.requests == []
    assert job.held_out > 0
    opened.generate(job)
    prepared = workspace(tmp_path, **changes).pairs(docs).prepared
    found = by_source(prepared)
    assert found["test"].keys() == {"label"}
    assert found["dev"].keys() == {"label"}
    assert found["train"]["llm"] > 20
    judged = {pair.passage_id for name in ("dev", "test") for pair in prepared.splits.part(name)}
    shown = " ".join(body["messages"][-1]["content"] for body in llm.requests)
    assert not [one for one in judged if passage(*one.split("-")) in shown]
    assert "label" in (prepared.artifact.path / "README.md").read_text()


@pytest.mark.slow
def test_the_same_job_asks_nothing_twice(tmp_path: Path, docs: Path, labels: Path, llm: Endpoint) -> None:
    """Neither at once nor in a new workspace object, also when more is asked for."""
    changes = {"llm.base_url": llm.base_url, "llm.model": "m", "questions.min_passage_words": 5}
    opened = workspace(tmp_path, **changes).pairs(docs)
    opened.add(labels)
    opened.generate(opened.plan_questions(limit=10))
    first = len(llm.requests)
    opened.generate(opened.plan_questions(limit=10))
    assert len(llm.requests) == first
    again = workspace(tmp_path, **changes).pairs()
    again.generate(again.plan_questions(limit=15))
    assert len(llm.requests) == first + 5
    assert [entry.kind for entry in again.entries()] == ["questions", "labels"]


def generating(server: Endpoint, **changes: Any) -> dict[str, Any]:
    """Settings with an endpoint that gives a request up at once."""
    told = {"llm.base_url": server.base_url, "llm.model": "m", "llm.concurrency": 2, "questions.min_passage_words": 5}
    return {**told, "questions.multi_passage_share": 0.0, **changes}


def prompts(server: Endpoint) -> int:
    """How many different prompts it was sent; what it refuses is sent in several forms."""
    return len({json.dumps(body["messages"]) for body in server.requests})


@pytest.mark.slow
def test_what_was_given_up_is_asked_again_and_nothing_else(tmp_path: Path, docs: Path, llm: Endpoint) -> None:
    """An entry that lacks answers is told as such and never found as done; once whole, it is; pairs follow."""

    def refusing(body: Body, number: int) -> Response:
        if "of the heart" in str(body["messages"]):
            return error(400, "content filter")
        return writes(body, number)

    changes = generating(llm)
    llm.behaviour = refusing
    opened = workspace(tmp_path, **changes).pairs(docs)
    made = opened.generate(opened.plan_questions())
    assert made.entry.unanswered == len(ILLS)
    assert prompts(llm) == len(PLACES)
    assert not any("heart" in pair.query for pair in every(opened.prepared))
    llm.behaviour = writes
    llm.requests.clear()
    again = workspace(tmp_path, **changes).pairs()
    made = again.generate(again.plan_questions())
    assert len(llm.requests) == len(ILLS)
    assert all("of the heart" in str(body["messages"]) for body in llm.requests)
    assert made.entry.unanswered == 0
    assert any("heart" in pair.query for pair in every(again.prepared))
    llm.requests.clear()
    third = workspace(tmp_path, **changes).pairs()
    assert third.generate(third.plan_questions()).entry.artifact.reused
    assert llm.requests == []


@pytest.mark.slow
def test_asking_in_vain_once_more_changes_no_pair(tmp_path: Path, docs: Path, llm: Endpoint) -> None:
    """What is made of the same questions is not made again, so nothing is trained anew."""
    llm.behaviour = lambda b, n: error(400, "filter") if "of the heart" in str(b["messages"]) else writes(b, n)
    keys = []
    for _ in range(2):
        opened = workspace(tmp_path, **generating(llm)).pairs(docs)
        opened.generate(opened.plan_questions())
        keys.append(opened.prepared.artifact.key)
    assert keys[0] == keys[1]
    assert prompts(llm) == len(PLACES)


@pytest.mark.slow
def test_the_order_of_answers_changes_no_pair(tmp_path: Path, docs: Path, llm: Endpoint) -> None:
    """Two workspaces whose answers came in another order have the same entry; the first spelling is the plan's."""

    def spelt(body: Body, number: int) -> Response:
        """The same question about all passages, each in its own spelling; later ones are answered sooner."""
        asked = body["messages"][-1]["content"]
        place = next(i for i, one in enumerate(PLACES) if passage(*one) in asked)
        text = f"where is the ward {'!' * (place + 1)}"
        answer = json.dumps({"questions": [{"kind": "question", "text": text}]})
        return Response(body=said(answer), after=0.02 * (number % 2 == slow))

    llm.behaviour = spelt
    found = []
    for slow in (0, 1):
        opened = workspace(tmp_path / str(slow), **generating(llm)).pairs(docs)
        entry = opened.generate(opened.plan_questions(limit=12)).entry
        found.append([judgement.query for judgement in entry])
    assert found[0] == found[1]
    assert len(found[0]) == 12


@pytest.mark.slow
def test_a_query_that_a_model_was_shown_never_tests(tmp_path: Path, docs: Path, labels: Path, llm: Endpoint) -> None:
    """Also where labels that come later would put it into test, in the same words or others; the run says so."""
    changes = generating(llm, **{"split.teach_queries": 70})
    opened = workspace(tmp_path, **changes).pairs(docs)
    opened.add(labels)
    opened.generate(opened.plan_questions(per_passage=2))
    shown = {query for entry in opened.entries() for query in entry.shown()}
    sent = " ".join(message["content"] for body in llm.requests for message in body["messages"])
    assert shown
    assert all(query in sent for query in shown)
    opened.remove("gold.csv")
    rows = [[f"how is {ill} in the {organ} treated", f"{organ}-{ill}"] for organ, ill in PLACES[:60]]
    other = [f"please, {min(shown)}?", "pancreas-atrophy"]
    dev = [[f"what about {ill} of the {organ}", f"{organ}-{ill}"] for organ, ill in PLACES[75:80]]
    later = workspace(tmp_path, **changes).pairs()
    for part, some in (("test", [row for row in rows if row[0] != min(shown)] + [other]), ("dev", dev)):
        file = tmp_path / f"{part}.csv"
        file.write_text("question,passage_id\n" + "".join(",".join(f'"{cell}"' for cell in row) + "\n" for row in some))
        later.add(file, options=LabelOptions(split=part))  # type: ignore[arg-type]
    prepared = later.prepared
    asked = {pair.query for pair in prepared.splits.test}
    assert asked
    assert not asked & shown
    assert not any(min(shown) in query for query in asked)
    gone = [one.pair.query for one in prepared.removed if one.rule == "shown"]
    assert set(gone) == shown - {min(shown)} | {other[0]}
    assert any("was shown" in line for line in of_pairs(prepared.artifact.counts))


def test_nothing_is_added_where_the_documents_are_gone(tmp_path: Path, docs: Path, labels: Path) -> None:
    """It says where they lay and what to do, and the pool stays as it was."""
    workspace(tmp_path).pairs(docs).check(labels)
    moved = docs.rename(tmp_path / "moved.jsonl")
    opened = workspace(tmp_path).pairs()
    with pytest.raises(InputError, match="are gone, so nothing was done") as caught:
        opened.add(labels)
    assert str(docs) in str(caught.value)
    assert opened.entries() == []
    assert workspace(tmp_path).pairs(moved).add(labels).attributed is not None


def test_a_new_way_to_look_up_rebuilds_the_pairs(
    tmp_path: Path, docs: Path, labels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is collected depends on the version of what it was collected from."""
    opened = workspace(tmp_path).pairs(docs)
    opened.add(labels)
    before = opened.prepared.artifact.key
    monkeypatch.setattr(gathering, "ATTRIBUTION_VERSION", gathering.ATTRIBUTION_VERSION + 1)
    assert workspace(tmp_path).pairs().prepared.artifact.key != before


def test_what_the_embedded_model_does_not_do_is_said(tmp_path: Path, docs: Path) -> None:
    """Ten questions were asked for and it writes three; what it does do is no notice."""
    pytest.importorskip("xllamacpp")
    opened = workspace(tmp_path, **{"questions.min_passage_words": 5}).pairs(docs)
    job = opened.plan_questions(per_passage=10, local=True)
    assert "3 questions for each passage instead of 10" in job.notices[0]
    assert opened.plan_questions(per_passage=2, local=True).notices == ()


def test_a_refused_key_is_a_sentence(tmp_path: Path, docs: Path) -> None:
    """No traceback, and no entry."""
    with endpoint(lambda *_: error(401, "expired", code="invalid_api_key")) as server:
        changes = {"llm.base_url": server.base_url, "llm.model": "m", "questions.min_passage_words": 5}
        opened = workspace(tmp_path, **changes).pairs(docs)
        with pytest.raises(JargonautError, match="key"):
            opened.generate(opened.plan_questions())
    assert opened.entries() == []


def test_a_model_that_writes_nothing_of_use_leaves_no_entry(tmp_path: Path, docs: Path, llm: Endpoint) -> None:
    """The error shows what it wrote, and how it is asked anew, since its answers are kept."""
    llm.behaviour = lambda *_: Response(body=said("I would rather not."))
    opened = workspace(tmp_path, **generating(llm)).pairs(docs)
    with pytest.raises(InputError, match=r"(?s)no list of queries.*questions\.seed=43"):
        opened.generate(opened.plan_questions(limit=3))
    assert opened.entries() == []


@pytest.mark.slow
def test_a_judge_removes_what_it_scores_low(tmp_path: Path, docs: Path, llm: Endpoint) -> None:
    """It is asked about what people did not judge, each pair once, and its figure stands with the removed pair."""
    changes = {"llm.base_url": llm.base_url, "llm.model": "m", "questions.min_passage_words": 5}
    opened = workspace(tmp_path, **changes).pairs(docs)
    opened.generate(opened.plan_questions())

    def judges(body: Body, _: int) -> Response:
        if "heart" in body["messages"][-1]["content"]:
            return Response(body=said('{"answers": 0, "self_contained": true, "realistic": true}'))
        return Response(body=said('{"answers": 3, "self_contained": true, "realistic": true}'))

    llm.behaviour = judges
    before = len(llm.requests)
    prepared = workspace(tmp_path, **changes, **{"curate.judge": True}).pairs().prepared
    gone = {one.pair.passage_id for one in prepared.removed if one.rule == "judge"}
    assert gone == {f"heart-{ill}" for ill in ILLS}
    asked = len(llm.requests) - before
    _ = workspace(tmp_path, **changes, **{"curate.judge": True, "curate.judge_threshold": 0.4}).pairs().prepared
    assert len(llm.requests) == before + asked


def test_a_judge_without_an_endpoint_is_refused(
    tmp_path: Path, docs: Path, labels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is searched for in vain."""
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    opened = workspace(tmp_path, **{"curate.judge": True}).pairs(docs)
    opened.add(labels)
    with pytest.raises(SettingsError, match="judge"):
        _ = opened.prepared


@pytest.mark.slow
def test_a_rejected_pair_leaves_and_the_rest_stays(tmp_path: Path, docs: Path, labels: Path) -> None:
    """A review's decisions hold in the next preparation; the removed pair is kept with its reason."""
    opened = workspace(tmp_path).pairs(docs)
    opened.add(labels)
    material = opened.reviewed()
    assert {pair.split for pair in material.pairs} == set(SPLITS)
    drawn = sample(material.pairs, material.passages, replace(material.options, sample=5), material.language)
    review = Review(drawn, DecisionStore(material.decisions), "anna")
    card = review.current
    assert card is not None
    review.reject("not answered", "")
    prepared = workspace(tmp_path).pairs().prepared
    gone = [one for one in prepared.removed if one.rule == "review"]
    assert [(one.pair.query, one.detail) for one in gone] == [(card.pair.query, "not answered")]
    kept = [pair.query for name in SPLITS for pair in prepared.splits.part(name)]
    assert card.pair.query not in kept
    assert len(kept) == 59
    again = workspace(tmp_path).pairs().reviewed()
    assert again.pairs == material.pairs  # so the same sample is drawn, and the rate stays what it was


@pytest.mark.slow
def test_a_decision_that_changes_no_pair_changes_no_artifact(tmp_path: Path, docs: Path, labels: Path) -> None:
    """Accepting or skipping a card trains nothing anew."""
    opened = workspace(tmp_path).pairs(docs)
    opened.add(labels)
    material = opened.reviewed()
    drawn = sample(material.pairs, material.passages, replace(material.options, sample=5), material.language)
    before = workspace(tmp_path).pairs().prepared.artifact.key
    review = Review(drawn, DecisionStore(material.decisions), "anna")
    review.accept()
    review.skip()
    assert workspace(tmp_path).pairs().prepared.artifact.key == before


@pytest.mark.slow
def test_no_query_that_tests_is_ever_shown(tmp_path: Path, docs: Path, labels: Path, llm: Endpoint) -> None:
    """Neither as an example nor by its passage, also where generated pairs tip the balance of who judges."""
    changes = {
        "llm.base_url": llm.base_url, "llm.model": "m", "questions.min_passage_words": 5, "split.teach_queries": 70,
    }  # fmt: skip
    opened = workspace(tmp_path, **changes).pairs(docs)
    opened.add(labels)
    opened.generate(opened.plan_questions(per_passage=2))
    prepared = workspace(tmp_path, **changes).pairs().prepared
    shown = " ".join(message["content"] for body in llm.requests for message in body["messages"])
    assert prepared.splits.test
    assert not [pair.query for pair in prepared.splits.test if pair.query in shown]
    assert not [pair.query for pair in prepared.splits.test if passage(*pair.passage_id.split("-")) in shown]


@pytest.mark.slow
def test_the_cost_is_told_before_a_judge_is_asked(tmp_path: Path, docs: Path, labels: Path, llm: Endpoint) -> None:
    """Planning sends nothing, judge or not."""
    changes = {"llm.base_url": llm.base_url, "llm.model": "m", "questions.min_passage_words": 5, "curate.judge": True}
    opened = workspace(tmp_path, **changes).pairs(docs)
    opened.add(labels)
    assert opened.plan_questions().estimate.calls > 0
    assert llm.requests == []


@pytest.mark.slow
def test_clicks_teach_and_the_newest_of_them_validate(tmp_path: Path, docs: Path, labels: Path) -> None:
    """A log of clicks gives train pairs from its older part and dev pairs from its newest."""
    chance = random.Random(3)
    file = tmp_path / "log.csv"
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["query", "doc_id", "rank", "clicked", "timestamp", "session"])
        for page in range(3000):
            organ, ill = chance.choice(PLACES)
            others = chance.sample([place for place in PLACES if place != (organ, ill)], 2)
            shown = [(organ, ill), *others]
            chance.shuffle(shown)
            for rank, place in enumerate(shown, start=1):
                clicked = int(place == (organ, ill) and chance.random() < 1 / rank)
                row = [
                    f"signs of {ill} {organ}",
                    "-".join(place),
                    rank,
                    clicked,
                    1_700_000_000 + 600 * page,
                    f"s{page}",
                ]
                writer.writerow(row)
    opened = workspace(tmp_path).pairs(docs)
    opened.add(labels)
    added = opened.add_clicks(file)
    assert added.entry.judgements > 50
    found = by_source(opened.prepared)
    assert found["test"].keys() == {"label"}
    assert found["dev"]["recent-click"] > 0
    assert found["train"]["click"] > 0
    assert found["train"]["recent-click"] == 0


@pytest.mark.slow
def test_statistics_cover_what_was_added(tmp_path: Path, docs: Path, labels: Path) -> None:
    """Sources, parts and coverage, as sentences and as figures."""
    opened = workspace(tmp_path).pairs(docs)
    opened.add(labels)
    found = opened.statistics()
    assert found.counts.by_source["label"].queries == 60
    assert any("label" in line for line in found.sentences())


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    """A BEIR folder that brings its split, by organ: one tests, one validates."""
    folder = tmp_path / "beir"
    passages = [Passage(f"{organ}-{ill}", passage(organ, ill)) for organ, ill in PLACES]
    parts: dict[str, SplitName] = {"heart": "test", "liver": "dev"}
    asked = {
        f"{organ}-{ill}": Query(f"q-{organ}-{ill}", f"{ill} of the {organ} treatment") for organ, ill in PLACES[:60]
    }
    judged: dict[SplitName, list[Qrel]] = {"train": [], "dev": [], "test": []}
    for id_, query in asked.items():
        judged[parts.get(id_.split("-")[0], "train")].append(Qrel(query.id, id_, 1))
    write_beir(folder, passages, list(asked.values()), judged)
    return folder


def test_a_review_of_a_labelled_folder_counts(tmp_path: Path, beir: Path) -> None:
    """Its own pairs are shown, also beside others, and what is rejected is gone with its reason."""
    opened = workspace(tmp_path).pairs(beir)
    assert len(opened.prepared.splits.train) == 42
    more = tmp_path / "more.csv"
    more.write_text("query,passage_id\nwho treats the retina,retina-rupture\n")
    opened.add(more)
    material = workspace(tmp_path).pairs().reviewed()
    assert len(material.pairs) == 61
    store = DecisionStore(material.decisions)
    review = Review(
        sample(material.pairs, material.passages, replace(material.options, sample=61), "english"), store, "a"
    )
    while review.current is not None:
        review.reject("not answered", "") if "rupture" in review.current.passage.id else review.accept()
    prepared = workspace(tmp_path).pairs().prepared
    assert {name: len(prepared.splits.part(name)) for name in SPLITS} == {"train": 37, "dev": 8, "test": 8}
    assert prepared.artifact.counts["review"]["rejected"] == 8
    assert prepared.artifact.counts["removed"]["review"] == 8


def test_merging_hides_no_question_of_a_given_test(tmp_path: Path, beir: Path) -> None:
    """A label in the test's own words, outnumbered by one in others, trains in neither."""
    file = tmp_path / "more.csv"
    rows = [
        "question,passage_id",
        "treatment of heart rupture,retina-rupture",
        "rupture of the heart treatment,lung-rupture",
    ]
    rows += ["treatment of heart rupture,bladder-rupture", "treatment of a lung,lung-atrophy"]
    file.write_text("\n".join(rows))
    opened = workspace(tmp_path).pairs(beir)
    opened.add(file, options=LabelOptions(provenance="llm:keyword"))
    asked = {pair.query for pair in opened.prepared.splits.train}
    assert "treatment of a lung" in asked
    assert not any("rupture" in query and "heart" in query for query in asked)
    assert opened.prepared.artifact.counts["removed"]["query_held_out"] == 3


@pytest.mark.slow
def test_a_set_too_small_for_a_run_can_be_looked_at(tmp_path: Path, docs: Path) -> None:
    """Fifteen labels: figures and cards, and the run says what is missing."""
    file = tmp_path / "few.csv"
    rows = [f"how is {ill} in the {organ} treated,{organ}-{ill}" for organ, ill in PLACES[:15]]
    file.write_text("\n".join(["question,passage_id", *rows]))
    settings = override(Settings(), {"structure.enabled": False})
    opened = Workspace(tmp_path / "ws", settings=settings).pairs(docs)
    opened.add(file)
    assert opened.statistics().counts.by_source["label"].queries == 15
    assert len(opened.reviewed().pairs) == 15
    with pytest.raises(InputError, match="too few pairs for an honest split"):
        Workspace(tmp_path / "ws", settings=settings).run(docs)


def test_the_overlap_is_told_in_the_language_of_the_documents(tmp_path: Path) -> None:
    """One setting says it for search, for curation and for every figure."""
    docs = tmp_path / "handbuch.jsonl"
    rows = [
        {"_id": f"p{n}", "text": f"Die Pumpe {n} wird vor jeder Wartung der Ventile geschlossen."} for n in range(40)
    ]
    docs.write_text("".join(json.dumps({"title": "", **row}) + "\n" for row in rows))
    gold = tmp_path / "gold.csv"
    gold.write_text("\n".join(["query,passage_id", *(f"Wartungen Ventil Pumpen {n},p{n}" for n in range(40))]))
    opened = workspace(tmp_path, **{"bm25.language": "german", "split.teach_queries": 1000}).pairs(docs)
    opened.add(gold)
    assert opened.prepared.artifact.counts["overlap"]["mean"] > 0.9
    assert opened.statistics().overlap["label"].overlap.mean > 0.9
