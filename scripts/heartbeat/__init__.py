"""An integration for measurements: tells for how long at most the event loop was busy with one thing."""

import gc
import time
from typing import Any, Final

from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.helpers.typing import ConfigType

BEAT: Final = 0.01


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Beat from now on."""
    longest = beaten = collecting = 0.0

    @callback
    def beat() -> None:
        # What other processes take of the time is nobody's fault here.
        nonlocal longest, beaten
        now = time.thread_time()
        longest = max(longest, now - beaten)
        beaten = now
        hass.loop.call_later(BEAT, beat)

    def collected(phase: str, _: dict[str, Any]) -> None:
        """Leave out the garbage collection, which takes a quarter of a second for all that Home Assistant has."""
        nonlocal beaten, collecting
        if phase == "start":
            collecting = time.thread_time()
        else:
            beaten += time.thread_time() - collecting

    @callback
    def tell(_: ServiceCall) -> ServiceResponse:
        """Return the longest time between two beats since this was last asked, in milliseconds."""
        nonlocal longest
        answer: ServiceResponse = {"milliseconds": round(longest * 1000)}
        longest = 0.0
        return answer

    beat()
    gc.callbacks.append(collected)
    hass.services.async_register("heartbeat", "longest", tell, supports_response=SupportsResponse.ONLY)
    return True
