"""Waiting: whose answers are expected, a bit for each, as there may be thousands of homes and messages."""

from collections.abc import Iterable, Iterator


class Keys:
    """The keys of all who ever had to answer, each with a number of its own."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        """Initialize the keys."""
        self.names = list(names)
        self._numbers = {name: number for number, name in enumerate(self.names)}

    def known(self, name: str) -> int:
        """Return the bit of a key, or 0 if it has none."""
        number = self._numbers.get(name)
        return 0 if number is None else 1 << number

    def bit(self, name: str) -> int:
        """Return the bit of a key, which is a new one if the key is new."""
        if name not in self._numbers:
            self._numbers[name] = len(self.names)
            self.names.append(name)
        return self.known(name)


class Waiting:
    """Whose answers to one message are expected."""

    __slots__ = ("_keys", "bits")

    def __init__(self, keys: Keys, bits: int = 0) -> None:
        """Initialize it with a bit for each key."""
        self._keys = keys
        self.bits = bits

    def __contains__(self, name: str) -> bool:
        """Return whether the answer of somebody is expected."""
        return bool(self.bits & self._keys.known(name))

    def __iter__(self) -> Iterator[str]:
        """Go through the keys."""
        bits = bin(self.bits)[:1:-1]
        number = bits.find("1")
        while number >= 0:
            yield self._keys.names[number]
            number = bits.find("1", number + 1)

    def __bool__(self) -> bool:
        """Return whether any answer is expected."""
        return bool(self.bits)

    def update(self, names: Iterable[str]) -> None:
        """Expect the answers of these, too."""
        for name in names:
            self.bits |= self._keys.bit(name)

    def discard(self, name: str) -> None:
        """Expect the answer of somebody no longer."""
        self.bits &= ~self._keys.known(name)
