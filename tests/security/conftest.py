"""The server and its usual callers, as the tests of the API have them."""

from tests.api.conftest import admin, plain, server

__all__ = ["admin", "plain", "server"]
