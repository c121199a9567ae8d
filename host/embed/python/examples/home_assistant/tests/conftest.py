"""Home Assistant's own test harness, with the integration in it and a simulated cloud beside it.

The harness fails a test that leaves a task, a timer or a thread behind.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import simulated
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.core import HomeAssistant
from hyundai_kia_connect_api import VehicleManager, cci_fingerprint
from pytest_homeassistant_custom_component.common import MockConfigEntry
from simulated import PIN

DOMAIN = "kept_car"
LONG = 30.0

# The account of the simulated cloud.
ACCOUNT = {"username": "owner@example.org", "password": "correct horse battery", "pin": PIN}
HERE = Path(__file__).resolve().parents[1]
PATCH = HERE / "adopting.patch"

LEGACY = "11111111-1111-4111-8111-111111111111"
CCS2 = "22222222-2222-4222-8222-222222222222"


@pytest.fixture
def cloud(socket_enabled: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[simulated.Cloud]:
    """A simulated cloud of its own. The client, which is unmodified, is pointed at it and at nothing else."""
    make = VehicleManager.get_implementation_by_region_brand
    with simulated.running() as cloud:
        # What the client signs with is a constant of its own package.
        cloud.order("gate-keys", keys=list(cci_fingerprint._FINGERPRINT_KEYS["Kia"]))

        def redirected(*arguments: Any) -> Any:
            return simulated.redirected(make(*arguments), cloud)

        monkeypatch.setattr(VehicleManager, "get_implementation_by_region_brand", staticmethod(redirected))
        yield cloud


without_keeper = pytest.mark.parametrize("with_keeper", [False], ids=["without"])


@pytest.fixture
def with_keeper() -> bool:
    """Whether the integration has the keeper; a test says otherwise for one that has not adopted it."""
    return True


@pytest.fixture
def integration(
    with_keeper: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, enable_custom_integrations: None
) -> Iterator[None]:
    """The integration, for Home Assistant to find."""
    folder = HERE
    if not with_keeper:
        folder = tmp_path / "before"
        shutil.copytree(HERE / "custom_components", folder / "custom_components")
        # Not below a repository: `git apply` would take the paths of the patch as that one's.
        apart = os.environ | {"GIT_CEILING_DIRECTORIES": str(tmp_path)}
        subprocess.run(["git", "apply", "--reverse", str(PATCH)], cwd=folder, env=apart, check=True)
    _forget_integrations()
    monkeypatch.syspath_prepend(str(folder))
    yield
    _forget_integrations()


def _forget_integrations() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "custom_components"]:
        del sys.modules[name]


@dataclass
class House:
    """An installation with one account."""

    hass: HomeAssistant
    cloud: simulated.Cloud
    entry: MockConfigEntry

    @property
    def counters(self) -> Any:
        """What the cloud has counted."""
        return self.cloud.control("counters")

    @property
    def reauths(self) -> list[Any]:
        """The forms that ask the owner to sign in again."""
        flows = self.hass.config_entries.flow.async_progress_by_handler(DOMAIN)
        return [flow for flow in flows if flow["context"]["source"] == SOURCE_REAUTH]

    async def poll(self) -> bool:
        """What the coordinator does each half hour. Returns whether it has succeeded."""
        await self.entry.runtime_data.async_refresh()
        return bool(self.entry.runtime_data.last_update_success)

    async def update(self) -> None:
        """What an automation does."""
        await self.hass.services.async_call(DOMAIN, "update", blocking=True)

    async def lock(self, car: str) -> None:
        """Presses the lock of a car."""
        await self.hass.services.async_call("lock", "lock", {"entity_id": f"lock.{car}"}, blocking=True)

    @property
    def asked_for_sessions(self) -> tuple[int, int]:
        """How often the cloud was asked for a refresh, and for a sign-in."""
        counters = self.counters
        return counters["refreshes_asked"], counters["sign_ins_asked"]

    async def until(self, name: str, number: int) -> None:
        """Waits until the cloud has counted so many."""
        async with asyncio.timeout(LONG):
            while self.counters[name] < number:
                await asyncio.sleep(0.01)


def signed_in() -> dict[str, Any]:
    """A token as a sign-in leaves it in the entry."""
    manager = VehicleManager(region=1, brand=1, **ACCOUNT)
    manager.login()
    token: dict[str, Any] = manager.token.to_dict()
    return token


@pytest.fixture
async def house(hass: HomeAssistant, cloud: simulated.Cloud, integration: None, tmp_path: Path) -> AsyncIterator[House]:
    """A house whose account is signed in, and of which the cloud has counted nothing yet."""
    hass.config.config_dir = str(tmp_path)
    data = ACCOUNT | {"token": await hass.async_add_executor_job(signed_in)}
    entry = MockConfigEntry(domain=DOMAIN, title=ACCOUNT["username"], unique_id=ACCOUNT["username"], data=data)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    cloud.order("reset-counters")
    yield House(hass, cloud, entry)
    if entry.state in (ConfigEntryState.LOADED, ConfigEntryState.SETUP_RETRY):
        assert await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done()
