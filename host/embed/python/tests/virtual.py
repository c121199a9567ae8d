"""An event loop whose time is virtual: it passes when every task waits, and at once."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise RuntimeError("everything waits, and for nothing that will come")
        self.now += max(0.0, timeout)
        return super().select(0)


class Loop(asyncio.SelectorEventLoop):
    """The loop. `milliseconds` is its time."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)
        # Of two timers the loop takes both when they are closer than this.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self._virtual.now

    def milliseconds(self) -> int:
        return int(self.time() * 1000 + 1e-3)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end, in virtual time."""
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(work)


def now() -> int:
    """The time of the running loop in milliseconds."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Loop)
    return loop.milliseconds()
