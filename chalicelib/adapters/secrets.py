"""The secret that signatures are made with: as it stands in the environment, or in Secrets Manager."""

from __future__ import annotations

from chalicelib.adapters import aws
from chalicelib.adapters.aws import Account


def signing_keys(value: str, account: Account) -> list[bytes]:
    """Return the keys, the one to sign with first. ``value`` has them with blanks between, or is a secret's ARN."""
    if value.startswith("arn:"):
        with aws.translated("Secrets Manager"):
            value = account.client("secretsmanager").get_secret_value(SecretId=value)["SecretString"]
    return [key.encode() for key in value.split()]
