"""The unmodified client with a keeper around it, on the simulated cloud, which counts what it is asked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import kept_client
import pytest
from simulated import PIN, REFRESH_TOKEN, Cloud, redirected, simulator

from vehicle_connector import Effect, Latch, Latched, NotNow, Policy, ThreadKeeper
from vehicle_connector.clients.hyundai_kia_connect_api import facts

pytest.importorskip(
    "hyundai_kia_connect_api", reason="the client is not installed: pip install hyundai_kia_connect_api"
)
pytestmark = pytest.mark.skipif(
    simulator() is None, reason="the simulated cloud is not built: cargo build --package simulator, or EU_SIMULATOR=…"
)

LEGACY = "11111111-1111-4111-8111-111111111111"
AT_ONCE = 8


def manager_at(cloud: Cloud) -> Any:
    """A manager of the client that is signed in at the simulated cloud, and at nothing else."""
    from hyundai_kia_connect_api import VehicleManager

    manager = VehicleManager(region=1, brand=1, username="owner@example.org", password=REFRESH_TOKEN, pin=PIN)
    redirected(manager.api, cloud)
    manager.check_and_refresh_token()
    manager.update_all_vehicles_with_cached_state()
    return manager


def test_eight_callers_on_an_expired_token_cost_one_refresh(cloud: Cloud) -> None:
    manager = manager_at(cloud)
    audit: list[str] = []
    keeper = kept_client.keeper_of(manager, audit.append)
    cloud.order("reset-counters")
    cloud.order("expire-when-in-flight", requests=AT_ONCE)

    def read(_: int) -> str:
        keeper.run(lambda: manager.update_vehicle_with_cached_state(LEGACY), operation="refresh_cached")
        return "ok"

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert list(pool.map(read, range(AT_ONCE))) == ["ok"] * AT_ONCE
    counters = cloud.control("counters")
    assert counters["grants_asked"] == 1, counters
    assert counters["refused_tokens"] == AT_ONCE, counters
    assert keeper.generation == 2
    assert len(audit) == AT_ONCE + 1


def test_the_client_alone_fails_eight_times(cloud: Cloud) -> None:
    """What the keeper is for: the same callers without it."""
    from hyundai_kia_connect_api.exceptions import AuthenticationError

    manager = manager_at(cloud)
    cloud.order("expire-when-in-flight", requests=AT_ONCE)

    def read(_: int) -> str:
        try:
            manager.update_vehicle_with_cached_state(LEGACY)
        except AuthenticationError:
            return "refused"
        return "ok"

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert list(pool.map(read, range(AT_ONCE))) == ["refused"] * AT_ONCE


def test_a_lock_after_an_expiry_is_sent_once(cloud: Cloud) -> None:
    manager = manager_at(cloud)
    keeper = kept_client.keeper_of(manager)
    cloud.order("reset-counters")
    cloud.order("expire")
    assert keeper.run(lambda: manager.lock(LEGACY), operation="lock", effect=Effect.ACTUATION)
    assert cloud.control("counters")["grants_asked"] == 1


def test_a_refused_grant_is_asked_for_no_more(cloud: Cloud) -> None:
    manager = manager_at(cloud)
    keeper = kept_client.keeper_of(manager)
    cloud.order("expire")
    cloud.order("refuse-grants")
    cloud.order("reset-counters")
    for _ in range(AT_ONCE):
        with pytest.raises(Latched):
            keeper.run(lambda: manager.update_vehicle_with_cached_state(LEGACY), operation="refresh_cached")
    # Both in the first call: the client follows a refresh that fails by a sign-in of its own.
    assert cloud.control("counters")["grants_asked"] == 2


@pytest.mark.parametrize(
    ("words", "latch"),
    [
        ("Received unexpected statusCode", Latch.AUTH_REQUIRED),
        ("Authentication rejected: The account is not active.. Check username and password.", Latch.AUTH_REQUIRED),
        ("Authentication failed — returned to login page. Check username and password.", Latch.AUTH_REQUIRED),
        ("Account consent is required. Please log in via a browser once.", Latch.CONSENT_REQUIRED),
        ("IDPConnect authorize was blocked by the WAF ('abusing request').", Latch.BLOCKED),
        ("API error: token exchange failed: HTTP 503 — unwell. This may indicate a Hyundai API change.", None),
        ("Signin failed: HTTP 502 — <html>Bad Gateway</html>. Check username and password.", None),
        ("API error: unexpected redirect after signin: https://elsewhere.example", None),
    ],
)
def test_a_sign_in_that_is_refused_is_not_tried_again_and_one_that_is_not_is(words: str, latch: Latch | None) -> None:
    from hyundai_kia_connect_api.exceptions import AuthenticationError

    tried = 0

    def refresh() -> None:
        nonlocal tried
        tried += 1
        raise AuthenticationError(words)

    def read() -> None:
        raise AuthenticationError("Key not authorized: Token is expired")

    keeper = ThreadKeeper(Policy.load(), cloud="hyundai-kia-eu", facts=facts, refresh=refresh)
    with pytest.raises((Latched, NotNow)) as raised:
        keeper.run(read, seconds=0.5)
    assert getattr(raised.value, "latch", None) == latch
    before = tried
    with pytest.raises((Latched, NotNow)):
        keeper.run(read, seconds=0.5)
    assert tried == before
