"""Other integrations: finds those that have microservices for bots, and adds these to each bot."""

import asyncio
from collections.abc import Collection
from contextlib import ExitStack
from importlib import import_module
import logging
from types import ModuleType
from typing import Final

from homeassistant.const import EVENT_COMPONENT_LOADED
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.integration_platform import async_process_integration_platforms
from homeassistant.loader import Integration, async_get_custom_components
from homeassistant.setup import ATTR_COMPONENT
from homeassistant.util.hass_dict import HassKey

from ..bot import Bot
from ..const import DOMAIN
from .guard import GuardedMicroservice
from .host import BotHost
from .watchdog import Watchdog

_LOGGER = logging.getLogger(__name__)

MAX_WAIT: Final = 10.0
"""Seconds that another integration may take to return its microservices."""

_DATA: HassKey[OtherIntegrations] = HassKey(f"{DOMAIN}.other_integrations")


async def async_setup_other_integrations(hass: HomeAssistant) -> None:
    """Find the integrations that have microservices, now and whenever one is set up."""
    others = hass.data[_DATA] = OtherIntegrations(hass)
    await async_process_integration_platforms(hass, DOMAIN, others.async_add_integration)

    @callback
    def check(domains: Collection[str]) -> None:
        hass.async_create_background_task(_async_check_import(hass, domains), f"{DOMAIN} imports of others")

    @callback
    def loaded(event: Event) -> None:
        check({event.data[ATTR_COMPONENT]})

    hass.bus.async_listen(EVENT_COMPONENT_LOADED, loaded)
    check(hass.config.top_level_components.copy())


@callback
def async_add_other_microservices(hass: HomeAssistant, bot: Bot) -> None:
    """Add the microservices of other integrations to a bot, until its config entry is unloaded."""
    hass.data[_DATA].async_add_bot(bot)


class OtherIntegrations:
    """Asks each integration once for the microservices of each bot, whichever of the two comes first.

    No bot waits for the answer, as it may take long or never come.
    """

    def __init__(self, hass: HomeAssistant) -> None:
        """Initialize it, without integrations and bots."""
        self._hass = hass
        self._platforms: dict[str, ModuleType] = {}
        self._bots: list[Bot] = []
        self._watchdog = Watchdog()

    @callback
    def async_add_integration(self, hass: HomeAssistant, domain: str, platform: ModuleType) -> None:
        """Add the microservices of an integration to the bots, also to those that come later."""
        if not self._platforms:
            self._watchdog.async_start(hass)
        self._platforms[domain] = platform
        for bot in self._bots:
            self._add(domain, platform, bot)

    @callback
    def async_add_bot(self, bot: Bot) -> None:
        """Add the microservices of the integrations to a bot, also of those that come later."""
        self._bots.append(bot)
        bot.entry.async_on_unload(lambda: self._bots.remove(bot))
        for domain, platform in self._platforms.items():
            self._add(domain, platform, bot)

    def _add(self, domain: str, platform: ModuleType, bot: Bot) -> None:
        # Not by the config entry, which would wait for one that cannot be cancelled.
        task = self._hass.async_create_background_task(
            self._async_add(domain, platform, bot), f"{DOMAIN} microservices of {domain}"
        )

        @callback
        def cancel() -> None:
            task.cancel()

        bot.entry.async_on_unload(cancel)

    async def _async_add(self, domain: str, platform: ModuleType, bot: Bot) -> None:
        try:
            async with asyncio.timeout(MAX_WAIT):
                microservices = await self._watchdog.watched(domain, self._async_get(domain, platform, bot))
            if bot.is_loaded:
                _attach(bot, microservices)
        except Exception:
            _LOGGER.exception("%s failed to add its microservices to %s", domain, bot.entry.title)

    async def _async_get(self, domain: str, platform: ModuleType, bot: Bot) -> list[GuardedMicroservice]:
        """Return the microservices of an integration; all that it does meanwhile is watched."""
        microservices = await platform.async_get_microservices(self._hass, BotHost(bot))
        return [GuardedMicroservice(self._hass, self._watchdog, domain, each) for each in microservices]


def _attach(bot: Bot, microservices: list[GuardedMicroservice]) -> None:
    """Attach all microservices of an integration to a bot, or none."""
    with ExitStack() as detach:
        for microservice in microservices:
            detach.callback(bot.attach(microservice))
            bot.entry.async_on_unload(microservice.async_cancel)
        detach.pop_all()


async def _async_check_import(hass: HomeAssistant, domains: Collection[str]) -> None:
    """Log why microservices cannot be imported: of a name that is missing, Home Assistant tells only debuggers."""
    for domain, integration in (await async_get_custom_components(hass)).items():
        if domain in domains:
            try:
                await hass.async_add_import_executor_job(_import, integration)
            except Exception as err:  # noqa: BLE001 - it is their code that is run
                _LOGGER.error("The microservices of %s cannot be imported: %s: %s", domain, type(err).__name__, err)  # noqa: TRY400


def _import(integration: Integration) -> None:
    if (integration.file_path / f"{DOMAIN}.py").is_file():
        import_module(f"{integration.pkg_path}.{DOMAIN}")
