"""The newest reference client alone against the simulated cloud: it signs in with a password.

The cloud has to satisfy it as the vendor's does, and to make it raise for each way in which a sign-in can end what it
raises with the vendor's cloud. The keys that it signs with are constants of its own package. They are read from there
and handed to the simulated cloud in its memory; they stand nowhere else.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hyundai_kia_connect_api.cci_fingerprint as signing
from hyundai_kia_connect_api import exceptions as raised

from cloud import CCS2, LEGACY, PASSWORD, PIN, USERNAME, Cloud, simulated
from expectations import Failures, expect, expect_error
from process import Trouble, end_when_asked
from reference import Reference, stay_on_loopback

# What a sign-in ends as, the exception, and a part of what it says.
OUTCOMES = {
    "refused": (raised.AuthenticationError, "The account is not active."),
    "consent": (raised.ConsentRequiredError, "consent is required"),
    "login-page": (raised.AuthenticationError, "returned to login page"),
    "blocked-page": (raised.AuthenticationError, "HTTP 403"),
    "blocked-redirect": (raised.AuthenticationError, "abusing request"),
}

FIREWALL = ("page", "redirect")

# How far the cloud's clock is ahead where the client's is wrong, in seconds.
SKEW = 400

# The seven tokens of a set and the token for the vehicles, as the client keeps them.
TOKENS = (
    "access_token",
    "refresh_token",
    "cci_access_token",
    "exchangeable_token",
    "exchangeable_refresh_token",
    "non_ccs_token",
    "non_ccs_refresh_token",
    "id_token",
)


def share_keys(cloud: Cloud, brand: str) -> None:
    """Has the cloud's gate know the keys that the client signs with."""
    keys = {name.lower(): keys for name, keys in signing._FINGERPRINT_KEYS.items()}
    cloud.order("gate-keys", keys=list(keys[brand]))


def counted(cloud: Cloud, *names: str) -> dict[str, int]:
    """Some of the cloud's counters."""
    counters = cloud.counters()
    return {name: counters[name] for name in names}


def said(what: str, work: Callable[[], Any], expected: type[Exception], words: str) -> None:
    """`work` raises exactly this class, with these words."""
    found = ""

    def listened() -> None:
        nonlocal found
        try:
            work()
        except Exception as error:
            found = str(error)
            raise

    expect_error(what, listened, expected)
    if words not in found:
        raise Trouble(f"{what}: the client did not say {words!r}")


def sign_in(cloud: Cloud, brand: str) -> Reference:
    """Signs in and lists the vehicles, by signed requests alone."""
    client = Reference(cloud, brand, password=PASSWORD)
    cloud.forget()
    client.manager.check_and_refresh_token()
    listed = {car.id: car.ccu_ccs2_protocol_support for car in client.manager.vehicles.values()}
    expect(f"{brand}: vehicles, and whether they speak CCS2", listed, {LEGACY.id: 0, CCS2.id: 1})
    once = ("registrations", "sign_ins_asked", "sign_ins", "code_exchanges", "token_exchanges")
    expect(f"{brand}: what one sign-in took", counted(cloud, *once), dict.fromkeys(once, 1))
    expect_nothing_refused(cloud, f"{brand}: a sign-in")
    return client


def expect_nothing_refused(cloud: Cloud, what: str) -> None:
    """Since `forget`, the cloud has taken everything as it came, on the route that wants signatures."""
    never = ("refused", "gate_refusals", "unsigned")
    expect(f"{what}: refused, or not signed", counted(cloud, *never), dict.fromkeys(never, 0))


def work(cloud: Cloud, client: Reference) -> None:
    """Reads and commands with the token that the sign-in gave, and a control token for the PIN."""
    manager = client.manager
    manager.update_all_vehicles_with_cached_state()
    batteries = {car.id: manager.get_vehicle(car.id).ev_battery_percentage for car in (LEGACY, CCS2)}
    expect("a read", batteries, {LEGACY.id: 63, CCS2.id: 71})
    for car in LEGACY, CCS2:
        for name, do, locked in ("unlock", manager.unlock, False), ("lock", manager.lock, True):
            status = manager.check_action_status(car.id, do(car.id), synchronous=True, timeout=10)
            manager.update_vehicle_with_cached_state(car.id)
            found = (status.name, bool(manager.get_vehicle(car.id).is_locked))
            expect(f"{car.name}: {name}", found, ("SUCCESS", locked))
    expect_nothing_refused(cloud, "work")


