"""The course of an operation, and that of a refresh, without a word on how to wait.

Both are generators: they say what to do next (`Call`, `Pause`, `Renew`), and are sent what came of it. `Keeper` does
it in an event loop, `ThreadKeeper` in threads. What follows from what, is asked of the policy and of the rules.
"""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from vehicle_connector import _rules_types as rules
from vehicle_connector import records
from vehicle_connector._generation import Generation
from vehicle_connector._rules import Rules
from vehicle_connector.errors import Latched, NotNow
from vehicle_connector.policy import Policy
from vehicle_connector.types import (
    Attempt,
    BodyKind,
    Certainty,
    Decision,
    Effect,
    Failure,
    FailureKind,
    Phase,
    RefreshReason,
    SessionView,
    Verdict,
)

# A code that no vendor has.
_NO_CODE: Final = "a-code-that-nobody-has"

_NOT_ABLE: Final = rules.Abilities(ask=False, discard=False, sign_in=False)

# Milliseconds that the types of the interface can hold.
_MOST: Final = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of the cloud when something failed: what a table of facts need not find out."""

    cloud: str
    operation: str
    effect: Effect
    phase: Phase
    token_age: int | None

    def failure(self, *, certainty: Certainty, message: str, **facts: Any) -> Failure:
        """Makes the facts of a failure, of what is known here and what is given."""
        known: dict[str, Any] = {
            "cloud": self.cloud,
            "operation": self.operation,
            "effect": self.effect,
            "phase": self.phase,
            "token_age": self.token_age,
            "body": BodyKind.NONE,
        }
        return Failure(**(known | {"certainty": certainty, "message": message} | facts))


Facts = Callable[[Exception, Asked], Failure | None]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of a failure: what the policy made of it, and what was done."""

    failure: Failure
    verdict: Verdict
    decision: Decision
    done: str


