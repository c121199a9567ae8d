"""A connector for the cloud of Acme, which does not exist: a bearer token by client id and password, a list of cars, a
state to read, and a command whose end the cloud tells later.

What each type means, in which units, and who enforces what is in wit/. A connector makes one attempt and reports what
happened: it repeats nothing, refreshes nothing by itself, and never holds a secret.
"""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import connector as c
from wit_world.imports import http
from wit_world.imports.types import BodyKind, Certainty, Failure, Phase, Transport

POLL = 2_000  # How long a car takes to act, in milliseconds.

# Codes of Acme that come before the car is told; and one after which nobody knows. The host is told the same below.
BEFORE_EXECUTION = ["busy", "unknown-car"]
UNDECIDED = ["no-answer"]

TRANSPORTS = {
    http.TransportError_NotSent: Transport.NOT_SENT,
    http.TransportError_Interrupted: Transport.INTERRUPTED,
    http.TransportError_Denied: Transport.DENIED,
    http.TransportError_Other: Transport.OTHER,
}


@dataclass
class Answer:
    """An answer of the cloud, whatever its status, and what was being done."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    phase: Phase
    acts: bool

    @property
    def document(self) -> Any:
        """Its JSON; nothing of what is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def get(self, name: str) -> Any:
        document = self.document
        return document.get(name) if isinstance(document, dict) else None

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)

    def failure(self, message: str | None = None) -> Failure:
        """The facts of a refusal, or of an answer that lacks what it should have."""
        code = self.get("code") if isinstance(self.get("code"), str) else None
        later = self.header("retry-after") or ""
        retry_after = int(later) * 1_000 if later.isdecimal() and len(later) < 7 else None
        words = self.get("message") if isinstance(self.get("message"), str) else None
        session = self.phase in (Phase.SIGN_IN, Phase.REFRESH)
        oauth_error = self.get("error") if session and isinstance(self.get("error"), str) else None
        body = self.body.lstrip()
        kinds = [
            (not body, BodyKind.NONE),
            (self.document is not None, BodyKind.JSON),
            (body.startswith(b"<"), BodyKind.HTML),
            (True, BodyKind.OTHER),
        ]
        return Failure(
            phase=self.phase,
            certainty=self.certainty(code, retry_after),
            transport=None,
            http_status=self.status,
            code=code,
            sub_code=None,
            oauth_error=oauth_error,
            retry_after=retry_after,
            message=message or words or f"an answer with the status {self.status}",
            body=next(kind for holds, kind in kinds if holds),
        )

    def certainty(self, code: str | None, retry_after: int | None) -> Certainty:
        """Whether the car may have acted. In doubt it may."""
        if self.phase == Phase.CONFIRMATION:
            return Certainty.ACCEPTED
        if not self.acts:
            return Certainty.REJECTED
        if code in UNDECIDED:
            return Certainty.AMBIGUOUS
        told_later = self.status == 503 and retry_after is not None
        if code in BEFORE_EXECUTION or self.status in (401, 429) or told_later:
            return Certainty.REJECTED
        return Certainty.AMBIGUOUS


def send(
    method: http.Method,
    url: str,
    phase: Phase,
    *,
    headers: list[tuple[str, str]] | None = None,
    body: http.Body | None = None,
    derivations: list[http.Derivation] | None = None,
    captures: list[http.Capture] | None = None,
    acts: bool = False,
) -> Answer:
    """Sends one request, and raises the facts of anything that is no success."""
    request = http.Request(
        method=method,
        url=url,
        headers=headers or [("Authorization", "Bearer {secret:access-token}")],
        body=body or http.Body_Empty(),
        derivations=derivations or [],
        captures=captures or [],
        jar=None,
        timeout=None,
        acts_on_vehicle=acts,
    )
    try:
        response = http.send(request)
    except Err as error:
        raise Err(unanswered(error.value, phase, acts)) from None
    answer = Answer(response.status, response.headers, response.body, phase, acts)
    if not 200 <= answer.status < 300:
        raise Err(answer.failure())
    return answer


