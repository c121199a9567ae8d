"""One generation of a policy: a component that is asked, and how it has answered so far."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, TypeVar

from vehicle_connector import _carried
from vehicle_connector._guest import Guest
from vehicle_connector.errors import CallFault
from vehicle_connector.events import Identity
from vehicle_connector.types import (
    Attempt,
    CircuitScope,
    CircuitSettings,
    Decision,
    DiscardAndRetry,
    Failure,
    LatchDecision,
    Other,
    RefreshDecision,
    SessionView,
    Stop,
    Verdict,
)

T = TypeVar("T")

# Bytes of the message that a policy is shown, and of a text that it answers with.
_MESSAGE: Final = 2_048
_ANSWER: Final = 128

# The third fault among a hundred calls ends a generation, as in `vehicle-connector`.
_CALLS: Final = 100
_FAULTS: Final = 3


class Generation:
    """A policy from one swap to the next.

    An operation works with one policy from start to end: take it once, as `policy.active`, and ask it whatever the
    operation has to ask. It answers also after another one has taken its place.
    """

    def __init__(self, guest: Guest, identity: Identity, faulted: Callable[[Generation, str, str, bool], None]) -> None:
        self._guest, self._identity, self._faulted = guest, identity, faulted
        self._mutex = threading.Lock()
        self._calls = self._faults = 0
        self._circuits: dict[CircuitScope | Other, CircuitSettings] = {}

    @property
    def identity(self) -> Identity:
        """Which component it is."""
        return self._identity

    def classify(self, failure: Failure) -> Verdict:
        """What kind of failure is this? `unknown`, by the rule `host.policy-fault`, where there is no answer."""
        verdict = self._ask("classify", _shown(failure), _carried.unanswered().verdict)
        scope = verdict.counts_against
        return Verdict(
            kind=_short(verdict.kind),
            rule=cut(verdict.rule, _ANSWER),
            counts_against=scope if scope is None else _short(scope),
        )

    def decide(self, attempt: Attempt) -> Decision:
        """What next for this operation? `give-up` where there is no answer."""
        asked = attempt
        if (shown := _shown(attempt.failure)) is not attempt.failure:
            asked = replace(attempt, failure=shown)
        decision: Decision = self._ask("decide", asked, _carried.unanswered().decision)
        match decision:
            case DiscardAndRetry(cell):
                return DiscardAndRetry(cut(cell, _ANSWER))
            case LatchDecision(latch):
                return LatchDecision(_short(latch))
            case Other(name):
                return Other(cut(name, _ANSWER))
        return decision

    def admit_refresh(self, session: SessionView) -> RefreshDecision:
        """May the session be refreshed now? `refresh` where there is no answer: what a host never does, such as
        refreshing one generation twice, is for the host.
        """
        decision: RefreshDecision = self._ask("admit-refresh", session, _carried.unanswered().refresh)
        match decision:
            case Stop(latch):
                return Stop(_short(latch))
            case Other(name):
                return Other(cut(name, _ANSWER))
        return decision

    def circuit(self, scope: CircuitScope | Other) -> CircuitSettings:
        """When this circuit opens; five failures in a row, for a minute, where there is no answer. An answer is
        remembered.
        """
        known = self._circuits.get(scope)
        if known is None:
            known = self._ask("circuit", scope, None)
            if known is None:
                return _carried.unanswered().circuit
            self._circuits[scope] = known
        return known

    def close(self) -> None:
        """Gives back what runs beside for its calls; the next call has it again."""
        self._guest.close()

    def _ask(self, question: str, argument: Any, substitute: T) -> Any | T:
        try:
            answer = self._guest.ask(question, argument)
        except CallFault as fault:
            self._faulted(self, question, str(fault), self._counts(fault=True))
            return substitute
        self._counts(fault=False)
        return answer

    def _counts(self, *, fault: bool) -> bool:
        """Counts a call. Returns whether this was one fault too many."""
        with self._mutex:
            self._calls += 1
            self._faults += fault
            too_many = fault and self._faults >= _FAULTS
            if self._calls >= _CALLS:
                self._calls = self._faults = 0
            return too_many


def cut(text: str, size: int) -> str:
    """Cuts text to this number of bytes of UTF-8, at a character's border, and marks the cut."""
    # No character has more than four bytes.
    if len(text) * 4 <= size or len(encoded := text.encode()) <= size:
        return text
    mark = "…"
    return encoded[: size - len(mark.encode())].decode(errors="ignore") + mark


def _shown(failure: Failure) -> Failure:
    message = cut(failure.message, _MESSAGE)
    return failure if message is failure.message else replace(failure, message=message)


def _short(name: Any) -> Any:
    return Other(cut(name.value, _ANSWER)) if isinstance(name, Other) else name
