"""From what a user calls a cluster to its id."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from agent.errors import ConfigurationError, Unreachable
from cli.accounts import Account

_ID = re.compile(r"local|c-[a-z0-9]{5,20}")
_NAMED = 10
"""Clusters that an error names at most."""


def find(account: Account, wanted: str) -> str:
    """Return the id of the wanted cluster, or of the only one. Raises ``AgentError``."""
    if _ID.fullmatch(wanted):
        # A token that is good for one cluster alone may not look for others.
        return wanted
    query = f"?{urlencode({'name': wanted})}" if wanted else ""
    answer = account.site.ask("GET", f"/v3/clusters{query}", account.trust(), account.headers)
    try:
        names = {str(each["id"]): str(each["name"]) for each in answer["data"]}
    except (KeyError, TypeError):
        raise Unreachable(f"{account.url} lists its clusters in a way that is not Lariat's") from None
    if len(names) == 1 and _ID.fullmatch(found := next(iter(names))):
        return found
    if wanted:
        raise ConfigurationError(f"there is no cluster {wanted!r} at {account.url}")
    if not names:
        raise ConfigurationError(f"there is no cluster at {account.url} that you may use")
    listed = ", ".join(sorted(names.values())[:_NAMED])
    raise ConfigurationError(f"say which cluster: lariat kubectl --cluster NAME … ({listed})")
