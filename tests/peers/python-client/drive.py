"""The reference client alone against the simulated cloud, which has to satisfy it as the vendor's does.

The cloud has to accept everything that the client does in ordinary work, tell it in words that it understands what
came of it, and make it raise for each failure what it raises with the vendor's cloud.
"""

from __future__ import annotations

import argparse
import datetime
import logging
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from hyundai_kia_connect_api import WINDOW_STATE, ClimateRequestOptions, WindowRequestOptions
from hyundai_kia_connect_api import exceptions as raised
from hyundai_kia_connect_api.const import ORDER_STATUS

from cloud import CARS, CCS2, LEGACY, Cloud, simulated
from expectations import Failures, expect, expect_error
from process import Trouble, end_when_asked
from reference import Reference, stay_on_loopback

CODES = {
    "4004": raised.DuplicateRequestError,
    "4005": raised.UnsupportedControlError,
    "4017": raised.APIError,
    "4081": raised.RequestTimeoutError,
    "5031": raised.ServiceTemporaryUnavailable,
    "5091": raised.RateLimitingError,
    "5921": raised.NoDataFound,
    "7501": raised.AuthenticationError,
    "9999": raised.RequestTimeoutError,
}

# What the gateway says of a token that it does not take. The client knows two of them, by their exact text.
WORDINGS = {
    "Key not authorized: Token is expired": raised.AuthenticationError,
    "Key not authorized: token has expired": raised.AuthenticationError,
    "Key not authorized: Token expired.": raised.APIError,
    "Unauthorized": raised.APIError,
}

STATUSES = {
    ORDER_STATUS.SUCCESS: {"ending": "success"},
    ORDER_STATUS.FAILED: {"ending": "fail"},
    ORDER_STATUS.TIMEOUT: {"ending": "non-response"},
    ORDER_STATUS.PENDING: {"ending": "stays-pending"},
    ORDER_STATUS.UNKNOWN: {"ending": "never-appears"},
}


def sign_in(cloud: Cloud) -> Reference:
    """Signs in by refresh token and lists the vehicles."""
    client = Reference(cloud, "kia")
    client.manager.check_and_refresh_token()
    listed = {car.id: car.ccu_ccs2_protocol_support for car in client.manager.vehicles.values()}
    expect("vehicles, and whether they speak CCS2", listed, {LEGACY.id: 0, CCS2.id: 1})
    return client


def read(client: Reference) -> None:
    """All three reads of both cars, as the client understands them."""
    manager = client.manager
    for car, battery, odometer in (LEGACY, 63, 15234.5), (CCS2, 71, 5200.4):
        vehicle = manager.get_vehicle(car.id)
        manager.update_vehicle_with_cached_state(car.id)
        found = (vehicle.is_locked, vehicle.ev_battery_percentage, vehicle.odometer, vehicle.location_latitude)
        expect(f"{car.name}: cached read", found, (True, battery, odometer, 52.52))
        first = vehicle.last_updated_at
        expect(f"{car.name}: data is of now", age(first) < datetime.timedelta(minutes=1), True)
        manager.force_refresh_vehicle_state(car.id)
        expect(f"{car.name}: forced read goes on from there", vehicle.last_updated_at >= first, True)
        expect(f"{car.name}: it has the position", vehicle.location_latitude, 52.52)
        for seconds in 300, 0:
            manager.check_and_force_update_vehicle(seconds, car.id)
            expect(f"{car.name}: smart read, {seconds} s", vehicle.ev_battery_percentage, battery)


def age(when: datetime.datetime) -> datetime.timedelta:
    """How long ago that was."""
    return datetime.datetime.now(datetime.UTC) - when


def command(client: Reference) -> None:
    """Every command of both cars: the client learns that it is done, and sees it."""
    manager = client.manager
    for car in CARS:
        doing: list[tuple[str, Callable[[str], str], str, Any]] = [
            ("unlock", manager.unlock, "is_locked", False),
            ("lock", manager.lock, "is_locked", True),
            ("start climate", lambda id: manager.start_climate(id, warm()), "air_control_is_on", True),
            ("stop climate", manager.stop_climate, "air_control_is_on", False),
            ("open a window", lambda id: manager.set_windows_state(id, opened()), "back_right_window_is_open", True),
            ("open charge port", manager.open_charge_port, "ev_charge_port_door_is_open", True),
            ("close charge port", manager.close_charge_port, "ev_charge_port_door_is_open", False),
            ("start charge", manager.start_charge, "ev_battery_is_charging", True),
            ("stop charge", manager.stop_charge, "ev_battery_is_charging", False),
            ("charge limits", lambda id: manager.set_charge_limits(id, ac=80, dc=70), "ev_charge_limits_ac", 80),
        ]
        if car is CCS2:
            doing.append(("charging current", lambda id: manager.set_charging_current(id, 3), "ev_charging_current", 3))
        else:
            refused = raised.UnsupportedControlError
            expect_error("legacy: charging current", lambda: manager.set_charging_current(LEGACY.id, 3), refused)
        for what, do, attribute, value in doing:
            status = manager.check_action_status(car.id, do(car.id), synchronous=True, timeout=10)
            manager.update_vehicle_with_cached_state(car.id)
            # Of the type that is expected: some of the client's flags are numbers, such as the blower's level.
            seen = type(value)(getattr(manager.get_vehicle(car.id), attribute))
            expect(f"{car.name}: {what}", (status.name, seen), ("SUCCESS", value))


