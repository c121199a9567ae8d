"""The simulated cloud: a process of its own, steered and read over its orders."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ADDRESS = r"^(gigya|kamereon|control) +(http://127\.0\.0\.1:\d+)$"

RENAULT, DACIA = "account-renault", "account-dacia"
ZOE1 = "VF1S1MULATEDZ0E1A"
ZOE2 = "VF1S1MULATEDZ0E2B"
R5 = "VF1S1MULATEDR5EVC"
AUSTRAL = "VF1S1MULATEDAUSTD"
SPRING = "UU1S1MULATEDSPRE1"
UNKNOWN = "UU1S1MULATEDNEWF2"


class Trouble(Exception):
    """The proof cannot go on. The message says what is missing; no traceback helps."""


@dataclass(frozen=True)
class Cloud:
    """One running simulator."""

    gigya: str
    kamereon: str
    control: str

    def order(self, name: str, **fields: Any) -> None:
        """Gives an order; see the simulator's `Order` for names and fields."""
        self._ask(name, json.dumps(fields).encode())

    def look(self, name: str) -> Any:
        """What the simulator shows under this name."""
        return self._ask(name)

    def counters(self) -> dict[str, Any]:
        """The simulator's counters."""
        counters: dict[str, Any] = self.look("counters")
        return counters

    def asked(self, route: str) -> int:
        """How often this route was asked for since the counters were reset."""
        count: int = self.counters()["by_route"].get(route, 0)
        return count

    def wait_held(self, requests: int, seconds: float = 10) -> None:
        """Waits until so many requests are held."""
        deadline = time.monotonic() + seconds
        while self.counters()["held"] != requests:
            if time.monotonic() > deadline:
                raise Trouble(f"not {requests} requests are held, but {self.counters()['held']}")
            time.sleep(0.02)

    def _ask(self, name: str, body: bytes | None = None) -> Any:
        # Without a proxy, whatever the environment says: this is loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.control}/{name}", data=body, timeout=10) as answer:
            return json.load(answer)


@contextmanager
def simulated(program: Path, log: Path) -> Iterator[Cloud]:
    """A simulated cloud on free ports of loopback, its output in `log`, for as long as the block lasts."""
    with log.open("wb") as output:
        try:
            process = subprocess.Popen([str(program)], stdout=output, stderr=subprocess.STDOUT)
        except FileNotFoundError:
            raise Trouble(f"there is no program {program}; build it") from None
    try:
        yield _addresses(process, log)
    finally:
        process.terminate()
        process.wait(timeout=10)


def _addresses(process: subprocess.Popen[bytes], log: Path, seconds: float = 10) -> Cloud:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        said = dict(re.findall(ADDRESS, log.read_text(), re.MULTILINE))
        if len(said) == 3:
            return Cloud(**said)
        time.sleep(0.05)
    raise Trouble(f"the simulated cloud does not say where it is:\n{log.read_text()}")
