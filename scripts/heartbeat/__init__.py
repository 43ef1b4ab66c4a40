"""An integration for measurements: tells for how long at most the event loop was busy with one thing."""

import time
from typing import Final

from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.helpers.typing import ConfigType

BEAT: Final = 0.01


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Beat from now on."""
    busy: list[float] = [0.0]
    beaten = time.thread_time()

    @callback
    def beat() -> None:
        # What other processes take of the time is nobody's fault here.
        nonlocal beaten
        now = time.thread_time()
        busy.append(now - beaten)
        beaten = now
        hass.loop.call_later(BEAT, beat)

    @callback
    def longest(_: ServiceCall) -> ServiceResponse:
        """Return the longest time between two beats since this was last asked, in milliseconds."""
        answer = {"milliseconds": round(max(busy) * 1000)}
        busy[:] = [0.0]
        return dict(answer)

    beat()
    hass.services.async_register("heartbeat", "longest", longest, supports_response=SupportsResponse.ONLY)
    return True
