"""A cloud of one account, as its client sees it: tokens that end, refusals, and answers of 503."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from vehicle_connector import Asked, BodyKind, Certainty, Failure, Phase


@dataclass
class Answer(Exception):
    """What the client raises for an answer that is not a success."""

    status: int
    message: str
    code: str | None = None


class Hold:
    """Requests of one kind that have arrived and are not answered before they are released."""

    def __init__(self, what: str, requests: int) -> None:
        self.what, self.missing = what, requests
        self.arrived, self.released = asyncio.Event(), asyncio.Event()


class Cloud:
    """The cloud, and the one session that there is with it."""

    def __init__(self) -> None:
        self.words = "Key not authorized: Token is expired"
        self.grants = self.reads = 0
        self.grant_is_dead = False
        self._unwell = 0
        self._good = self._token = 1
        self._barrier: asyncio.Barrier | None = None
        self._hold: Hold | None = None

    def expire(self) -> None:
        """Every token given out so far is refused from now on."""
        self._good += 1

    def expire_in_flight(self, requests: int) -> None:
        """The token expires when so many requests have arrived, which are refused then."""
        self._barrier = asyncio.Barrier(requests)

    def unwell(self, answers: int) -> None:
        """The next so many reads are answered with 503."""
        self._unwell = answers

    def hold(self, what: str, requests: int) -> Hold:
        """The next so many requests of this kind, `read` or `refresh`, are held."""
        self._hold = Hold(what, requests)
        return self._hold

    async def _held(self, what: str) -> None:
        hold = self._hold
        if hold is None or hold.what != what:
            return
        hold.missing -= 1
        if hold.missing == 0:
            self._hold = None
            hold.arrived.set()
        await hold.released.wait()

    async def read(self) -> str:
        """A read with the token that there is."""
        self.reads += 1
        token = self._token
        await asyncio.sleep(0.05)
        await self._held("read")
        if self._barrier is not None and token == self._good:
            barrier = self._barrier
            if await barrier.wait() == 0:
                self._barrier = None
                self.expire()
            await asyncio.sleep(0.001)
        if token != self._good:
            raise Answer(401, self.words)
        if self._unwell > 0:
            self._unwell -= 1
            raise Answer(503, "Service Unavailable")
        return "read"

    async def renew(self) -> None:
        """The refresh grant."""
        self.grants += 1
        await asyncio.sleep(0.05)
        await self._held("refresh")
        if self.grant_is_dead:
            raise Answer(400, "Refresh token is invalid", "4002")
        self._token = self._good


def facts(error: Exception, asked: Asked) -> Failure | None:
    """What is known of a failure of this cloud's."""
    if not isinstance(error, Answer):
        return None
    grant = asked.phase in (Phase.REFRESH, Phase.SIGN_IN)
    return asked.failure(
        certainty=Certainty.REJECTED,
        message=error.message,
        http_status=error.status,
        code=error.code,
        oauth_error="invalid_grant" if grant and error.status == 400 else None,
        body=BodyKind.HTML if error.status == 503 else BodyKind.JSON,
    )
