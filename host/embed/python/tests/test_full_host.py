"""The whole host of `examples/full_host.py`, on the simulated cloud, which counts what it is asked."""

from __future__ import annotations

import json
from typing import Any

import full_host
import pytest
from conftest import ROOT
from simulated import PIN, REFRESH_TOKEN, Cloud, simulator
from wasmtime.component import Variant

from vehicle_connector import Effect, Policy

CONNECTOR = ROOT / "guest" / "dist" / "hyundai-kia-eu.wasm"

pytestmark = pytest.mark.skipif(
    simulator() is None, reason="the simulated cloud is not built: cargo build --package simulator, or EU_SIMULATOR=…"
)


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
