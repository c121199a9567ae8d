"""Decisions on record, in the form of the audit trail: `vehicle-connector policy replay` reads them.

A program that writes one line for each decision can have any other policy asked the same later, before it is swapped
in: what it would have decided otherwise. A record holds everything that the decision depended on, and no secret unless
the program has put one into a message.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from vehicle_connector import forms
from vehicle_connector.events import Identity
from vehicle_connector.types import Attempt, Decision, RefreshDecision, SessionView


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What a record says besides the question and the answer."""

    seq: int
    """Number of the record, never reused."""
    at: datetime
    """Time of the decision, with its zone."""
    account: str
    """The account."""
    operation: str
    """Identifier of the operation."""
    vehicle: str | None = None
    """The vehicle, if the decision is about one."""
    session_generation: int = 0
    """Generation of the session that the attempt worked with, or that is to be refreshed."""
    done: str = ""
    """What the program did, which its own rules may have changed."""

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError(f"at: {self.at} has no zone; take datetime.now(UTC)")


def of_failure(policy: Identity, attempt: Attempt, decision: Decision, of: Circumstances) -> str:
    """Returns the line about an attempt that failed; its verdict is the answer of `classify`."""
    decided = {"about": "failure", "attempt": forms.encode(attempt), "decision": forms.encode(decision, "decision")}
    return _line(policy, decided, of)


def of_refresh(policy: Identity, session: SessionView, decision: RefreshDecision, of: Circumstances) -> str:
    """Returns the line about a refresh that was asked for."""
    answer = forms.encode(decision, "refresh-decision")
    return _line(policy, {"about": "refresh", "session": forms.encode(session), "decision": answer}, of)


def _line(policy: Identity, decided: dict[str, Any], of: Circumstances) -> str:
    record = {
        "seq": of.seq,
        "at": of.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "account": of.account,
        "vehicle": of.vehicle,
        "operation": of.operation,
        "session_generation": of.session_generation,
        "policy": {
            "name": policy.name,
            "version": policy.version,
            "digest": policy.digest,
            "generation": policy.generation,
        },
        **decided,
        "done": of.done,
    }
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"
