"""Office files, PDFs and e-books → text, by markitdown, on this machine only.

Knows markitdown and how its converters fail. Knows nothing of folders or records.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markitdown import MarkItDown

CONVERTED = {".pdf": "PDF", ".docx": "Word", ".pptx": "PowerPoint", ".xlsx": "Excel", ".xls": "Excel",
             ".epub": "EPUB", ".ipynb": "notebook", ".csv": "CSV", ".msg": "Outlook"}  # fmt: skip
"""File name endings that this module reads, and what a user calls them."""

_ZIPPED = frozenset({".docx", ".pptx", ".xlsx", ".epub"})
_OLE = b"\xd0\xcf\x11\xe0"
_LOGGERS = ("pdfminer", "pdfplumber", "markitdown", "mammoth", "openpyxl")
_IMAGE = re.compile(r"!\[([^\]\n]*)\]\([^)\n]*\)")
_HYPHEN = re.compile(r"(?<=[a-zà-ÿ])-\n(?=[a-zà-ÿ])")


class ConversionError(ValueError):
    """A file cannot be converted; the message says why, in the user's words."""


class Converter:
    """One markitdown for many files, without plug-ins, network, or its fall-back to "anything is text"."""

    def __init__(self) -> None:
        self._markitdown: MarkItDown | None = None

    def convert(self, data: bytes, ending: str) -> str:
        """The text of one file.

        Args:
            data: The whole file.
            ending: Its ending, a key of `CONVERTED`.

        Returns:
            Markdown; for PDF plain text, in which nothing is structure.

        Raises:
            ConversionError: The file is broken, protected, or not what its name says.
        """
        _refuse_impostor(data, ending)
        with _quiet():
            text = self._run(data, ending)
        if ending == ".pdf":
            text = _HYPHEN.sub("", re.sub(r"\(cid:\d+\)", "", text.replace("\x0c", "\n\n")))
        else:
            text = re.sub(r"<!--(?:(?!<!--).)*?-->", "", _IMAGE.sub(r"\1", text), flags=re.DOTALL)
            text = re.sub(r"\\([_*])", r"\1", text)
        return re.sub(r"\n{3,}", "\n\n", text.replace("\x00", "")).strip()

    def _run(self, data: bytes, ending: str) -> str:
        from markitdown import (
            FileConversionException,
            MissingDependencyException,
            StreamInfo,
            UnsupportedFormatException,
        )

        if self._markitdown is None:
            self._markitdown = _markitdown()
        kind = CONVERTED[ending]
        try:
            result = self._markitdown.convert_stream(io.BytesIO(data), stream_info=StreamInfo(extension=ending))
        except FileConversionException as error:
            causes = [attempt.exc_info[1] for attempt in error.attempts or [] if attempt.exc_info]
            if any(isinstance(cause, MissingDependencyException) for cause in causes):
                extra = ending.lstrip(".").replace("msg", "outlook")
                raise ConversionError(f"reading {kind} files needs: pip install 'markitdown[{extra}]'") from error
            if any("password" in repr(cause).lower() or "encrypt" in repr(cause).lower() for cause in causes):
                raise ConversionError("protected by a password; save a copy without one") from error
            cause = _first_line(causes[0]) if causes else "no converter took it"
            raise ConversionError(f"broken, it cannot be read as a {kind} file ({cause})") from error
        except (UnsupportedFormatException, RecursionError) as error:
            raise ConversionError(f"broken, it cannot be read as a {kind} file ({_first_line(error)})") from error
        return str(result.text_content or "")


def _refuse_impostor(data: bytes, ending: str) -> None:
    """Sees by the first bytes that a file is not what its name says."""
    kind = CONVERTED[ending]
    if ending == ".pdf" and b"%PDF-" not in data[:1024]:
        raise ConversionError("not a PDF file, whatever its name says (it does not begin with %PDF-)")
    if ending in _ZIPPED and not data.startswith(b"PK"):
        why = "protected by a password, or in an older format" if data.startswith(_OLE) else "not one inside"
        raise ConversionError(f"named like a {kind} file but {why}")


def _markitdown() -> MarkItDown:
    """A markitdown that knows the converters for `CONVERTED` and no other."""
    from markitdown import MarkItDown, converters

    made = MarkItDown(enable_builtins=False, enable_plugins=False)
    for name in ("Pdf", "Docx", "Pptx", "Xlsx", "Xls", "Epub", "Ipynb", "Csv", "OutlookMsg"):
        made.register_converter(getattr(converters, f"{name}Converter")())
    return made


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps what parsers say about other people's files off the user's terminal."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__
