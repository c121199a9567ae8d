"""One component, ready to be asked, from any thread.

An instance that two threads are in at once is lost, so calls wait for each other. One that has trapped answers
nothing more, and one that is used for long runs out of memory, since components of this kind never give memory back:
after an error, and after a number of calls, the next call has a fresh one.
"""

from __future__ import annotations

import ctypes
import re
import threading
from dataclasses import dataclass
from typing import Any, Final

from wasmtime import Config, Engine, Store, WasmtimeError
from wasmtime import _bindings as ffi
from wasmtime.component import Component, Func, Instance, Linker

from vehicle_connector import _shape, _values, _wit
from vehicle_connector._deadline import Deadline
from vehicle_connector._interface import Described
from vehicle_connector.errors import CallFault, Refused

# What a component begins with, and what a core module does: the version, and the layer.
_COMPONENT: Final = b"\0asm\x0d\0\1\0"
_MODULE: Final = b"\0asm\1\0\0\0"

_POINTER: Final = ctypes.POINTER(ffi.wasmtime_component_val_t)


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one call. They are those of `vehicle-connector` unless others are wanted."""

    cpu: float = 0.050
    """Time on a processor, in seconds, instantiating included."""
    wall: float = 10.0
    """Time altogether, in seconds: a policy waits for nothing, so this ends what a machine never comes to."""
    memory: int = 8 << 20
    """Bytes of each memory of the component. All memories together may be four of them."""
    calls_per_instance: int = 1
    """After so many calls there is a fresh instance.

    The interface promises one to each call, so 1 is what holds for any component. More is faster, and right for one
    that keeps nothing from call to call, as the one that this package carries.
    """

    def __post_init__(self) -> None:
        if self.cpu <= 0 or self.wall <= 0 or self.memory <= 0 or self.calls_per_instance < 1:
            raise ValueError(f"{self}: each of them has to be more than nothing")


class _Live:
    """An instance, and how often it was asked."""

    __slots__ = ("calls", "functions", "instance", "store")

    def __init__(self, store: Store, instance: Instance) -> None:
        self.store, self.instance = store, instance
        self.functions: dict[str, Func] = {}
        self.calls = 0


class Guest:
    """A compiled component of an interface, which is `policy` unless another one is given."""

    def __init__(self, component: bytes, limits: Limits, interface: Described = _wit) -> None:
        if component[:8] != _COMPONENT:
            what = "a core module, no component; `wasm-tools component new` makes one of it"
            raise Refused(f"it is {what if component[:8] == _MODULE else 'no WebAssembly component'}")
        config = Config()
        config.epoch_interruption = True
        # One for each component: an engine's clock ends every call in it.
        self._engine = Engine(config)
        try:
            self._component = Component(self._engine, component)
        except WasmtimeError as error:
            raise Refused(f"it is no WebAssembly component that works: {_cause(error)}") from None
        self._exports = _shape.exports(self._engine, self._component, interface)
        self._functions = _values.Codecs(interface).functions
        self._linker = Linker(self._engine)
        self._deadline = Deadline(self._engine, limits.cpu, limits.wall)
        self._limits = limits
        self._mutex = threading.Lock()
        self._live: _Live | None = None

    def ask(self, function: str, argument: Any = None) -> Any:
        """Calls a function of the interface and returns its answer. Raises `CallFault` when there is none."""
        with self._mutex:
            live = self._live or self._instantiate()
            # Not to be used again unless the call comes back as it should.
            self._live, used = None, live.calls > 0
            try:
                answer = self._call(live, function, argument)
            except CallFault:
                if not used or self._deadline.expired:
                    raise
                # The instance may be to blame, which has answered others before. To ask again is to ask the same.
                live = self._instantiate()
                answer = self._call(live, function, argument)
            live.calls += 1
            if live.calls < self._limits.calls_per_instance:
                self._live = live
            return answer

    def close(self) -> None:
        """Gives back what runs beside for its calls; the next call has it again."""
        self._deadline.close()

    def _instantiate(self) -> _Live:
        store = Store(self._engine)
        store.set_limits(memory_size=self._limits.memory, table_elements=10_000, instances=64, tables=64, memories=4)
        try:
            self._deadline.begin(store)
            return _Live(store, self._linker.instantiate(store, self._component))
        except WasmtimeError as error:
            raise self._fault("it cannot be instantiated", error) from None
        finally:
            self._deadline.end()

    def _call(self, live: _Live, name: str, argument: Any) -> Any:
        parameter, result = self._functions[name]
        function = live.functions.get(name) or self._function(live, name)
        kept: list[Any] = []
        arguments, count = None, 0
        if parameter is not None:
            lowered = parameter.lower(argument, kept)
            arguments, count = ctypes.cast(ctypes.byref(lowered), _POINTER), 1
        answer = _values.Value()
        place = ctypes.cast(ctypes.byref(answer), _POINTER)
        # Within: a deadline must not outlive its call, and an interrupt may come anywhere.
        try:
            self._deadline.begin(live.store)
            error = ffi.wasmtime_component_func_call(
                ctypes.byref(function._func), live.store._context(), arguments, count, place, 1
            )
        finally:
            self._deadline.end()
        if error:
            raise self._fault("it gave no answer", WasmtimeError._from_ptr(error))
        try:
            return result.lift(answer)
        except (KeyError, TypeError, ValueError) as wrong:
            raise CallFault(f"its answer is nonsense: {wrong}") from None
        finally:
            ffi.wasmtime_component_val_delete(place)

    def _function(self, live: _Live, name: str) -> Func:
        function = live.instance.get_func(live.store, self._exports[name])
        if function is None:  # pragma: no cover - the component was looked at before
            raise CallFault(f"it has no function {name}")
        live.functions[name] = function
        return function

    def _fault(self, what: str, error: WasmtimeError) -> CallFault:
        if self._deadline.expired:
            return CallFault(f"it was ended after {self._limits.cpu * 1000:g} ms")
        return CallFault(f"{what}: {_cause(error)}")


def _cause(error: WasmtimeError) -> str:
    """The last cause of an error, in one line and without the component's stack."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    cause = lines[-1] if "Caused by:" in lines else lines[0] if lines else "no reason was given"
    return re.sub(r"^\d+: ", "", cause)
