"""The microservices that live in a bot."""

from typing import Final

# In this order they receive a message; those of other integrations come after them.
ORDER_LOCATION: Final = 0
ORDER_MAPPING: Final = 1
ORDER_DEVICE: Final = 2
