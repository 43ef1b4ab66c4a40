"""Checks: repair issues about what does not fit together in a home, as long as it does not."""

from homeassistant.core import HomeAssistant, callback

from ..messaging.registry import Registry
from .addresses import AddressCheck
from .names import NameCheck
from .references import ReferenceCheck


@callback
def async_setup_checks(hass: HomeAssistant, registry: Registry) -> None:
    """Check a home once Home Assistant has started, and again whenever something changes."""
    for check in (AddressCheck(hass, registry), NameCheck(hass), ReferenceCheck(hass)):
        check.async_connect()
