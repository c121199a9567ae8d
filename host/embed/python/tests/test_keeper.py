"""What a keeper guarantees, whatever a policy says and however many callers there are."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import virtual
from cloud import Answer, Cloud, facts
from conftest import component

from vehicle_connector import (
    Certainty,
    Effect,
    Failure,
    Keeper,
    Latched,
    NotNow,
    Policy,
    ThreadKeeper,
    Transport,
    UnreadableState,
)
from vehicle_connector import _course as course

LONG = 60.0


def keeper_of(cloud: Cloud, policy: Policy | None = None, **more: Any) -> Keeper:
    known: dict[str, Any] = {"cloud": "hyundai-kia-eu", "facts": facts, "refresh": cloud.renew, "now": virtual.now}
    return Keeper(policy or Policy.load(), **(known | more))


def test_the_refresh_goes_on_when_the_caller_that_wanted_it_is_gone() -> None:
    async def story() -> None:
        cloud = Cloud()
        keeper = keeper_of(cloud)
        cloud.expire()
        impatient = asyncio.create_task(keeper.run(cloud.read))
        # Within the refresh: the read has been refused after 50 ms, and the grant takes as long.
        await asyncio.sleep(0.075)
        assert cloud.grants == 1
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        assert await keeper.run(cloud.read) == "read"
        assert (cloud.grants, keeper.generation) == (1, 2)

    virtual.run(story())


def test_a_token_that_stays_refused_costs_two_attempts_and_one_refresh() -> None:
    async def story() -> None:
        cloud = Cloud()

        async def in_vain() -> None:
            cloud.grants += 1

        keeper = keeper_of(cloud, refresh=in_vain)
        cloud.expire()
        with pytest.raises(Answer) as raised:
            await keeper.run(cloud.read)
        assert (cloud.reads, cloud.grants) == (2, 1)
        assert isinstance(raised.value.judgement, course.Judgement)  # type: ignore[attr-defined]
        assert raised.value.__notes__[-1].endswith("give up")

    virtual.run(story())


@pytest.mark.parametrize("policy", ["default", "repeating"])
def test_an_actuation_that_may_have_happened_is_not_sent_again(policy: str) -> None:
    """Also not by a policy that wants everything repeated, which no trial would let in."""
    sent = 0

    def lost(error: Exception, asked: course.Asked) -> Failure:
        return asked.failure(certainty=Certainty.AMBIGUOUS, message=str(error), transport=Transport.INTERRUPTED)

    async def lock() -> None:
        nonlocal sent
        sent += 1
        raise TimeoutError("no answer")

    async def story() -> None:
        loaded = Policy.load() if policy == "default" else untried()
        keeper = keeper_of(Cloud(), loaded, facts=lost)
        with pytest.raises(TimeoutError):
            await keeper.run(lock, operation="lock", effect=Effect.ACTUATION)
        assert sent == 1

    virtual.run(story())


def untried() -> Policy:
    """A policy that repeats everything, in the place of one that has passed its trial."""
    from vehicle_connector import Retry

    loaded = Policy.load()
    active = loaded.active
    active.decide = lambda attempt: Retry(0)  # type: ignore[method-assign]
    return loaded


def test_a_refused_grant_stays_refused_over_a_restart_until_a_person_acts() -> None:
    async def story() -> None:
        cloud, states = Cloud(), list[str]()
        keeper = keeper_of(cloud, on_state=states.append)
        cloud.expire()
        cloud.grant_is_dead = True
        with pytest.raises(Latched, match="Refresh token is invalid"):
            await keeper.run(cloud.read)
        restarted = keeper_of(cloud, state=states[-1])
        reads = cloud.reads
        with pytest.raises(Latched):
            await restarted.run(cloud.read)
        assert (cloud.reads, cloud.grants) == (reads, 1), "nothing was sent"
        cloud.grant_is_dead = False
        restarted.lift()
        assert await restarted.run(cloud.read) == "read"

    virtual.run(story())


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda state: state.replace('"format":1', '"format":2'), "it has format 2, and these rules read format 1"),
        (lambda state: state[: len(state) // 2], "EOF while parsing"),
        (lambda state: "{}", "missing field `format`"),
        (lambda state: " ", "EOF while parsing"),
    ],
)
def test_a_state_that_cannot_be_read_is_not_taken_for_an_empty_one(spoil: Callable[[str], str], why: str) -> None:
    async def story() -> None:
        cloud, states = Cloud(), list[str]()
        keeper = keeper_of(cloud, on_state=states.append)
        cloud.expire()
        cloud.grant_is_dead = True
        with pytest.raises(Latched):
            await keeper.run(cloud.read)
        before = len(states)
        with pytest.raises(UnreadableState, match=why) as raised:
            keeper_of(cloud, state=spoil(states[-1]), on_state=states.append)
        assert "begin without a state" in str(raised.value)
        assert len(states) == before, "what is stored is not lost"

    virtual.run(story())


def test_a_grant_that_a_code_of_the_vendor_s_refuses_latches_if_the_policy_knows_the_code() -> None:
    async def story(code: str) -> NotNow | Latched:
        cloud = Cloud()

        async def refused() -> None:
            raise Answer(400, "no", code)

        keeper = keeper_of(cloud, refresh=refused, facts=without_oauth)
        cloud.expire()
        with pytest.raises((NotNow, Latched)) as raised:
            await keeper.run(cloud.read, seconds=0.2)
        assert isinstance(raised.value, NotNow | Latched)
        return raised.value

    assert isinstance(virtual.run(story("5153")), Latched)
    assert isinstance(virtual.run(story("0815")), NotNow)


def without_oauth(error: Exception, asked: course.Asked) -> Failure | None:
    known = facts(error, asked)
    return known and replace(known, oauth_error=None)


def test_what_is_no_failure_of_the_cloud_is_raised_as_it_is() -> None:
    async def story() -> None:
        keeper = keeper_of(Cloud())

        async def mistaken() -> None:
            raise ZeroDivisionError

        for _ in range(10):
            with pytest.raises(ZeroDivisionError):
                await keeper.run(mistaken)
        assert keeper.generation == 1

    virtual.run(story())


def test_a_policy_that_gives_no_answer_repeats_nothing() -> None:
    async def story() -> None:
        cloud = Cloud()
        policy = Policy.load(component("trapping"))
        keeper = keeper_of(cloud, policy)
        cloud.expire()
        with pytest.raises(Answer):
            await keeper.run(cloud.read)
        assert (cloud.reads, cloud.grants) == (1, 0)

    virtual.run(story())


def test_a_caller_with_little_time_is_told_when_to_come_again() -> None:
    async def story() -> None:
        cloud = Cloud()

        async def unwell() -> None:
            cloud.grants += 1
            raise Answer(503, "unwell")

        keeper = keeper_of(cloud, refresh=unwell)
        cloud.expire()
        with pytest.raises(NotNow) as raised:
            await keeper.run(cloud.read, seconds=0.2)
        assert raised.value.retry_in is not None
        assert isinstance(raised.value.__cause__, Answer)
        assert cloud.grants == 1

    virtual.run(story())


def test_each_decision_is_on_record_as_the_host_writes_it() -> None:
    async def story() -> None:
        cloud, lines = Cloud(), list[str]()
        keeper = keeper_of(cloud, audit=lines.append)
        cloud.expire()
        await keeper.run(cloud.read, operation="refresh_cached")
        refused, refresh = map(json.loads, lines)
        assert (refused["about"], refused["done"], refused["decision"]) == ("failure", "refresh", "refresh-and-retry")
        assert (refresh["about"], refresh["done"], refresh["decision"]) == ("refresh", "refresh", "refresh")
        assert [refused["seq"], refresh["seq"]] == [1, 2]

    virtual.run(story())


def test_eight_threads_cost_one_refresh() -> None:
    good, token, grants = 2, 1, 0
    barrier = threading.Barrier(8)
    first = threading.local()

    def renew() -> None:
        nonlocal token, grants
        grants += 1
        token = good

    def read() -> str:
        used = token
        if not getattr(first, "done", False):
            first.done = True
            barrier.wait(LONG)
        if used != good:
            raise Answer(401, "Key not authorized: Token is expired")
        return "read"

    keeper = ThreadKeeper(Policy.load(), cloud="hyundai-kia-eu", facts=facts, refresh=renew)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: keeper.run(read), range(8))) == ["read"] * 8
    assert (grants, keeper.generation) == (1, 2)
