"""Which providers are enabled, and the key that stands for asking them about their users again in queues.

Apart from the rest, as whoever wants no more than this need not load every provider.
"""

from __future__ import annotations

from chalicelib.store.resources import Resources
from chalicelib.types import Key

DUE = Key("membership", "due")


ATTRIBUTE = "userAttribute"
"""The kind that holds what providers said of a user."""


def enabled(resources: Resources) -> list[str]:
    """The names of the providers that are enabled, besides the local one; without any there is nobody to ask."""
    return [config.id for config in resources.all("authConfig") if config.spec.get("enabled") is True]
