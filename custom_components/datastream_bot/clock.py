"""The clock: how long ago something was, whatever the clock of the machine is set to meanwhile.

A moment is in seconds of the event loop's clock, which nobody can set. That one starts anew with the machine, so a
moment is stored as a date, with the date of saving beside it: over a restart, what passed since then is added.
"""

from datetime import datetime
import time
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

SAVED: Final = "saved"
"""The key of the date of saving, in seconds since 1970."""


def timestamp_of(hass: HomeAssistant, moment: float) -> float:
    """Return a moment in seconds since 1970, as the clock of the machine is set now."""
    return max(0.0, time.time() - (hass.loop.time() - moment))


def moment_of(hass: HomeAssistant, timestamp: float, saved: float | None) -> float:
    """Return the moment of a timestamp that was stored.

    Args:
        hass: Home Assistant.
        timestamp: The moment in seconds since 1970.
        saved: The date of saving; None in files of former versions, which did not tell it.

    """
    saved = timestamp if saved is None else saved
    # Either clock may have been set back.
    age = max(0.0, saved - timestamp) + max(0.0, time.time() - saved)
    return hass.loop.time() - age


def date_of(hass: HomeAssistant, moment: float) -> datetime:
    """Return the date of a moment to the second, so that it stays the same while nobody sets the clock."""
    return dt_util.utc_from_timestamp(round(timestamp_of(hass, moment)))