def warm() -> ClimateRequestOptions:
    """Some warmth."""
    return ClimateRequestOptions(set_temp=22.5, duration=10, defrost=True, heating=1)


def opened() -> WindowRequestOptions:
    """One window open, the others as they are."""
    return WindowRequestOptions(back_right=WINDOW_STATE.OPEN)


def poll(cloud: Cloud, client: Reference) -> None:
    """Each way in which a command can end."""
    for status, outcome in STATUSES.items():
        cloud.order("next-outcome", **outcome)
        action = client.manager.lock(CCS2.id)
        found = client.manager.check_action_status(CCS2.id, action)
        expect(f"an action that ends as {outcome['ending']}", found.name, status.name)


def fail(cloud: Cloud, client: Reference) -> None:
    """Each failure, of a read and of a command."""
    fail_at(cloud, client, "read", "status", lambda: client.manager.update_vehicle_with_cached_state(LEGACY.id))
    fail_at(cloud, client, "command", "command", lambda: client.manager.lock(LEGACY.id))


def fail_at(cloud: Cloud, client: Reference, what: str, route: str, work: Callable[[], Any]) -> None:
    """Each failure of `work`, whose decisive request goes to `route`."""

    def strike(name: str, effect: Any, expected: type[Exception]) -> None:
        cloud.order("fault", route=route, moment="admitted", effect=effect)
        expect_error(f"{what}: {name}", work, expected)

    for code, error in CODES.items():
        strike(code, {"envelope": {"code": code, "message": "for a test"}}, error)
    strike("an HTML page", {"answer": {"status": 503, "body": "<html>503</html>"}}, requests.JSONDecodeError)
    strike("errCode", {"answer": {"status": 400, "body": '{"errCode":"4003"}'}}, raised.InvalidAPIResponseError)
    strike("the connection breaks", "drop", requests.ConnectionError)
    for wording, error in WORDINGS.items():
        cloud.order("expire", wording=wording)
        expect_error(f"{what}: {wording}", work, error)
        client.renew()
    cloud.order("restore")
    lose_device(cloud, work, what, route)


def lose_device(cloud: Cloud, work: Callable[[], Any], what: str, route: str) -> None:
    """4002 about the device id: the client registers anew and tries once more."""
    cloud.forget()
    cloud.order("invalidate-device")
    work()
    expect(f"{what}: 4002 once: registrations", cloud.counters()["registrations"], 1)
    envelope = {"code": "4002", "message": "Invalid request body - Invalid deviceId."}
    cloud.order("fault", route=route, moment="admitted", times=2, effect={"envelope": envelope})
    expect_error(f"{what}: 4002 again", work, raised.DeviceIDError)


def lose_session(cloud: Cloud) -> None:
    """Credentials that are no good, and an expired token where the PIN is asked for."""
    other = Reference(cloud, "kia", pin="0000")
    other.manager.check_and_refresh_token()
    expect_error("a wrong PIN", lambda: other.manager.lock(CCS2.id), raised.APIError)
    client = Reference(cloud, "kia")
    client.manager.check_and_refresh_token()
    cloud.order("expire")
    expect_error("an expired token at the PIN", lambda: client.manager.lock(CCS2.id), raised.APIError)
    client.renew()
    expect("the PIN with the new token", bool(client.manager.lock(CCS2.id)), True)
    cloud.order("refuse-grants")
    expect_error("a refresh token that has died", client.renew, raised.AuthenticationError)
    cloud.order("restore")
    unknown = Reference(cloud, "kia", password="B" * 48)
    expect_error("an unknown refresh token", unknown.manager.check_and_refresh_token, raised.AuthenticationError)


def drive(cloud: Cloud) -> None:
    """Everything, ordinary work first."""
    failures = Failures()
    logger = logging.getLogger("hyundai_kia_connect_api")
    logger.addHandler(failures)
    logger.propagate = False
    client = sign_in(cloud)
    read(client)
    command(client)
    poll(cloud, client)
    expect("errors that the client logged in ordinary work", failures.messages, [])
    expect("requests that the cloud refused in ordinary work", cloud.counters()["refused"], 0)
    fail(cloud, client)
    lose_session(cloud)


def main() -> int:
    """0 if the client is satisfied."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--simulator", type=Path, required=True, help="the program eu-simulator")
    given = options.parse_args()
    stay_on_loopback()
    end_when_asked()
    try:
        with tempfile.TemporaryDirectory() as work, simulated(given.simulator, Path(work) / "cloud") as cloud:
            drive(cloud)
    except Trouble as trouble:
        print(f"FAILED: {trouble}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
