"""``/v3/clusteralerts`` and the like: what an alert's state becomes when somebody switches it."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.api.behaviour import Behaviour, Call
from chalicelib.api.http import Response
from chalicelib.types import Resource

BECOMES = {"activate": "active", "deactivate": "inactive", "mute": "muted", "unmute": "alerting"}


class Alerts(Behaviour):
    def act(self, name: str, call: Call, resource: Resource) -> Response:
        status = {"alertState": BECOMES[name]}
        self.resources.update(resource.key, lambda stored: replace(stored, status={**stored.status, **status}))
        return Response(200)
