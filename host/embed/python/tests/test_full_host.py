"""The whole host of `examples/full_host.py`, on the simulated cloud, which counts what it is asked."""

from __future__ import annotations

import json
import os
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import full_host
import pytest
from conftest import ROOT
from wasmtime.component import Variant

from vehicle_connector import Effect, Policy

CONNECTOR = ROOT / "guest" / "dist" / "hyundai-kia-eu.wasm"
REFRESH_TOKEN, PIN = "A" * 47 + "1", "1234"


def simulator() -> Path | None:
    """The program of the simulated cloud, if it is built."""
    named = os.environ.get("EU_SIMULATOR")
    places = [Path(named)] if named else [ROOT / "target" / kind / "eu-simulator" for kind in ("release", "debug")]
    return next((place for place in places if place.exists()), None)


pytestmark = pytest.mark.skipif(
    simulator() is None, reason="the simulated cloud is not built: cargo build --package simulator, or EU_SIMULATOR=…"
)


class Cloud:
    """A simulated cloud of its own."""

    def __init__(self, base: str) -> None:
        self.base = base
        # Whatever the environment says of proxies: this is loopback.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def control(self, name: str, **order: object) -> Any:
        body = json.dumps(order).encode() if order else None
        with self._opener.open(f"{self.base}/control/{name}", data=body, timeout=30) as answer:
            return json.loads(answer.read() or b"null")


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    program = simulator()
    assert program is not None
    arguments = [str(program), "--pin", PIN, "--refresh-token", REFRESH_TOKEN]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        address = next((found[0] for line in running.stdout if (found := re.match(r"http://\S+", line))), None)
        try:
            assert address is not None
            yield Cloud(address)
        finally:
            running.terminate()


def home(cloud: Cloud, said: list[str]) -> full_host.Driver:
    endpoints = dict.fromkeys(("ccapi", "idp", "cci"), cloud.base)
    given = {"refresh-token": REFRESH_TOKEN, "pin": PIN}
    return full_host.Driver(full_host.Host(CONNECTOR.read_bytes(), endpoints, given, said.append), Policy.load())


def test_both_cars_are_locked_and_an_expired_token_costs_one_refresh(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    send = full_host.Host._send

    def watched(self: full_host.Host, store: Any, request: Any) -> Any:
        answer = send(self, store, request)
        shown.append(repr(vars(answer)) + repr([vars(request.body), request.headers, request.url]))
        return answer

    monkeypatch.setattr(full_host.Host, "_send", watched)
    said: list[str] = []
    driver = home(cloud, said)
    driver.host.session("sign-in")
    cars = driver.cars()
    assert [(car.name, car.vin) for car in cars] == [
        ("Legacy car", "KNALEGACY00000001"),
        ("CCS2 car", "KNACCS2EV00000002"),
    ]
    for car in cars:
        assert driver.command(car, "lock", Effect.ACTUATION, Variant("lock")) == "done"
    cloud.control("expire", wording="Key not authorized: Token is expired")
    assert driver.command(cars[0], "refresh_cached", Effect.READ, Variant("read", "cached")) == "done"

    counters = cloud.control("counters")
    assert counters["actuations"] == {car.id: {"lock": 1} for car in cars}
    assert (counters["grants"], counters["refused"], counters["registrations"], counters["pin_checks"]) == (2, 1, 1, 1)
    assert any("is token-expired: RefreshAndRetry()" in line for line in said)
    # The connector has seen names of secrets, and no secret.
    values = [value for name, value in driver.host.secrets.items() if name != "pin"]
    assert len(values) >= 4
    leaked = [value for value in values for one in [*shown, *said] if value in one]
    assert leaked == []


def test_a_refused_grant_ends_in_what_the_policy_says(cloud: Cloud) -> None:
    driver = home(cloud, [])
    driver.host.secrets["refresh-token"] = "B" * 48
    with pytest.raises(full_host.Failed) as failed:
        driver.host.session("sign-in")
    assert driver.policy.classify(failed.value.failure).kind == "credentials-rejected"
    assert cloud.control("counters")["grants"] == 0


def test_a_secret_leaves_for_where_it_is_bound_to_and_nowhere_else(cloud: Cloud) -> None:
    host = home(cloud, []).host

    def send(url: str, text: str) -> Any:
        request = full_host.record(
            method="post",
            url=url,
            headers=[],
            body=Variant("json", json.dumps(text)),
            derivations=[],
            captures=[],
            jar=None,
            timeout=None,
            acts_on_vehicle=False,
        )
        return host._send(None, request)

    for url, text, words in [
        ("https://elsewhere.example/x", "", "below no endpoint"),
        (f"{cloud.base}.elsewhere.example/x", "", "below no endpoint"),
        (f"{cloud.base}/x", "{secret:access-token}", "there is no secret access-token"),
        (f"{cloud.base}/x", "{vehicle:vin}", "the vehicle has no vin"),
    ]:
        answer = send(url, text)
        assert (answer.tag, words in answer.payload) == ("denied", True), answer
    host.endpoints = {"ccapi": cloud.base}
    answer = send(f"{cloud.base}/x", "{secret:refresh-token}")
    assert answer == Variant("denied", "the secret refresh-token does not go to ccapi")
    assert cloud.control("counters")["requests"] == 0
