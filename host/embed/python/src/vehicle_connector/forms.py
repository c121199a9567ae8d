"""JSON of what policies are asked and answer: that of the audit trail, as `vehicle-connector audit --json` prints it.

Members are named as in `wit/policy.wit`, with `_` for `-`. A case without a payload is its name, one with a payload
an object with one member: `"give-up"`, `{"retry": 400}`. A name that this version does not know is `Other`.
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

from vehicle_connector import _wit
from vehicle_connector._interface import Enum, Record, Variant, optional

T = TypeVar("T")

_RECORDS = {described.cls: name for name, described in _wit.TYPES.items() if isinstance(described, Record)}


def encode(value: Any, name: str | None = None) -> Any:
    """Returns what `json.dumps` takes of a value. `name` is its type in the interface, if it is no record."""
    return _encode(value, name or _RECORDS[type(value)])


def decode(cls: type[T], document: Any) -> T:
    """Makes a record of what `json.loads` has returned.

    Raises `ValueError` when a member is missing, unknown or no such value; it names the place.
    """
    return cast(T, _decode(_RECORDS[cls], document, ""))


def decode_case(name: str, document: Any) -> Any:
    """The same of a type that is no record, by its name in the interface, such as `decision`."""
    return _decode(name, document, "")


def _encode(value: Any, name: str) -> Any:
    if inner := optional(name):
        return None if value is None else _encode(value, inner)
    match _wit.TYPES.get(name):
        case Record(fields=fields):
            return {attribute: _encode(getattr(value, attribute), of) for _, attribute, of in fields}
        case Variant(names=names) if names is not None:
            return value.value
        case Variant(cases=cases):
            case, of = next((case, of) for case, cls, of in cases if cls is type(value))
            return case if of is None else {case: _encode(value.value, of)}
        case Enum():
            return value.value
    return value


def _decode(name: str, document: Any, place: str) -> Any:
    if inner := optional(name):
        return None if document is None else _decode(inner, document, place)
    described = _wit.TYPES.get(name)
    try:
        match described:
            case Record():
                return _decode_record(described, document, place)
            case Enum(cls=cls):
                return cls(document)
            case Variant(names=names, cases=cases) if names is not None:
                known = {member.value for member in names}
                return names(document) if document in known else cases[-1][1](document)
            case Variant():
                return _decode_case(described, document, place)
    except _Wrong:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise _Wrong(f"{place or name}: {document!r} is no {name}: {error}") from None
    return document


class _Wrong(ValueError):
    """Says where already."""


def _decode_record(described: Record, document: Any, place: str) -> Any:
    if not isinstance(document, dict):
        raise TypeError("it is no object")
    attributes = {attribute: of for _, attribute, of in described.fields}
    unknown = sorted(set(document) - set(attributes))
    missing = sorted(name for name, of in attributes.items() if name not in document and not optional(of))
    if unknown or missing:
        parts = [f"{', '.join(unknown)} is unknown"] if unknown else []
        parts += [f"{', '.join(missing)} is missing"] if missing else []
        raise _Wrong(f"{place or described.cls.__name__}: {' and '.join(parts)}")
    inside = {name: f"{place}.{name}".lstrip(".") for name in document}
    return described.cls(**{name: _decode(attributes[name], of, inside[name]) for name, of in document.items()})


def _decode_case(described: Variant, document: Any, place: str) -> Any:
    if isinstance(document, dict) and len(document) == 1:
        [(name, payload)] = document.items()
    else:
        name, payload = document, None
    cls, of = next((cls, of) for case, cls, of in described.cases if case == name)
    return cls() if of is None else cls(_decode(of, payload, f"{place}.{name}".lstrip(".")))
