"""The contract: what the content of messages to an address has to be."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, override

from ..errors import MessageError
from ..nearest import nearest
from .field import Field, NoFitError

MAX_SHOWN: Final = 20
"""How many faults an error tells in words; it has them all in its `faults`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong with content.

    Attributes:
        field: The field's name.
        expected: What it should hold, or the names that may have been meant when nobody knows it.
        received: What came, or None when nothing did.

    """

    field: str
    expected: str
    received: str | None

    @override
    def __str__(self) -> str:
        """Return the fault as part of a sentence."""
        if self.received is None:
            return f"{self.field} is missing, it must be {self.expected}"
        return f"{self.field} is {self.received}, it must be {self.expected}"


class UnknownField(Fault):
    """A field that the contract does not know."""

    @override
    def __str__(self) -> str:
        """Return the fault as part of a sentence."""
        return f"{self.field} is unknown" + (f", perhaps {self.expected} is meant" if self.expected else "")


class ContractError(MessageError):
    """Content does not fit the contract of its address."""

    def __init__(self, address: str, faults: tuple[Fault, ...]) -> None:
        """Initialize the error with all that is wrong."""
        shown = [str(fault) for fault in faults[:MAX_SHOWN]]
        if more := len(faults) - len(shown):
            shown.append(f"and {more} more")
        super().__init__(translation_key="content_refused", address=address, faults="; ".join(shown))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Contract:
    """The fields that the content of messages to an address may have; without any, content is not checked."""

    fields: Mapping[str, Field]

    @classmethod
    def of(cls, fields: Iterable[Field]) -> Contract:
        """Return the contract of these fields; of two with the same name the first counts."""
        by_name: dict[str, Field] = {}
        for field in fields:
            by_name.setdefault(field.name, field)
        return cls(by_name)

    def checked(self, address: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the content with its values read and its defaults filled in.

        Raises:
            ContractError: With every fault.

        """
        if not self.fields or self._is_as_it_should_be(content):
            return content
        unknown = [name for name in content if name not in self.fields]
        # Looking for the nearest names takes its time, which a flood of unknown ones must not cost.
        meant = {name: nearest(name, self.fields) for name in unknown[:MAX_SHOWN]}
        faults: list[Fault] = [
            UnknownField(field=name, expected=meant.get(name, ""), received=_shown(content[name])) for name in unknown
        ]
        result: dict[str, Any] = {}
        for name, field in self.fields.items():
            # Null in an optional field is as good as nothing.
            if name in content and (content[name] is not None or field.required):
                try:
                    result[name] = field.read(content[name])
                except NoFitError:
                    faults.append(Fault(field=name, expected=field.expected, received=_shown(content[name])))
            elif field.default is not None:
                result[name] = field.read(field.default)
            elif field.required:
                faults.append(Fault(field=name, expected=field.expected, received=None))
        if faults:
            raise ContractError(address, tuple(faults))
        return result

    def _is_as_it_should_be(self, content: Mapping[str, Any]) -> bool:
        """Return whether there is nothing to read, to fill in, or to find wrong, as is most often so."""
        fields = self.fields
        for name, value in content.items():
            if (field := fields.get(name)) is None or not field.is_read(value):
                return False
        return all(name in content for name, field in fields.items() if field.required or field.default is not None)


NO_CONTRACT: Final = Contract.of(())


def _shown(value: object) -> str:
    return "null" if value is None else repr(value)[:80]
