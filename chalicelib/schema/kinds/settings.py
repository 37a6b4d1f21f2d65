"""The server's settings."""

from __future__ import annotations

from chalicelib.schema.field import label, read_only, text
from chalicelib.schema.kind import Kind

SETTING = Kind(
    id="setting",
    fields={
        "name": label(update=False, required=True),
        "value": text(256 * 1024),
        "default": read_only(),
        "customized": read_only("boolean"),
        "source": read_only(),
    },
)

KINDS = (SETTING,)
