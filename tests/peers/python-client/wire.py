"""Requests as the cloud saw them, without what differs between any two runs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Fields = dict[str, Any]

# What the vendor's service can tell clients apart by. The rest (`host`, `accept`, `connection`, `content-length`)
# belongs to the HTTP library.
COMPARED = (
    "accept-language",
    "app-request-id",
    "authentication",
    "authorization",
    "authorizationccsp",
    "ccuccs2protocolsupport",
    "content-type",
    "cookie",
    "exchangeable-token",
    "locale",
    "non-ccs-token",
    "stamp",
    "timezone",
    "user-agent",
)
COMPARED_FAMILIES = ("ccsp-", "client-", "x-")


class Labels:
    """Names for identifiers that are drawn anew in each run: cars by name, devices in order of appearance.

    So `DEVICE-2` is whatever a client registered second, and using the wrong one of two shows.
    """

    def __init__(self, cars: dict[str, str]) -> None:
        self._cars = cars
        self._devices: dict[str, str] = {}

    def device(self, identifier: str) -> str:
        """The name of a device id."""
        return self._devices.setdefault(identifier, f"DEVICE-{len(self._devices) + 1}")

    def path(self, path: str) -> str:
        """A path with the car's name in place of its id."""
        for identifier, name in self._cars.items():
            path = path.replace(identifier, name)
        return path


@dataclass(frozen=True)
class Request:
    """One request: where it went, and everything else about it as flat fields."""

    method: str
    path: str
    fields: Fields
    status: int | None

    @classmethod
    def of(cls, entry: dict[str, Any], labels: Labels) -> Request:
        """From an entry of the simulator's log, which has replaced tokens, stamps and PINs already."""
        fields: Fields = {f"query.{name}": value for name, value in entry["query"]}
        for name, value in entry["headers"]:
            if name in COMPARED or name.startswith(COMPARED_FAMILIES):
                fields[f"header.{name}"] = shown(name, value, labels)
        for name, value in flat("body", entry["body"]):
            fields[name] = labels.device(value) if name == "body.deviceId" else value
        return cls(entry["method"], labels.path(entry["path"]), fields, entry["status"])

    @property
    def target(self) -> str:
        """Method and path."""
        return f"{self.method} {self.path}"

    def line(self) -> str:
        """The request in one line, without its headers."""
        query = "&".join(f"{name}={value}" for name, value in self.part("query").items())
        body = self.part("body")
        shown = f" {json.dumps(body, separators=(',', ':'))}" if body else ""
        return f"{self.target}{'?' if query else ''}{query}{shown} → {self.status}"

    def headers(self) -> str:
        """The compared headers in one line."""
        return " · ".join(f"{name}: {value}" for name, value in self.part("header").items())

    def part(self, name: str) -> Fields:
        """The fields of the query, the headers or the body, in order of name."""
        start = name + "."
        return {key.removeprefix(start): self.fields[key] for key in sorted(self.fields) if key.startswith(start)}


def shown(name: str, value: str, labels: Labels) -> str:
    """A header's value without what is drawn anew for each request."""
    if name in ("ccsp-device-id", "client-device-id"):
        return labels.device(value)
    if name == "app-request-id":
        return re.sub(r"^[0-9A-F]{24}_[0-9a-f]{32}_", "NUMBER_DEVICE_", value)
    if name == "x-timestamp":
        return re.sub(r"^\d{13}$", "MILLISECONDS", value)
    if name == "cookie":
        return "; ".join(sorted(value.split("; ")))
    return value


def flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The leaves of a JSON value under dotted names. An absent body has none."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flat(f"{name}.{key}", inner)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from flat(f"{name}.{place}", inner)
    elif name != "body" or value is not None:
        yield name, value


def same(one: Any, other: Any) -> bool:
    """Whether two leaves are one JSON value: 21 is 21.0, but 1 is not true."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
