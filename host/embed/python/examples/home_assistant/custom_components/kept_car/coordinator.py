"""The account: what its cars are like, and what is asked of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_TOKEN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryAuthFailed, HomeAssistantError
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed
from hyundai_kia_connect_api import Vehicle, VehicleManager
from hyundai_kia_connect_api.const import ORDER_STATUS
from hyundai_kia_connect_api.exceptions import HyundaiKiaException
from requests import RequestException

from vehicle_connector import Effect, Keeper, Latch, Latched, NotNow, Policy, UnreadableState
from vehicle_connector.clients.hyundai_kia_connect_api import facts

from .const import CONF_SESSION, DOMAIN, POLICY_FILE, POLICY_INTERVAL, POLL_SECONDS, POLLS, SCAN_INTERVAL

_LOGGER = logging.getLogger(__name__)

T = TypeVar("T")


class KeptCarCoordinator(DataUpdateCoordinator[dict[str, Vehicle]]):
    """Asks the cloud, through the client that blocks, in Home Assistant's executor."""

    config_entry: ConfigEntry
    keeper: Keeper

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, manager: VehicleManager) -> None:
        super().__init__(hass, _LOGGER, config_entry=entry, name=DOMAIN, update_interval=SCAN_INTERVAL)
        self.manager = manager

    async def _async_setup(self) -> None:
        # It compiles, which takes tenths of a second.
        self.keeper = await self.hass.async_add_executor_job(self._keeper)
        self.config_entry.async_on_unload(self._close)
        watch = self.keeper.policy.watch(self.hass.config.path(POLICY_FILE), every=0)
        await self.hass.async_add_executor_job(watch.look)

        async def look(_: Any) -> None:
            await self.hass.async_add_executor_job(watch.look)

        self.config_entry.async_on_unload(async_track_time_interval(self.hass, look, POLICY_INTERVAL))

    def _keeper(self) -> Keeper:
        policy = Policy.load(on_event=lambda event: _LOGGER.info("%s", event))
        try:
            return Keeper(
                policy,
                cloud="hyundai-kia-eu",
                facts=facts,
                refresh=self._renew,
                state=self.config_entry.data.get(CONF_SESSION),
                on_state=lambda state: self._save(CONF_SESSION, state),
            )
        except UnreadableState as error:
            # A refused grant may be in it. The owner's sign-in is known to be good, and begins without a state.
            policy.close()
            raise ConfigEntryAuthFailed(str(error)) from error

    async def _close(self) -> None:
        await self.keeper.close()
        await self.hass.async_add_executor_job(self.keeper.policy.close)

    async def _renew(self) -> None:
        renew, token = self.manager.api.refresh_access_token, self.manager.token
        self.manager.token = await self.hass.async_add_executor_job(renew, token)
        self._save(CONF_TOKEN, self.manager.token.to_dict())

    async def _ask(
        self, call: Callable[[], T], operation: str, effect: Effect = Effect.READ, vehicle: str | None = None
    ) -> T:
        """The one way to the cloud."""
        try:
            return await self.keeper.run(
                lambda: self.hass.async_add_executor_job(call), operation=operation, effect=effect, vehicle=vehicle
            )
        except Latched as latched:
            # Nothing is sent meanwhile. Who is blocked is left alone for a while; else the owner has to sign in.
            if latched.latch == Latch.BLOCKED:
                raise UpdateFailed(str(latched)) from latched
            self.config_entry.async_start_reauth(self.hass)
            raise ConfigEntryAuthFailed(str(latched)) from latched
        except (HyundaiKiaException, NotNow, RequestException) as error:
            raise UpdateFailed(f"{operation}: {error}") from error

    def _save(self, name: str, value: Any) -> None:
        self.hass.config_entries.async_update_entry(self.config_entry, data={**self.config_entry.data, name: value})

    async def _async_update_data(self) -> dict[str, Vehicle]:
        await self._ask(self._read, "refresh_cached")
        return dict(self.manager.vehicles)

    def _read(self) -> None:
        if not self.manager.vehicles:
            self.manager.initialize_vehicles()
        self.manager.update_all_vehicles_with_cached_state()

    async def async_update_all(self) -> None:
        """Reads all cars now. Raises what stands in the way, for whoever asked."""
        self.async_set_updated_data(await self._async_update_data())

    async def async_lock(self, vehicle: str) -> None:
        """Locks a car."""
        await self._act(lambda: self.manager.lock(vehicle), "lock", vehicle)

    async def async_unlock(self, vehicle: str) -> None:
        """Unlocks a car."""
        await self._act(lambda: self.manager.unlock(vehicle), "unlock", vehicle)

    async def _act(self, call: Callable[[], str], operation: str, vehicle: str) -> None:
        """Has a car do something, and waits until it has."""
        # Whatever ends its PIN step, the client takes it for a wrong PIN; a read tells a session that is over.
        await self._ask(lambda: self.manager.update_vehicle_with_cached_state(vehicle), "refresh_cached")
        action = await self._ask(call, operation, Effect.ACTUATION, vehicle)
        try:
            await self._done(action, operation, vehicle)
        finally:
            await self.async_refresh()

    async def _done(self, action: str, operation: str, vehicle: str) -> None:
        for poll in range(POLLS):
            if poll > 0:
                await asyncio.sleep(POLL_SECONDS)
            status = await self._ask(lambda: self.manager.check_action_status(vehicle, action), "action_status")
            if status != ORDER_STATUS.PENDING:
                break
        if status != ORDER_STATUS.SUCCESS:
            raise HomeAssistantError(f"{operation}: {status.name.lower()}")
