"""The credentials of a webhook: its URL and its secret, made and replaced."""

from base64 import b64encode
from collections.abc import Mapping
from enum import StrEnum
import secrets
from typing import Any, Final

from homeassistant.const import CONF_WEBHOOK_ID

from .signature import SECRET_PREFIX

CONF_SECRET: Final = "secret"  # noqa: S105 - the name of a setting
CONF_FORMER_SECRET: Final = "former_secret"  # noqa: S105 - the name of a setting
CONF_FORMER_UNTIL: Final = "former_until"

FORMER_FOR: Final = 24 * 60 * 60
"""Seconds for which the former secret works beside a new one."""


class Renewal(StrEnum):
    """What of the credentials to replace."""

    NOTHING = "nothing"
    SECRET = "secret"  # noqa: S105 - the name of a choice
    URL_AND_SECRET = "url_and_secret"  # noqa: S105 - the name of a choice


def valid_secrets(settings: Mapping[str, Any], now: float) -> list[str]:
    """Return the secrets of a webhook that requests may be signed with at a time in seconds since 1970."""
    return [settings[name] for name in (CONF_SECRET, CONF_FORMER_SECRET) if name in _kept(settings, now)]


def with_credentials(
    settings: Mapping[str, Any], former: Mapping[str, Any], renewal: Renewal, now: float
) -> dict[str, Any]:
    """Return the settings of a webhook with its credentials.

    Args:
        settings: The settings without credentials.
        former: The settings of before, which have credentials unless this is the first time.
        renewal: What of these to replace.
        now: Seconds since 1970.

    """
    if renewal is Renewal.URL_AND_SECRET or CONF_SECRET not in former:
        return {**settings, CONF_WEBHOOK_ID: secrets.token_hex(32), CONF_SECRET: _new_secret()}
    credentials = {name: former[name] for name in _kept(former, now)}
    if renewal is Renewal.SECRET:
        credentials |= {
            CONF_SECRET: _new_secret(),
            CONF_FORMER_SECRET: former[CONF_SECRET],
            CONF_FORMER_UNTIL: now + FORMER_FOR,
        }
    return {**settings, **credentials}


def _kept(settings: Mapping[str, Any], now: float) -> tuple[str, ...]:
    """Return the names of the credentials that are valid."""
    if settings.get(CONF_FORMER_UNTIL, 0) > now:
        return (CONF_WEBHOOK_ID, CONF_SECRET, CONF_FORMER_SECRET, CONF_FORMER_UNTIL)
    return (CONF_WEBHOOK_ID, CONF_SECRET)


def _new_secret() -> str:
    return SECRET_PREFIX + b64encode(secrets.token_bytes(32)).decode()
