"""The types of `vehicle:rules/keeper@0.1.0`.

Records are frozen dataclasses, enums are `StrEnum`s with the names of the interface. A variant of names
is an enum, or `Other` with a name that this version does not know; of any other variant each case is a
class, for `match`. Values are checked when they are made: 65937 is no `u16`.

Written by `tools/generate.py`; change `guest/rules/wit/rules.wit` instead.
"""

# ruff: noqa: E501
from __future__ import annotations

from dataclasses import dataclass

from vehicle_connector import _checks as check
from vehicle_connector import types as policy


@dataclass(frozen=True, slots=True)
class Good:
    """It is."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """It is not, or one of another version: why, in words."""

    value: str

    def __post_init__(self) -> None:
        check.str_("checked.unreadable", self.value)


Checked = Good | Unreadable
"""Whether a text is a state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What `configure` is told."""

    state: str | None = None
    """The state, if there is one."""
    token_endpoint: policy.CircuitSettings
    """The policy's answer to `circuit` for the token endpoint."""
    cloud: policy.CircuitSettings
    """The same for the cloud."""
    account: policy.CircuitSettings
    """The same for the account."""
    vehicle: policy.CircuitSettings
    """The same for each vehicle."""
    now: int
    """What the clock shows."""

    def __post_init__(self) -> None:
        if self.state is not None:
            check.str_("configuration.state", self.state)
        check.one_of("configuration.token-endpoint", self.token_endpoint, (policy.CircuitSettings,))
        check.one_of("configuration.cloud", self.cloud, (policy.CircuitSettings,))
        check.one_of("configuration.account", self.account, (policy.CircuitSettings,))
        check.one_of("configuration.vehicle", self.vehicle, (policy.CircuitSettings,))
        check.integer("configuration.now", self.now, "u64")


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """An attempt that is about to be made."""

    state: str
    """The state."""
    attempt: str | None = None
    """What the answer about the attempt before said of it; none of the first one of an operation."""
    vehicle: str | None = None
    """The vehicle, by any name that stays the same."""
    reads: bool
    """Whether it changes nothing, so that it may find out whether a cloud is well again."""
    remaining: int
    """Milliseconds until the operation must have a result."""
    now: int
    """What the clock shows."""

    def __post_init__(self) -> None:
        check.str_("admission.state", self.state)
        if self.attempt is not None:
            check.str_("admission.attempt", self.attempt)
        if self.vehicle is not None:
            check.str_("admission.vehicle", self.vehicle)
        check.bool_("admission.reads", self.reads)
        check.integer("admission.remaining", self.remaining, "u32")
        check.integer("admission.now", self.now, "u64")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """Leave to make an attempt. Its end is told with `succeeded`, `failed` or `abandoned`."""

    state: str | None = None
    """The state, if it has changed."""
    attempt: str
    """The attempt, for the question about its end."""
    number: int
    """How often the step was tried, counting this one."""
    refreshed: bool
    """Whether it is the repeat after a refresh."""
    retry_budget: int
    """How many more times it may be tried."""

    def __post_init__(self) -> None:
        if self.state is not None:
            check.str_("leave.state", self.state)
        check.str_("leave.attempt", self.attempt)
        check.integer("leave.number", self.number, "u32")
        check.bool_("leave.refreshed", self.refreshed)
        check.integer("leave.retry-budget", self.retry_budget, "u32")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why something is not done now."""

    state: str | None = None
    """The state, if it has changed."""
    latch: policy.Latch | policy.Other | None = None
    """The latch, if that is why: only a person ends it, or a long silence if it is `blocked`."""
    why: str
    """Why, in words."""
    done: str
    """What is done instead, in words, for the audit trail."""
    retry_in: int | None = None
    """Milliseconds after which it may be different; none if only a person can change it."""
    worth_waiting: bool
    """Whether an operation that has the time waits so long and asks again."""

    def __post_init__(self) -> None:
        if self.state is not None:
            check.str_("refusal.state", self.state)
        if self.latch is not None:
            check.one_of("refusal.latch", self.latch, (policy.Latch, policy.Other))
        check.str_("refusal.why", self.why)
        check.str_("refusal.done", self.done)
        if self.retry_in is not None:
            check.integer("refusal.retry-in", self.retry_in, "u32")
        check.bool_("refusal.worth-waiting", self.worth_waiting)


@dataclass(frozen=True, slots=True)
class Go:
    """Now."""

    value: Leave

    def __post_init__(self) -> None:
        check.one_of("admitted.go", self.value, (Leave,))


@dataclass(frozen=True, slots=True)
class Wait:
    """After so many milliseconds: ask again then. There is time for that."""

    value: int

    def __post_init__(self) -> None:
        check.integer("admitted.wait", self.value, "u32")


@dataclass(frozen=True, slots=True)
class Refused:
    """Not in the time that the operation has."""

    value: Refusal

    def __post_init__(self) -> None:
        check.one_of("admitted.refused", self.value, (Refusal,))


Admitted = Go | Wait | Refused
"""Whether an attempt may be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """An attempt that has ended without a failure to judge."""

    state: str
    """The state."""
    attempt: str
    """The attempt, or the refresh."""
    now: int
    """What the clock shows."""

    def __post_init__(self) -> None:
        check.str_("end.state", self.state)
        check.str_("end.attempt", self.attempt)
        check.integer("end.now", self.now, "u64")


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What is remembered of it."""

    state: str | None = None
    """The state, if it has changed."""

    def __post_init__(self) -> None:
        if self.state is not None:
            check.str_("remembered.state", self.state)


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What a keeper can do, and nobody else knows."""

    ask: bool
    """Ask the cloud what became of a command."""
    discard: bool
    """Forget the cell that a policy names."""
    sign_in: bool
    """Sign in anew with what the owner has given."""

    def __post_init__(self) -> None:
        check.bool_("abilities.ask", self.ask)
        check.bool_("abilities.discard", self.discard)
        check.bool_("abilities.sign-in", self.sign_in)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedAttempt:
    """An attempt that has failed, or a refresh."""

    state: str
    """The state."""
    attempt: str
    """The attempt, or the refresh."""
    failure: policy.Failure
    """What failed."""
    verdict: policy.Verdict
    """What the policy says that it is."""
    decision: policy.Decision
    """What the policy wants done."""
    code_refuses: bool
    """Whether the policy knows the failure's code as a refusal of credentials: it answers `credentials-
    rejected` for this code without status, words and OAuth error, and does not for a code that nobody
    has.
    """
    able: Abilities
    """What the keeper can do."""
    remaining: int
    """Milliseconds until the operation must have a result."""
    now: int
    """What the clock shows."""

    def __post_init__(self) -> None:
        check.str_("failed-attempt.state", self.state)
        check.str_("failed-attempt.attempt", self.attempt)
        check.one_of("failed-attempt.failure", self.failure, (policy.Failure,))
        check.one_of("failed-attempt.verdict", self.verdict, (policy.Verdict,))
        check.one_of("failed-attempt.decision", self.decision, (policy.RefreshAndRetry, policy.SignInAgain, policy.DiscardAndRetry, policy.Retry, policy.Confirm, policy.GiveUp, policy.LatchDecision, policy.Other))
        check.bool_("failed-attempt.code-refuses", self.code_refuses)
        check.one_of("failed-attempt.able", self.able, (Abilities,))
        check.integer("failed-attempt.remaining", self.remaining, "u32")
        check.integer("failed-attempt.now", self.now, "u64")


