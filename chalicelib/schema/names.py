"""How the v3 API forms names from a kind's id: its plural, and the prefix of generated ids."""

from __future__ import annotations


def plural(id: str) -> str:
    """English plural, as Rancher writes it: ``projectNetworkPolicies``, ``storageClasses``, ``ingresses``."""
    if id.endswith(("s", "x", "ch", "sh")):
        return id + "es"
    if id.endswith("y") and id[-2:-1] not in "aeiou":
        return id[:-1] + "ies"
    return id + "s"


def prefix(id: str) -> str:
    """First letter and capitals: ``clusterRegistrationToken`` is ``crt``."""
    return (id[0] + "".join(letter for letter in id[1:] if letter.isupper())).lower()
