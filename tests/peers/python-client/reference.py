"""The reference client, at the work that the service before this project made it do.

It runs unmodified. After its construction the attributes that hold URLs of the vendor's services are pointed at the
simulator, and nothing else: its `BASE_URL`, which it sends as `Host`, stays the vendor's. Whatever else it might
want to reach, connections to anything but loopback are refused.
"""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from hyundai_kia_connect_api import VehicleManager
from hyundai_kia_connect_api.const import BRANDS, ORDER_STATUS, REGION_EUROPE, REGIONS
from hyundai_kia_connect_api.exceptions import AuthenticationError, UnsupportedControlError

from cloud import PIN, REFRESH_TOKEN, USERNAME, Car, Cloud
from work import Operation

T = TypeVar("T")

RESULTS = {
    ORDER_STATUS.SUCCESS: "succeeded",
    ORDER_STATUS.FAILED: "failed",
    ORDER_STATUS.TIMEOUT: "timeout",
    ORDER_STATUS.UNKNOWN: "unknown",
}


def stay_on_loopback() -> None:
    """From now on this process refuses connections to anything else. Cannot be taken back."""

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event != "socket.connect" or not isinstance(arguments[1], tuple):
            return
        if not ipaddress.ip_address(arguments[1][0]).is_loopback:
            raise PermissionError(f"the peer test connects to loopback only, not to {arguments[1][0]}")

    sys.addaudithook(refuse)


class Reference:
    """One signed-in installation of the reference client."""

    def __init__(
        self,
        cloud: Cloud,
        brand: str,
        password: str = REFRESH_TOKEN,
        pin: str = PIN,
        region: str = REGION_EUROPE,
    ) -> None:
        self.manager = VehicleManager(
            region=next(key for key, name in REGIONS.items() if name == region),
            brand=next(key for key, name in BRANDS.items() if name.lower() == brand),
            username=USERNAME,
            # A refresh token in place of the password is how its users signed in while passwords were blocked.
            password=password,
            pin=pin,
        )
        self._last: dict[Car, str] = {}
        redirect(self.manager.api, cloud.base)

    def start(self) -> str:
        """Signs in, lists the vehicles and reads each of them."""
        self.manager.check_and_refresh_token()
        self.manager.update_all_vehicles_with_cached_state()
        return "succeeded"

    def do(self, operation: Operation, car: Car) -> str:
        """Does an operation until its result is known, and reads the car if that has changed it."""
        try:
            action = self.renewing(lambda: operation.ask(self.manager, car.id, self._last.get(car, "")))
        except UnsupportedControlError:
            return "rejected"
        if action is None:
            return "succeeded"
        if isinstance(action, ORDER_STATUS):
            return RESULTS[action]
        self._last[car] = action
        status = self.renewing(lambda: self.manager.check_action_status(car.id, action, synchronous=True, timeout=60))
        if status == ORDER_STATUS.SUCCESS:
            self.manager.update_vehicle_with_cached_state(car.id)
        return RESULTS[status]

    def renewing(self, work: Callable[[], T]) -> T:
        """`work`, and once more with a new token if the client says that the old one is no good.

        The client never does that by itself: only its own clock makes it renew a token.
        """
        try:
            return work()
        except AuthenticationError:
            self.renew()
            return work()

    def renew(self) -> None:
        """A new access token by the refresh grant."""
        self.manager.token = self.manager.api.refresh_access_token(self.manager.token)


def redirect(api: Any, base: str) -> None:
    """Points every URL of the vendor's services that `api` holds at `base`."""
    vendor = [f"https://{api.BASE_URL}"]
    # The identity provider, which only Europe has, and the token service, of which only the newest client knows.
    vendor += [getattr(api, name) for name in ("LOGIN_FORM_HOST", "CCI_API_URL") if hasattr(api, name)]
    for name, value in list(vars(api).items()):
        for host in vendor:
            if isinstance(value, str) and value.startswith(host):
                setattr(api, name, base + value.removeprefix(host))
