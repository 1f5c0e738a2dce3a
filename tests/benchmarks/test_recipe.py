"""The study trains on what it says, and compares query by query."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.conditions import LabelledSet
from benchmarks.exam import Exam
from benchmarks.recipe import DIMS, Sitting, StudyOptions, against, choice, chosen_without, limited, table
from jargonaut.errors import InputError
from jargonaut.formats import write_beir
from jargonaut.records import Passage, Qrel, Query


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A labelled set of forty queries with three answers each, ten of them in dev and ten in test."""
    folder = tmp_path_factory.mktemp("set")
    judged = [Qrel(f"q{query}", f"p{query}-{answer}", 1) for query in range(40) for answer in range(3)]
    parts = {"train": judged[:60], "dev": judged[60:90], "test": judged[90:]}
    write_beir(
        folder, [Passage(one.passage_id, f"text of {one.passage_id}") for one in judged],
        [Query(f"q{query}", f"query {query}") for query in range(40)], parts,
    )  # fmt: skip
    return folder


def rows(folder: Path, split: str) -> dict[str, int]:
    """Query id → its judgements in a split."""
    found: dict[str, int] = {}
    for line in (folder / "qrels" / f"{split}.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query = line.split("\t")[0]
        found[query] = found.get(query, 0) + 1
    return found


@pytest.mark.parametrize(("pairs", "judgements", "queries"), [(8, 3, 8), (8, 2, 5), (100, 3, 20)])
def test_a_query_keeps_all_its_answers(source: Path, tmp_path: Path, pairs: int, judgements: int, queries: int) -> None:
    """One that is left out would be taught as a negative, so fewer queries are taken where each has many."""
    folder = limited(source, tmp_path, StudyOptions(pairs=pairs, judgements=judgements, dev=4))
    assert set(rows(folder, "train").values()) == {3}
    assert len(rows(folder, "train")) == queries
    assert (len(rows(folder, "dev")), set(rows(folder, "dev").values())) == (4, {3})
    assert (folder / "qrels" / "test.tsv").resolve() == (source / "qrels" / "test.tsv").resolve()


def sat(recipe: str, seed: int, scores: list[float]) -> Sitting:
    """A model's exam."""
    return Sitting("set", recipe, seed, 1.0, {}, {"384": scores}, {})


def test_recipes_are_compared_by_query_over_their_seeds() -> None:
    """Two seeds of one recipe are averaged for each query before anything is drawn."""
    before = [sat("base", 0, [0.2, 0.4, 0.6, 0.8])]
    after = [sat("default", 13, [0.3, 0.5, 0.7, 0.9]), sat("default", 14, [0.5, 0.7, 0.9, 1.0])]
    assert against(before, after, ["a", "b", "c", "d"]).startswith("+0.1875 (")
    assert against(before, before, ["a", "b", "c", "d"]) == ""


def test_queries_whose_answers_train_has_can_be_left_out(tmp_path: Path) -> None:
    """The table counts those alone that ask for passages which nothing was taught about."""
    train, test = [Qrel("q0", "p0", 1)], [Qrel("q1", "p0", 1), Qrel("q2", "p2", 1)]
    passages = [Passage(f"p{number}", f"text {number}") for number in range(3)]
    asked = [Query(f"q{number}", f"query {number}") for number in range(3)]
    write_beir(tmp_path / "data" / "set", passages, asked, {"train": train, "test": test})
    order = [query.id for query in Exam.of(LabelledSet.read(tmp_path / "data" / "set"), "title").asked]
    scores = [{"q1": 0.9, "q2": 0.4}[id_] for id_ in order]
    Sitting("set", "base", 0, 1.0, {}, {str(dim): scores for dim in DIMS}, {}).write(tmp_path / "store")

    def shown(*, unseen: bool) -> str:
        return table(tmp_path / "store", tmp_path / "data", StudyOptions(), DIMS[0], unseen=unseen)

    assert "| .6500 |" in shown(unseen=False)
    assert "| .4000 |" in shown(unseen=True)


def test_a_set_has_no_say_in_the_recipe_that_is_chosen_without_it() -> None:
    """What gains most on the others is chosen, whatever it does on the set itself, among recipes that all sets had."""
    gains = {
        "law": {"a": 0.01, "b": 0.03, "c": 0.9},
        "code": {"a": 0.02, "b": 0.01},
        "medicine": {"a": 0.05, "b": 0.02},
    }
    assert chosen_without(gains) == {"law": "a", "code": "a", "medicine": "b"}


def test_the_choice_is_told_beside_what_the_default_gains(tmp_path: Path) -> None:
    """From the store: the recipe that the other sets choose, what it gains where it had no say, and the best there."""
    for name, values in {"law": (0.5, 0.6, 0.8), "code": (0.5, 0.7, 0.6)}.items():
        for recipe, value in zip(("base", "default", "other"), values, strict=True):
            Sitting(name, recipe, 0, 1.0, {}, {str(dim): [value] for dim in DIMS}, {}).write(tmp_path)
    assert [line for line in choice(tmp_path, ("law", "code")) if "+" in line] == [
        "| code | other | +0.1000 | +0.2000 | default: +0.2000 |",
        "| law | default | +0.1000 | +0.1000 | other: +0.3000 |",
    ]


def test_a_choice_needs_recipes_that_ran_on_several_sets(tmp_path: Path) -> None:
    """A sentence, not the first name of the alphabet, where there is nothing to choose from."""
    Sitting("law", "base", 0, 1.0, {}, {str(dim): [0.5] for dim in DIMS}, {}).write(tmp_path)
    Sitting("law", "default", 13, 1.0, {}, {str(dim): [0.6] for dim in DIMS}, {}).write(tmp_path)
    Sitting("law", "other", 13, 1.0, {}, {str(dim): [0.6] for dim in DIMS}, {}).write(tmp_path)
    with pytest.raises(InputError, match="two sets or more"):
        list(choice(tmp_path, ("law", "code")))
    Sitting("code", "base", 0, 1.0, {}, {str(dim): [0.5] for dim in DIMS}, {}).write(tmp_path)
    Sitting("code", "default", 13, 1.0, {}, {str(dim): [0.6] for dim in DIMS}, {}).write(tmp_path)
    with pytest.raises(InputError, match="two recipes or more"):
        list(choice(tmp_path, ("law", "code")))


def test_a_choice_compares_recipes_on_the_same_seeds(tmp_path: Path) -> None:
    """A seed that only one recipe had, and that was kind to it, does not count; sets that are missing are named."""
    for name in ("law", "code"):
        for recipe, seed, value in (("base", 0, 0.5), ("default", 13, 0.6), ("other", 13, 0.55), ("other", 14, 0.9)):
            Sitting(name, recipe, seed, 1.0, {}, {str(dim): [value] for dim in DIMS}, {}).write(tmp_path)
    Sitting("law", "on one set alone", 99, 1.0, {}, {str(dim): [0.9] for dim in DIMS}, {}).write(tmp_path)
    first, *rows = choice(tmp_path, ("law", "code", "tax"))
    assert first.startswith("Without tax, which the store does not have.")
    assert [row.split(" | ")[1] for row in rows if "+" in row] == ["default", "default"]