def unanswered(error: http.TransportError, phase: Phase, acts: bool) -> Failure:
    """The facts of a request without an answer."""
    transport = TRANSPORTS[type(error)]
    if phase == Phase.CONFIRMATION:
        certainty = Certainty.ACCEPTED
    elif transport in (Transport.NOT_SENT, Transport.DENIED):
        certainty = Certainty.NOT_SENT
    else:
        certainty = Certainty.AMBIGUOUS if acts else Certainty.REJECTED
    return Failure(
        phase=phase,
        certainty=certainty,
        transport=transport,
        http_status=None,
        code=None,
        sub_code=None,
        oauth_error=None,
        retry_after=None,
        message=error.value,
        body=BodyKind.NONE,
    )


def hidden(*pointers: str) -> list[http.Capture]:
    """What the host takes out of an answer before this sees it: VINs and positions."""
    return [http.Capture(http.CaptureSource_Json(at), http.CaptureTarget_Private()) for at in pointers]


def endpoint(account: c.Account, name: str, phase: Phase) -> str:
    for one in account.endpoints:
        if one.name == name:
            return one.url.rstrip("/")
    message = f"the account has no endpoint {name!r}"
    raise Err(unanswered(http.TransportError_Denied(message), phase, False))


def token(account: c.Account, phase: Phase) -> c.Step:
    """Acme has no refresh tokens: the password is sent again, which the host counts as a sign-in."""
    pair = http.Joined([http.Piece_Text("{secret:client-id}:{secret:password}")], http.Encoding.BASE64)
    secret = http.Capture(http.CaptureSource_Json("/access_token"), http.CaptureTarget_Secret("access-token"))
    answer = send(
        http.Method.POST,
        f"{endpoint(account, 'api', phase)}/token",
        phase,
        headers=[("Authorization", "Basic {derived:basic}")],
        body=http.Body_Form([("grant_type", "client_credentials")]),
        derivations=[http.Derivation("basic", http.Computation_Join(pair))],
        captures=[secret],
    )
    if not isinstance(answer.get("access_token"), str):
        raise Err(answer.failure("the answer has no access token"))
    lives = answer.get("expires_in")
    lives = lives if isinstance(lives, int) and lives >= 0 else None
    return c.Step_Granted(c.Grant(expires_in=lives, refresh_expires_in=None, ends_in=None, value=""))


def state(answer: Answer) -> str:
    """The state document, with what the car mentioned and nothing else (docs/mqtt.md)."""
    document: dict[str, Any] = {}
    if isinstance(answer.get("locked"), bool):
        document["locked"] = answer.get("locked")
    if isinstance(answer.get("battery"), int):
        document["soc_percent"] = answer.get("battery")
    if isinstance(answer.get("odometer_km"), int | float):
        document["odometer_km"] = answer.get("odometer_km")
    time = answer.get("time")
    if isinstance(time, str):
        document["vehicle_time"] = time
        if answer.get("latitude") is not None and answer.get("longitude") is not None:
            # Marks, in whose place the host puts the values again.
            place = {"latitude": answer.get("latitude"), "longitude": answer.get("longitude")}
            document["location"] = place | {"time": time}
    return json.dumps(document)


def pending(action: str) -> c.Outcome:
    return c.Outcome_Pending(c.Pending(continuation=action, poll_after=POLL, action_id=action))


def check(account: c.Account, action: str) -> c.Outcome:
    """Asks once what became of a command."""
    phase = Phase.CONFIRMATION
    answer = send(http.Method.GET, f"{endpoint(account, 'api', phase)}/actions/{quote(action, safe='')}", phase)
    match answer.get("state"):
        case "done":
            return c.Outcome_Done(c.Report(state=None, action_id=action))
        case "refused":
            return c.Outcome_Refused("the car said no")
        case "running":
            return pending(action)
    return c.Outcome_Other("Acme does not say what became of it")


