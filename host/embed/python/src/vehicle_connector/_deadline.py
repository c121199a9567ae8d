"""Deadlines of calls into components: a watching thread ends what takes too long.

A component counts in processor time, so that a busy machine costs no policy its place; a limit in real time holds
besides, and alone where a system does not tell the processor time of another thread. While nothing is called the
watching thread sleeps without a timer.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from dataclasses import dataclass
from typing import Final

from wasmtime import Engine, Store

# How often calls are looked at, in seconds.
_PERIOD: Final = 0.005

# After so many looks at nothing the thread sleeps until there is a call.
_QUIET: Final = 20

_CPU_CLOCK: Final = getattr(time, "pthread_getcpuclockid", None)


@dataclass(frozen=True, slots=True)
class _Call:
    thread: int
    cpu: int
    wall: int


class Deadline:
    """The deadline of the one call that is under way in an engine: nothing else may run in that engine."""

    def __init__(self, engine: Engine, cpu: float, wall: float) -> None:
        self._engine = engine
        self._cpu, self._wall = int(cpu * 1e9), int(wall * 1e9)
        # Between a look and the next call nothing may happen: the next call would be ended for this one.
        self._mutex = threading.Lock()
        self._call: _Call | None = None
        self.expired = False
        _WATCH.add(self)

    def begin(self, store: Store) -> None:
        """Begins a call on this thread: instantiating, or a function."""
        with self._mutex:
            self.expired = False
            store.set_epoch_deadline(1)
            self._call = _Call(threading.get_ident(), time.thread_time_ns(), time.monotonic_ns())
        _WATCH.wake()

    def end(self) -> None:
        """Ends the call. Returns after the last look at it."""
        with self._mutex:
            self._call = None

    def look(self) -> bool:
        """Ends the call if it took too long. Returns whether there is one."""
        with self._mutex:
            call = self._call
            if call is None:
                return False
            if not self.expired and self._is_over(call):
                self.expired = True
                self._engine.increment_epoch()
            return True

    def _is_over(self, call: _Call) -> bool:
        wall = time.monotonic_ns() - call.wall
        if wall < self._cpu:
            return False
        if _CPU_CLOCK is None:
            return True
        # The thread lives: it is in the call.
        return wall >= self._wall or time.clock_gettime_ns(_CPU_CLOCK(call.thread)) - call.cpu >= self._cpu


class _Watch:
    """The watching thread, begun with the first deadline."""

    def __init__(self) -> None:
        self._deadlines: weakref.WeakSet[Deadline] = weakref.WeakSet()
        self._mutex = threading.Lock()
        self._called = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, deadline: Deadline) -> None:
        with self._mutex:
            self._deadlines.add(deadline)
            if self._thread is None:
                self._begin()

    def wake(self) -> None:
        if not self._called.is_set():
            self._called.set()

    def after_fork(self) -> None:
        """A child of a fork has none of its parent's threads but the one that forked."""
        self._mutex, self._called = threading.Lock(), threading.Event()
        if self._thread is not None:
            self._begin()

    def _begin(self) -> None:
        self._thread = threading.Thread(target=self._run, name="vehicle-connector-deadlines", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            self._called.wait()
            quiet = 0
            while quiet < _QUIET:
                self._called.clear()
                time.sleep(_PERIOD)
                with self._mutex:
                    deadlines = list(self._deadlines)
                # All of them: each may be over.
                looks = [deadline.look() for deadline in deadlines]
                quiet = 0 if any(looks) or self._called.is_set() else quiet + 1


_WATCH: Final = _Watch()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_WATCH.after_fork)
