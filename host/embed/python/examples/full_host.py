"""A whole host in Python: a connector of this project drives a car, over primitives that this file supplies.

    python examples/full_host.py CONNECTOR.wasm --cloud http://127.0.0.1:PORT --refresh-token TOKEN --pin PIN

It signs in, finds the cars, locks one, lets the token end, and reads again: the policy says what that failure is, the
session is refreshed once and the read repeated once. `http`, `clock`, `mqtt`, `lock`, `log` and `random` are here.

What is not here is what `vehicle-connector` guarantees whatever a connector does (`docs/design.md`): that a secret
leaves in no other form, that a command of unknown outcome is never sent again, that a refused PIN is not tried again,
limits of requests, sizes and time, state that outlives a crash. A program that embeds a connector takes those duties
over; take this file to learn from, and not as it is.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import secrets
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wasmtime import Engine, Store
from wasmtime.component import Component, Linker, Record, ResourceAny, ResourceHost, ResourceType, Variant

from vehicle_connector import (
    Attempt,
    BodyKind,
    Certainty,
    Decision,
    Effect,
    Failure,
    Phase,
    Policy,
    RefreshAndRetry,
    Transport,
)

VERSION = "0.2.0"
GUARD = 1
PLACEHOLDER = re.compile(r"\{(secret|vehicle):([a-z0-9-]+)\}")


class Denied(Exception):
    """A request that this host does not send; the text is for people."""


class Failed(Exception):
    """A connector's failure, with the decision that followed."""

    def __init__(self, failure: Failure, decision: Decision | None = None) -> None:
        super().__init__(f"{failure.operation}: {failure.http_status} {failure.message!r}, {decision}")
        self.failure, self.decision = failure, decision


def record(**fields: Any) -> Record:
    """A record of the interface. `wasmtime` takes any attribute, so this is the one place that writes the names."""
    made = Record()
    for name, value in fields.items():
        setattr(made, name.replace("_", "-"), value)
    return made


# What a component hands over: attributes with the names of the interface.
Told = Any


def get(of: Told, name: str) -> Any:
    """A field, by its name in the interface."""
    return getattr(of, name)


@dataclass
class Cell:
    """A value under a lock, by generation."""

    generation: int = 0
    value: str | None = None
    since: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def commit(self, value: str) -> int:
        self.generation, self.value, self.since = self.generation + 1, value, time.monotonic()
        return self.generation

    def seen(self) -> Told | None:
        if self.value is None:
            return None
        age = min(int((time.monotonic() - self.since) * 1000), 2**32 - 1)
        return record(generation=self.generation, value=self.value, age=age)


@dataclass
class Call:
    """One call into the connector: what it captured, what it holds, and whether a request left that acts."""

    vehicle: dict[str, str]
    captured: dict[str, str] = field(default_factory=dict)
    private: list[Any] = field(default_factory=list)
    held: dict[int, str] = field(default_factory=dict)
    acted: bool = False


