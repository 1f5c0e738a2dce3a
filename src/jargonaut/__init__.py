"""jargonaut teaches an embedding model the jargon of one domain, proves that it helps, and ships it safely.

>>> from jargonaut import Workspace
>>> result = Workspace("my-domain").run("docs/")  # doctest: +SKIP
>>> print(result.table())  # doctest: +SKIP
"""

from jargonaut.errors import JargonautError
from jargonaut.workspace import Workspace

__version__ = "0.1.0"

__all__ = ["JargonautError", "Workspace", "__version__"]
