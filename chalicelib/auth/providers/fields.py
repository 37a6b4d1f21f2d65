"""Read a provider's settings as the v3 API has them into a typed value; ``Invalid`` names the field that is wrong.

A settings class is a frozen dataclass whose fields are named as in the API, in snake case, and made with ``setting``.
"""

from __future__ import annotations

import dataclasses
import ssl
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from chalicelib.auth.providers import dn, filters
from chalicelib.errors import Invalid

LONGEST = 4096
LONGEST_TRUST = 64 * 1024

Settings = TypeVar("Settings")
Check = Callable[[str], None]


def setting(default: Any = "", *, required: bool = False, secret: bool = False, check: Check | None = None) -> Any:
    """A field; ``check`` raises ``ValueError`` with what the value should be."""
    return dataclasses.field(
        default=default, repr=not secret, metadata={"required": required, "secret": secret, "check": check}
    )


def read(settings: type[Settings], values: Mapping[str, Any]) -> Settings:
    """Raises ``Invalid``. Fields that the class does not have are the API's own affair."""
    found = {}
    for field in dataclasses.fields(settings):  # type: ignore[arg-type]
        name = wire(field.name)
        value = values.get(name)
        found[field.name] = _value(name, field, field.default if value is None else value)
    return settings(**found)


def secrets(settings: type[Any]) -> list[str]:
    """The API's names of the fields that are sealed and never shown."""
    return [wire(field.name) for field in dataclasses.fields(settings) if field.metadata["secret"]]


def names(settings: type[Any]) -> list[str]:
    return [wire(field.name) for field in dataclasses.fields(settings)]


def defaults(settings: type[Any]) -> dict[str, Any]:
    """What each field is if nobody sets it, as the API shows it."""
    known = {wire(field.name): field.default for field in dataclasses.fields(settings)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in known.items()}


def wire(name: str) -> str:
    """``group_dn_attribute`` is ``groupDNAttribute`` in the API."""
    first, *others = name.split("_")
    return first + "".join("DN" if word == "dn" else word.capitalize() for word in others)


def _value(name: str, field: dataclasses.Field[Any], value: Any) -> Any:
    if type(value) is not type(field.default) or (isinstance(value, int) and not 0 <= value < 2**31):
        if not (isinstance(field.default, tuple) and isinstance(value, list)):
            raise Invalid(f"{name} is not of the right type", field=name)
        value = tuple(value)
    texts = value if isinstance(value, tuple) else (value,) if isinstance(value, str) else ()
    for text in texts:
        _text(name, text, field.metadata["check"])
    if field.metadata["required"] and not value:
        raise Invalid(f"{name} is required", code="MissingRequired", field=name)
    return value


def _text(name: str, text: Any, check: Check | None) -> None:
    if not isinstance(text, str) or "\0" in text or len(text) > (LONGEST_TRUST if check is trust else LONGEST):
        raise Invalid(f"{name} is no text, or too long", field=name)
    if check is None or not text:
        return
    try:
        check(text)
    except ValueError as error:
        raise Invalid(f"{name} {error}", field=name) from None


def host(text: str) -> None:
    """A host name or address, with a port perhaps."""
    try:
        parts = urlsplit(f"https://{text}")
        known = parts.netloc == text and parts.hostname and parts.port != 0 and "@" not in text and text.isascii()
    except ValueError:
        known = False
    if not known or not all(letter.isalnum() or letter in ".-:[]" for letter in text):
        raise ValueError("is no host name")


def machine(text: str) -> None:
    """A host name or address without a port."""
    host(text)
    if urlsplit(f"https://{text}").port is not None:
        raise ValueError("is a host name without a port; the port has a field of its own")


def url(text: str) -> None:
    try:
        parts = urlsplit(text)
        good = parts.scheme == "https" and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or "@" in text or "#" in text or "?" in text or not (text.isascii() and text.isprintable()):
        raise ValueError("is no https:// URL")


def trust(text: str) -> None:
    try:
        ssl.create_default_context(cadata=text)
    except (ssl.SSLError, ValueError):
        raise ValueError("holds no PEM certificates") from None


def name(text: str) -> None:
    """An attribute of a directory, or several with ``|`` between them."""
    if not all(filters.is_attribute(part) for part in text.split("|")):
        raise ValueError("is no name of an attribute")


def base(text: str) -> None:
    dn.parse(text)


def filter(text: str) -> None:
    if not filters.is_filter(text):
        raise ValueError("is no LDAP filter in parentheses")


def one_of(*options: str) -> Check:
    def check(text: str) -> None:
        if text not in options:
            raise ValueError(f"is one of {', '.join(options)}")

    return check
