"""A token that ends while a house is using it: what the cloud is asked, with the keeper and without."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from conftest import CCS2, LEGACY, House, without_keeper
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.update_coordinator import UpdateFailed

CALLS = 8


async def refresh_and_eight_calls(house: House) -> tuple[bool, int]:
    """The coordinator's refresh and eight service calls at once: whether that succeeded, and how many of these."""
    calls = [house.update() for _ in range(CALLS - 2)] + [house.lock("legacy_car"), house.lock("ccs2_car")]
    polled, *called = await asyncio.gather(house.poll(), *calls, return_exceptions=True)
    assert polled in (True, False), polled
    failed = [error for error in called if error is not None]
    assert all(isinstance(error, HomeAssistantError) for error in failed), failed
    return bool(polled), CALLS - len(failed)


async def test_a_token_that_ends_under_a_refresh_and_eight_calls_costs_one_refresh(house: House) -> None:
    before = house.entry.data["token"]["access_token"]
    house.cloud.order("expire-when-in-flight", requests=CALLS + 1)
    assert await refresh_and_eight_calls(house) == (True, CALLS)
    assert house.counters["refused_tokens"] == CALLS + 1
    assert house.asked_for_sessions == (1, 0)
    assert house.counters["actuations"] == {LEGACY: {"lock": 1}, CCS2: {"lock": 1}}
    assert house.entry.data["token"]["access_token"] != before, "a restart goes on with the new one"
    assert house.reauths == []


@without_keeper
async def test_without_the_keeper_all_of_them_fail(house: House) -> None:
    house.cloud.order("expire-when-in-flight", requests=CALLS + 1)
    assert await refresh_and_eight_calls(house) == (False, 0)
    assert not await house.poll(), "the client renews a token by its own clock only"
    assert house.asked_for_sessions == (0, 0)


@without_keeper
async def test_without_the_keeper_each_of_them_refreshes_a_token_that_has_ended_by_the_clock(house: House) -> None:
    house.entry.runtime_data.manager.token.valid_until = datetime(2026, 1, 1, tzinfo=UTC)
    house.cloud.order("expire")
    house.cloud.order("fault", route="token-refresh", effect="hold", times=None)
    asking = asyncio.create_task(refresh_and_eight_calls(house))
    await house.until("held", CALLS + 1)
    house.cloud.order("clear-faults")
    house.cloud.order("release")
    await asking
    assert house.asked_for_sessions[0] == CALLS + 1


async def test_a_lock_whose_answer_is_lost_is_not_sent_again(house: House) -> None:
    house.cloud.order("fault", route="command", moment="acted", effect="drop")
    with pytest.raises(UpdateFailed):
        await house.lock("legacy_car")
    assert house.counters["actuations"] == {LEGACY: {"lock": 1}}