@dataclass(frozen=True, slots=True)
class Operation:
    """What a caller wants done."""

    call: Callable[[], Any]
    name: str
    effect: Effect
    vehicle: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Call:
    """Call this; its result is sent, and what it raises is thrown."""

    function: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait for so many milliseconds."""

    milliseconds: int


@dataclass(frozen=True, slots=True)
class Renew:
    """Have the session of this generation refreshed, once for everybody who wants that, as this policy decides."""

    generation: int
    policy: Generation


@dataclass(frozen=True, slots=True)
class _Result:
    """What a call has returned, whatever that is."""

    result: Any


@dataclass(slots=True)
class _Running:
    """An operation under way."""

    operation: Operation
    policy: Generation
    began: int
    name: str
    attempt: str | None = None
    error: Exception | None = None

    def remaining(self, now: int) -> int:
        """Milliseconds until it must have a result."""
        return _within(self.began + int(self.operation.seconds * 1000) - now)


Course = Generator[Call | Pause | Renew, Any, Any]


class Account:
    """An account whose session is kept."""

    def __init__(
        self,
        policy: Policy,
        cloud: str,
        facts: Facts,
        now: Callable[[], int],
        *,
        refresh: Callable[[], Any],
        sign_in: Callable[[], Any] | None,
        account: str,
        state: str | None,
        on_state: Callable[[str], None] | None,
        audit: Callable[[str], None] | None,
        age: float | None,
        life: float | None,
    ) -> None:
        self.policy, self.now, self.generation = policy, now, 1
        self._cloud, self._facts = cloud, facts
        self._refresh, self._sign_in, self._able = refresh, sign_in, replace(_NOT_ABLE, sign_in=sign_in is not None)
        self._account, self._audit = account, audit
        self._rules = Rules(state, now, on_state)
        # Generation of the session that the cloud has refused last.
        self._refused = 0
        self._obtained = None if age is None else now() - int(age * 1000)
        self._life = None if life is None else _within(int(life * 1000))
        self._numbers, self._recording = itertools.count(1), threading.Lock()
        self._names = itertools.count(1)

    @property
    def state(self) -> str:
        """What the rules want remembered."""
        return self._rules.state

    def lift(self) -> None:
        """A person has acted."""
        self._rules.ask("lift", rules.Wanted)

    def close(self) -> None:
        """Gives back what runs beside."""
        self._rules.close()

    def operate(self, operation: Operation) -> Course:
        """The course of an operation: its last result is what the caller gets."""
        # One policy from start to end, whatever is swapped in meanwhile.
        running = _Running(operation, self.policy.active, self.now(), f"{operation.name}-{next(self._names)}")
        self._rules.configure(running.policy)
        while True:
            leave = yield from self._admission(running)
            yield from self._replaced(running, leave)
            generation = self.generation
            failed = yield from self._attempt(running, leave)
            if not isinstance(failed, Failure):
                return failed.result
            action = self._judged(running, leave, failed, generation)
            match action:
                case rules.Refresh() | rules.SignInAgain():
                    self._refused = generation
                    yield from self._renewed(running, generation)
                case rules.Pause(milliseconds):
                    yield Pause(milliseconds)
                case rules.LatchAction(latch):
                    raise Latched(latch, failed.message) from running.error
                case _:
                    raise running.error or AssertionError("a failure without an exception")

    def _admission(self, running: _Running) -> Generator[Pause, Any, rules.Leave]:
        """Waits for leave to make an attempt."""
        operation = running.operation
        while True:
            admitted = self._rules.ask(
                "admit",
                rules.Admission,
                attempt=running.attempt,
                vehicle=operation.vehicle,
                reads=operation.effect == Effect.READ,
                remaining=running.remaining(self.now()),
            )
            match admitted:
                case rules.Wait(milliseconds):
                    yield Pause(milliseconds)
                case rules.Refused(refusal) if running.error is not None and refusal.latch is None:
                    # It has failed, and is not repeated: that is what its caller wants to know.
                    raise running.error from _error(refusal)
                case rules.Refused(refusal):
                    raise _error(refusal) from running.error
                case rules.Go(leave):
                    return leave

    def _attempt(self, running: _Running, leave: rules.Leave) -> Generator[Call, Any, Failure | _Result]:
        """Calls once. Raises what is no failure of the cloud's."""
        operation = running.operation
        try:
            result = yield Call(operation.call)
        except Exception as error:
            running.error = error
            asked = self._asked(operation.name, operation.effect, _phase(operation.effect))
            return self._known(error, asked, leave.attempt)
        except BaseException:
            self._rules.ask("abandoned", rules.End, attempt=leave.attempt)
            raise
        self._rules.ask("succeeded", rules.End, attempt=leave.attempt)
        return _Result(result)

    def _judged(self, running: _Running, leave: rules.Leave, failure: Failure, generation: int) -> rules.Action:
        """Asks what a failure is and what should follow, and then what of that may."""
        policy, now = running.policy, self.now()
        attempt = Attempt(
            failure=failure,
            verdict=policy.classify(failure),
            number=leave.number,
            refreshed=leave.refreshed,
            superseded=False,
            elapsed=_within(now - running.began),
            remaining=running.remaining(now),
            retry_budget=leave.retry_budget,
            random=random.getrandbits(32),
        )
        decision = policy.decide(attempt)
        facts = self._failed(policy, attempt, decision, leave.attempt)
        consequence: rules.Consequence = self._rules.ask("failed", rules.FailedAttempt, **facts)
        running.attempt = consequence.attempt
        self._record(policy, attempt, decision, consequence.done, running.name, generation)
        _note(running.error, Judgement(failure, attempt.verdict, decision, consequence.done))
        return consequence.action

    def _replaced(self, running: _Running, leave: rules.Leave) -> Course:
        """Has a session replaced that the cloud has refused: sending it again would only tell the same."""
        if self._refused != self.generation:
            return
        try:
            yield from self._renewed(running, self.generation)
        except BaseException:
            self._rules.ask("abandoned", rules.End, attempt=leave.attempt)
            raise

    def _renewed(self, running: _Running, generation: int) -> Course:
        """Has the session refreshed; waits for the next refresh where that is worth it and there is time."""
        while self.generation == generation:
            try:
                yield Renew(generation, running.policy)
                return
            except NotNow as refused:
                due = refused.retry_in
                if not refused.worth_waiting or due is None or due >= running.remaining(self.now()):
                    raise refused from running.error
            except Latched as latched:
                raise latched from running.error
            yield Pause(due)

    def renew(self, wanted: Renew) -> Course:
        """The course of a refresh, of which there is one at a time. Raises `Latched` or `NotNow`."""
        # The policy of the operation that wants it, also where another one was swapped in since.
        generation, policy = wanted.generation, wanted.policy
        considered = self._rules.ask("consider-refresh", rules.Wanted)
        if isinstance(considered, rules.Refused):
            raise _error(considered.value)
        history: rules.History = considered.value
        age = None if self._obtained is None else _within(self.now() - self._obtained)
        session = SessionView(
            cloud=self._cloud,
            reason=RefreshReason.REFUSED,
            generation=generation,
            age=age,
            failures=history.failures,
            since_failure=history.since_failure,
            retry_after=history.retry_after,
            refreshes_last_hour=history.refreshes_last_hour,
            random=random.getrandbits(32),
        )
        decision = policy.admit_refresh(session)
        admitted = self._rules.ask(
            "admit-refresh",
            rules.RefreshAdmission,
            reason=RefreshReason.REFUSED,
            generation=generation,
            age=age,
            life=self._life,
            decision=decision,
        )
        done = {rules.Renew: "refresh", rules.Adopt: "adopt"}.get(type(admitted))
        done = done or f"no refresh: {admitted.value.why}"
        self._write(lambda of: records.of_refresh(policy.identity, session, decision, of), done, "refresh", generation)
        match admitted:
            case rules.Refused(refusal):
                raise _error(refusal)
            case rules.Renew(leave):
                yield from self._obtain(policy, leave.refresh, generation)

    def _obtain(self, policy: Generation, refresh: str, generation: int) -> Course:
        function, phase, name = self._refresh, Phase.REFRESH, "refresh_session"
        while True:
            try:
                yield Call(function)
            except Exception as error:
                failure = self._known(error, self._asked(name, Effect.SESSION, phase), refresh)
                failed = error
            except BaseException:
                self._rules.ask("abandoned", rules.End, attempt=refresh)
                raise
            else:
                self._rules.ask("refreshed", rules.End, attempt=refresh)
                self._obtained, self.generation = self.now(), generation + 1
                return
            attempt = Attempt(
                failure=failure,
                verdict=policy.classify(failure),
                number=1,
                refreshed=False,
                superseded=False,
                elapsed=0,
                remaining=0,
                retry_budget=0,
                random=random.getrandbits(32),
            )
            decision = policy.decide(attempt)
            facts = self._failed(policy, attempt, decision, refresh)
            match self._rules.ask("not-refreshed", rules.FailedAttempt, **facts):
                case rules.SignIn(leave) if self._sign_in is not None:
                    self._record(policy, attempt, decision, "sign in again", name, generation)
                    function, phase, name, refresh = self._sign_in, Phase.SIGN_IN, "sign_in", leave.refresh
                case rules.Refused(refusal):
                    self._record(policy, attempt, decision, refusal.done, name, generation)
                    _note(failed, Judgement(failure, attempt.verdict, decision, refusal.done))
                    raise _error(refusal) from failed

    def _asked(self, name: str, effect: Effect, phase: Phase) -> Asked:
        age = None if self._obtained is None else _within(self.now() - self._obtained)
        return Asked(self._cloud, name, effect, phase, age)

    def _known(self, error: Exception, asked: Asked, ended: str) -> Failure:
        """What is known of a failure. One that is not the cloud's is raised, and what has ended counts for nothing."""
        failure = None
        try:
            failure = self._facts(error, asked)
        finally:
            if failure is None:
                self._rules.ask("abandoned", rules.End, attempt=ended)
        if failure is None:
            raise error
        return failure

    def _failed(self, policy: Generation, attempt: Attempt, decision: Decision, ended: str) -> dict[str, Any]:
        return {
            "attempt": ended,
            "failure": attempt.failure,
            "verdict": attempt.verdict,
            "decision": decision,
            "code_refuses": _code_refuses(policy, attempt.failure),
            "able": self._able,
            "remaining": attempt.remaining,
        }

    def _record(
        self, policy: Generation, attempt: Attempt, decision: Decision, done: str, name: str, generation: int
    ) -> None:
        self._write(lambda of: records.of_failure(policy.identity, attempt, decision, of), done, name, generation)

    def _write(self, line: Callable[[records.Circumstances], str], done: str, name: str, generation: int) -> None:
        if self._audit is None:
            return
        with self._recording:
            of = records.Circumstances(
                seq=next(self._numbers),
                at=datetime.fromtimestamp(self.now() / 1000, UTC),
                account=self._account,
                operation=name,
                session_generation=generation,
                done=done,
            )
            self._audit(line(of))