@dataclass(frozen=True, slots=True)
class Refresh:
    """Refresh the session, unless it is another one by now, and ask for the next attempt."""


@dataclass(frozen=True, slots=True)
class SignInAgain:
    """Sign in anew, likewise."""


@dataclass(frozen=True, slots=True)
class Discard:
    """Forget this cell, if it is what the attempt has used, and ask for the next attempt."""

    value: str

    def __post_init__(self) -> None:
        check.str_("action.discard", self.value)


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait for so many milliseconds, and ask for the next attempt."""

    value: int

    def __post_init__(self) -> None:
        check.integer("action.pause", self.value, "u32")


@dataclass(frozen=True, slots=True)
class Ask:
    """Send nothing; ask what became of it."""

    value: policy.Confirmation

    def __post_init__(self) -> None:
        check.one_of("action.ask", self.value, (policy.Confirmation,))


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Nothing: the operation has failed."""


@dataclass(frozen=True, slots=True)
class LatchAction:
    """Nothing: all operations fail until a person acts."""

    value: policy.Latch | policy.Other

    def __post_init__(self) -> None:
        check.one_of("action.latch", self.value, (policy.Latch, policy.Other))


Action = Refresh | SignInAgain | Discard | Pause | Ask | GiveUp | LatchAction
"""What is done about a failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """What follows from a failure."""

    state: str | None = None
    """The state, if it has changed."""
    attempt: str
    """The attempt, for the question about the next one."""
    action: Action
    """What is done."""
    done: str
    """The same in words, for the audit trail."""

    def __post_init__(self) -> None:
        if self.state is not None:
            check.str_("consequence.state", self.state)
        check.str_("consequence.attempt", self.attempt)
        check.one_of("consequence.action", self.action, (Refresh, SignInAgain, Discard, Pause, Ask, GiveUp, LatchAction))
        check.str_("consequence.done", self.done)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A session that somebody wants refreshed. Its lock is held, and it is the one that was refused."""

    state: str
    """The state."""
    now: int
    """What the clock shows."""

    def __post_init__(self) -> None:
        check.str_("wanted.state", self.state)
        check.integer("wanted.now", self.now, "u64")


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What the policy is told of earlier refreshes, in `session-view`."""

    failures: int
    """Refreshes that failed since the last one that worked."""
    since_failure: int | None = None
    """Milliseconds since the last one that failed."""
    retry_after: int | None = None
    """What the server asked to wait then."""
    refreshes_last_hour: int
    """Refreshes within the last hour."""

    def __post_init__(self) -> None:
        check.integer("history.failures", self.failures, "u32")
        if self.since_failure is not None:
            check.integer("history.since-failure", self.since_failure, "u32")
        if self.retry_after is not None:
            check.integer("history.retry-after", self.retry_after, "u32")
        check.integer("history.refreshes-last-hour", self.refreshes_last_hour, "u32")


@dataclass(frozen=True, slots=True)
class Due:
    """It is."""

    value: History

    def __post_init__(self) -> None:
        check.one_of("considered.due", self.value, (History,))


Considered = Due | Refused
"""Whether the policy is to be asked for a refresh."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshAdmission:
    """A refresh as the policy decides."""

    state: str
    """The state."""
    reason: policy.RefreshReason
    """Why it is wanted."""
    generation: int
    """The session's generation; 0 when there is none."""
    age: int | None = None
    """Milliseconds since it was obtained."""
    life: int | None = None
    """Milliseconds that it was given out for."""
    decision: policy.RefreshDecision
    """What the policy says."""
    now: int
    """What the clock shows."""

    def __post_init__(self) -> None:
        check.str_("refresh-admission.state", self.state)
        check.one_of("refresh-admission.reason", self.reason, (policy.RefreshReason,))
        check.integer("refresh-admission.generation", self.generation, "u64")
        if self.age is not None:
            check.integer("refresh-admission.age", self.age, "u32")
        if self.life is not None:
            check.integer("refresh-admission.life", self.life, "u32")
        check.one_of("refresh-admission.decision", self.decision, (policy.Refresh, policy.Adopt, policy.Wait, policy.Stop, policy.Other))
        check.integer("refresh-admission.now", self.now, "u64")


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshLeave:
    """Leave to refresh. Its end is told with `refreshed`, `not-refreshed` or `abandoned`."""

    state: str | None = None
    """The state, if it has changed."""
    refresh: str
    """The refresh, for the question about its end."""

    def __post_init__(self) -> None:
        if self.state is not None:
            check.str_("refresh-leave.state", self.state)
        check.str_("refresh-leave.refresh", self.refresh)


@dataclass(frozen=True, slots=True)
class Renew:
    """Now."""

    value: RefreshLeave

    def __post_init__(self) -> None:
        check.one_of("refresh-admitted.renew", self.value, (RefreshLeave,))


@dataclass(frozen=True, slots=True)
class Adopt:
    """The session is to be taken as it is."""


RefreshAdmitted = Renew | Adopt | Refused
"""Whether to refresh."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in: the session is over, and the keeper can. It goes on with the same lock."""

    value: RefreshLeave

    def __post_init__(self) -> None:
        check.one_of("refresh-consequence.sign-in", self.value, (RefreshLeave,))


RefreshConsequence = SignIn | Refused
"""What follows from a refresh that has failed."""