class Connector(exports.Connector):
    def describe(self) -> c.Manifest:
        def secret(name: str, description: str, kind: c.SecretClass, configured: c.Configured) -> c.WantedSecret:
            return c.WantedSecret(
                name=name,
                description=description,
                class_=kind,
                configured=configured,
                endpoints=["api"],
                rotates=False,
                lasting=False,
                least=0,
                form=None,
            )

        return c.Manifest(
            name="example",
            version="0.1.0",
            description="The cloud of Acme, which does not exist",
            cells=["session"],
            wants=c.Wants(
                endpoints=[c.WantedEndpoint("api", None, None, "https://api.acme.example")],
                secrets=[
                    secret("client-id", "From Acme's developer page", c.SecretClass_Identifier(), c.Configured.REQUIRED),
                    secret("password", "The password beside it", c.SecretClass_Password(), c.Configured.REQUIRED),
                    secret("access-token", "The token of the session", c.SecretClass_Token(), c.Configured.NEVER),
                ],
                settings=[],
                operations=[],
                refusals=[c.Refusal(c.RefusedCredential.GRANT, "wrong-password", None, None)],
                answers=c.CommandAnswers([], ["/code"], BEFORE_EXECUTION, UNDECIDED),
            ),
        )

    def sign_in(self, account: c.Account) -> c.Step:
        return token(account, Phase.SIGN_IN)

    def continue_sign_in(self, account: c.Account, continuation: str, reply: c.Reply) -> c.Step:
        return c.Step_Other("Acme asks nothing")

    def refresh(self, account: c.Account) -> c.Step:
        return token(account, Phase.REFRESH)

    def list_vehicles(self, account: c.Account) -> list[c.Vehicle]:
        url = f"{endpoint(account, 'api', Phase.STATUS)}/cars"
        answer = send(http.Method.GET, url, Phase.STATUS, captures=hidden("/cars/*/vin"))
        cars = answer.get("cars")
        if not isinstance(cars, list):
            raise Err(answer.failure("the answer has no list at /cars"))

        def text(car: dict[str, Any], name: str) -> str:
            value = car.get(name)
            return value if isinstance(value, str) else ""

        return [
            c.Vehicle(
                id=text(car, "id"),
                vin=text(car, "vin"),
                name=text(car, "name"),
                model=text(car, "model"),
                traits="",
                operations=["refresh_cached", "lock", "unlock", "check_action_status"],
            )
            for car in cars
            if isinstance(car, dict) and text(car, "id")
        ]

    def execute(self, account: c.Account, vehicle: c.VehicleRef, command: c.Command) -> c.Outcome:
        car = f"{endpoint(account, 'api', Phase.COMMAND)}/cars/{quote(vehicle.id, safe='')}"
        match command:
            case c.Command_Read():
                captures = hidden("/latitude", "/longitude")
                answer = send(http.Method.GET, car, Phase.STATUS, captures=captures)
                return c.Outcome_Done(c.Report(state=state(answer), action_id=None))
            case c.Command_Lock() | c.Command_Unlock():
                verb = "lock" if isinstance(command, c.Command_Lock) else "unlock"
                empty = http.Body_Json("{}")
                answer = send(http.Method.POST, f"{car}/{verb}", Phase.COMMAND, body=empty, acts=True)
                action = answer.get("action")
                if isinstance(action, str):
                    return pending(action)
                return c.Outcome_Other("Acme took the command without an action to ask after")
            case c.Command_CheckActionStatus(action):
                return check(account, action)
        return c.Outcome_Unsupported("Acme reads, locks and unlocks")

    def resume(
        self, account: c.Account, vehicle: c.VehicleRef, command: c.Command, continuation: str
    ) -> c.Outcome:
        return check(account, continuation)
