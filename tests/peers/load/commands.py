"""The commands of the load: what each car is asked for, in a cycle, and the client that sends them at a fixed rate."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

# One in twenty commands for a car moves something, and one asks what became of that: by then it has ended. The others
# read.
CYCLE = 20
LOCKS_AT = 0
ASKS_AT = 15
SMART_AT = (5, 10)

# Longest time in which the broker has to acknowledge what was sent last, in seconds.
ACKNOWLEDGED_WITHIN = 30


@dataclass(frozen=True)
class Command:
    """One command, under an id that no other one has."""

    id: str
    car: str
    # The last level of its topic.
    op: str
    payload: str


def identifier(number: int) -> str:
    return f"load-{number:06}"


def command(number: int, cars: int) -> Command:
    """The command of this number: the cars take turns, and begin at different places of the cycle."""
    car, turn = number % cars, number // cars
    place = (turn + car) % CYCLE
    locked_at = number - (place - LOCKS_AT) * cars
    fields: dict[str, Any] = {"id": identifier(number)}
    if place == LOCKS_AT:
        op = "lock"
        fields["action"] = "unlock" if (turn + car) // CYCLE % 2 == 0 else "lock"
    elif place == ASKS_AT and locked_at >= 0:
        op = "action_status"
        fields["about"] = identifier(locked_at)
    elif place in SMART_AT:
        op = "refresh_smart"
        fields["max_age_s"] = 3600
    else:
        op = "refresh_cached"
    return Command(fields["id"], f"car{car + 1}", op, json.dumps(fields))


@dataclass(frozen=True)
class Sent:
    """What has left, and when, in seconds since the epoch; and what the broker has not acknowledged in time."""

    at: dict[str, float]
    took: float
    # The longest time that a command has left after its due time, in seconds.
    late: float
    unacknowledged: int


class Sender:
    """A client of the broker that publishes with QoS 1, as MQTT 5."""

    def __init__(self, port: int, base: str) -> None:
        self._base = base
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="load", protocol=mqtt.MQTTv5)
        self._client.max_queued_messages_set(0)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def send(self, commands: list[Command], rate: float) -> Sent:
        """Sends one command after the other, each at its due time. One that is late delays none of those after it."""
        at: dict[str, float] = {}
        late = 0.0
        under_way = []
        begun = time.monotonic()
        for number, one in enumerate(commands):
            due = begun + number / rate
            while (early := due - time.monotonic()) > 0:
                time.sleep(early)
            late = max(late, -early)
            at[one.id] = time.time()
            topic = f"{self._base}/vehicle/{one.car}/cmd/{one.op}"
            under_way.append(self._client.publish(topic, one.payload, qos=1))
        took = time.monotonic() - begun
        return Sent(at, took, late, self._wait(under_way))

    def _wait(self, under_way: list[mqtt.MQTTMessageInfo]) -> int:
        until = time.monotonic() + ACKNOWLEDGED_WITHIN
        for message in under_way:
            message.wait_for_publish(max(0.0, until - time.monotonic()))
        return sum(not message.is_published() for message in under_way)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
