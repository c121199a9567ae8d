"""What a program that ends, or an integration that is unloaded, leaves behind: nothing."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import virtual
from cloud import Answer, Cloud, facts
from conftest import component, failure

from vehicle_connector import Asked, Failure, Keeper, NotNow, Policy, Refused, ThreadKeeper, UnreadableState
from vehicle_connector._deadline import _WATCH

LONG = 60.0


def keeper_of(cloud: Cloud, **more: Any) -> Keeper:
    known: dict[str, Any] = {"cloud": "hyundai-kia-eu", "facts": facts, "refresh": cloud.renew, "now": virtual.now}
    return Keeper(Policy.load(), **(known | more))


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No deadline but those of the test: others' may still be waiting for the garbage collector."""
    fresh = type(_WATCH)()
    monkeypatch.setattr("vehicle_connector._deadline._WATCH", fresh)


def beside() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "vehicle-connector-deadlines"]


@pytest.mark.usefixtures("alone")
def test_no_thread_is_left_when_policies_and_keepers_are_closed() -> None:
    before = set(beside())
    policy = Policy.load()
    policy.swap(component("behaving"))
    with pytest.raises(Refused) as refused:
        policy.swap(component("repeating"))
    policy.swap(component("trapping"))
    for _ in range(3):
        lost = policy.active
        policy.classify(failure())
    with pytest.raises(UnreadableState) as unreadable:
        ThreadKeeper(policy, cloud="hyundai-kia-eu", facts=facts, refresh=lambda: None, state="nonsense")
    # A program may still have each of them: what was refused, what was rolled back, and what could not begin.
    assert policy.active is not lost
    assert refused.tb is not unreadable.tb
    keeper = ThreadKeeper(policy, cloud="hyundai-kia-eu", facts=facts, refresh=lambda: None)
    assert keeper.run(lambda: "read") == "read"
    assert len(set(beside()) - before) == 1
    policy.close()
    assert len(set(beside()) - before) == 1, "the keeper's rules have need of it"
    keeper.close()
    assert set(beside()) == before


@pytest.mark.usefixtures("alone")
def test_a_closed_policy_still_answers_and_still_in_time() -> None:
    policy = Policy.load(component("spinning"))
    for _ in range(2):
        policy.close()
        assert policy.classify(failure()).rule == "host.policy-fault", "ended after its 50 ms, by a thread begun anew"
    policy.close()


def test_a_call_under_way_keeps_its_time_while_others_close() -> None:
    policy = Policy.load(component("spinning"))
    answers: list[str] = []
    # One that never ends must not keep the tests from ending.
    asking = threading.Thread(target=lambda: answers.append(policy.classify(failure()).rule), daemon=True)
    asking.start()
    until = time.monotonic() + LONG / 4
    while asking.is_alive() and time.monotonic() < until:
        policy.close()
    assert answers == ["host.policy-fault"]


def test_who_waits_for_another_attempt_is_told_and_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    # The longest pause that the policy may draw.
    monkeypatch.setattr("vehicle_connector._course.random.getrandbits", lambda bits: (1 << bits) - 1)

    async def story() -> None:
        cloud = Cloud()
        keeper = keeper_of(cloud)
        cloud.unwell(9)
        waiting = asyncio.create_task(keeper.run(cloud.read))
        # Within the pause after the first answer, which takes 50 ms.
        await asyncio.sleep(0.06)
        reads, began = cloud.reads, virtual.now()
        await keeper.close()
        with pytest.raises(NotNow, match="closed"):
            await waiting
        with pytest.raises(NotNow, match="closed"):
            await keeper.run(cloud.read)
        assert (cloud.reads, virtual.now()) == (reads, began)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    virtual.run(story())


def test_a_refresh_under_way_is_waited_for_and_its_token_kept() -> None:
    async def story() -> None:
        cloud = Cloud()
        keeper = keeper_of(cloud)
        cloud.expire()
        reading = asyncio.create_task(keeper.run(cloud.read))
        # Within the refresh: the read has been refused after 50 ms, and the grant takes as long.
        await asyncio.sleep(0.075)
        assert (cloud.grants, keeper.generation) == (1, 1)
        await keeper.close()
        assert keeper.generation == 2
        with pytest.raises(NotNow, match="closed"):
            await reading
        assert cloud.reads == 1

    virtual.run(story())


def test_threads_that_wait_are_told_and_a_refresh_is_waited_for() -> None:
    refreshing, go_on = threading.Event(), threading.Event()

    def renew() -> None:
        refreshing.set()
        assert go_on.wait(LONG)

    def unwell() -> None:
        raise Answer(503, "unwell")

    def expired() -> None:
        raise Answer(401, "Key not authorized: Token is expired")

    keeper = ThreadKeeper(Policy.load(), cloud="hyundai-kia-eu", facts=facts, refresh=renew)
    with ThreadPoolExecutor(3) as pool:
        leading = pool.submit(keeper.run, expired)
        assert refreshing.wait(LONG)
        closing = pool.submit(keeper.close)
        while not keeper._closed.is_set():
            time.sleep(0.001)
        with pytest.raises(NotNow, match="closed"):
            keeper.run(unwell)
        assert not closing.done()
        go_on.set()
        closing.result(LONG)
        assert keeper.generation == 2
        assert isinstance(leading.exception(LONG), NotNow)


def test_a_pause_of_threads_ends_when_the_keeper_is_closed() -> None:
    pausing = threading.Event()

    class Noticed(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            pausing.set()
            return super().wait(timeout)

    def unwell() -> None:
        raise Answer(503, "unwell")

    def long_pause(error: Exception, asked: Asked) -> Failure | None:
        known = facts(error, asked)
        return known and replace(known, retry_after=int(LONG / 2 * 1000))

    keeper = ThreadKeeper(Policy.load(), cloud="hyundai-kia-eu", facts=long_pause, refresh=lambda: None)
    keeper._closed = Noticed()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(keeper.run, unwell)
        assert pausing.wait(LONG)
        began = time.monotonic()
        keeper.close()
        assert isinstance(waiting.exception(LONG), NotNow)
    assert time.monotonic() - began < LONG / 4
