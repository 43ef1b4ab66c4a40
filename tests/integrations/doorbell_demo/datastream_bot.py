"""What the doorbell adds to each bot of Data Stream Bot."""

from homeassistant.core import HomeAssistant

from custom_components.datastream_bot.messaging import Message, Microservice, MicroserviceHost, datastream


class Doorbell(Microservice):
    """Notifies people when somebody rings."""

    name = "doorbell"

    def __init__(self, host: MicroserviceHost) -> None:
        self.host = host

    @datastream("doorbell")
    async def ring(self, message: Message) -> dict[str, bool]:
        content = {"message": f"{message.content['visitor']} is at the door"}
        receipt = await self.host.async_send("send_push_notification", content, context=message.context)
        return {"notified": receipt.is_received}


async def async_get_microservices(hass: HomeAssistant, host: MicroserviceHost) -> list[Microservice]:
    return [Doorbell(host)]
