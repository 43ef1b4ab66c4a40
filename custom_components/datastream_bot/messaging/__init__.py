"""Messages, and what other integrations need to send and receive them."""

from .field_types import FieldType
from .message import Envelope, Message, Scope
from .microservice import Microservice, Result, datastream
from .receipt import Delivery, Outcome, Receipt
from .schema import Field

__all__ = [
    "Delivery",
    "Envelope",
    "Field",
    "FieldType",
    "Message",
    "Microservice",
    "Outcome",
    "Receipt",
    "Result",
    "Scope",
    "datastream",
]
