"""Everything that the broker has delivered to an unmodified subscriber, read from its file as that grows."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

UPTIME = "$SYS/broker/uptime"
DROPPED = "$SYS/broker/publish/messages/dropped"

# Every topic that Home Assistant is told something on.
DISCOVERY = "homeassistant/#"

FINAL = ("succeeded", "failed", "timeout", "rejected", "unknown")


@dataclass(frozen=True)
class Final:
    """A final result as it was published, and when it has arrived, in seconds since the epoch."""

    at: float
    payload: str
    report: dict[str, Any]


@dataclass
class Recording:
    """What was published below the base topic, by what it is about."""

    path: Path
    base: str
    # By the id of the command.
    finals: dict[str, list[Final]] = field(default_factory=lambda: defaultdict(list))
    steps: Counter[str] = field(default_factory=Counter)
    # Topics that the broker has something retained of.
    retained: set[str] = field(default_factory=set)
    # Messages by the kind of their topic, and those of them that were to be retained.
    published: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    # When the latest of a kind has arrived, in seconds since the epoch.
    latest_at: dict[str, float] = field(default_factory=dict)
    # The latest payload of each topic.
    latest: dict[str, str] = field(default_factory=dict)
    uptimes: int = 0
    _offset: int = 0

    def start(self, port: int) -> subprocess.Popen[bytes]:
        """Begins to record. Retained messages keep their mark, whenever they arrive."""
        topics = [self.base + "/#", DISCOVERY, UPTIME, DROPPED]
        command = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(port), "-V", "mqttv5", "-q", "1"]
        command += ["--retain-as-published", "-F", "%U\t%r\t%t\t%p"]
        for topic in topics:
            command += ["-t", topic]
        with self.path.open("wb") as out:
            return subprocess.Popen(command, stdout=out)

    def read(self) -> None:
        """Reads what has been added. An unfinished line is left for the next time."""
        with self.path.open("rb") as source:
            source.seek(self._offset)
            whole = source.read().rpartition(b"\n")
        self._offset += len(whole[0]) + len(whole[1])
        for line in whole[0].decode().splitlines():
            at, retain, topic, payload = line.split("\t", 3)
            self._take(float(at), retain == "1", topic, payload)

    def wait(self, seconds: float, until: Callable[[], bool]) -> bool:
        """Reads on until that is so; false if it is not within so many seconds."""
        end = time.monotonic() + seconds
        while True:
            self.read()
            if until():
                return True
            if time.monotonic() >= end:
                return False
            time.sleep(0.05)

    def of_vehicles(self, what: str) -> list[str]:
        """The latest payloads of one topic of all vehicles."""
        kinds = ((self._kind(topic), payload) for topic, payload in self.latest.items())
        return [payload for kind, payload in kinds if payload and kind == f"vehicle/+/{what}"]

    def is_settled(self, kind: str, seconds: float) -> bool:
        """Whether nothing of a kind has arrived for so long."""
        return time.time() - self.latest_at.get(kind, 0.0) >= seconds

    def _take(self, at: float, retain: bool, topic: str, payload: str) -> None:
        if topic.startswith("$SYS/"):
            self.uptimes += topic == UPTIME
            self.latest[topic] = payload
            return
        kind = self._kind(topic)
        self.published[kind] += 1
        self.latest_at[kind] = at
        if retain:
            self.kept[kind] += 1
            self.latest[topic] = payload
            (self.retained.add if payload else self.retained.discard)(topic)
        if kind == "vehicle/+/action/<id>":
            report = json.loads(payload)
            if report["state"] in FINAL:
                self.finals[report["id"]].append(Final(at, payload, report))
            else:
                self.steps[report["state"]] += 1

    def _kind(self, topic: str) -> str:
        """The topic without the names in it."""
        if not topic.startswith(self.base + "/"):
            return DISCOVERY
        levels = topic.removeprefix(self.base + "/").split("/")
        if levels[0] in ("vehicle", "account"):
            levels[1] = "+"
        if levels[2:3] == ["action"] and levels[3:] != ["last"]:
            levels[3] = "<id>"
        return "/".join(levels)
