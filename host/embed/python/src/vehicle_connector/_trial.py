"""The trial of a policy: questions whose answers are beyond dispute, under the limits that hold afterwards.

The questions and what is demanded of the answers are those of `vehicle-connector`, as data.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from vehicle_connector import _carried, forms
from vehicle_connector._guest import Guest
from vehicle_connector.errors import CallFault, Refused
from vehicle_connector.types import Attempt, CircuitScope, Manifest, RefreshReason, SessionView

# Bytes of a name, and of a version.
_LONGEST: Final = 64

_SESSION: Final = SessionView(
    cloud="hyundai-kia-eu",
    reason=RefreshReason.REFUSED,
    generation=1,
    age=3_600_000,
    failures=0,
    refreshes_last_hour=0,
    random=0,
)


def manifest_of(guest: Guest) -> Manifest:
    """Puts the trial to a component and returns who it is. Raises `Refused` with the case that it got wrong."""
    try:
        manifest: Manifest = guest.ask("describe")
        if manifest != guest.ask("describe"):
            raise Refused("the trial failed: describe does not answer the same twice")
        if not 0 < len(manifest.name.encode()) <= _LONGEST or len(manifest.version.encode()) > _LONGEST:
            raise Refused(f"the trial failed: its name or version is empty or longer than {_LONGEST} bytes")
        for question in _carried.document()["trial"]:
            _put(guest, question)
        guest.ask("admit-refresh", _SESSION)
        for scope in CircuitScope:
            guest.ask("circuit", scope)
    except CallFault as fault:
        raise Refused(f"the trial failed: {fault}") from None
    return manifest


def _put(guest: Guest, question: dict[str, Any]) -> None:
    known = forms.decode(Attempt, question["attempt"])
    verdict = guest.ask("classify", known.failure)
    decision = forms.encode(guest.ask("decide", replace(known, verdict=verdict)), "decision")
    name = decision if isinstance(decision, str) else next(iter(decision))
    judge(question["case"], question["demands"], str(verdict.kind.value), name)


def judge(case: str, demands: dict[str, Any], kind: str, decision: str) -> None:
    """Holds the answers about a case to what is demanded of them. Raises `Refused`."""
    if kind != demands.get("kind", kind):
        raise Refused(f"the trial failed: {case} is classified as {kind} and not as {demands['kind']}")
    if kind in demands.get("not_kind", ()):
        raise Refused(f"the trial failed: {case} is classified as {kind}")
    if decision != demands.get("decision", decision):
        raise Refused(f"the trial failed: after {case} it decides {decision} and not {demands['decision']}")
    if decision in demands.get("not_decision", ()):
        raise Refused(f"the trial failed: after {case} it decides {decision}")
