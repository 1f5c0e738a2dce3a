"""Promises of the language warning."""

from __future__ import annotations

import pytest

from jargonaut.corpus import language_notice

ENGLISH = "The workshop calibrates the torque wrench once a year, and it keeps a record of that for the audit."
CODES = "Cholera due to Vibrio cholerae 01, biovar eltor; typhoid fever with heart involvement"


@pytest.mark.parametrize(
    "text",
    [ENGLISH, CODES, "def f(x: int) -> int: return x + 1", "", "123 456", "The café’s naïve résumé is in the file"],
)
def test_english_code_and_jargon_give_no_warning(text: str) -> None:
    """Lists of jargon have few function words and are still no other language."""
    assert language_notice([text] * 40) is None


@pytest.mark.parametrize(
    "text",
    [
        "Der Drehmomentschlüssel wird einmal im Jahr von der Werkstatt geprüft und das Ergebnis ist nicht geheim.",
        "La clé dynamométrique est vérifiée une fois par an dans le cadre des contrôles qui sont faits par eux.",
        "La llave se calibra una vez al año por el taller y los resultados son para el archivo de la empresa.",
        "Динамометрический ключ проверяется раз в год в мастерской.",
        "トルクレンチは年に一度校正されます。",
    ],
)
def test_other_languages_are_named_with_their_figures(text: str) -> None:
    """The warning says what was counted, so that a user can judge it."""
    notice = language_notice([text] * 40)
    assert notice is not None
    assert "mostly not English" in notice
    assert "%" in notice


@pytest.mark.parametrize(
    "text", ["Динамометрический ключ проверяется раз в год.", "Der Schlüssel ist nicht hier und da."]
)
def test_the_warning_says_what_to_do(text: str) -> None:
    """A multilingual base is named as it would be typed."""
    assert "`--base intfloat/multilingual-e5-small`" in (language_notice([text] * 40) or "")


def test_a_few_foreign_texts_among_english_ones_give_no_warning() -> None:
    """Only a corpus that is mostly not English is warned of."""
    assert language_notice([ENGLISH] * 30 + ["Das ist nicht der richtige Text für den Test."] * 5) is None
