"""How one endpoint wants its requests written: the OpenAI chat format has dialects.

Knows the fields of a request and what a refusal says of them. Sends nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Literal

from jargonaut.artifacts import legible
from jargonaut.protocols import ChatRequest

Form = Literal["json_schema", "json_object", "none"]
_FORMS: tuple[Form, ...] = ("json_schema", "json_object", "none")
_ABOUT_FORM = re.compile(r"response_?format|json_?(?:schema|object|mode)|guided|grammar|structured", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dialect:
    """What an endpoint takes; the first value of each field is tried first.

    Attributes:
        form: How JSON is asked for: by schema, as any object, or by the prompt alone.
        length: Name of the field for the longest answer; newer hosted models want the other one.
        temperature: Whether it takes one; reasoning models do not.
        seed: Whether it takes one.
    """

    form: Form = "json_schema"
    length: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: bool = True
    seed: bool = True

    def body(self, model: str, request: ChatRequest) -> dict[str, Any]:
        """The request as this endpoint wants it."""
        body: dict[str, Any] = {
            "model": model,
            "messages": [{"role": message.role, "content": legible(message.content)} for message in request.messages],
            self.length: request.max_tokens,
        }
        if self.temperature:
            body["temperature"] = request.temperature
        if self.seed:
            body["seed"] = request.seed
        if request.schema is not None and self.form == "json_schema":
            wanted = {"name": "answer", "strict": True, "schema": dict(request.schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": wanted}
        elif request.schema is not None and self.form == "json_object":
            body["response_format"] = {"type": "json_object"}
        return body

    def after_refusal(self, words: str, request: ChatRequest) -> Dialect | None:
        """The dialect to try next when a request was refused; None when all that can be left out was.

        Args:
            words: What the endpoint said.
            request: What was refused.
        """
        names_form = bool(_ABOUT_FORM.search(words))
        if not names_form:
            if "max_completion_tokens" in words and self.length == "max_tokens":
                return replace(self, length="max_completion_tokens")
            if "temperature" in words and self.temperature:
                return replace(self, temperature=False)
            if re.search(r"\bseed\b", words) and self.seed:
                return replace(self, seed=False)
        if request.schema is not None and self.form != "none":
            return replace(self, form=_FORMS[_FORMS.index(self.form) + 1])
        return None

    def joined(self, other: Dialect) -> Dialect:
        """What both have learnt: workers that learn at once do not undo each other."""
        return Dialect(
            max(self.form, other.form, key=_FORMS.index),
            "max_tokens" if self.length == other.length == "max_tokens" else "max_completion_tokens",
            self.temperature and other.temperature,
            self.seed and other.seed,
        )
