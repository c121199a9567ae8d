"""A car of Kia's European cloud, through the community's client, with the session kept by a policy.

The shape is that of the community's integration for this client: one coordinator, one client that blocks, and services.
What the keeper adds is in `coordinator.py`, and as a patch in `adopting.patch`.
"""

from __future__ import annotations

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import CONF_PASSWORD, CONF_PIN, CONF_TOKEN, CONF_USERNAME, Platform
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import ConfigType
from hyundai_kia_connect_api import Token, VehicleManager

from .const import BRAND, DOMAIN, REGION
from .coordinator import KeptCarCoordinator

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)

PLATFORMS = [Platform.LOCK, Platform.SENSOR]


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Registers the service, which there is whether or not an account can be used."""

    async def update(_: ServiceCall) -> None:
        for entry in hass.config_entries.async_entries(DOMAIN):
            if entry.state is ConfigEntryState.LOADED:
                await entry.runtime_data.async_update_all()

    hass.services.async_register(DOMAIN, "update", update)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Sets an account up."""

    def manager() -> VehicleManager:
        return VehicleManager(
            region=REGION,
            brand=BRAND,
            username=entry.data[CONF_USERNAME],
            password=entry.data[CONF_PASSWORD],
            pin=entry.data[CONF_PIN],
            token=Token.from_dict(entry.data[CONF_TOKEN]),
        )

    coordinator = KeptCarCoordinator(hass, entry, await hass.async_add_executor_job(manager))
    await coordinator.async_config_entry_first_refresh()
    entry.runtime_data = coordinator
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Unloads an account."""
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)