def _code_refuses(policy: Generation, failure: Failure) -> bool:
    """Whether a policy knows the code itself as a refusal of credentials: of it alone, and not of another one."""
    if failure.code is None or failure.phase not in (Phase.SIGN_IN, Phase.REFRESH):
        return False
    alone = replace(failure, http_status=None, oauth_error=None, message="")
    other = replace(alone, code=_NO_CODE, sub_code=None)
    return [policy.classify(asked).kind == FailureKind.CREDENTIALS_REJECTED for asked in (alone, other)] == [
        True,
        False,
    ]


def _error(refusal: rules.Refusal) -> Latched | NotNow:
    if refusal.latch is not None:
        return Latched(refusal.latch, refusal.why)
    return NotNow(refusal.why, refusal.retry_in, refusal.worth_waiting)


def _note(error: Exception | None, judgement: Judgement) -> None:
    """Leaves with an exception what became of it: as a note for people, and as `judgement` for programs."""
    if error is None:
        return
    verdict = judgement.verdict
    error.add_note(f"vehicle-connector: {verdict.kind.value} (rule {verdict.rule}): {judgement.done}")
    error.judgement = judgement  # type: ignore[attr-defined]


def _phase(effect: Effect) -> Phase:
    return Phase.STATUS if effect == Effect.READ else Phase.COMMAND


def _within(milliseconds: int) -> int:
    return max(0, min(milliseconds, _MOST))
