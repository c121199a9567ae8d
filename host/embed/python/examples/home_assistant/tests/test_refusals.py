"""A session that nothing but its owner can renew: they are asked, once, and the cloud is not asked any more."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from conftest import ACCOUNT, House, without_keeper
from homeassistant.config_entries import ConfigEntryState
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import ConfigEntryAuthFailed
from homeassistant.helpers.update_coordinator import UpdateFailed

CALLS = 8


def end_the_session(house: House) -> None:
    """Neither the access token is good any more nor what it is refreshed with."""
    house.cloud.order("expire")
    house.cloud.order("end-sessions")


async def test_a_refused_sign_in_asks_the_owner_once_and_the_cloud_no_more(house: House) -> None:
    end_the_session(house)
    house.cloud.order("sign-in-outcome", outcome="refused")
    assert not await house.poll()
    await house.hass.async_block_till_done()
    assert len(house.reauths) == 1
    # The client follows a refresh that fails by a sign-in of its own.
    assert house.asked_for_sessions == (1, 1)

    asked = house.counters["requests"]
    assert not await house.poll()
    for _ in range(CALLS):
        with pytest.raises(ConfigEntryAuthFailed):
            await house.update()
    # As a restart does.
    assert not await house.hass.config_entries.async_reload(house.entry.entry_id)
    await house.hass.async_block_till_done()
    assert house.entry.state is ConfigEntryState.SETUP_ERROR
    assert len(house.reauths) == 1
    assert house.counters["requests"] == asked, "nothing was sent"


async def test_the_owner_signs_in_and_all_is_well(house: House) -> None:
    end_the_session(house)
    house.cloud.order("sign-in-outcome", outcome="refused")
    assert not await house.poll()
    await house.hass.async_block_till_done()
    (form,) = house.reauths
    configure = house.hass.config_entries.flow.async_configure

    refused = await configure(form["flow_id"], {"password": "wrong"})
    assert (refused["type"], refused["errors"]) == (FlowResultType.FORM, {"base": "invalid_auth"})
    house.cloud.order("sign-in-outcome", outcome="granted")
    done = await configure(form["flow_id"], {"password": ACCOUNT["password"]})
    assert (done["type"], done["reason"]) == (FlowResultType.ABORT, "reauth_successful")
    await house.hass.async_block_till_done()
    assert house.entry.state is ConfigEntryState.LOADED
    assert await house.poll()
    await house.update()
    assert house.reauths == []


async def test_a_state_that_cannot_be_read_is_no_leave_to_sign_in_with_what_may_have_been_refused(house: House) -> None:
    house.hass.config_entries.async_update_entry(
        house.entry, data={**house.entry.data, "session": "of another version"}
    )
    assert not await house.hass.config_entries.async_reload(house.entry.entry_id)
    await house.hass.async_block_till_done()
    assert house.entry.state is ConfigEntryState.SETUP_ERROR
    assert house.counters["requests"] == 0
    (form,) = house.reauths
    await house.hass.config_entries.flow.async_configure(form["flow_id"], {"password": ACCOUNT["password"]})
    await house.hass.async_block_till_done()
    assert house.entry.state is ConfigEntryState.LOADED


async def test_who_is_blocked_is_left_alone_and_not_asked_to_sign_in(house: House) -> None:
    end_the_session(house)
    house.cloud.order("firewall", answers="page")
    assert not await house.poll()
    asked = house.counters["requests"]
    for _ in range(CALLS):
        with pytest.raises(UpdateFailed, match="blocked"):
            await house.update()
    assert house.counters["requests"] == asked
    assert house.reauths == []


@without_keeper
async def test_without_the_keeper_each_call_signs_in_with_the_password_that_was_refused(house: House) -> None:
    end_the_session(house)
    house.cloud.order("sign-in-outcome", outcome="refused")
    house.entry.runtime_data.manager.token.valid_until = datetime(2026, 1, 1, tzinfo=UTC)
    for _ in range(CALLS):
        with pytest.raises(ConfigEntryAuthFailed):
            await house.update()
    assert house.asked_for_sessions == (CALLS, CALLS)
