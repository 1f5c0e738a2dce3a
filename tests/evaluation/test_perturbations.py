"""What `perturbations` and `paraphrases` promise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jargonaut.errors import SettingsError
from jargonaut.evaluation import PERTURBATIONS, PerturbationOptions, drawn_queries, perturbed, write_paraphrases
from jargonaut.evaluation.paraphrases import rewritten
from jargonaut.evaluation.perturbations import keywords, paraphrased, shortened, with_typos
from jargonaut.protocols import ChatReply, ChatRequest
from jargonaut.records import Query

STOPS = frozenset(["what", "is", "the", "of", "in", "a", "how", "do", "i", "to", "for", "and", "are", "was", "were"])
ASKED = "What is the difference between stenosis of the bronchus and asthma?"


def edits(one: str, other: str) -> int:
    """Damerau's distance, with swaps of neighbours as one edit."""
    table = [[max(i, j) if not i * j else 0 for j in range(len(other) + 1)] for i in range(len(one) + 1)]
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            same = one[i - 1] == other[j - 1]
            best = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (not same))
            if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
                best = min(best, table[i - 2][j - 2] + 1)
            table[i][j] = best
    return table[-1][-1]


def test_typos_are_single_slips_in_a_share_of_the_longer_words() -> None:
    """A quarter of the words of four letters and more gets one slip each; the others, and first letters, stay."""
    text = "reimbursement of outpatient procedures under medicare in 2023 requires prior authorisation documents"
    changed = with_typos(text, 0.25, 7).split()
    slips = [(a, b) for a, b in zip(text.split(), changed, strict=True) if a != b]
    assert len(slips) == 2  # of nine long words
    assert all(edits(a, b) == 1 and a[0] == b[0] and len(a) >= 4 for a, b in slips)


def test_a_typo_depends_on_seed_and_text_alone() -> None:
    """The same query gets the same typos wherever it stands in a list; another seed gives others."""
    others = [Query(f"q{i}", f"{ASKED} {i} again") for i in range(20)]
    options = PerturbationOptions(seed=1)
    alone = perturbed("typos", [others[7]], options)
    assert alone[0] in perturbed("typos", others, options)
    assert perturbed("typos", others, options) != perturbed("typos", others, PerturbationOptions(seed=2))


@settings(max_examples=25)
@given(st.text(max_size=60), st.sampled_from(PERTURBATIONS))
def test_any_text_is_changed_or_left_out(text: str, name: str) -> None:
    """No text breaks a rule, and a variant never has the words of its query."""
    found = perturbed(name, [Query("q", text)], PerturbationOptions(), STOPS)  # type: ignore[arg-type]
    for variant in found:
        assert variant.text.strip()
        assert variant.text.casefold().split() != text.casefold().split()


def test_keywords_are_the_words_with_a_topic() -> None:
    """Stop words and punctuation go; order, numbers and hyphens stay."""
    assert keywords("What is the 10-K filing of Apple Inc. in 2023?", STOPS) == [
        "10-k",
        "filing",
        "apple",
        "inc",
        "2023",
    ]


def test_a_query_that_is_keywords_already_has_no_keyword_variant() -> None:
    """Case and punctuation are no change, so nothing is scored that is the same for every model."""
    queries = [Query("a", "Stenosis, Bronchus!"), Query("b", "stenosis of the bronchus"), Query("c", "what is the")]
    assert [q.id for q in perturbed("keywords", queries, PerturbationOptions(), STOPS)] == ["b"]


def test_shorter_keeps_the_longer_half() -> None:
    """Half of the words with a topic stay, in order, at least two."""
    assert shortened(ASKED, STOPS) == "difference stenosis bronchus"
    assert shortened("stenosis bronchus", STOPS) == "stenosis bronchus"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (ASKED, "how do stenosis of the bronchus and asthma differ?"),
        ("what was the revenue in 2020", "can you tell me what the revenue in 2020 was"),
        ("How do I remove a file?", "what do I have to do to delete a file?"),
        ("zero-dimensional biomaterials", "I am looking for information on zero-dimensional biomaterials"),
    ],
)
def test_a_paraphrase_turns_the_phrase_and_keeps_the_terms(asked: str, said: str) -> None:
    """Questions get another turn of phrase, statements become requests, names and numbers stay."""
    assert paraphrased(asked) == said


def test_rules_for_english_leave_other_scripts_alone() -> None:
    """A query that is not in ASCII gets no English turn of phrase."""
    assert perturbed("paraphrase", [Query("q", "¿Qué es la estenosis?")], PerturbationOptions()) == []


def test_a_larger_sample_holds_the_smaller_one() -> None:
    """Which queries are drawn depends on the seed and their texts, not on their order."""
    queries = [Query(f"q{i}", f"query number {i}") for i in range(100)]
    few = {q.id for q in drawn_queries(queries, PerturbationOptions(queries=10))}
    more = {q.id for q in drawn_queries(list(reversed(queries)), PerturbationOptions(queries=30))}
    assert len(few) == 10
    assert few < more


def test_limits_are_told() -> None:
    """A rate of 0 would change nothing and is refused."""
    with pytest.raises(SettingsError, match="typo_rate"):
        PerturbationOptions(typo_rate=0)


class Writer:
    """Answers from a table, in reverse order."""

    name = "a writer"

    def __init__(self, answers: dict[str, ChatReply]) -> None:
        self.answers = answers

    def complete_many(self, requests: Iterable[ChatRequest]) -> Iterator[ChatReply]:
        """One reply for each request."""
        for request in reversed(list(requests)):
            said = next(a for text, a in self.answers.items() if text in request.messages[-1].content)
            yield ChatReply(request.key, said.text, said.fault, said.finished)


def test_only_usable_paraphrases_count() -> None:
    """Answers that repeat, explain, were cut or failed are left out and counted; order is the queries'."""
    answers = {
        "first": ChatReply("", '"Another way to say one"'), "second": ChatReply("", "Second query."),
        "third": ChatReply("", fault="out of reach"), "fourth": ChatReply("", "cut sho", finished=False),
        "fifth": ChatReply("", "yet another one"), "sixth": ChatReply("", "Here it is:\nsixth in other words"),
    }  # fmt: skip
    queries = [Query(name, f"{name} query") for name in answers]
    found = write_paraphrases(queries, Writer(answers), 0)
    assert [(q.id, q.text) for q in found.queries] == [
        ("first", "Another way to say one"),
        ("fifth", "yet another one"),
    ]
    assert (found.unusable, found.unanswered) == (3, 1)


def test_an_essay_is_no_paraphrase() -> None:
    """An answer much longer than the query is not taken for one."""
    assert rewritten("what is asthma", "asthma " * 40) is None
