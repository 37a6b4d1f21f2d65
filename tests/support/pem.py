"""A certificate with its key, made once for all tests."""

from __future__ import annotations

import trustme

_AUTHORITY = trustme.CA()
_LEAF = _AUTHORITY.issue_cert("one.example.org", "10.1.2.3", common_name="one")

CERT = _LEAF.cert_chain_pems[0].bytes().decode().strip()
CHAIN = f"{CERT}\n{_AUTHORITY.cert_pem.bytes().decode().strip()}"
KEY = _LEAF.private_key_pem.bytes().decode()
OTHER_KEY = _AUTHORITY.issue_cert("two.example.org").private_key_pem.bytes().decode()
