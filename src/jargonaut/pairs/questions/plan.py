"""Which passages are asked about, and what is asked of each.

Knows passages, kinds of question and chance by hash. Writes no prompt and calls nothing.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from jargonaut.artifacts import content_hash
from jargonaut.errors import require_limits
from jargonaut.pairs.wording import words
from jargonaut.records import Passage

Kind: TypeAlias = Literal["keyword", "question", "how-to", "comparison", "multi-passage"]
KINDS: tuple[Kind, ...] = ("question", "keyword", "how-to", "comparison", "multi-passage")
BOTH: Kind = "multi-passage"

PERSONAS = (
    "somebody new to the field who does not know its terms and describes things in everyday words",
    "an expert who types short, with the field's abbreviations",
    "somebody in a hurry with a concrete problem in front of them",
    "a colleague who answers other people's questions and looks for the exact rule",
    "a careful reader who wants to understand why, not only what",
)


@dataclass(frozen=True, slots=True)
class QuestionOptions:
    """Questions that a language model writes.

    Attributes:
        per_passage: Questions asked for about each passage.
        limit: Most passages that are asked about; not set takes all. A larger one asks about the same ones and more.
        kinds: What is asked for, in turns; a kind that is named twice comes twice as often. `keyword`, `question`,
            `how-to` (a task or a symptom), `comparison`, `multi-passage` (needs two neighbouring passages).
        multi_passage_share: Share of the passages whose questions need a neighbour too, if `multi-passage` is a kind.
        personas: Who asks, in turns.
        max_overlap: A question of four or more content words of which a larger share stands in the passage is refused
            as copied; 1 refuses none.
        language: What the questions are written in, such as `German`; not set takes the passage's own.
        temperature: 0 for the likeliest words, 1 for varied ones.
        examples: Most real queries that are shown as examples of how people ask.
        seed: Another seed asks other questions.
        min_passage_words: A shorter passage is passed over.
        max_passage_chars: A longer passage is cut in the prompt.
        max_tokens: Longest answer.
        retries: How often a model is shown what was wrong with its answer and asked again.
        short_prompt: A short prompt with worked examples, which small models follow better than rules.

    Raises:
        SettingsError: A value lies outside its limits.
    """

    per_passage: int = 3
    limit: int | None = None
    kinds: tuple[str, ...] = KINDS
    multi_passage_share: float = 0.1
    personas: tuple[str, ...] = PERSONAS
    max_overlap: float = 0.8
    language: str | None = None
    temperature: float = 0.7
    examples: int = 5
    seed: int = 42
    min_passage_words: int = 20
    max_passage_chars: int = 4000
    max_tokens: int = 600
    retries: int = 1
    short_prompt: bool = False

    def __post_init__(self) -> None:
        known = bool(self.kinds) and set(self.kinds) <= set(KINDS) and set(self.kinds) != {BOTH}
        require_limits(
            "questions",
            self,
            (
                ("per_passage", 1 <= self.per_passage <= 20, "from 1 to 20"),
                ("limit", self.limit is None or self.limit >= 1, "1 or more, or not set"),
                ("kinds", known, f"some of {', '.join(KINDS)}, and not {BOTH} alone"),
                ("multi_passage_share", 0 <= self.multi_passage_share <= 1, "from 0 to 1"),
                ("personas", all(persona.strip() for persona in self.personas), "a list of texts that are not empty"),
                ("max_overlap", 0 < self.max_overlap <= 1, "above 0, at most 1"),
                ("language", self.language is None or bool(self.language.strip()), "a language, or not set"),
                ("temperature", 0 <= self.temperature <= 2, "from 0 to 2"),
                ("examples", 0 <= self.examples <= 50, "from 0 to 50"),
                ("seed", 0 <= self.seed < 2**31, "0 or more and fit into 31 bits"),
                ("min_passage_words", self.min_passage_words >= 1, "1 or more"),
                ("max_passage_chars", self.max_passage_chars >= 100, "100 or more"),
                ("max_tokens", self.max_tokens >= 50, "50 or more"),
                ("retries", 0 <= self.retries <= 5, "from 0 to 5"),
            ),
        )


@dataclass(frozen=True, slots=True)
class Assignment:
    """What one call is to write.

    Attributes:
        passage: What the questions are about.
        kinds: One for each question.
        persona: Who asks; empty for nobody in particular.
        second: What is needed for an answer beside `passage`; only with `multi-passage` questions.
    """

    passage: Passage
    kinds: tuple[Kind, ...]
    persona: str = ""
    second: Passage | None = None

    @property
    def key(self) -> str:
        """Its identity: a passage is in one assignment."""
        return self.passage.id

    @property
    def passages(self) -> tuple[Passage, ...]:
        """One or two; each is a positive of every question."""
        return (self.passage,) if self.second is None else (self.passage, self.second)


@dataclass(frozen=True, slots=True)
class Plan:
    """Who is asked about what; iterates over the assignments, made one by one.

    Attributes:
        chosen: Passages that are asked about, spread over the documents.
        partners: Passage id → the passage that its questions need too, for those that have one.
        options: Kinds, personas and seed.
        too_short: Passages that were passed over as too short.
    """

    chosen: tuple[Passage, ...]
    partners: Mapping[str, Passage]
    options: QuestionOptions
    too_short: int = 0

    def __len__(self) -> int:
        return len(self.chosen)

    def __iter__(self) -> Iterator[Assignment]:
        for passage in self.chosen:
            yield self.assignment(passage)

    def sample(self, most: int = 200) -> list[Assignment]:
        """Evenly spaced assignments, to judge what all of them will cost."""
        step = max(1, -(-len(self.chosen) // max(1, most)))
        return [self.assignment(passage) for passage in self.chosen[::step]]

    def assignment(self, passage: Passage) -> Assignment:
        """What is asked about a passage: decided by its id and the seed, not by what else is in the plan."""
        options = self.options
        chance = int(content_hash("assignment", options.seed, passage.id)[:12], 16)
        persona = options.personas[chance // 1009 % len(options.personas)] if options.personas else ""
        second = self.partners.get(passage.id)
        if second is not None:
            return Assignment(passage, (BOTH,) * options.per_passage, persona, second)
        cycle = [cast("Kind", kind) for kind in options.kinds if kind != BOTH]
        kinds = tuple(cycle[(chance + turn) % len(cycle)] for turn in range(options.per_passage))
        return Assignment(passage, kinds, persona)


def plan(passages: Sequence[Passage], options: QuestionOptions | None = None) -> Plan:
    """Chooses passages, the same ones each time: first one of every document, then a second one, and so on.

    Takes time in proportion to the number of passages, and holds a few words for each.

    Args:
        passages: The corpus (the train part of it, where one part tests).
        options: How many, and what kinds.
    """
    options = options or QuestionOptions()
    eligible = [passage for passage in passages if len(words(passage.text)) >= options.min_passage_words]
    by_document: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for position, passage in enumerate(eligible):
        chance = content_hash("plan", options.seed, passage.id)
        by_document[passage.document_id or passage.id].append((chance, position))
    order: list[tuple[int, str, int]] = []
    for members in by_document.values():
        order += [(rank, chance, position) for rank, (chance, position) in enumerate(sorted(members))]
    order.sort()
    chosen = tuple(eligible[position] for _, _, position in order[: options.limit])
    return Plan(chosen, _partners(eligible, chosen, options), options, len(passages) - len(eligible))


def _partners(eligible: Sequence[Passage], chosen: Sequence[Passage], options: QuestionOptions) -> dict[str, Passage]:
    """For a share of the chosen passages, decided by hash: the next one of their document, or the previous one."""
    if BOTH not in options.kinds or not options.multi_passage_share:
        return {}
    following: dict[str, Passage] = {}
    before: dict[str, Passage] = {}
    ordered = sorted((p for p in eligible if p.document_id), key=lambda p: (p.document_id, p.start, p.id))
    for one, other in itertools.pairwise(ordered):
        if one.document_id == other.document_id and one.text != other.text:
            following[one.id] = other
            before[other.id] = one
    partners: dict[str, Passage] = {}
    for passage in chosen:
        if int(content_hash("partner", options.seed, passage.id)[:8], 16) >= options.multi_passage_share * 2**32:
            continue
        second = following.get(passage.id) or before.get(passage.id)
        if second is not None:
            partners[passage.id] = second
    return partners
