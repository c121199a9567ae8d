"""Deadlines of calls into components: a watching thread ends what takes too long.

A component counts in processor time, so that a busy machine costs no policy its place; a limit in real time holds
besides, and alone where a system does not tell the processor time of another thread. While nothing is called the
watching thread sleeps without a timer, and it ends with the last deadline that is closed.
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
        self._watched = False
        self.expired = False

    def begin(self, store: Store) -> None:
        """Begins a call on this thread: instantiating, or a function."""
        with self._mutex:
            if not self._watched:
                _WATCH.add(self)
                self._watched = True
            self.expired = False
            store.set_epoch_deadline(1)
            self._call = _Call(threading.get_ident(), time.thread_time_ns(), time.monotonic_ns())
        _WATCH.wake()

    def end(self) -> None:
        """Ends the call. Returns after the last look at it."""
        with self._mutex:
            self._call = None

    def close(self) -> None:
        """Is watched no more, unless a call is under way; the next call is watched again. The watching thread is gone
        when this returns, if nothing else needs it.
        """
        with self._mutex:
            if self._call is not None or not self._watched:
                return
            self._watched = False
            ended = _WATCH.remove(self)
        # Not within: the thread may be about to look at this deadline.
        if ended is not None:
            ended.join()

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
    """The watching thread, which there is as long as there is a deadline."""

    def __init__(self) -> None:
        self._deadlines: weakref.WeakSet[Deadline] = weakref.WeakSet()
        self._mutex = threading.Lock()
        # Each thread has its own, which one that ends takes with it.
        self._called = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, deadline: Deadline) -> None:
        with self._mutex:
            self._deadlines.add(deadline)
            if self._thread is None:
                self._begin()

    def remove(self, deadline: Deadline) -> threading.Thread | None:
        """Returns the thread, if this was the last deadline and the thread therefore ends."""
        with self._mutex:
            self._deadlines.discard(deadline)
            if self._deadlines or self._thread is None:
                return None
            ended, self._thread = self._thread, None
            self._called.set()
            return ended

    def wake(self) -> None:
        if not self._called.is_set():
            self._called.set()

    def after_fork(self) -> None:
        """A child of a fork has none of its parent's threads but the one that forked."""
        self._mutex = threading.Lock()
        if self._thread is not None:
            self._begin()

    def _begin(self) -> None:
        self._called = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(self._called,), name="vehicle-connector-deadlines", daemon=True
        )
        self._thread.start()

    def _run(self, called: threading.Event) -> None:
        while True:
            called.wait()
            quiet = 0
            while quiet < _QUIET:
                called.clear()
                with self._mutex:
                    if self._called is not called or self._thread is None:
                        return
                    deadlines = list(self._deadlines)
                time.sleep(_PERIOD)
                # All of them: each may be over.
                looks = [deadline.look() for deadline in deadlines]
                quiet = 0 if any(looks) or called.is_set() else quiet + 1


_WATCH: Final = _Watch()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_WATCH.after_fork)
