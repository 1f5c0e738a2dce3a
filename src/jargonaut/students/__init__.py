"""Students: small models that are taught by a larger one."""

from jargonaut.students.options import StaticOptions
from jargonaut.students.static import VERSION, distilled

__all__ = ["VERSION", "StaticOptions", "distilled"]
