"""The battery."""

from __future__ import annotations

from homeassistant.components.sensor import SensorDeviceClass, SensorEntity, SensorStateClass
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import PERCENTAGE
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddEntitiesCallback

from .entity import KeptCarEntity


async def async_setup_entry(hass: HomeAssistant, entry: ConfigEntry, async_add_entities: AddEntitiesCallback) -> None:
    """Adds the battery of each car."""
    coordinator = entry.runtime_data
    async_add_entities(KeptCarBattery(coordinator, vehicle, "battery") for vehicle in coordinator.data.values())


class KeptCarBattery(KeptCarEntity, SensorEntity):
    """How full the battery of a car is."""

    _attr_device_class = SensorDeviceClass.BATTERY
    _attr_native_unit_of_measurement = PERCENTAGE
    _attr_state_class = SensorStateClass.MEASUREMENT

    @property
    def native_value(self) -> int | None:
        """Per cent."""
        percent: int | None = self.vehicle.ev_battery_percentage
        return percent
