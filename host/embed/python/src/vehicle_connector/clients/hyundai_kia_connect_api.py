"""What is known of a failure that `hyundai_kia_connect_api` raises.

The client drops the status and the vendor's code of an answer and keeps its words; most codes it turns into a class of
its own, so the class says the code, and of a refused grant or sign-in its words say how that was answered. A code that
the vendor gives before it tells the vehicle makes a command `rejected`; everything else about a command is `ambiguous`.
"""

from __future__ import annotations

import re
from typing import Any, Final

from vehicle_connector._course import Asked
from vehicle_connector.types import BodyKind, Certainty, Effect, Failure, Phase, Transport

# The client's classes, and the codes that it makes them of.
_CODES: Final = {
    "DeviceIDError": "4002",
    "DuplicateRequestError": "4004",
    "UnsupportedControlError": "4005",
    "RequestTimeoutError": "4081",
    "ServiceTemporaryUnavailable": "5031",
    "RateLimitingError": "5091",
    "NoDataFound": "5921",
}

# How a grant or a sign-in was answered of which the client says this. A refresh that fails it follows by a sign-in of
# its own, so either may be what has failed; and what locks an account if it is tried again must be known as what it is.
_SIGN_IN: Final[dict[str, dict[str, Any]]] = {
    "Received unexpected statusCode": {"http_status": 400, "code": "7501"},
    # Answered by a redirect: back to the app with an error, to the page again, to the terms.
    "Authentication rejected: ": {"phase": Phase.SIGN_IN, "http_status": 302, "redirect": "/oauth2/redirect"},
    "returned to login page": {"phase": Phase.SIGN_IN, "http_status": 302, "redirect": "/oauth2/authorize"},
    "consent is required": {"phase": Phase.SIGN_IN, "http_status": 302, "redirect": "/web/v1/user/authorization"},
    # Answered by something in front of the service.
    "blocked by the WAF": {"phase": Phase.SIGN_IN, "http_status": 403, "body": BodyKind.HTML},
}
_STATUS: Final = re.compile(r"\bHTTP ([45][0-9]{2})\b")

# The vehicle was told, and did not answer in time.
_UNDECIDED: Final = frozenset({"4081", "9999"})

_OTHER_CODE: Final = re.compile(r"Server returned:\s+'([^']+)'")
_OAUTH_ERROR: Final = re.compile(r"Unknown error in API response: ([a-z_]+)")

# Of `requests` and what is below it: nothing has left this machine.
_NOT_SENT: Final = frozenset({"ConnectTimeout", "NewConnectionError", "NameResolutionError", "ConnectTimeoutError"})


def facts(error: Exception, asked: Asked) -> Failure | None:
    """What is known of an exception that a call of the client has raised; `None` of one that is not the cloud's."""
    names = {(cls.__module__.partition(".")[0], cls.__name__) for cls in type(error).__mro__}
    if ("hyundai_kia_connect_api", "HyundaiKiaException") in names:
        return _refused(error, {name for _, name in names}, asked)
    if ("requests", "RequestException") in names:
        return _unanswered(error, asked)
    return None


def _refused(error: Exception, names: set[str], asked: Asked) -> Failure:
    message = str(error)
    code = next((code for name, code in _CODES.items() if name in names), None)
    if code is None and (found := _OTHER_CODE.search(message)):
        code = found[1]
    known = code is not None and code not in _UNDECIDED
    rejected = known or not _commands(asked) or _is_about_the_token(names)
    answer = {"body": BodyKind.JSON, "code": code}
    if asked.phase in (Phase.REFRESH, Phase.SIGN_IN):
        answer |= _grant(message)
    return asked.failure(certainty=Certainty.REJECTED if rejected else Certainty.AMBIGUOUS, message=message, **answer)


def _grant(message: str) -> dict[str, Any]:
    """How a grant or a sign-in was answered, as far as the client's words tell."""
    for words, answer in _SIGN_IN.items():
        if words in message:
            return answer
    if oauth := _OAUTH_ERROR.search(message):
        # RFC 6749 §5.2: the error comes with this status.
        return {"http_status": 400, "oauth_error": oauth[1]}
    if status := _STATUS.search(message):
        return {"http_status": int(status[1]), "body": BodyKind.HTML if "<" in message else BodyKind.JSON}
    return {}


def _unanswered(error: Exception, asked: Asked) -> Failure:
    seen: BaseException | None = error
    sent = True
    while seen is not None:
        reasons = [seen, *(reason for reason in getattr(seen, "args", ()) if isinstance(reason, BaseException))]
        reasons += [reason for one in reasons if (reason := getattr(one, "reason", None)) is not None]
        if any(type(reason).__name__ in _NOT_SENT for reason in reasons):
            sent = False
        seen = seen.__cause__ or seen.__context__
    certainty = Certainty.AMBIGUOUS if sent else Certainty.NOT_SENT
    transport = Transport.INTERRUPTED if sent else Transport.NOT_SENT
    return asked.failure(certainty=certainty, transport=transport, message=type(error).__name__)


def _commands(asked: Asked) -> bool:
    return asked.effect in (Effect.ACTUATION, Effect.SET)


def _is_about_the_token(names: set[str]) -> bool:
    # Refused by the gateway, with 401, before anything behind it was asked.
    return "AuthenticationError" in names
