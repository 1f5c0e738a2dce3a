"""Promises of reading reStructuredText's structure."""

from __future__ import annotations

from jargonaut.corpus.restructured import to_markdown
from jargonaut.markdown import links, sections

TEXT = """.. _label:

=====
Guide
=====

See :func:`~os.path.join`, :py:class:`T <x.T>` and `the site <http://x>`_.

Install
=======

=====  =====
A      B
=====  =====
1      2
=====  =====

Steps
-----

.. code-block:: sh

   # not a heading

Remove
======

text
"""


def test_titles_become_headings_by_first_appearance() -> None:
    """Overlined and underlined titles get the level of their style; tables and code open no section."""
    paths = [s.path for s in sections(to_markdown(TEXT))]
    assert paths == [("Guide",), ("Guide", "Install"), ("Guide", "Install", "Steps"), ("Guide", "Remove")]


def test_roles_become_code_and_references_links() -> None:
    """A reader sees names, not roles."""
    text = to_markdown(TEXT)
    assert "See `os.path.join`, `T` and [the site](http://x)." in text
    assert [link.target for link in links(text)] == ["http://x"]
    assert "label" not in text
