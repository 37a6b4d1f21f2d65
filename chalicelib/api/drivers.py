"""``/v3/nodedrivers`` and ``/v3/kontainerdrivers``: they are switched on and off."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.api.behaviour import Behaviour, Call
from chalicelib.api.http import Response, answer
from chalicelib.types import Resource


class Drivers(Behaviour):
    def act(self, name: str, call: Call, resource: Resource) -> Response:
        active = name == "activate"
        stored = self.resources.update(
            resource.key, lambda before: replace(before, spec={**before.spec, "active": active})
        )
        return answer(self.show(call, stored))
