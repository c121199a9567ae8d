"""Many operations at the same moment, when what they all need has just become void.

The reference client repairs it once for each of them; this project's program once for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from hyundai_kia_connect_api.exceptions import AuthenticationError

from cloud import CARS, Car, Cloud
from connector import Connector
from process import Trouble, eventually
from reference import Reference
from work import WORK

AT_ONCE = 8
CACHED = next(operation for operation in WORK if operation.name == "refresh_cached")


@dataclass(frozen=True)
class Repairs:
    """How often the cloud was asked to repair what all of them needed."""

    registrations: int
    grants: int


def by_reference(cloud: Cloud, client: Reference) -> Repairs:
    """The bursts with the reference client, one thread for each read."""

    def read(car: Car) -> None:
        try:
            client.manager.update_vehicle_with_cached_state(car.id)
        except AuthenticationError:
            client.renew()

    return Repairs(stale_device(cloud, read), expired_token(cloud, read))


def by_connector(cloud: Cloud, client: Connector) -> Repairs:
    """The bursts with this project's program. Every read has to succeed."""

    def read(car: Car) -> None:
        result = client.do(CACHED, car)
        if result != "succeeded":
            raise Trouble(f"one of {AT_ONCE} cached reads at the same moment: {result}")

    return Repairs(stale_device(cloud, read), expired_token(cloud, read))


def stale_device(cloud: Cloud, read: Callable[[Car], None]) -> int:
    """Registrations after the cloud has forgotten the device under `AT_ONCE` reads."""
    cloud.forget()
    cloud.order("invalidate-device")
    # Held until all are there, so that all are refused before anybody has repaired it.
    cloud.order("fault", route="status", times=AT_ONCE, effect="hold")
    with reads(read):
        try:
            eventually(f"{AT_ONCE} reads have arrived", lambda: cloud.counters()["held"] == AT_ONCE)
        finally:
            cloud.order("release")
    registrations: int = cloud.counters()["registrations"]
    return registrations


def expired_token(cloud: Cloud, read: Callable[[Car], None]) -> int:
    """Refresh grants after the token has expired under `AT_ONCE` reads."""
    cloud.forget()
    cloud.order("expire-when-in-flight", requests=AT_ONCE)
    with reads(read):
        pass
    grants: int = cloud.counters()["grants_asked"]
    return grants


@contextmanager
def reads(read: Callable[[Car], None]) -> Iterator[None]:
    """`AT_ONCE` reads that begin together, over both cars; all have ended well when the block has."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        begun = [pool.submit(read, CARS[number % len(CARS)]) for number in range(AT_ONCE)]
        yield
        for one in begun:
            one.result()
