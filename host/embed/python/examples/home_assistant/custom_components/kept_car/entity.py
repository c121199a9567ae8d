"""What the entities of a car share."""

from __future__ import annotations

from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.update_coordinator import CoordinatorEntity
from hyundai_kia_connect_api import Vehicle

from .const import DOMAIN
from .coordinator import KeptCarCoordinator


class KeptCarEntity(CoordinatorEntity[KeptCarCoordinator]):
    """Something of a car."""

    _attr_has_entity_name = True

    def __init__(self, coordinator: KeptCarCoordinator, vehicle: Vehicle, key: str) -> None:
        super().__init__(coordinator)
        self._vehicle = vehicle.id
        self._attr_unique_id = f"{vehicle.VIN}_{key}"
        self._attr_device_info = DeviceInfo(
            identifiers={(DOMAIN, vehicle.VIN)}, manufacturer="Kia", model=vehicle.model, name=vehicle.name
        )

    @property
    def vehicle(self) -> Vehicle:
        """The car, as it was read last."""
        return self.coordinator.data[self._vehicle]
