"""An unmodified `hyundai_kia_connect_api`, with a keeper around it: one refresh for all callers.

What there is to write is in `keeper_of`; each use of the client is then one call of `run`:

    keeper.run(lambda: manager.update_vehicle_with_cached_state(car), operation="refresh_cached")
    keeper.run(lambda: manager.lock(car), operation="lock", effect=Effect.ACTUATION)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vehicle_connector import Policy, ThreadKeeper
from vehicle_connector.clients.hyundai_kia_connect_api import facts


def keeper_of(manager: Any, audit: Callable[[str], None] | None = None) -> ThreadKeeper:
    """A keeper of the session of a signed-in `VehicleManager`."""

    def refresh() -> None:
        # The client itself falls back to a sign-in if the refresh fails.
        manager.token = manager.api.refresh_access_token(manager.token)

    return ThreadKeeper(Policy.load(), cloud="hyundai-kia-eu", facts=facts, refresh=refresh, audit=audit)
