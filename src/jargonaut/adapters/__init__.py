"""Small maps of vectors on top of a model that stays as it is: what they are, how they are fitted, how they serve."""

from jargonaut.adapters.encoder import AdaptedEncoder, SpaceEncoder
from jargonaut.adapters.fitting import VERSION, EpochFitted, FittedAdapter, fit_adapter
from jargonaut.adapters.lesson import Lesson
from jargonaut.adapters.maps import ADAPTER_FILE, Adapter, identity, load_adapter, save_adapter
from jargonaut.adapters.options import KINDS, AdapterOptions, Kind, Sides

__all__ = [
    "ADAPTER_FILE",
    "KINDS",
    "VERSION",
    "AdaptedEncoder",
    "Adapter",
    "AdapterOptions",
    "EpochFitted",
    "FittedAdapter",
    "Kind",
    "Lesson",
    "Sides",
    "SpaceEncoder",
    "fit_adapter",
    "identity",
    "load_adapter",
    "save_adapter",
]
