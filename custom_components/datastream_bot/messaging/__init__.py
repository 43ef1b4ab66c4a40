"""Messages, and all that other integrations may import of this one; the rest of it may change at any time."""

from .api import async_listen, async_send
from .field_types import FieldType
from .host import MicroserviceHost
from .message import Envelope, Message, Scope
from .microservice import Handling, Microservice, Result, datastream
from .receipt import Delivery, Outcome, Receipt
from .schema import Field

__all__ = [
    "Delivery",
    "Envelope",
    "Field",
    "FieldType",
    "Handling",
    "Message",
    "Microservice",
    "MicroserviceHost",
    "Outcome",
    "Receipt",
    "Result",
    "Scope",
    "async_listen",
    "async_send",
    "datastream",
]
