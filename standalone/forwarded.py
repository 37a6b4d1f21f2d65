"""Who calls when there is a proxy in front: ``lambdas.py`` asks for each request.

Anybody can write ``X-Forwarded-For``. It counts only as far as proxies wrote it that the option ``--trusted-proxies`` names.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import TypeAlias

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks(text: str) -> tuple[Network, ...]:
    """Read addresses and networks with commas between them. Raises ``ValueError``."""
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


def caller(peer: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """Return the address of the last one who is no proxy of ours; ``forwarded`` are the headers' values in order."""
    known = peer
    hops = [hop.strip() for value in forwarded for hop in value.split(",")]
    while hops and _within(known, trusted):
        hop = hops.pop()
        if not is_address(hop):
            break
        known = hop
    return known


def _within(address: str, trusted: Sequence[Network]) -> bool:
    return is_address(address) and any(ipaddress.ip_address(address) in network for network in trusted)


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
