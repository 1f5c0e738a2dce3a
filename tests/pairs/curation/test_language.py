"""A query in another language than its passage is found by proof; without it the pair stays."""

from __future__ import annotations

import pytest

from jargonaut.pairs.curation.language import foreign
from jargonaut.records import Pair

TEXTS = {
    "en": "Diabetes is a disease in which the blood sugar is too high, and it has to be treated with insulin or with "
    "other drugs that lower it. The dose is set by a doctor.",
    "de": "Diabetes ist eine Krankheit, bei der der Blutzucker zu hoch ist und die mit Insulin oder mit anderen "
    "Mitteln behandelt werden muss, die ihn senken, und das nicht nur bei Kindern.",
    "es": "La diabetes es una enfermedad en la que el azúcar en la sangre es demasiado alto y que se debe tratar con "
    "insulina o con otros medicamentos para reducirlo, pero no siempre los toman.",
    "zh": "糖尿病是一种血糖过高的疾病，必须用胰岛素或其他药物治疗。 TCP 协议",
    "ja": "糖尿病は血糖値が高くなりすぎる病気で、インスリンなどの薬で治療しなければなりません。",
    "code": "def f(x): return x + 1",
    "names": "def scale(min, max, du, ett): om = min / max; min = min - du; ett = min; return om, min, du, ett",
    "": "",
}


def found(query: str, passage: str, provenance: str = "llm", relevance: int = 1) -> str | None:
    """What proves that a query is foreign."""
    return foreign([Pair("q", query, passage, relevance, provenance)], TEXTS).get(0)


@pytest.mark.parametrize(
    ("query", "passage"),
    [
        ("Was ist die Behandlung von Diabetes?", "en"),
        ("quels sont les symptômes de la grippe", "en"),
        ("¿cuáles son los síntomas de la enfermedad?", "en"),
        ("what is the treatment of diabetes", "de"),
        ("what is the treatment of diabetes", "es"),
        ("what is the treatment of diabetes", "zh"),
        ("糖尿病の治療", "en"),
        ("糖尿病", "en"),
        ("как лечить диабет", "zh"),
        ("糖尿病とは何ですか", "zh"),
    ],
)
def test_a_proven_other_language_is_found(query: str, passage: str) -> None:
    """Another script, or several function words of another language, is proof."""
    assert found(query, passage)


@pytest.mark.parametrize("passage", TEXTS)
@pytest.mark.parametrize(
    "query",
    ["E11.9", "I10", "HTN DM2 CKD", "diabetes insulin dosage", "β-blocker", "Ω", "µg/dl", "TCP", "MIT DOS OS",
     "LDL > 190", "metformin 500 mg", "coup d'état", "Juan de la Cruz", "Van der Waals", "", "???", "\ud800"],
)  # fmt: skip
def test_codes_and_keywords_have_no_language(query: str, passage: str) -> None:
    """A code, an abbreviation, a name or a list of keywords fits every passage."""
    assert found(query, passage) is None


@pytest.mark.parametrize(
    ("query", "passage"),
    [
        ("how is diabetes treated", "en"),
        ("was ist diabetes", "de"),
        ("糖尿病 治療", "ja"),
        ("que enfermedad es la diabetes", "es"),
        ("what does f return when x is 1", "code"),
        ("how to scale an array with its maximum", "names"),
    ],
)
def test_the_passages_own_language_stays(query: str, passage: str) -> None:
    """A question in its passage's language stays, and so does any where the passage proves none."""
    assert found(query, passage) is None


def test_words_of_the_passage_prove_nothing() -> None:
    """A foreign name that the passage holds is the passage's own."""
    texts = {
        "p": "The hospital is called Médecins dans les montagnes avec nous, and it is in the north of the country."
    }
    assert not foreign([Pair("q", "Médecins dans les montagnes avec nous", "p", 1, "llm")], texts)


def test_gold_and_irrelevant_pairs_are_passed_over() -> None:
    """What people judged stays in whatever language, and a wrong answer may be in any."""
    assert found("quels sont les symptômes de la grippe", "en", "label") is None
    assert found("quels sont les symptômes de la grippe", "en", "llm", 0) is None
