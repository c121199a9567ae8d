"""Whether a component has the interface: looked at once, when it is loaded, and said where it has another one."""

from __future__ import annotations

from typing import Any, Final

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

from vehicle_connector import _wit
from vehicle_connector._interface import Enum, Record, optional
from vehicle_connector.errors import Refused

NAME: Final = f"{_wit.INTERFACE}@{_wit.VERSION}"


def exports(engine: Engine, component: Component) -> dict[str, ExportIndex]:
    """The functions of the interface in a component.

    Raises `Refused` when it imports something, which a policy is given nothing of, or has another interface.
    """
    described = component.type
    imported = sorted(described.imports(engine))
    if imported:
        raise Refused(
            f"it imports {', '.join(imported)}, and a policy is given nothing; "
            "build it without WASI (componentize-py: --stub-wasi, componentize-js: -d all)"
        )
    exported = described.exports(engine)
    if NAME not in exported:
        names = ", ".join(sorted(exported)) or "nothing"
        raise Refused(f"it exports {names}, and not {NAME}: build it against wit/ of version {_wit.VERSION}")
    functions = exported[NAME].ty
    if not isinstance(functions, ComponentInstanceType):
        raise Refused(f"{NAME} is no interface in it")
    found = functions.exports(engine)
    for name, (parameter, result) in _wit.FUNCTIONS.items():
        function = found[name].ty if name in found else None
        if not isinstance(function, FuncType):
            raise Refused(f"{NAME} has no function {name} in it")
        _compare(f"{name}, argument", [parameter] if parameter else [], [of for _, of in function.params])
        _compare(f"{name}, answer", [result], [function.result])
    instance = component.get_export_index(NAME)
    indices = {name: component.get_export_index(name, instance) for name in _wit.FUNCTIONS}
    return {name: index for name, index in indices.items() if index is not None}


def _compare(place: str, wanted: list[str], found: list[Any]) -> None:
    if len(wanted) != len(found):
        raise Refused(f"{place}: it has {len(found)} of {len(wanted)}")
    for one, other in zip(wanted, found, strict=True):
        _type(place, one, other)


def _type(place: str, wanted: str, found: Any) -> None:
    """Compares a type with one of a component, and what it consists of."""
    if inner := optional(wanted):
        _is(place, wanted, found, OptionType)
        _type(place, inner, found.payload)
        return
    described = _wit.TYPES.get(wanted)
    if described is None:
        # `String`, `U16` and the like.
        if type(found).__name__.lower() != wanted:
            raise _other(place, wanted, found)
    elif isinstance(described, Record):
        _is(place, wanted, found, RecordType)
        _items(place, [(name, of) for name, _, of in described.fields], found.fields)
    elif isinstance(described, Enum):
        _is(place, wanted, found, EnumType)
        _items(place, [(case.value, None) for case in described.cls], [(name, None) for name in found.names])
    else:
        _is(place, wanted, found, VariantType)
        _items(place, [(name, of) for name, _, of in described.cases], found.cases)


def _items(place: str, wanted: list[tuple[str, str | None]], found: list[tuple[str, Any]]) -> None:
    names, others = [name for name, _ in wanted], [name for name, _ in found]
    if names != others:
        raise Refused(f"{place}: it has {', '.join(others)} where {NAME} has {', '.join(names)}")
    for (name, one), (_, other) in zip(wanted, found, strict=True):
        if (one is None) != (other is None):
            raise _other(f"{place}.{name}", one, other)
        if one is not None:
            _type(f"{place}.{name}", one, other)


def _is(place: str, wanted: str, found: Any, cls: type) -> None:
    if not isinstance(found, cls):
        raise _other(place, wanted, found)


def _other(place: str, wanted: object, found: object) -> Refused:
    kind = type(found).__name__ if found is not None else "nothing"
    return Refused(f"{place}: it has {kind} where {NAME} has {wanted or 'nothing'}")
