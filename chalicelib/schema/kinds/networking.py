"""Services, DNS records and ingresses: how what runs in a project is found."""

from __future__ import annotations

from chalicelib.mapping.ingresses import INGRESS as MAPPED_INGRESS
from chalicelib.mapping.services import DNS_RECORD as MAPPED_RECORD
from chalicelib.mapping.services import SERVICE as MAPPED_SERVICE
from chalicelib.schema.live import OBJECT_NAME, WORKLOAD_NAME, live

SERVICE = live(MAPPED_SERVICE, name=WORKLOAD_NAME)
DNS_RECORD = live(MAPPED_RECORD, name=WORKLOAD_NAME)
INGRESS = live(MAPPED_INGRESS, name=OBJECT_NAME)

KINDS = (SERVICE, DNS_RECORD, INGRESS)
