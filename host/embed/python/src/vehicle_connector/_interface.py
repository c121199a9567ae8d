"""How an interface is described: the names of WIT beside the classes of Python."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Enum:
    """Names, as a `StrEnum` whose values they are."""

    cls: type[StrEnum]


@dataclass(frozen=True, slots=True)
class Record:
    """Fields: for each the name in WIT, that of the attribute, and the type."""

    cls: type
    fields: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Variant:
    """Cases: for each the name, the class, and the type of the payload if there is one.

    The class of a case is that of its dataclass, with the payload as `value`. Where a case is a name and nothing
    else, an enum has it: `cls` is that then, and its member is found by the name.
    """

    cases: tuple[tuple[str, type, str | None], ...]
    names: type[StrEnum] | None = None

    @classmethod
    def of_names(cls, names: type[StrEnum], other: type) -> Variant:
        """Names, and `other` for those that this version does not know."""
        return cls((*((name.value, names, None) for name in names), ("other", other, "string")), names)


class Described(Protocol):
    """An interface, as a module that `tools/generate.py` has written."""

    INTERFACE: str
    VERSION: str
    IMPORTS: tuple[str, ...]
    TYPES: dict[str, Enum | Record | Variant]
    FUNCTIONS: dict[str, tuple[str | None, str]]


def optional(name: str) -> str | None:
    """What is in an `option<…>`; none if it is something else."""
    return name[len("option<") : -1] if name.startswith("option<") else None
