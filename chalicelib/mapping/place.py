"""Where an object was found: what its mapping needs to know besides the object itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """``namespace`` and ``name`` are filled in from the object; the rest comes from the caller, as far as it knows it.

    ``projects`` says which project a namespace belongs to. ``owners`` says which workload owns a ReplicaSet or Job, by
    ids, so that a Pod finds its top owner. ``now`` is in seconds since 1970.
    """

    cluster: str = ""
    namespace: str = ""
    name: str = ""
    projects: Mapping[str, str] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)
    now: float | None = None


NOWHERE = Place()