def refresh(cloud: Cloud, client: Reference) -> None:
    """All seven tokens are new after a refresh, and the vehicles listen to the new one."""
    old = client.manager.token
    cloud.forget()
    client.renew()
    new = client.manager.token
    kept = [name for name in TOKENS if getattr(old, name) == getattr(new, name)]
    expect("tokens that a refresh left as they were", kept, [])
    names = ("refreshes", "token_exchanges", "sign_ins_asked", "registrations")
    expect("what a refresh took", list(counted(cloud, *names).values()), [1, 1, 0, 0])
    client.manager.update_vehicle_with_cached_state(CCS2.id)
    expect_nothing_refused(cloud, "a refresh")


def lose_session(cloud: Cloud, client: Reference) -> None:
    """Whatever is wrong with a refresh, the client signs in anew."""
    for what, order in ("4111", "end-sessions"), ("tokens that another has refreshed", None):
        cloud.forget()
        if order:
            cloud.order(order)
        else:
            stale = client.manager.token
            client.renew()
            client.manager.token = stale
        client.renew()
        expect(f"{what}: sign-ins", counted(cloud, "sign_ins"), {"sign_ins": 1})
    client.manager.update_vehicle_with_cached_state(CCS2.id)


def fail(cloud: Cloud, brand: str) -> None:
    """Each way in which a sign-in ends that is not good."""
    client = Reference(cloud, brand, password=PASSWORD)
    begin = client.manager.check_and_refresh_token
    for outcome, (error, words) in OUTCOMES.items():
        cloud.order("next-sign-in-outcome", outcome=outcome)
        if outcome == "blocked-redirect":
            # It takes every address with "error" in it for a refusal, and tells why.
            words = "abusing request and blocked"
        said(f"a sign-in that ends as {outcome}", begin, error, words)
    wrong = Reference(cloud, brand, password=PASSWORD + "!")
    said("a wrong password", wrong.manager.check_and_refresh_token, raised.AuthenticationError, "returned to login page")
    for answers in FIREWALL:
        cloud.order("firewall", answers=answers)
        said(f"a firewall with a {answers}", begin, raised.AuthenticationError, "blocked by the WAF")
    cloud.order("firewall")
    cloud.order("fail-exchanges", times=1)
    said("9001 at the exchange", begin, raised.AuthenticationError, "HTTP 502")
    cloud.order("restore")


def lose_gate(cloud: Cloud, brand: str) -> None:
    """A gate with other keys, and a clock that is wrong: the client goes around the gate, as long as that is open."""
    cloud.order("gate-keys", keys=["other", "keys", "here"])
    go_around(cloud, brand, "other keys")
    cloud.order("gate", unsigned=False)
    begin = Reference(cloud, brand, password=PASSWORD).manager.check_and_refresh_token
    said("other keys, and no way around", begin, raised.AuthenticationError, "9035")
    cloud.order("restore")
    share_keys(cloud, brand)
    cloud.order("clock", ahead=SKEW)
    go_around(cloud, brand, "a wrong clock")
    cloud.order("restore")


def go_around(cloud: Cloud, brand: str, what: str) -> None:
    """A sign-in and a refresh on the route without signatures."""
    cloud.forget()
    api = Reference(cloud, brand, password=PASSWORD).manager.api
    token = api.login(USERNAME, PASSWORD, PIN)
    api.refresh_access_token(token)
    names = ("gate_refusals", "unsigned", "sign_ins", "refreshes")
    expect(f"{what}: refused, unsigned, sign-ins, refreshes", list(counted(cloud, *names).values()), [4, 4, 1, 1])


def drive(cloud: Cloud, brand: str) -> None:
    """Everything, ordinary work first."""
    failures = Failures()
    logger = logging.getLogger("hyundai_kia_connect_api")
    logger.handlers = [failures]
    logger.propagate = False
    share_keys(cloud, brand)
    client = sign_in(cloud, brand)
    work(cloud, client)
    refresh(cloud, client)
    expect("errors that the client logged in ordinary work", failures.messages, [])
    lose_session(cloud, client)
    fail(cloud, brand)
    share_keys(cloud, brand)
    lose_gate(cloud, brand)


def main() -> int:
    """0 if the client is satisfied."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--simulator", type=Path, required=True, help="the program eu-simulator")
    given = options.parse_args()
    stay_on_loopback()
    end_when_asked()
    try:
        with tempfile.TemporaryDirectory() as folder:
            for brand in "kia", "hyundai":
                with simulated(given.simulator, Path(folder) / brand, brand) as cloud:
                    drive(cloud, brand)
    except Trouble as trouble:
        print(f"FAILED: {trouble}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
