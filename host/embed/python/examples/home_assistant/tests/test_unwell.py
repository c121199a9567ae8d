"""A cloud that is unwell: the house waits, and no session is asked for."""

from __future__ import annotations

from conftest import House
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.helpers.update_coordinator import UpdateFailed

PAGE = "<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>"
BATTERY = "sensor.legacy_car_battery"

# Requests after which the default policy has the cloud left alone for a minute.
UNTIL_OPEN = 5


def fall_ill(house: House) -> None:
    house.cloud.order("fault", route="status", effect={"answer": {"status": 503, "body": PAGE}}, times=None)


async def test_answers_of_503_are_a_failed_update_and_it_recovers(house: House) -> None:
    known = house.hass.states.get(BATTERY).state
    fall_ill(house)
    assert not await house.poll()
    assert isinstance(house.entry.runtime_data.last_exception, UpdateFailed)
    assert house.hass.states.get(BATTERY).state == STATE_UNAVAILABLE
    assert 1 < house.counters["status"] < UNTIL_OPEN, "repeated, and no more often than it is worth"
    house.cloud.order("clear-faults")
    assert await house.poll()
    assert house.hass.states.get(BATTERY).state == known
    assert house.asked_for_sessions == (0, 0)
    assert house.reauths == []


async def test_a_cloud_that_stays_unwell_is_left_alone(house: House) -> None:
    fall_ill(house)
    for _ in range(2 * UNTIL_OPEN):
        assert not await house.poll()
    assert house.counters["requests"] == house.counters["status"] == UNTIL_OPEN
    assert "the circuit of the cloud is open" in str(house.entry.runtime_data.last_exception)
    assert house.asked_for_sessions == (0, 0)
    assert house.reauths == []


async def test_an_entry_that_cannot_be_set_up_now_is_set_up_later(house: House) -> None:
    fall_ill(house)
    assert not await house.hass.config_entries.async_reload(house.entry.entry_id)
    assert house.entry.state is ConfigEntryState.SETUP_RETRY
    house.cloud.order("clear-faults")
    assert await house.hass.config_entries.async_reload(house.entry.entry_id)
    assert house.entry.state is ConfigEntryState.LOADED
