"""All properties, in the order in which they are tried: of single messages first, then of sequences."""

from conformance.properties import stateless
from conformance.properties.machines import strategies
from conformance.properties.property import Property

__all__ = ["PROPERTIES"]

PROPERTIES: tuple[Property, ...] = (*stateless.PROPERTIES, *strategies.PROPERTIES)