class Host:
    """One account and its connector. A call at a time, each in a fresh instance."""

    def __init__(
        self, connector: bytes, endpoints: dict[str, str], given: dict[str, str], say: Callable[[str], None]
    ) -> None:
        self.engine = Engine()
        self.component = Component(self.engine, connector)
        self.endpoints, self.secrets, self.say = endpoints, given, say
        self.call = Call({})
        self.linker = Linker(self.engine)
        self._supply()
        manifest = self.ask("describe")
        self.name: str = manifest.name
        self.cells = {name: Cell() for name in [*manifest.cells, "session"]}
        # The connector's own word; a host that does not know its connector has the owner grant this.
        self.bound = {secret.name: set(secret.endpoints) for secret in manifest.wants.secrets}
        self.settings = [(one.name, one.default) for one in manifest.wants.settings if one.default is not None]

    # Calls

    def ask(self, function: str, *arguments: Any, vehicle: dict[str, str] | None = None) -> Any:
        """Calls a function of `connector` in a fresh instance."""
        self.call = Call(vehicle or {})
        store = Store(self.engine)
        store.set_limits(memory_size=32 << 20)
        instance = self.linker.instantiate(store, self.component)
        interface = instance.get_export_index(store, f"vehicle:connector/connector@{VERSION}")
        found = instance.get_export_index(store, function, interface)
        if found is None or (callee := instance.get_func(store, found)) is None:
            raise LookupError(f"the connector has no function {function}")
        try:
            return callee(store, *arguments)
        finally:
            for name in self.call.held.values():
                self.cells[name].lock.release()
            self.call.held.clear()

    def account(self) -> Record:
        """The account, as connectors are told of it: names of secrets, and no secret."""
        endpoints = [record(name=name, url=url) for name, url in self.endpoints.items()]
        return record(
            id="home",
            brand="kia",
            region="eu",
            language="en",
            endpoints=endpoints,
            secrets=sorted(self.secrets),
            settings=self.settings,
        )

    def session(self, function: str) -> None:
        """Signs in or refreshes: the session's lock is held, and what was captured is kept with the next generation."""
        with self.cells["session"].lock:
            step = self.ask(function, self.account())
            if not isinstance(step, Variant):
                raise Failed(self.failure(step, function, Effect.SESSION))
            if step.tag != "granted":
                raise SystemExit(f"{function}: a person is asked for something: {step.payload}")
            grant: Told = step.payload
            self.secrets.update(self.call.captured)
            generation = self.cells["session"].commit(grant.value)
        self.say(f"{function}: session generation {generation}, {get(grant, 'expires-in')} s")

    def failure(self, told: Told, operation: str, effect: Effect) -> Failure:
        """Adds to a connector's failure what only the host knows. When in doubt the vehicle may have acted."""
        certainty = Certainty(told.certainty)
        if certainty == Certainty.NOT_SENT and self.call.acted:
            certainty = Certainty.AMBIGUOUS
        session = self.cells["session"].seen()
        return Failure(
            cloud=self.name,
            operation=operation,
            effect=effect,
            phase=Phase(told.phase),
            certainty=certainty,
            transport=None if told.transport is None else Transport(told.transport),
            http_status=get(told, "http-status"),
            code=told.code,
            sub_code=get(told, "sub-code"),
            oauth_error=get(told, "oauth-error"),
            retry_after=get(told, "retry-after"),
            message=told.message,
            body=BodyKind(told.body),
            token_age=None if session is None else session.age,
            token_last_worked=None if session is None else session.age,
        )

    # Primitives

    def _supply(self) -> None:
        functions: dict[str, dict[str, Callable[..., Any]]] = {
            "http": {"send": self._send},
            "clock": {"now": self._now, "monotonic": self._monotonic, "sleep": self._sleep},
            "mqtt": {"publish": self._publish},
            "log": {"write": lambda _, level, message: self.say(f"    {level}: {message}")},
            "random": {"bytes": lambda _, length: secrets.token_bytes(min(length, 64)), "secret": self._secret},
            "lock": {
                "read": lambda _, name: self.cells[name].seen() if name in self.cells else None,
                "acquire": self._acquire,
                "[method]guard.cell": lambda store, guard: self.cells[self._held(store, guard)].seen(),
                "[method]guard.commit": self._commit,
            },
        }
        with self.linker.root() as root:
            for interface, supplied in functions.items():
                with root.add_instance(f"vehicle:connector/{interface}@{VERSION}") as instance:
                    if interface == "lock":
                        instance.add_resource("guard", ResourceType.host(GUARD), self._drop)
                    for name, function in supplied.items():
                        instance.add_func(name, function)

    def _now(self, _: Any) -> Record:
        seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
        return record(seconds=seconds, nanoseconds=nanoseconds)

    def _monotonic(self, _: Any) -> int:
        return (time.monotonic_ns() // 1_000_000) % 2**32

    def _sleep(self, _: Any, duration: int) -> int:
        paused = min(duration, 1_000)
        time.sleep(paused / 1_000)
        return paused

    def _publish(self, _: Any, topic: str, payload: bytes, retain: bool) -> Variant | None:
        if not topic or "#" in topic or "+" in topic:
            return Variant("outside-prefix")
        self.say(f"    mqtt: connector/{topic} {payload!r}{' retained' if retain else ''}")
        return None

    def _secret(self, _: Any, name: str, alphabet: str, length: int) -> Variant | None:
        if name not in self.bound:
            return Variant("denied", f"there is no secret {name}")
        letters = {"hex": "0123456789abcdef", "digits": "0123456789"}.get(alphabet)
        length = min(max(length, 16), 128)
        made = "".join(secrets.choice(letters) for _ in range(length)) if letters else secrets.token_urlsafe(length)
        self.call.captured[name] = made[:length]
        return None

    def _acquire(self, _: Any, name: str, wait: int) -> ResourceHost | Variant:
        if name not in self.cells:
            return Variant("unknown-name")
        if not self.cells[name].lock.acquire(timeout=min(wait, 30_000) / 1_000):
            return Variant("timed-out")
        number = max(self.call.held, default=0) + 1
        self.call.held[number] = name
        return ResourceHost.own(number, GUARD)

    def _held(self, store: Any, guard: ResourceAny) -> str:
        return self.call.held[guard.to_host(store).rep]

    def _commit(self, store: Any, guard: ResourceAny, value: str) -> int | Variant:
        if len(value.encode()) > 4_096:
            return Variant("too-large", 4_096)
        self.secrets.update(self.call.captured)
        return self.cells[self._held(store, guard)].commit(value)

    def _drop(self, _: Any, number: int) -> None:
        if name := self.call.held.pop(number, None):
            self.cells[name].lock.release()

    # HTTP

    def _send(self, _: Any, request: Told) -> Record | Variant:
        try:
            url, headers, body = self._prepared(request)
        except Denied as denied:
            return Variant("denied", str(denied))
        self.call.acted |= get(request, "acts-on-vehicle")
        timeout = min(request.timeout or 30_000, 120_000) / 1_000
        split = urllib.parse.urlsplit(url)
        connect = http.client.HTTPSConnection if split.scheme == "https" else http.client.HTTPConnection
        connection = connect(split.netloc, timeout=timeout)
        try:
            connection.connect()
        except OSError as error:
            return Variant("not-sent", str(error))
        try:
            target = urllib.parse.urlunsplit(("", "", split.path or "/", split.query, ""))
            connection.request(request.method.upper(), target, body, headers)
            answer = connection.getresponse()
            content = answer.read(1 << 20)
        except (OSError, http.client.HTTPException) as error:
            return Variant("interrupted", str(error))
        finally:
            connection.close()
        content = self._captured(content, request.captures, answer.status)
        kept = [(name.lower(), self._hidden(value)) for name, value in answer.getheaders()]
        return record(status=answer.status, headers=kept, body=content)

    def _prepared(self, request: Told) -> tuple[str, dict[str, str], bytes | None]:
        """The request with its secrets, which go where they are bound to and nowhere else."""
        # Several of them may be one service, as on the simulated cloud.
        at = {name for name, url in self.endpoints.items() if request.url.startswith(url + "/")}
        if not at:
            raise Denied(f"{request.url} is below no endpoint of the account")
        if request.derivations or request.jar:
            raise Denied("this host computes no signatures and has no cookies")

        def filled(text: str, written: Callable[[str], str]) -> str:
            return PLACEHOLDER.sub(lambda found: written(self._value(found[1], found[2], at)), text)

        headers = {name: filled(value, lambda value: value) for name, value in request.headers}
        if any("\r" in value or "\n" in value for value in headers.values()):
            raise Denied("a header would have a line break")
        url = filled(request.url, lambda value: urllib.parse.quote(value, safe=""))
        kind, payload = request.body.tag, request.body.payload
        match kind:
            case "empty":
                return url, headers, None
            case "json":
                body = filled(payload, lambda value: json.dumps(value)[1:-1])
            case "form":
                body = urllib.parse.urlencode([(name, filled(value, lambda value: value)) for name, value in payload])
            case "text":
                body = payload
            case _:
                raise Denied(f"this host sends no body of the kind {kind}")
        types = {"json": "application/json", "form": "application/x-www-form-urlencoded"}
        named = {name.lower() for name in headers}
        if "content-type" not in named:
            headers["Content-Type"] = types.get(kind, "text/plain; charset=utf-8")
        return url, headers, body.encode()

    def _value(self, kind: str, name: str, at: set[str]) -> str:
        if kind == "vehicle":
            if name not in self.call.vehicle:
                raise Denied(f"the vehicle has no {name}")
            return self.call.vehicle[name]
        value = self.call.captured.get(name) or self.secrets.get(name)
        if value is None:
            raise Denied(f"there is no secret {name}")
        if not at & self.bound.get(name, set()):
            raise Denied(f"the secret {name} does not go to {', '.join(sorted(at))}")
        return value

    def _captured(self, content: bytes, captures: list[Told], status: int) -> bytes:
        """Takes secrets and private values out of an answer, and what is known to be secret."""
        try:
            document = json.loads(content)
        except ValueError:
            return self._hidden(content.decode(errors="replace")).encode()
        for capture in captures:
            source, target = capture.source, capture.target
            if source.tag != "json" or target.tag == "public-key":
                raise NotImplementedError(f"this host captures no {source.tag} as {target.tag}")
            for parent, key in found(document, source.payload.split("/")[1:]):
                value = parent[key]
                if value is None:
                    continue
                if target.tag == "private":
                    self.call.private.append(value)
                    parent[key] = f"{{private:{len(self.call.private) - 1}}}"
                else:
                    if status < 400 and isinstance(value, str):
                        self.call.captured[target.payload] = value
                    parent[key] = f"{{secret:{target.payload}}}"
        return self._hidden(json.dumps(document)).encode()

    def _hidden(self, text: str) -> str:
        for name, value in (self.secrets | self.call.captured).items():
            if len(value) >= 8:
                text = text.replace(value, f"{{secret:{name}}}")
        return text


def found(document: Any, path: list[str]) -> Iterator[tuple[Any, Any]]:
    """What a JSON Pointer leads to, `*` being every member: each as its parent and its key there."""
    if isinstance(document, dict):
        keys: list[Any] = list(document) if path[0] == "*" else [key for key in [path[0]] if key in document]
    elif isinstance(document, list):
        indices = range(len(document))
        keys = [index for index in indices if path[0] in ("*", str(index))]
    else:
        return
    for key in keys:
        if len(path) == 1:
            yield document, key
        else:
            yield from found(document[key], path[1:])


@dataclass
class Car:
    """A car of the account."""

    id: str
    vin: str
    name: str
    traits: str


class Driver:
    """What follows from failures: one refresh, and one repeat. The rest of the host's rules is not here."""

    def __init__(self, host: Host, policy: Policy) -> None:
        self.host, self.policy = host, policy

    def cars(self) -> list[Car]:
        """The cars, with the VINs put back for which the connector has marks."""
        listed = self._tried("list_vehicles", Effect.READ, lambda: self.host.ask("list-vehicles", self.host.account()))
        private = self.host.call.private

        def vin(mark: str) -> str:
            number = re.fullmatch(r"\{private:(\d+)\}", mark)
            return str(private[int(number[1])]) if number else mark

        return [Car(one.id, vin(one.vin), one.name, one.traits) for one in listed]

    def command(self, car: Car, operation: str, effect: Effect, command: Variant) -> str:
        """Makes one command and waits for what becomes of it."""
        of = record(id=car.id, traits=car.traits)
        vehicle = {"id": car.id, "vin": car.vin}

        def execute() -> Any:
            return self.host.ask("execute", self.host.account(), of, command, vehicle=vehicle)

        outcome = self._tried(operation, effect, execute)
        while outcome.tag == "pending":
            going = outcome.payload
            self.host.say(f"{operation}: pending, asked again in {get(going, 'poll-after')} ms")
            time.sleep(get(going, "poll-after") / 1_000)

            def resume(continuation: str = going.continuation) -> Any:
                return self.host.ask("resume", self.host.account(), of, command, continuation, vehicle=vehicle)

            outcome = self._tried(operation, effect, resume)
        return str(outcome.tag)

    def _tried(self, operation: str, effect: Effect, ask: Callable[[], Any]) -> Any:
        for number in (1, 2):
            answer = ask()
            if not isinstance(answer, Record):
                return answer
            failure = self.host.failure(answer, operation, effect)
            verdict = self.policy.classify(failure)
            attempt = Attempt(
                failure=failure,
                verdict=verdict,
                number=number,
                refreshed=number > 1,
                superseded=False,
                elapsed=0,
                remaining=60_000,
                retry_budget=0,
                random=secrets.randbits(32),
            )
            decision = self.policy.decide(attempt)
            self.host.say(f"{operation}: {failure.http_status} {failure.message!r} is {verdict.kind}: {decision}")
            if not isinstance(decision, RefreshAndRetry):
                raise Failed(failure, decision)
            self.host.session("refresh")
        raise AssertionError("a refreshed attempt is not refreshed again")


def main() -> int:
    """Plays the story."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("connector", type=Path, help="guest/dist/hyundai-kia-eu.wasm")
    parser.add_argument("--cloud", required=True, help="base URL of the simulated cloud")
    parser.add_argument("--refresh-token", required=True)
    parser.add_argument("--pin", required=True)
    options = parser.parse_args()
    endpoints = dict.fromkeys(("ccapi", "idp", "cci"), options.cloud)
    given = {"refresh-token": options.refresh_token, "pin": options.pin}
    host = Host(options.connector.read_bytes(), endpoints, given, lambda line: print(line, flush=True))
    driver = Driver(host, Policy.load())
    host.session("sign-in")
    cars = driver.cars()
    for car in cars:
        print(f"{car.name}: {driver.command(car, 'lock', Effect.ACTUATION, Variant('lock'))}")
    split = urllib.parse.urlsplit(options.cloud)
    control = http.client.HTTPConnection(split.netloc, timeout=10)
    control.request("POST", "/control/expire", json.dumps({"wording": "Key not authorized: Token is expired"}))
    control.getresponse().read()
    print(f"{cars[0].name}: {driver.command(cars[0], 'refresh_cached', Effect.READ, Variant('read', 'cached'))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
