"""From the form in which an account is added to its end, with another policy in between."""

from __future__ import annotations

import asyncio
import re
import shutil
import threading
from datetime import timedelta
from pathlib import Path

import pytest
import simulated
from conftest import ACCOUNT, DOMAIN, HERE, PATCH, House, without_keeper
from homeassistant.config_entries import SOURCE_USER, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.update_coordinator import UpdateFailed
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import async_fire_time_changed

CARRIED = simulated.ROOT / "guest" / "dist"
FIXTURES = simulated.ROOT / "tests" / "fixtures" / "policies"


async def test_an_account_is_added(hass: HomeAssistant, cloud: simulated.Cloud, integration: None) -> None:
    flow = hass.config_entries.flow
    form = await flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    refused = await flow.async_configure(form["flow_id"], ACCOUNT | {"password": "wrong"})
    assert (refused["type"], refused["errors"]) == (FlowResultType.FORM, {"base": "invalid_auth"})
    added = await flow.async_configure(form["flow_id"], ACCOUNT)
    assert added["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    assert entry.state is ConfigEntryState.LOADED
    assert cloud.control("counters")["sign_ins"] == 1
    assert await hass.config_entries.async_unload(entry.entry_id)


async def test_a_sensor_and_a_lock_show_what_the_car_says(house: House) -> None:
    assert house.hass.states.get("sensor.legacy_car_battery").state == "63"
    for service, state in (("unlock", "unlocked"), ("lock", "locked")):
        await house.hass.services.async_call("lock", service, {"entity_id": "lock.legacy_car"}, blocking=True)
        assert house.hass.states.get("lock.legacy_car").state == state


async def put(house: House, component: Path) -> str:
    """Moves a policy into its file. Returns the name of the one that is active when it was looked at."""
    file = Path(house.hass.config.path("kept_car.policy.wasm"))
    shutil.copy(component, file.with_suffix(".new"))
    file.with_suffix(".new").rename(file)
    async_fire_time_changed(house.hass, dt_util.utcnow() + timedelta(seconds=11))
    await house.hass.async_block_till_done(wait_background_tasks=True)
    name: str = house.entry.runtime_data.keeper.policy.identity.name
    return name


async def test_another_policy_takes_over_while_home_assistant_runs(house: House) -> None:
    assert await put(house, FIXTURES / "behaving.wasm") == "behaving"
    house.cloud.order("expire")
    assert not await house.poll(), "it knows no expired token"
    assert house.asked_for_sessions == (0, 0)
    assert await put(house, CARRIED / "policy.wasm") == "default"
    assert await house.poll()
    assert house.asked_for_sessions == (1, 0)


async def test_a_policy_that_does_not_pass_its_trial_changes_nothing(house: House) -> None:
    assert await put(house, CARRIED / "four-phrases.wasm") == "default"
    house.cloud.order("expire")
    assert await house.poll()


async def test_a_policy_that_traps_is_rolled_back(house: House) -> None:
    assert await put(house, FIXTURES / "trapping.wasm") == "trapping"
    house.cloud.order("expire")
    for _ in range(3):
        assert not await house.poll()
    assert house.entry.runtime_data.keeper.policy.identity.name == "default"
    assert await house.poll()
    assert house.asked_for_sessions == (1, 0)


async def test_nothing_is_left_of_an_entry_that_is_unloaded(house: House) -> None:
    """Tasks and timers are the harness's to find, after each of these tests."""

    def threads() -> list[str]:
        return [one.name for one in threading.enumerate() if one.name.startswith("vehicle-connector")]

    assert threads()
    assert await house.hass.config_entries.async_unload(house.entry.entry_id)
    assert threads() == []


async def test_an_entry_is_unloaded_when_the_refresh_under_way_has_its_token(house: House) -> None:
    before = house.entry.data["token"]["access_token"]
    house.cloud.order("expire")
    house.cloud.order("fault", route="token-refresh", effect="hold")
    updating = asyncio.create_task(house.update())
    await house.until("held", 1)
    unloading = asyncio.create_task(house.hass.config_entries.async_unload(house.entry.entry_id))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(unloading), 0.2)
    house.cloud.order("release")
    assert await unloading
    assert house.entry.data["token"]["access_token"] != before
    with pytest.raises(UpdateFailed, match="closed"):
        await updating
    assert house.asked_for_sessions == (1, 0)


def test_adopting_the_keeper_takes_as_many_lines_as_the_documents_say() -> None:
    lines = PATCH.read_text(encoding="utf-8").splitlines()
    taken = [sum(re.match(rf"\{sign}(?!\{sign})", line) is not None for line in lines) for sign in "+-"]
    page = (simulated.ROOT / "docs" / "embedding.md").read_text(encoding="utf-8")
    assert "{} lines more and {} fewer".format(*taken) in " ".join(page.split())


@without_keeper
@pytest.mark.usefixtures("integration")
def test_nothing_of_the_keeper_is_in_the_integration_that_has_not_adopted_it(tmp_path: Path) -> None:
    before = tmp_path / "before" / "custom_components" / DOMAIN
    kept = {path for path in (HERE / "custom_components" / DOMAIN).iterdir() if "vehicle_connector" in _text(path)}
    assert {path.name for path in kept} == {"coordinator.py", "manifest.json"}
    assert [path for path in before.iterdir() if "vehicle_connector" in _text(path)] == []


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""
