"""The command line: parse, call one function, print its result."""

from jargonaut.cli.main import main

__all__ = ["main"]
