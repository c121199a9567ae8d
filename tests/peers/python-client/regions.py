"""The reference client alone against the simulated clouds of Australia and New Zealand.

There an account signs in at the account service itself, with a password in JSON. The cloud has to satisfy the client as
the vendor's does, in each region and for each brand that the client knows there.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from pathlib import Path

from hyundai_kia_connect_api import const
from hyundai_kia_connect_api import exceptions as raised

from cloud import CCS2, LEGACY, PASSWORD, Cloud, simulated
from expectations import Failures, expect, expect_error
from process import Trouble, end_when_asked
from reference import Reference, stay_on_loopback

# The client's names of regions, and the simulator's.
REGIONS = {const.REGION_AUSTRALIA: "au", const.REGION_NZ: "nz"}

# What there is where, for the newest client.
BRANDS = {"au": ("hyundai", "kia", "genesis"), "nz": ("kia",)}


def counted(cloud: Cloud, *names: str) -> dict[str, int]:
    """Some of the cloud's counters."""
    counters = cloud.counters()
    return {name: counters[name] for name in names}


def expect_nothing_refused(cloud: Cloud, what: str) -> None:
    """Since `forget`, the cloud has taken everything as it came."""
    refused = [f"{entry['method']} {entry['path']}: {entry['note']}" for entry in cloud.log() if entry["note"]]
    expect(f"{what}: refused", refused, [])


def sign_in(cloud: Cloud, brand: str, region: str) -> Reference:
    """Signs in and lists the vehicles."""
    client = Reference(cloud, brand, password=PASSWORD, region=region)
    cloud.forget()
    client.manager.check_and_refresh_token()
    listed = {car.id: car.ccu_ccs2_protocol_support for car in client.manager.vehicles.values()}
    expect(f"{brand}: vehicles, and whether they speak CCS2", listed, {LEGACY.id: 0, CCS2.id: 1})
    once = ("registrations", "sign_ins_asked", "sign_ins", "code_exchanges")
    expect(f"{brand}: what one sign-in took", counted(cloud, *once), dict.fromkeys(once, 1))
    expect_nothing_refused(cloud, f"{brand}: a sign-in")
    return client


def work(cloud: Cloud, client: Reference) -> None:
    """Reads, commands with and without the PIN, and what became of them."""
    manager = client.manager
    manager.update_all_vehicles_with_cached_state()
    batteries = {car.id: manager.get_vehicle(car.id).ev_battery_percentage for car in (LEGACY, CCS2)}
    expect("a read", batteries, {LEGACY.id: 63, CCS2.id: 71})
    temperature = manager.get_vehicle(LEGACY.id).air_temperature
    expect("the temperature that is set", temperature, 22.0)
    for car in LEGACY, CCS2:
        for name, do, locked in ("unlock", manager.unlock, False), ("lock", manager.lock, True):
            status = manager.check_action_status(car.id, do(car.id), synchronous=True, timeout=10)
            # Of an older car the client does not read what a forced read brings here.
            manager.update_vehicle_with_cached_state(car.id)
            found = (status.name, bool(manager.get_vehicle(car.id).is_locked))
            expect(f"{car.name}: {name}", found, ("SUCCESS", locked))
    manager.force_refresh_vehicle_state(CCS2.id)
    for name, do in ("open", manager.open_charge_port), ("close", manager.close_charge_port):
        expect(f"charge port: {name}", bool(do(LEGACY.id)), True)
    expect_nothing_refused(cloud, "work")


def renew(cloud: Cloud, client: Reference, older: bool) -> None:
    """A refresh is one request, and a refresh token that is dead makes the client sign in. The older one always does."""
    cloud.forget()
    client.renew()
    names = ("grants", "sign_ins_asked", "registrations")
    expect("what a refresh took", list(counted(cloud, *names).values()), [1, 1, 1] if older else [1, 0, 0])
    if older:
        return
    expect_nothing_refused(cloud, "a refresh")
    cloud.order("refuse-grants")
    client.renew()
    expect("a dead refresh token: sign-ins", counted(cloud, "sign_ins"), {"sign_ins": 1})
    client.manager.update_vehicle_with_cached_state(CCS2.id)
    cloud.order("restore")


def fail(cloud: Cloud, brand: str, region: str) -> None:
    """A wrong password is refused."""
    wrong = Reference(cloud, brand, password=PASSWORD + "!", region=region)
    cloud.forget()
    expect_error("a wrong password", wrong.manager.check_and_refresh_token, raised.AuthenticationError)
    expect("a wrong password: sign-ins", counted(cloud, "sign_ins_asked", "sign_ins"), {"sign_ins_asked": 1, "sign_ins": 0})


def drive(cloud: Cloud, brand: str, region: str, older: bool) -> None:
    """Everything, ordinary work first."""
    failures = Failures()
    logger = logging.getLogger("hyundai_kia_connect_api")
    logger.handlers = [failures]
    logger.propagate = False
    client = sign_in(cloud, brand, region)
    work(cloud, client)
    expect("errors that the client logged in ordinary work", failures.messages, [])
    renew(cloud, client, older)
    fail(cloud, brand, region)


def main() -> int:
    """0 if the client is satisfied."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--simulator", type=Path, required=True, help="the program eu-simulator")
    options.add_argument("--older", action="store_true", help="of version 4.23: no Genesis, and a sign-in to renew")
    given = options.parse_args()
    stay_on_loopback()
    end_when_asked()
    try:
        with tempfile.TemporaryDirectory() as folder:
            for region, name in REGIONS.items():
                for brand in (brand for brand in BRANDS[name] if not (given.older and brand == "genesis")):
                    print(f"{region}, {brand}")
                    with simulated(given.simulator, Path(folder) / f"{name}-{brand}", brand, "--region", name) as cloud:
                        drive(cloud, brand, region, given.older)
    except Trouble as trouble:
        print(f"FAILED: {trouble}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
