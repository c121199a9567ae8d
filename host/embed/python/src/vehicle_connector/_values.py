"""Values on their way into a component and out of it, in the structures of wasmtime's C interface.

The package `wasmtime` reads every type anew for every value of a call, which takes longer than the call. Here the
types are known beforehand, from `wit/`, and a component is compared with them once, when it is loaded.

Memory: arguments belong to Python, which keeps what they point to until the call is over; wasmtime copies them. A
result belongs to wasmtime, is read, and is deleted once. Before a call its place is zeros, since wasmtime drops what
is there.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import addressof, c_bool, c_double, c_float, c_size_t, c_uint8, c_void_p, string_at
from enum import StrEnum
from typing import Any, Final, Protocol

from wasmtime import _bindings as ffi
from wasmtime import _ffi

from vehicle_connector._interface import Described, Enum, Record, Variant, optional


class _Text(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("data", c_void_p)]


class _Items(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("data", c_void_p)]


class _Case(ctypes.Structure):
    _fields_ = [("name", _Text), ("payload", c_void_p)]


class _Of(ctypes.Union):
    _fields_ = [
        ("boolean", c_bool),
        ("s8", ctypes.c_int8),
        ("u8", c_uint8),
        ("s16", ctypes.c_int16),
        ("u16", ctypes.c_uint16),
        ("s32", ctypes.c_int32),
        ("u32", ctypes.c_uint32),
        ("s64", ctypes.c_int64),
        ("u64", ctypes.c_uint64),
        ("f32", c_float),
        ("f64", c_double),
        ("text", _Text),
        ("record", _Items),
        ("variant", _Case),
        ("option", c_void_p),
    ]


class Value(ctypes.Structure):
    """`wasmtime_component_val_t`, with addresses as numbers."""

    _fields_ = [("kind", c_uint8), ("of", _Of)]


class _Field(ctypes.Structure):
    _fields_ = [("name", _Text), ("value", Value)]


_THEIRS: Final = ffi.wasmtime_component_val_t
_SAME: Final = (
    (ctypes.sizeof(Value), ctypes.sizeof(_THEIRS)),
    (ctypes.sizeof(_Field), ctypes.sizeof(ffi.wasmtime_component_valrecord_entry)),
    (ctypes.sizeof(_Case), ctypes.sizeof(ffi.wasmtime_component_valvariant)),
    (Value.of.offset, _THEIRS.of.offset),
    (_Field.value.offset, ffi.wasmtime_component_valrecord_entry.val.offset),
)
if any(ours != theirs for ours, theirs in _SAME):  # pragma: no cover - a version of wasmtime that is not admitted
    raise ImportError(f"this version of wasmtime lays values out in another way ({_SAME}); install 49 or 50")

# The kinds of values, as `wasmtime/component/val.h` numbers them.
_KINDS: Final = {
    name: int(getattr(_ffi, f"WASMTIME_COMPONENT_{name.upper()}").value)
    for name in (
        *("bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64"),
        *("string", "record", "variant", "enum", "option"),
    )
}
_RECORD: Final = _KINDS["record"]
_VARIANT: Final = _KINDS["variant"]
_ENUM: Final = _KINDS["enum"]
_OPTION: Final = _KINDS["option"]

Kept = list[Any]


class Codec(Protocol):
    """One type of the interface."""

    def lower(self, value: Any, kept: Kept) -> Value:
        """Makes an argument of a value. What it points to is appended to `kept`, and has to outlive the call."""

    def lift(self, value: Value) -> Any:
        """Reads a result."""


def _text(text: bytes, into: _Text, kept: Kept) -> None:
    buffer = ctypes.c_char_p(text)
    kept.append(buffer)
    into.size = len(text)
    into.data = ctypes.cast(buffer, c_void_p).value


def _read(text: _Text) -> str:
    return string_at(text.data, text.size).decode() if text.size else ""


class _Number:
    def __init__(self, name: str) -> None:
        self.member = "boolean" if name == "bool" else name
        self.kind = _KINDS[name]

    def lower(self, value: Any, _kept: Kept) -> Value:
        lowered = Value(self.kind)
        setattr(lowered.of, self.member, value)
        return lowered

    def lift(self, value: Value) -> Any:
        return getattr(value.of, self.member)


class _String:
    kind = _KINDS["string"]

    def lower(self, value: str, kept: Kept) -> Value:
        lowered = Value(self.kind)
        _text(value.encode(), lowered.of.text, kept)
        return lowered

    def lift(self, value: Value) -> str:
        return _read(value.of.text)


class _Option:
    def __init__(self, inner: Codec) -> None:
        self.inner = inner
        self.none = Value(_OPTION)

    def lower(self, value: Any, kept: Kept) -> Value:
        if value is None:
            return self.none
        inner = self.inner.lower(value, kept)
        kept.append(inner)
        lowered = Value(_OPTION)
        lowered.of.option = addressof(inner)
        return lowered

    def lift(self, value: Value) -> Any:
        address = value.of.option
        return self.inner.lift(Value.from_address(address)) if address else None


class _Enum:
    def __init__(self, described: Enum) -> None:
        self.cls = described.cls
        self.kept: Kept = []
        self.lowered = {case: self._case(case) for case in described.cls}

    def _case(self, case: StrEnum) -> Value:
        lowered = Value(_ENUM)
        _text(case.value.encode(), lowered.of.text, self.kept)
        return lowered

    def lower(self, value: Any, _kept: Kept) -> Value:
        return self.lowered[value]

    def lift(self, value: Value) -> Any:
        return self.cls(_read(value.of.text))


class _Record:
    def __init__(self, described: Record, of_type: Callable[[str], Codec]) -> None:
        self.cls = described.cls
        self.fields = [(attribute, of_type(name)) for _, attribute, name in described.fields]
        self.attributes = {name: (attribute, of_type(of)) for name, attribute, of in described.fields}
        self.kept: Kept = []
        self.array = _Field * len(self.fields)
        self.names = self.array()
        for field, (name, _, _) in zip(self.names, described.fields, strict=True):
            _text(name.encode(), field.name, self.kept)

    def lower(self, value: Any, kept: Kept) -> Value:
        fields = self.array.from_buffer_copy(self.names)
        for field, (attribute, codec) in zip(fields, self.fields, strict=True):
            field.value = codec.lower(getattr(value, attribute), kept)
        kept.append(fields)
        lowered = Value(_RECORD)
        record = lowered.of.record
        record.size = len(self.fields)
        record.data = addressof(fields)
        return lowered

    def lift(self, value: Value) -> Any:
        fields = (_Field * value.of.record.size).from_address(value.of.record.data)
        found = {}
        for field in fields:
            attribute, codec = self.attributes[_read(field.name)]
            found[attribute] = codec.lift(field.value)
        return self.cls(**found)


class _Variant:
    def __init__(self, described: Variant, of_type: Callable[[str], Codec]) -> None:
        self.names = described.names
        self.kept: Kept = []
        self.cases = {name: (cls, of_type(of) if of else None) for name, cls, of in described.cases}
        # A member of the enum, or else a class: what the name of the case is, and what its payload is.
        self.lowered: dict[Any, tuple[bytes, Codec | None]] = {}
        for name, cls, of in described.cases:
            key = self.names(name) if self.names and of is None else cls
            self.lowered[key] = (name.encode(), of_type(of) if of else None)

    def lower(self, value: Any, kept: Kept) -> Value:
        key = value if self.names and isinstance(value, self.names) else type(value)
        name, codec = self.lowered[key]
        lowered = Value(_VARIANT)
        _text(name, lowered.of.variant.name, kept)
        if codec is not None:
            payload = codec.lower(value.value, kept)
            kept.append(payload)
            lowered.of.variant.payload = addressof(payload)
        return lowered

    def lift(self, value: Value) -> Any:
        name = _read(value.of.variant.name)
        cls, codec = self.cases[name]
        if codec is not None:
            return cls(codec.lift(Value.from_address(value.of.variant.payload)))
        return self.names(name) if self.names else cls()


class Codecs:
    """The codecs of an interface."""

    def __init__(self, interface: Described) -> None:
        self._types = interface.TYPES
        self._made: dict[str, Codec] = {}
        #: For each function what makes its argument, if it has one, and what reads its result.
        self.functions = {
            name: (self._of(parameter) if parameter else None, self._of(result))
            for name, (parameter, result) in interface.FUNCTIONS.items()
        }

    def _of(self, name: str) -> Codec:
        """The codec of a type, made when it is first wanted: a type may name those below it."""
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def _make(self, name: str) -> Codec:
        if inner := optional(name):
            return _Option(self._of(inner))
        match self._types.get(name):
            case Record() as record:
                return _Record(record, self._of)
            case Enum() as enum:
                return _Enum(enum)
            case Variant() as variant:
                return _Variant(variant, self._of)
        return _String() if name == "string" else _Number(name)
