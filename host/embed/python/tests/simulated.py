"""The simulated cloud, as a process of its own on loopback."""

from __future__ import annotations

import json
import os
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[4]
REFRESH_TOKEN, PIN = "A" * 47 + "1", "1234"


def simulator() -> Path | None:
    """The program of the simulated cloud, if it is built."""
    named = os.environ.get("EU_SIMULATOR")
    places = [Path(named)] if named else [ROOT / "target" / kind / "eu-simulator" for kind in ("release", "debug")]
    return next((place for place in places if place.exists()), None)


class Cloud:
    """A simulated cloud of its own."""

    def __init__(self, base: str) -> None:
        self.base = base
        # Whatever the environment says of proxies: this is loopback.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def control(self, name: str, **order: object) -> Any:
        """Asks it something, or gives an order that has fields."""
        body = json.dumps(order).encode() if order else None
        with self._opener.open(f"{self.base}/control/{name}", data=body, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def order(self, name: str, **fields: object) -> None:
        """Gives an order."""
        with self._opener.open(f"{self.base}/control/{name}", data=json.dumps(fields).encode(), timeout=30):
            pass


@contextmanager
def running() -> Iterator[Cloud]:
    """A simulated cloud, for as long as the block lasts."""
    program = simulator()
    assert program is not None
    arguments = [str(program), "--pin", PIN, "--refresh-token", REFRESH_TOKEN]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = next((found[0] for line in process.stdout if (found := re.match(r"http://\S+", line))), None)
        try:
            assert address is not None
            yield Cloud(address)
        finally:
            process.terminate()


def redirected(api: Any, cloud: Cloud) -> Any:
    """A client's API whose URLs of the vendor's services lead to the simulated cloud."""
    vendor = [f"https://{api.BASE_URL}"]
    vendor += [getattr(api, name) for name in ("LOGIN_FORM_HOST", "CCI_API_URL") if hasattr(api, name)]
    for name, value in list(vars(api).items()):
        for host in vendor:
            if isinstance(value, str) and value.startswith(host):
                setattr(api, name, cloud.base + value.removeprefix(host))
    return api
