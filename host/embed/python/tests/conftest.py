"""What the tests share. They need the repository around them, and no network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from vehicle_connector import (
    Attempt,
    BodyKind,
    Certainty,
    Effect,
    Event,
    Failure,
    FailureKind,
    Phase,
    Policy,
    Verdict,
)

if TYPE_CHECKING:
    import simulated

ROOT = Path(__file__).resolve().parents[4]
FIXTURES = ROOT / "tests" / "fixtures"
VECTORS = FIXTURES / "conformance" / "decisions.jsonl"
DOCUMENT = FIXTURES / "conformance" / "policy.json"


def component(name: str) -> Path:
    """A policy that misbehaves after its trial, or the one that behaves."""
    return FIXTURES / "policies" / f"{name}.wasm"


def failure(**changes: object) -> Failure:
    """A command that was refused."""
    facts: dict[str, object] = {
        "cloud": "hyundai-kia-eu",
        "operation": "lock",
        "effect": Effect.ACTUATION,
        "phase": Phase.COMMAND,
        "certainty": Certainty.REJECTED,
        "http_status": 401,
        "message": "Key not authorized: Token is expired",
        "body": BodyKind.JSON,
    }
    return Failure(**(facts | changes))  # type: ignore[arg-type]


def attempt(**changes: object) -> Attempt:
    """The first attempt of an operation with time left, after that failure."""
    facts: dict[str, object] = {
        "failure": failure(),
        "verdict": Verdict(kind=FailureKind.TOKEN_EXPIRED, rule="expired"),
        "number": 1,
        "refreshed": False,
        "superseded": False,
        "elapsed": 1_000,
        "remaining": 60_000,
        "retry_budget": 3,
        "random": 7,
    }
    return Attempt(**(facts | changes))  # type: ignore[arg-type]


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def policy(events: list[Event]) -> Policy:
    """The default policy, and its events in a list."""
    return Policy.load(on_event=events.append)


@pytest.fixture
def cloud() -> Iterator[simulated.Cloud]:
    """A simulated cloud of its own."""
    import simulated

    with simulated.running() as cloud:
        yield cloud
