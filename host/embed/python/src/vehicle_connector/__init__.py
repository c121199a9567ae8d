"""Policies of vehicle-connector in a Python program: what a failure of a vehicle cloud means, and what follows.

```python
from vehicle_connector import BodyKind, Certainty, Effect, Failure, Phase, Policy

policy = Policy.load()
verdict = policy.classify(
    Failure(
        cloud="hyundai-kia-eu", operation="lock", effect=Effect.ACTUATION, phase=Phase.COMMAND,
        certainty=Certainty.REJECTED, http_status=401, message="Key not authorized: Token is expired",
        body=BodyKind.JSON,
    )
)
assert verdict.kind == "token-expired"
```

The types are those of `wit/policy.wit`; `docs/embedding.md` of the project has the rest.
"""

import importlib.util
import platform
import sys

if importlib.util.find_spec("wasmtime") is None:
    raise ImportError(
        f"there is no WebAssembly runtime for Python on {sys.platform} {platform.machine()}: wasmtime has wheels for "
        "x86_64 and aarch64 on Linux (glibc and musl), macOS and Windows. Where it has one, run: pip install wasmtime"
    )

from vehicle_connector._course import Asked, Judgement
from vehicle_connector._generation import Generation
from vehicle_connector._guest import Limits
from vehicle_connector.errors import (
    Latched,
    NothingToGoBackTo,
    NotNow,
    Refused,
    UnreadableState,
    VehicleConnectorError,
)
from vehicle_connector.events import Event, Faulted, Identity, NotSwapped, RolledBack, Swapped
from vehicle_connector.keeper import Keeper, ThreadKeeper
from vehicle_connector.policy import Policy
from vehicle_connector.types import (
    Adopt,
    Attempt,
    BodyKind,
    Certainty,
    CircuitScope,
    CircuitSettings,
    Confirm,
    Confirmation,
    Decision,
    DiscardAndRetry,
    Effect,
    Failure,
    FailureKind,
    GiveUp,
    Latch,
    LatchDecision,
    Manifest,
    Other,
    Phase,
    Refresh,
    RefreshAndRetry,
    RefreshDecision,
    RefreshReason,
    Retry,
    SessionView,
    SignInAgain,
    Stop,
    Transport,
    Verdict,
    Wait,
)
from vehicle_connector.watching import Watch

__all__ = [
    "Adopt",
    "Asked",
    "Attempt",
    "BodyKind",
    "Certainty",
    "CircuitScope",
    "CircuitSettings",
    "Confirm",
    "Confirmation",
    "Decision",
    "DiscardAndRetry",
    "Effect",
    "Event",
    "Failure",
    "FailureKind",
    "Faulted",
    "Generation",
    "GiveUp",
    "Identity",
    "Judgement",
    "Keeper",
    "Latch",
    "LatchDecision",
    "Latched",
    "Limits",
    "Manifest",
    "NotNow",
    "NotSwapped",
    "NothingToGoBackTo",
    "Other",
    "Phase",
    "Policy",
    "Refresh",
    "RefreshAndRetry",
    "RefreshDecision",
    "RefreshReason",
    "Refused",
    "Retry",
    "RolledBack",
    "SessionView",
    "SignInAgain",
    "Stop",
    "Swapped",
    "ThreadKeeper",
    "Transport",
    "UnreadableState",
    "VehicleConnectorError",
    "Verdict",
    "Wait",
    "Watch",
]
