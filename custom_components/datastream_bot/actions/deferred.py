"""A part of a description that is made when a page asks for it."""

from abc import abstractmethod
from collections.abc import ItemsView, Iterator, Mapping
from typing import Any, override


class Deferred(Mapping[str, Any]):
    """A part of a description of an action or a trigger, which most often nobody asks for.

    Home Assistant calls `as_dict` while it encodes a description as JSON, and keeps what comes of that.
    """

    __slots__ = ()

    @abstractmethod
    def as_dict(self) -> dict[str, Any]:
        """Return it as it is now."""

    @override
    def items(self) -> ItemsView[str, Any]:
        # At once, also to compare it, where `Mapping` would make it for each key.
        return self.as_dict().items()

    @override
    def __getitem__(self, key: str) -> Any:
        return self.as_dict()[key]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self.as_dict())

    @override
    def __len__(self) -> int:
        return len(self.as_dict())
