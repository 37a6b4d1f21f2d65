"""Secrets of a whole project, of all types: kept by Lariat, sealed, and copied into each of the project's namespaces.

``secret`` is all of them together; the others are sorts of it, under the same names. The same rules as for the secrets
of one namespace say what each has and shows (``mapping/secrets.py``).
"""

from __future__ import annotations

from chalicelib.mapping.kind import Kind as Mapped
from chalicelib.mapping.secrets import PROJECT_WIDE, TYPES
from chalicelib.schema.field import IN_PROJECT, Field, enum, read_only
from chalicelib.schema.kind import Kind
from chalicelib.schema.kinds.configuration import CERTIFICATE
from chalicelib.schema.live import declared

REQUIRED = ("certs", "key", "privateKey", "registries")
SHOWN_OPENED = ("data", "registries")
"""What is kept sealed and still shown, to those who may read the project's secrets."""

UNCOPIED = "Lariat copies no service account's token: each copy would give its namespace the account's rights"
_METADATA = ("labels", "annotations", "creatorId", "immutable")


def _project_wide(mapped: Mapped) -> Kind:
    rules = {name: field for name, field in declared(mapped.rules).items() if name not in _METADATA}
    return Kind(
        id=mapped.id,
        plural=mapped.plural,
        base=mapped.base,
        parent="projectId",
        fields={
            **IN_PROJECT,
            "name": Field("hostname", update=False, longest=253),
            **{name: _fitting(mapped.id, name, field) for name, field in rules.items()},
            **(CERTIFICATE if mapped.id == "certificate" else {}),
            "kind": _KIND if mapped.id == "secret" else read_only(place="spec"),
        },
        later=UNCOPIED if mapped.id == "serviceAccountToken" else "",
    )


def _fitting(kind: str, name: str, field: Field) -> Field:
    if name in SHOWN_OPENED:
        field = field._replace(place="sealed")
    if name in REQUIRED or (kind == "basicAuth" and name == "username"):
        # Clients send back nothing for what they are not shown, which changes nothing.
        field = field._replace(required=True, nullable=field.secret)
    return field


_KIND = enum("Opaque", *dict.fromkeys(TYPES.values()), *TYPES, update=False, default="Opaque")

KINDS = tuple(_project_wide(mapped) for mapped in PROJECT_WIDE.values())
