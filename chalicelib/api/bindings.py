"""``/v3/globalrolebindings``: who is an administrator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.api.behaviour import Behaviour, Call
from chalicelib.types import Resource


class GlobalRoleBindings(Behaviour):
    def create(self, call: Call, values: Mapping[str, Any]) -> Resource:
        self.resources.get("user", str(values["userId"]))
        return super().create(call, values)
