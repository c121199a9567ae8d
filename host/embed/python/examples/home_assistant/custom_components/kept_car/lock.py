"""The doors."""

from __future__ import annotations

from typing import Any

from homeassistant.components.lock import LockEntity
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddEntitiesCallback

from .entity import KeptCarEntity


async def async_setup_entry(hass: HomeAssistant, entry: ConfigEntry, async_add_entities: AddEntitiesCallback) -> None:
    """Adds the doors of each car."""
    coordinator = entry.runtime_data
    async_add_entities(KeptCarLock(coordinator, vehicle, "doors") for vehicle in coordinator.data.values())


class KeptCarLock(KeptCarEntity, LockEntity):
    """The doors of a car."""

    _attr_name = None

    @property
    def is_locked(self) -> bool | None:
        """Whether they are locked."""
        locked: bool | None = self.vehicle.is_locked
        return locked

    async def async_lock(self, **_: Any) -> None:
        """Locks them."""
        await self.coordinator.async_lock(self._vehicle)

    async def async_unlock(self, **_: Any) -> None:
        """Unlocks them."""
        await self.coordinator.async_unlock(self._vehicle)
