"""Bytes → text: byte order marks, UTF-8, detection, and the refusal of what is not text.

Knows encodings. Knows nothing of files, formats or records.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence

MAX_CONTROL_SHARE = 0.02
"""Text may hold a stray form feed or escape; a program or an archive is full of them."""
_SAMPLE_BYTES = 65_536
_UTF8_DAMAGE = 0.1
"""With at most this share of broken characters among the non-ASCII ones it is damaged UTF-8, not another encoding."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NEUTRAL = {"General Punctuation", "Currency Symbols", "Letterlike Symbols", "Control character", "Control Pictures"}
_SYMBOL_IN_WORD = re.compile(r"(?<=[^\W\d_])[\xa1-\xb4\xb6-\xbf\xd7\xf7\x80-\x9f](?=[^\W\d_])")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")


class NotTextError(ValueError):
    """The bytes are not text; the message says how that was seen."""


def decode(data: bytes, declared: str | None = None, fallbacks: Sequence[str] = ("cp1252", "latin-1")) -> str:
    r"""Decodes a text file of any usual encoding; line ends become `\n`.

    Tried in order: byte order mark, UTF-16 without a mark, UTF-8, the declared encoding, detection, the fallbacks.

    Args:
        data: The whole file.
        declared: Encoding that the text itself names (an HTML `meta` tag).
        fallbacks: Encodings for when detection finds nothing.

    Raises:
        NotTextError: The bytes are binary.
    """
    name = encoding_of(data, declared, fallbacks)
    text = _try(data, name)
    if text is None:
        text = data.decode(name, errors="replace")
    head = text[:_SAMPLE_BYTES]
    if "\x00" in head or len(_CONTROL.findall(head)) > MAX_CONTROL_SHARE * len(head):
        raise NotTextError("binary data, not text (too many control characters)")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")


def encoding_of(data: bytes, declared: str | None = None, fallbacks: Sequence[str] = ("cp1252", "latin-1")) -> str:
    """Name of the encoding that `decode` reads a text in; with `utf-8` some of its characters may be damaged.

    Args:
        data: The whole file, or so much of it that no character is cut.
        declared: As in `decode`.
        fallbacks: As in `decode`.

    Raises:
        NotTextError: The bytes hold NULs that are no UTF-16 or UTF-32.
    """
    found = _marked(data) or _unmarked_utf16(data) or _utf8(data)
    if found is not None:
        return found
    if b"\x00" in data[:_SAMPLE_BYTES]:
        raise NotTextError("binary data, not text (it holds NUL bytes)")
    if declared and _try(data, declared) is not None:
        return declared
    return _detected(data, fallbacks)


def _marked(data: bytes) -> str | None:
    return next((encoding for mark, encoding in _MARKS if data.startswith(mark)), None)


def _utf8(data: bytes) -> str | None:
    """UTF-8, a few damaged characters allowed."""
    if _try(data, "utf-8") is not None:
        return "utf-8"
    text = data.decode("utf-8", errors="replace")
    damaged = text.count("\ufffd")
    other = sum(not c.isascii() for c in text) - damaged
    return "utf-8" if damaged <= _UTF8_DAMAGE * other else None


def _unmarked_utf16(data: bytes) -> str | None:
    """UTF-16 shows itself by NULs in every other byte of mostly Latin text."""
    sample = data[:_SAMPLE_BYTES]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if half < 4 or max(even, odd) < 0.4 * half or min(even, odd) > 0.05 * half:
        return None
    name = "utf-16-le" if odd > even else "utf-16-be"
    return name if _try(data, name) is not None else None


def _detected(data: bytes, fallbacks: Sequence[str]) -> str:
    """Detection by its script; among Latin scripts, which detectors confuse, the first fallback that reads well."""
    from charset_normalizer import from_bytes

    best = from_bytes(data[:_SAMPLE_BYTES]).best()
    guess = best.encoding if best is not None and _try(data, best.encoding) is not None else None
    other_script = best is not None and any("Latin" not in name for name in best.alphabets if name not in _NEUTRAL)
    if guess is not None and other_script and _in_runs(data):
        return guess
    read = {name: text for name in fallbacks if (text := _try(data, name)) is not None}
    plausible = [name for name, text in read.items() if _reads_well(text)]
    return next((name for name in (*plausible, guess, *read) if name is not None), "latin-1")


def _in_runs(data: bytes) -> bool:
    """Whether non-ASCII bytes stand together, as in words of another script, not alone, as accents and signs do."""
    sample = data[:_SAMPLE_BYTES]
    return 2 * sum(map(len, re.findall(rb"[\x80-\xff]{2,}", sample))) >= len(re.findall(rb"[\x80-\xff]", sample))


def _reads_well(text: str) -> bool:
    """Whether few of the non-ASCII characters are symbols inside words, the mark of a wrong Latin code page."""
    return 10 * len(_SYMBOL_IN_WORD.findall(text)) <= sum(not c.isascii() for c in text)


def _try(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except (ValueError, LookupError):  # some encodings that a page may declare raise a plain UnicodeError
        return None
