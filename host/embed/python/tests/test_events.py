"""Event scripts: the keeper does what the host does, refresh by refresh, repeat by repeat, latch by latch.

The host is held to the same file by `tests/integration/keepers.rs`.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
import virtual
from cloud import Answer, Cloud, facts
from conftest import FIXTURES, ROOT, component

from vehicle_connector import Keeper, Latched, NotNow, Policy

SCRIPTS = [json.loads(line) for line in (FIXTURES / "conformance" / "events.jsonl").read_text().splitlines()]


class Home:
    """A keeper before a cloud."""

    def __init__(self) -> None:
        self.cloud = Cloud()
        self.audit: list[dict[str, Any]] = []
        # As many at once as the host lets: eight for each of two cars.
        self.places = asyncio.Semaphore(16)
        self.keeper = Keeper(
            Policy.load(),
            cloud="hyundai-kia-eu",
            facts=facts,
            refresh=self.cloud.renew,
            audit=lambda line: self.audit.append(json.loads(line)),
            now=virtual.now,
            session_age=0,
        )

    async def follow(self, step: dict[str, Any], place: str) -> None:  # noqa: C901
        """Does one step of a script."""
        match step:
            case {"do": "expire-in-flight", "requests": requests}:
                self.cloud.expire_in_flight(requests)
            case {"do": "expire"}:
                self.cloud.expire()
            case {"do": "words", "text": text}:
                self.cloud.words = text
            case {"do": "refuse-grants"}:
                self.cloud.grant_is_dead = True
            case {"do": "unwell", "answers": answers}:
                self.cloud.unwell(answers)
            case {"do": "wait", "seconds": seconds}:
                await asyncio.sleep(seconds)
            case {"do": "swap", "policy": policy}:
                default = ROOT / "guest" / "dist" / "policy.wasm"
                self.keeper.policy.swap(default if policy == "default" else component(policy))
            case {"do": "repeat", "times": times, "steps": steps}:
                for time in range(times):
                    for inner in steps:
                        await self.follow(inner, f"{place}, time {time}")
            case {"do": "call", "callers": callers, "ended": ended, "decided": decided}:
                before = len(self.audit)
                found = Counter(await self.call(callers, step.get("held"), place))
                made = Counter(map(summary, self.audit[before:]))
                assert (dict(found), dict(made)) == (ended, decided), place
            case _:
                raise AssertionError(f"{place}: there is no step {step}")

    async def call(self, callers: int, held: dict[str, Any] | None, place: str) -> list[str]:
        """Has callers read. Once the cloud has the requests that it is to hold, the steps are done, and they go on."""
        hold = held and self.cloud.hold(held["what"], held["requests"])
        reads = asyncio.gather(*(self.read() for _ in range(callers)))
        if held and hold:
            await hold.arrived.wait()
            for step in held["meanwhile"]:
                await self.follow(step, f"{place}, meanwhile")
            hold.released.set()
        return await reads

    async def read(self) -> str:
        """Reads, and returns how that ended, in the words of the scripts."""
        async with self.places:
            return await self._read()

    async def _read(self) -> str:
        try:
            await self.keeper.run(self.cloud.read, operation="refresh_cached")
        except Latched as latched:
            return "latched" if latched.latch == "auth-required" else str(latched)
        except NotNow:
            return "not-now"
        except Answer:
            return "failed"
        return "succeeded"


def summary(record: dict[str, Any]) -> str:
    """A decision in the words of the scripts: what it was about, and what was done, without reasons and numbers."""
    done = record["done"].split(":")[0]
    words = ["N" if word.isdigit() else word for word in done.split(" ")]
    return f"{record['about']}: {' '.join(words)}"


@pytest.mark.parametrize("script", SCRIPTS, ids=[script["name"] for script in SCRIPTS])
def test_the_keeper_does_what_the_host_does(script: dict[str, Any]) -> None:
    async def follow() -> None:
        home = Home()
        for at, step in enumerate(script["steps"]):
            await home.follow(step, f"step {at}")

    virtual.run(follow())
