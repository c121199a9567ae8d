"""Keepers of an account's session: around any client, with a policy that can be swapped while they run.

```python
keeper = Keeper(Policy.load(), cloud="hyundai-kia-eu", refresh=client.renew, facts=facts)
await keeper.run(lambda: client.lock(car), operation="lock", effect=Effect.ACTUATION)
```

Whatever the policy says: one refresh for each session generation, for all callers; one repeat after it; no actuation
again that may have happened; nothing more after a refused grant until a person acts; growing pauses after failed
refreshes; circuits around what is unwell. Those are the rules of `vehicle-connector`, in a component beside the policy.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import cached_property
from typing import Any, Final, TypeVar

from vehicle_connector import _course
from vehicle_connector._course import Call, Course, Facts, Operation, Pause, Renew
from vehicle_connector.errors import NotNow
from vehicle_connector.policy import Policy
from vehicle_connector.types import Effect

T = TypeVar("T")

# Seconds that an operation may take, unless it says otherwise: pauses and refreshes included.
_SECONDS: Final = 60.0


def calendar() -> Callable[[], int]:
    """A clock in milliseconds that begins with the calendar's time, so that a state outlives the program, and never
    goes back.
    """
    ahead = time.time_ns() - time.monotonic_ns()
    return lambda: (time.monotonic_ns() + ahead) // 1_000_000


class _Base:
    def __init__(
        self,
        policy: Policy,
        *,
        cloud: str,
        facts: Facts,
        refresh: Callable[[], Any],
        sign_in: Callable[[], Any] | None = None,
        account: str = "account",
        state: str | None = None,
        on_state: Callable[[str], None] | None = None,
        audit: Callable[[str], None] | None = None,
        now: Callable[[], int] | None = None,
        session_age: float | None = None,
        session_life: float | None = None,
    ) -> None:
        """Keeps the session of an account.

        `facts` makes of an exception of the client what is known of the failure, or `None` of one that is not the
        cloud's: that is raised as it is. `refresh` obtains a new session, `sign_in` one where the old one is over and
        the owner has given a password. `state` is what `on_state` was last told, so that a refused grant stays refused
        over a restart; one that cannot be read raises `UnreadableState`. Of the session that there is, `session_age`
        is the time since it was obtained and `session_life` what sessions are given out for, in seconds, where that is
        known. `audit` is told each decision, as a line that `vehicle-connector policy replay` reads.
        """
        self._account = _course.Account(
            policy,
            cloud,
            facts,
            now or calendar(),
            refresh=refresh,
            sign_in=sign_in,
            account=account,
            state=state,
            on_state=on_state,
            audit=audit,
            age=session_age,
            life=session_life,
        )
        # Of the refresh that threads wait for; an event loop needs none.
        self._mutex = threading.Lock()
        self._closed = threading.Event()

    @property
    def policy(self) -> Policy:
        """The policy, to be swapped while this runs."""
        return self._account.policy

    @property
    def generation(self) -> int:
        """Number of the session, which grows with each refresh."""
        return self._account.generation

    @property
    def state(self) -> str:
        """What has to be remembered over a restart, as a text for nobody else to read."""
        return self._account.state

    def lift(self) -> None:
        """Ends a latch and all pauses: a person has given other credentials, or wants one more try."""
        self._account.lift()


class Keeper(_Base):
    """A keeper for an event loop. `refresh` and `sign_in` may be coroutine functions."""

    _renewing: asyncio.Task[None] | None = None

    @cached_property
    def _closing(self) -> asyncio.Event:
        """Wakes those who wait in a pause."""
        return asyncio.Event()

    async def close(self) -> None:
        """Begins nothing more: who waits for another attempt, and who comes, is told so by `NotNow`.

        Calls that are under way go on. Returns when a refresh that is under way is over, since its token may be the
        only one that is still accepted. The policy is for its owner to close.
        """
        self._closed.set()
        self._closing.set()
        if self._renewing is not None:
            await asyncio.wait([self._renewing])
        self._account.close()

    async def run(
        self,
        call: Callable[[], Awaitable[T]],
        *,
        operation: str = "operation",
        effect: Effect = Effect.READ,
        vehicle: str | None = None,
        seconds: float = _SECONDS,
    ) -> T:
        """Calls, and what the policy wants and the rules allow after a failure. Returns the result.

        Raises what the client has raised last, with its `judgement`; `Latched` where a person has to act, and `NotNow`
        where nothing is sent for a while.
        """
        wanted = Operation(call, operation, effect, vehicle, seconds)
        result: T = await self._follow(self._account.operate(wanted))
        return result

    async def _follow(self, course: Course) -> Any:
        try:
            step = _begin(course)
            while isinstance(step, Call | Pause | Renew):
                try:
                    result = await self._do(step)
                except BaseException as error:
                    step = _throw(course, error)
                else:
                    step = _send(course, result)
            return step.result
        except _Closed as closed:
            raise closed.told() from None

    async def _do(self, step: Call | Pause | Renew) -> Any:
        if self._closed.is_set():
            raise _Closed
        match step:
            case Call(function):
                result = function()
                return await result if inspect.isawaitable(result) else result
            case Pause(milliseconds):
                with suppress(TimeoutError):
                    async with asyncio.timeout(milliseconds / 1000):
                        await self._closing.wait()
                        raise _Closed
                return None
            case Renew():
                return await self._renew(step)

    async def _renew(self, wanted: Renew) -> None:
        if self._account.generation != wanted.generation:
            return
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._lead(wanted))
            # Also when nobody waits for it any more.
            self._renewing.add_done_callback(lambda task: task.cancelled() or task.exception())
        # Whoever waits may leave; the refresh goes on, since its token may be the only one that is still accepted.
        await asyncio.shield(self._renewing)

    async def _lead(self, wanted: Renew) -> None:
        try:
            await self._follow(self._account.renew(wanted))
        finally:
            self._renewing = None


class ThreadKeeper(_Base):
    """A keeper for threads."""

    _renewing: _Flight | None = None

    def run(
        self,
        call: Callable[[], T],
        *,
        operation: str = "operation",
        effect: Effect = Effect.READ,
        vehicle: str | None = None,
        seconds: float = _SECONDS,
    ) -> T:
        """As `Keeper.run`, on the calling thread."""
        result: T = self._follow(self._account.operate(Operation(call, operation, effect, vehicle, seconds)))
        return result

    def close(self) -> None:
        """As `Keeper.close`."""
        self._closed.set()
        with self._mutex:
            flight = self._renewing
        if flight is not None:
            flight.over.wait()
        self._account.close()

    def _follow(self, course: Course) -> Any:
        try:
            step = _begin(course)
            while isinstance(step, Call | Pause | Renew):
                try:
                    result = self._do(step)
                except BaseException as error:
                    step = _throw(course, error)
                else:
                    step = _send(course, result)
            return step.result
        except _Closed as closed:
            raise closed.told() from None

    def _do(self, step: Call | Pause | Renew) -> Any:
        if self._closed.is_set():
            raise _Closed
        match step:
            case Call(function):
                return function()
            case Pause(milliseconds):
                if self._closed.wait(milliseconds / 1000):
                    raise _Closed
                return None
            case Renew():
                return self._renew(step)

    def _renew(self, wanted: Renew) -> None:
        with self._mutex:
            if self._account.generation != wanted.generation:
                return
            flight, leads = self._renewing, False
            if flight is None:
                flight = self._renewing = _Flight()
                leads = True
        if leads:
            try:
                self._follow(self._account.renew(wanted))
            except BaseException as error:
                flight.error = error
                raise
            finally:
                with self._mutex:
                    self._renewing = None
                flight.over.set()
            return
        flight.over.wait()
        if isinstance(flight.error, Exception):
            raise flight.error


class _Flight:
    """A refresh that several threads wait for."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.error: BaseException | None = None


class _Closed(BaseException):
    """Nothing more is begun. No failure of anything, so it is not for a table of facts to see."""

    def told(self) -> NotNow:
        return NotNow("its keeper is closed", None)


class _End:
    """The end of a course."""

    __slots__ = ("result",)

    def __init__(self, result: Any) -> None:
        self.result = result


def _begin(course: Course) -> Call | Pause | Renew | _End:
    return _send(course, None)


def _send(course: Course, result: Any) -> Call | Pause | Renew | _End:
    try:
        return course.send(result)
    except StopIteration as end:
        return _End(end.value)


def _throw(course: Course, error: BaseException) -> Call | Pause | Renew | _End:
    try:
        return course.throw(error)
    except StopIteration as end:
        return _End(end.value)
