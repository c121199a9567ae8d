"""Whether a component has the interface: looked at once, when it is loaded, and said where it has another one."""

from __future__ import annotations

from typing import Any

from wasmtime import Engine
from wasmtime.component import (
    Component,
    ComponentInstanceType,
    EnumType,
    ExportIndex,
    FuncType,
    OptionType,
    RecordType,
    VariantType,
)

from vehicle_connector._interface import Described, Enum, Record, optional
from vehicle_connector.errors import Refused


def exports(engine: Engine, component: Component, interface: Described) -> dict[str, ExportIndex]:
    """The functions of the interface in a component.

    Raises `Refused` when it imports something, which a policy is given nothing of, or has another interface.
    """
    described, name = component.type, f"{interface.INTERFACE}@{interface.VERSION}"
    imported = sorted(set(described.imports(engine)) - set(interface.IMPORTS))
    if imported:
        raise Refused(
            f"it imports {', '.join(imported)}, and a policy is given nothing; "
            "build it without WASI (componentize-py: --stub-wasi, componentize-js: -d all)"
        )
    exported = described.exports(engine)
    if name not in exported:
        names = ", ".join(sorted(exported)) or "nothing"
        raise Refused(f"it exports {names}, and not {name}: build it against wit/ of version {interface.VERSION}")
    functions = exported[name].ty
    if not isinstance(functions, ComponentInstanceType):
        raise Refused(f"{name} is no interface in it")
    _Comparison(name, interface).functions(functions.exports(engine))
    instance = component.get_export_index(name)
    indices = {function: component.get_export_index(function, instance) for function in interface.FUNCTIONS}
    return {function: index for function, index in indices.items() if index is not None}


class _Comparison:
    """A comparison of a component's types with those of an interface."""

    def __init__(self, name: str, interface: Described) -> None:
        self._name, self._interface = name, interface

    def functions(self, found: dict[str, Any]) -> None:
        """Compares the functions, and everything that goes in and out."""
        for name, (parameter, result) in self._interface.FUNCTIONS.items():
            function = found[name].ty if name in found else None
            if not isinstance(function, FuncType):
                raise Refused(f"{self._name} has no function {name} in it")
            self._list(f"{name}, argument", [parameter] if parameter else [], [of for _, of in function.params])
            self._list(f"{name}, answer", [result], [function.result])

    def _list(self, place: str, wanted: list[str], found: list[Any]) -> None:
        if len(wanted) != len(found):
            raise Refused(f"{place}: it has {len(found)} of {len(wanted)}")
        for one, other in zip(wanted, found, strict=True):
            self._type(place, one, other)

    def _type(self, place: str, wanted: str, found: Any) -> None:
        """Compares a type with one of a component, and what it consists of."""
        if inner := optional(wanted):
            self._is(place, wanted, found, OptionType)
            self._type(place, inner, found.payload)
            return
        described = self._interface.TYPES.get(wanted)
        if described is None:
            # `String`, `U16` and the like.
            if type(found).__name__.lower() != wanted:
                raise self._other(place, wanted, found)
        elif isinstance(described, Record):
            self._is(place, wanted, found, RecordType)
            self._items(place, [(name, of) for name, _, of in described.fields], found.fields)
        elif isinstance(described, Enum):
            self._is(place, wanted, found, EnumType)
            self._items(place, [(case.value, None) for case in described.cls], [(name, None) for name in found.names])
        else:
            self._is(place, wanted, found, VariantType)
            self._items(place, [(name, of) for name, _, of in described.cases], found.cases)

    def _items(self, place: str, wanted: list[tuple[str, str | None]], found: list[tuple[str, Any]]) -> None:
        names, others = [name for name, _ in wanted], [name for name, _ in found]
        if names != others:
            raise Refused(f"{place}: it has {', '.join(others)} where {self._name} has {', '.join(names)}")
        for (name, one), (_, other) in zip(wanted, found, strict=True):
            if (one is None) != (other is None):
                raise self._other(f"{place}.{name}", one, other)
            if one is not None:
                self._type(f"{place}.{name}", one, other)

    def _is(self, place: str, wanted: str, found: Any, cls: type) -> None:
        if not isinstance(found, cls):
            raise self._other(place, wanted, found)

    def _other(self, place: str, wanted: object, found: object) -> Refused:
        kind = type(found).__name__ if found is not None else "nothing"
        return Refused(f"{place}: it has {kind} where {self._name} has {wanted or 'nothing'}")
