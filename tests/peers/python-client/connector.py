"""This project's program, at the same work: the real binary between a real broker and the simulated cloud."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from cloud import CARS, GATE_KEYS, PASSWORD, PIN, REFRESH_TOKEN, USERNAME, Car, Cloud
from process import Trouble, eventually, free_port, running, tail
from work import Operation

BASE = "vehicle-connector"

# What the host says of a command that it, or its connector, does not have yet.
NOT_YET = ("unknown_operation", "unsupported")

# After these of a command the host reads the car.
MAY_HAVE_ACTED = ("succeeded", "timeout", "unknown")

# Long enough for a car that has to be woken; the host's own limit is shorter.
PATIENCE = "170"


class Connector:
    """One running host, spoken to over MQTT."""

    def __init__(self, cloud: Cloud, port: int, log: Path) -> None:
        self._cloud = cloud
        self._client = ["-h", "127.0.0.1", "-p", str(port), "-V", "mqttv5"]
        self._log = log

    def start(self) -> str:
        """Waits until every car was found and read."""
        for car in CARS:
            one_message = ["-C", "1", "-W", "60", "-t", f"{BASE}/vehicle/{car.name}/state"]
            said = subprocess.run(["mosquitto_sub", *self._client, *one_message], stdout=subprocess.PIPE, check=False)
            if not said.stdout:
                raise Trouble(f"the host did not read the {car.name} car:\n{tail(self._log)}")
        return "succeeded"

    def do(self, operation: Operation, car: Car) -> str:
        """Does an operation, waits until the host has read the car if that has changed it, and returns the result.

        For an operation that there is not yet the result is one of `NOT_YET`.
        """
        report = self.answer(self.send(operation, car))
        state: str = report["state"]
        if state == "rejected" and report["reason"] in NOT_YET:
            return str(report["reason"])
        if operation.acts and state in MAY_HAVE_ACTED:
            eventually(f"{operation.name}: the {car.name} car is read afterwards", self._read_since, logs=(self._log,))
        else:
            # Nothing more is to come, and if it does, it must show with this operation.
            time.sleep(0.3)
        return state

    def send(self, operation: Operation, car: Car) -> subprocess.Popen[str]:
        """Sends a command and does not wait for its result."""
        topic = f"{BASE}/vehicle/{car.name}/cmd/{operation.topic}"
        answer = ["-e", f"peer/{uuid4()}", "-W", PATIENCE]
        command = ["mosquitto_rr", *self._client, *answer, "-t", topic, "-m", operation.payload]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def answer(self, sent: subprocess.Popen[str]) -> dict[str, Any]:
        """The final report of a command."""
        said, _ = sent.communicate()
        if not said:
            raise Trouble(f"no result within {PATIENCE} s of {sent.args!r}:\n{tail(self._log)}")
        report: dict[str, Any] = json.loads(said)
        return report

    def _read_since(self) -> bool:
        """Whether the last thing that the cloud was asked is the state, or the position that completes it."""
        log = self._cloud.log()
        return bool(log) and log[-1]["route"] in ("status", "location") and log[-1]["status"] is not None


# Lines of an account, and the files that they name.
BY_TOKEN = ('refresh_token_file = "refresh-token"', {"refresh-token": REFRESH_TOKEN})
BY_PASSWORD = (
    'username_file = "username"\npassword_file = "password"\ngate_keys_file = "gate-keys"',
    {"username": USERNAME, "password": PASSWORD, "gate-keys": "\n".join(GATE_KEYS)},
)


@contextmanager
def connected(
    program: Path, folder: Path, brand: str, cloud: Cloud, credentials: tuple[str, dict[str, str]] = BY_TOKEN
) -> Iterator[Connector]:
    """The program with a broker of its own, their files in `folder`. It signs in at once."""
    port = free_port()
    (folder / "broker.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    lines, files = credentials
    for name, content in {**files, "pin": PIN}.items():
        (folder / name).write_text(content)
    (folder / "car.toml").write_text(configuration(cloud, brand, port, lines))
    broker = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if not broker or not shutil.which("mosquitto_rr"):
        raise Trouble("mosquitto or mosquitto_rr is missing; install the packages mosquitto and mosquitto-clients")
    broker_log, log = folder / "broker.log", folder / "host.log"
    environment = {**os.environ, "RUST_LOG": "info", "NO_COLOR": "1"}
    with running([broker, "-v", "-c", str(folder / "broker.conf")], broker_log):
        eventually("the broker runs", lambda: " running" in broker_log.read_text(), logs=(broker_log,))
        with running([str(program), "run", "-c", str(folder / "car.toml")], log, environment):
            yield Connector(cloud, port, log)


def configuration(cloud: Cloud, brand: str, port: int, credentials: str) -> str:
    """The host's configuration: both cars, and everything that can be allowed."""
    account = f"""
[mqtt]
url = "mqtt://127.0.0.1:{port}"
[account.home]
connector = "hyundai-kia-eu"
brand = "{brand}"
region = "eu"
{credentials}
pin_file = "pin"
endpoints = {{ ccapi = "{cloud.base}", idp = "{cloud.base}", cci = "{cloud.base}" }}
"""
    allow = ["refresh", "lock", "unlock", "climate", "windows", "charge_port", "charging_current"]
    # Requests are compared: nothing is read by itself, and a forced read may follow another one at once.
    rest = 'polling = "off"\nforce = { min_gap = "0s" }\n'
    cars = (
        f'[vehicle.{car.name}]\naccount = "home"\nvin = "{car.vin}"\nallow = {json.dumps(allow)}\n{rest}' for car in CARS
    )
    return account + "".join(cars)
