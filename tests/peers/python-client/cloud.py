"""The simulated cloud: a process of its own, steered and read over its `/control` endpoints."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from process import eventually, running
from wire import Labels, Request

REFRESH_TOKEN = "A" * 47 + "1"
PIN = "1234"
USERNAME = "owner@example.org"
PASSWORD = "correct horse battery"
# What the simulated gate knows unless it is told otherwise.
GATE_KEYS = ("SECRET", "PIECE", "SUFFIX")


@dataclass(frozen=True)
class Car:
    """One of the two cars that the simulated account has; both are electric."""

    name: str
    id: str
    vin: str


LEGACY = Car("legacy", "11111111-1111-4111-8111-111111111111", "KNALEGACY00000001")
CCS2 = Car("ccs2", "22222222-2222-4222-8222-222222222222", "KNACCS2EV00000002")
CARS = (LEGACY, CCS2)


class Cloud:
    """One running simulator, which one client talks to."""

    def __init__(self, base: str) -> None:
        self.base = base
        self._labels = Labels({car.id: car.name for car in CARS})

    def order(self, name: str, **fields: Any) -> None:
        """Gives an order; see the simulator's `Order` for names and fields."""
        self._ask(name, json.dumps(fields).encode())

    def counters(self) -> dict[str, Any]:
        """The simulator's counters."""
        counters: dict[str, Any] = self._ask("counters")
        return counters

    def log(self) -> list[dict[str, Any]]:
        """The requests since `forget`, as the simulator logged them."""
        log: list[dict[str, Any]] = self._ask("log")
        return log

    def requests(self) -> list[Request]:
        """The requests since `forget`, fit to be compared with those of another run."""
        return [Request.of(entry, self._labels) for entry in self.log()]

    def forget(self) -> None:
        """Begins a new log."""
        self.order("reset-counters")

    def _ask(self, name: str, body: bytes | None = None) -> Any:
        # Without a proxy, whatever the environment says: this is loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.base}/control/{name}", data=body, timeout=10) as answer:
            return json.load(answer)


@contextmanager
def simulated(program: Path, folder: Path, brand: str = "kia", *more: str) -> Iterator[Cloud]:
    """A simulated cloud of `brand` on a free port of loopback, with its log in a new folder; `more` are arguments."""
    folder.mkdir()
    log = folder / "cloud.log"
    with running([str(program), "--brand", brand, "--pin", PIN, "--refresh-token", REFRESH_TOKEN, *more], log):
        address = eventually(
            "the simulated cloud says where it is",
            lambda: re.search(r"^http://127\.0\.0\.1:\d+$", log.read_text(), re.MULTILINE),
            logs=(log,),
        )
        yield Cloud(address.group())
