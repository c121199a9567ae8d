"""The client under test, pointed at the simulated cloud by its own options and otherwise as it is."""

from __future__ import annotations

import socket
from collections.abc import Awaitable
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from cloud import Cloud
from renault_api.renault_client import RenaultClient
from renault_api.renault_session import RenaultSession
from renault_api.renault_vehicle import RenaultVehicle


class NoNames(AbstractResolver):
    """Resolves nothing: loopback is an address, and whatever has a name is none of a proof's business."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Refuses."""
        raise OSError(f"the client wants to ask {host}, and may ask loopback only")

    async def close(self) -> None:
        """There is nothing to close."""


class Peer:
    """Sessions of the client, all of one person."""

    def __init__(self, cloud: Cloud, websession: aiohttp.ClientSession) -> None:
        self.cloud = cloud
        account = cloud.look("account")
        self.username: str = account["username"]
        self.password: str = account["password"]
        self._websession = websession
        self._client: RenaultClient | None = None

    def session(self) -> RenaultSession:
        """A session that knows nothing but where the cloud is."""
        account = self.cloud.look("account")
        details = {
            "gigya-root-url": self.cloud.gigya,
            "gigya-api-key": account["gigya_key"],
            "kamereon-root-url": self.cloud.kamereon,
            "kamereon-api-key": account["kamereon_key"],
        }
        return RenaultSession(self._websession, locale="fr_FR", country="FR", locale_details=details)

    async def signed_in(self) -> RenaultClient:
        """A client with a new login token, and no id token yet."""
        client = RenaultClient(session=self.session())
        await client.session.login(self.username, self.password)
        return client

    async def car(self, account: str, vin: str, client: RenaultClient | None = None) -> RenaultVehicle:
        """A car, of one client for all that bring none of their own. Its model was read already."""
        if client is None:
            self._client = self._client or await self.signed_in()
            client = self._client
        car = await (await client.get_api_account(account)).get_api_vehicle(vin)
        await car.get_details()
        return car


async def outcome(call: Awaitable[Any]) -> str:
    """`fine`, or the name of what it raised and the code in it."""
    try:
        await call
    except Exception as error:  # noqa: BLE001 - what it raises is what is looked at
        code = getattr(error, "error_code", None) or getattr(error, "status", None)
        return type(error).__name__ + (f" {code}" if code else "")
    return "fine"
