"""The types of `vehicle:connector/policy@0.2.0`.

Records are frozen dataclasses, enums are `StrEnum`s with the names of the interface. A variant of names
is an enum, or `Other` with a name that this version does not know; of any other variant each case is a
class, for `match`. Values are checked when they are made: 65937 is no `u16`.

Written by `tools/generate.py`; change `wit/policy.wit` instead.
"""

# ruff: noqa: E501
from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vehicle_connector import _checks as check

Milliseconds = int
"""A `u32`. What is longer than 2^32 - 1 of them is told as that many."""


@dataclass(frozen=True, slots=True)
class Other:
    """A case that this version has no name for. It has no effect: nothing is repeated for it."""

    value: str

    def __post_init__(self) -> None:
        check.str_("other", self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Who this policy is."""

    name: str
    """A short name, `[a-z0-9-]+`."""
    version: str
    """A version, by convention semantic."""

    def __post_init__(self) -> None:
        check.str_("manifest.name", self.name)
        check.str_("manifest.version", self.version)


class Phase(StrEnum):
    """Which step failed. The meaning of each case is that of `types.phase`."""

    SIGN_IN = "sign-in"
    """Obtaining the first session."""
    REFRESH = "refresh"
    """Refreshing a session."""
    REGISTRATION = "registration"
    """Registering as a device."""
    PIN = "pin"
    """Exchanging the PIN."""
    STATUS = "status"
    """Reading."""
    COMMAND = "command"
    """Sending a command."""
    CONFIRMATION = "confirmation"
    """Asking what became of a command."""
    UNKNOWN = "unknown"
    """Not known."""


class Certainty(StrEnum):
    """Whether the vehicle may have acted. The meaning of each case is that of `types.certainty`."""

    NOT_SENT = "not-sent"
    """Nothing left this machine."""
    REJECTED = "rejected"
    """The cloud refused before it passed anything on. Of a command the host lets this stand only for the
    vendor's codes that it knows to mean that, for HTTP 401 and 429, and for a 503 that says when to
    come again.
    """
    AMBIGUOUS = "ambiguous"
    """It may have been executed: there was no answer, or one that does not say."""
    ACCEPTED = "accepted"
    """The cloud took it."""


class Transport(StrEnum):
    """How far a request without an answer came. The meaning of each case is that of `types.transport`."""

    NOT_SENT = "not-sent"
    """Not sent."""
    INTERRUPTED = "interrupted"
    """Sent, and not answered whole."""
    DENIED = "denied"
    """Not allowed by the host."""
    OTHER = "other"
    """Something else."""


class BodyKind(StrEnum):
    """What the answer looked like. The meaning of each case is that of `types.body-kind`."""

    NONE = "none"
    """No answer, or an empty one."""
    JSON = "json"
    """JSON."""
    HTML = "html"
    """HTML."""
    OTHER = "other"
    """Anything else."""


class Effect(StrEnum):
    """What an operation does to the world, decided by the host for each operation."""

    READ = "read"
    """Changes nothing."""
    SET = "set"
    """Sets an absolute value; doing it twice is doing it once."""
    ACTUATION = "actuation"
    """Moves something: lock, unlock, start, open. Doing it twice may not be doing it once."""
    SESSION = "session"
    """Obtains or refreshes a session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One failed attempt, as facts."""

    cloud: str
    """Which cloud speaks, for instance `hyundai-kia-eu`. Vendor codes mean nothing without it."""
    operation: str
    """The operation's name, for instance `lock`."""
    effect: Effect
    """What the operation does."""
    phase: Phase
    """Which step failed."""
    certainty: Certainty
    """Whether the vehicle may have acted."""
    transport: Transport | None = None
    """Set when there is no HTTP answer."""
    http_status: int | None = None
    """The HTTP status, when there is an answer."""
    code: str | None = None
    """The vendor's error code as written."""
    sub_code: str | None = None
    """A second vendor code."""
    oauth_error: str | None = None
    """The OAuth `error` value (RFC 6749 §5.2, RFC 6750 §3)."""
    retry_after: Milliseconds | None = None
    """How long the server asked to wait."""
    message: str
    """The vendor's own words, at most 2,048 bytes, without secrets."""
    body: BodyKind
    """What the answer looked like."""
    token_age: Milliseconds | None = None
    """The age of the access token that was refused; none when none was used."""
    token_last_worked: Milliseconds | None = None
    """Since the cloud last took this access token; none when it never did."""
    endpoint: str | None = None
    """The endpoint that the last request of the attempt went to, by its name in the connector; none when
    none left.
    """
    redirect: str | None = None
    """Where its answer led: scheme, host and path of `Location` (RFC 9110 §10.2.2), without query and
    fragment, which may hold secrets. Only of a 3xx answer.
    """
    content_type: str | None = None
    """The media type of its answer (RFC 9110 §8.3.1), in lower case and without parameters."""

    def __post_init__(self) -> None:
        check.str_("failure.cloud", self.cloud)
        check.str_("failure.operation", self.operation)
        check.one_of("failure.effect", self.effect, (Effect,))
        check.one_of("failure.phase", self.phase, (Phase,))
        check.one_of("failure.certainty", self.certainty, (Certainty,))
        if self.transport is not None:
            check.one_of("failure.transport", self.transport, (Transport,))
        if self.http_status is not None:
            check.integer("failure.http-status", self.http_status, "u16")
        if self.code is not None:
            check.str_("failure.code", self.code)
        if self.sub_code is not None:
            check.str_("failure.sub-code", self.sub_code)
        if self.oauth_error is not None:
            check.str_("failure.oauth-error", self.oauth_error)
        if self.retry_after is not None:
            check.integer("failure.retry-after", self.retry_after, "u32")
        check.str_("failure.message", self.message)
        check.one_of("failure.body", self.body, (BodyKind,))
        if self.token_age is not None:
            check.integer("failure.token-age", self.token_age, "u32")
        if self.token_last_worked is not None:
            check.integer("failure.token-last-worked", self.token_last_worked, "u32")
        if self.endpoint is not None:
            check.str_("failure.endpoint", self.endpoint)
        if self.redirect is not None:
            check.str_("failure.redirect", self.redirect)
        if self.content_type is not None:
            check.str_("failure.content-type", self.content_type)


class FailureKind(StrEnum):
    """What kind of failure it is."""

    TOKEN_EXPIRED = "token-expired"
    """The access token is no longer good; a refresh or a new sign-in may help."""
    TOKEN_REFUSED_FRESH = "token-refused-fresh"
    """The access token was refused although it was just obtained, so it cannot have expired: something
    else ends the sessions, or the account may not do this.
    """
    DEVICE_UNREGISTERED = "device-unregistered"
    """The device registration is no longer known to the cloud."""
    CONTROL_TOKEN_EXPIRED = "control-token-expired"
    """The permission that the PIN gave has ended."""
    CREDENTIALS_REJECTED = "credentials-rejected"
    """A person must act, because a credential is wrong or was revoked: password, PIN, grant."""
    CHALLENGE_REQUIRED = "challenge-required"
    """A person must do something more: answer with a code, accept terms."""
    CLIENT_REFUSED = "client-refused"
    """The vendor refuses this program, whoever uses it: another version of the connector is needed."""
    RATE_LIMITED = "rate-limited"
    """Too many requests, or a quota is used up."""
    BUSY = "busy"
    """The vehicle or the cloud is busy with an earlier request."""
    BATTERY_LOW = "battery-low"
    """A battery of the vehicle is too low for this: the one of 12 V, or that of the drive."""
    NO_DATA = "no-data"
    """The cloud has no data of this vehicle, and nothing is wrong with that."""
    VEHICLE_UNREACHABLE = "vehicle-unreachable"
    """The cloud could not reach the vehicle."""
    TRANSIENT = "transient"
    """The network or the cloud is unwell; later may be better."""
    UNSUPPORTED = "unsupported"
    """This vehicle cannot do this."""
    INVALID_REQUEST = "invalid-request"
    """The request itself is wrong; repeating it will not help."""
    MALFORMED = "malformed"
    """The answer is not what this protocol says."""
    UNKNOWN = "unknown"
    """No rule matched."""


class CircuitScope(StrEnum):
    """Whose health a failure tells about. Each has a circuit of its own."""

    TOKEN_ENDPOINT = "token-endpoint"
    """The token endpoint of this account."""
    CLOUD = "cloud"
    """The vendor's cloud."""
    ACCOUNT = "account"
    """This account."""
    VEHICLE = "vehicle"
    """This vehicle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer of `classify`."""

    kind: FailureKind | Other
    """The kind of failure."""
    rule: str
    """The identifier of the rule that matched, for the audit trail; `none` when none did."""
    counts_against: CircuitScope | Other | None = None
    """The circuit that this failure counts against. Business answers (busy, unsupported, a wrong PIN)
    count against none.
    """

    def __post_init__(self) -> None:
        check.one_of("verdict.kind", self.kind, (FailureKind, Other))
        check.str_("verdict.rule", self.rule)
        if self.counts_against is not None:
            check.one_of("verdict.counts-against", self.counts_against, (CircuitScope, Other))


class Latch(StrEnum):
    """A state that ends only when a person acts."""

    AUTH_REQUIRED = "auth-required"
    """New credentials are needed."""
    OTP_REQUIRED = "otp-required"
    """A one-time code is needed."""
    CONSENT_REQUIRED = "consent-required"
    """Terms must be accepted in the vendor's app or site."""
    BLOCKED = "blocked"
    """The vendor blocks this client; silence for a long time is the only cure."""
    CLIENT_REFUSED = "client-refused"
    """The vendor refuses this version of the connector. Another version of it ends the latch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Everything that a decision depends on."""

    failure: Failure
    """What failed."""
    verdict: Verdict
    """What `classify` said of it."""
    number: int
    """How many times this step was tried, counting this one; from 1."""
    refreshed: bool
    """Whether this step is already the repeat after a refresh."""
    superseded: bool
    """Whether a newer command for the same actuator waits."""
    elapsed: Milliseconds
    """Since the operation was accepted."""
    remaining: Milliseconds
    """Until the operation must have a result."""
    retry_budget: int
    """How many more times the host would let this step be tried."""
    random: int
    """32 random bits from the host, for jitter."""

    def __post_init__(self) -> None:
        check.one_of("attempt.failure", self.failure, (Failure,))
        check.one_of("attempt.verdict", self.verdict, (Verdict,))
        check.integer("attempt.number", self.number, "u32")
        check.bool_("attempt.refreshed", self.refreshed)
        check.bool_("attempt.superseded", self.superseded)
        check.integer("attempt.elapsed", self.elapsed, "u32")
        check.integer("attempt.remaining", self.remaining, "u32")
        check.integer("attempt.retry-budget", self.retry_budget, "u32")
        check.integer("attempt.random", self.random, "u32")


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """How to find out what became of a command."""

    after: Milliseconds
    """When to ask."""
    within: Milliseconds | None = None
    """For how long to go on asking, from now, where that is shorter than what remains of the operation."""

    def __post_init__(self) -> None:
        check.integer("confirmation.after", self.after, "u32")
        if self.within is not None:
            check.integer("confirmation.within", self.within, "u32")


@dataclass(frozen=True, slots=True)
class RefreshAndRetry:
    """Refresh the session, unless somebody else already did, and repeat this step once."""


@dataclass(frozen=True, slots=True)
class SignInAgain:
    """The session is over, and only its credentials can bring another one: forget it, sign in anew, and
    repeat this step once. The host does so only when the owner has configured a password, within the
    sign-ins of the day, once for each session generation, and never after a sign-in that was refused;
    otherwise it is `latch(auth-required)`.
    """


@dataclass(frozen=True, slots=True)
class DiscardAndRetry:
    """Forget the named lock cell (for instance `device-registration`) if it is still the one that this
    attempt used, and repeat this step once.
    """

    value: str

    def __post_init__(self) -> None:
        check.str_("decision.discard-and-retry", self.value)


@dataclass(frozen=True, slots=True)
class Retry:
    """Repeat this step after so long. The host adds nothing and caps it."""

    value: Milliseconds

    def __post_init__(self) -> None:
        check.integer("decision.retry", self.value, "u32")


@dataclass(frozen=True, slots=True)
class Confirm:
    """Do not send again; ask what became of it."""

    value: Confirmation

    def __post_init__(self) -> None:
        check.one_of("decision.confirm", self.value, (Confirmation,))


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The operation has failed."""


@dataclass(frozen=True, slots=True)
class LatchDecision:
    """The operation has failed, and so will all others until a person acts."""

    value: Latch | Other

    def __post_init__(self) -> None:
        check.one_of("decision.latch", self.value, (Latch, Other))


Decision = RefreshAndRetry | SignInAgain | DiscardAndRetry | Retry | Confirm | GiveUp | LatchDecision | Other
"""What next for this operation."""


class RefreshReason(StrEnum):
    """Why a refresh is asked for."""

    MISSING = "missing"
    """There is no session yet."""
    REFUSED = "refused"
    """The cloud refused the access token."""
    EXPIRING = "expiring"
    """The access token is about to expire."""
    UNUSED = "unused"
    """The refresh token would end unused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """The session as the host sees it when somebody wants it refreshed. The host has already made sure
    that nobody else refreshed it since the attempt that failed.
    """

    cloud: str
    """Which cloud."""
    reason: RefreshReason
    """Why."""
    generation: int
    """The session's generation; 0 when there is none yet."""
    age: Milliseconds | None = None
    """Since the session was obtained or last refreshed."""
    expires_in: int | None = None
    """Milliseconds until the access token ends, if the cloud said; negative when it has ended."""
    refresh_expires_in: int | None = None
    """The same of the refresh token."""
    failures: int
    """Refreshes that failed since the last one that worked."""
    since_failure: Milliseconds | None = None
    """Since the last refresh that failed."""
    retry_after: Milliseconds | None = None
    """What the server asked to wait when it last failed."""
    refreshes_last_hour: int
    """Refreshes that worked in the last hour."""
    random: int
    """32 random bits from the host, for jitter."""

    def __post_init__(self) -> None:
        check.str_("session-view.cloud", self.cloud)
        check.one_of("session-view.reason", self.reason, (RefreshReason,))
        check.integer("session-view.generation", self.generation, "u64")
        if self.age is not None:
            check.integer("session-view.age", self.age, "u32")
        if self.expires_in is not None:
            check.integer("session-view.expires-in", self.expires_in, "s64")
        if self.refresh_expires_in is not None:
            check.integer("session-view.refresh-expires-in", self.refresh_expires_in, "s64")
        check.integer("session-view.failures", self.failures, "u32")
        if self.since_failure is not None:
            check.integer("session-view.since-failure", self.since_failure, "u32")
        if self.retry_after is not None:
            check.integer("session-view.retry-after", self.retry_after, "u32")
        check.integer("session-view.refreshes-last-hour", self.refreshes_last_hour, "u32")
        check.integer("session-view.random", self.random, "u32")


@dataclass(frozen=True, slots=True)
class Refresh:
    """Refresh now."""


@dataclass(frozen=True, slots=True)
class Adopt:
    """Take the session as it is."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Not before so long. Whoever waits is told so now."""

    value: Milliseconds

    def __post_init__(self) -> None:
        check.integer("refresh-decision.wait", self.value, "u32")


@dataclass(frozen=True, slots=True)
class Stop:
    """Never, until a person acts."""

    value: Latch | Other

    def __post_init__(self) -> None:
        check.one_of("refresh-decision.stop", self.value, (Latch, Other))


RefreshDecision = Refresh | Adopt | Wait | Stop | Other
"""Whether to refresh."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitSettings:
    """When a circuit opens and how it closes."""

    consecutive_failures: int
    """Open after so many failures in a row; 0 switches this rule off."""
    failure_ratio: float
    """Open when at least this share of the calls in the window failed, from 0 to 1; 0 switches this rule
    off.
    """
    minimum_calls: int
    """The least number of calls in the window before the share means anything."""
    window: Milliseconds
    """The length of the rolling window."""
    open_for: Milliseconds
    """How long an open circuit refuses before it lets probes through."""
    probes: int
    """How many probes may be under way at once when half open."""
    probe_lease: Milliseconds
    """After so long without a result, a probe's place is given to another."""

    def __post_init__(self) -> None:
        check.integer("circuit-settings.consecutive-failures", self.consecutive_failures, "u32")
        check.float_("circuit-settings.failure-ratio", self.failure_ratio)
        check.integer("circuit-settings.minimum-calls", self.minimum_calls, "u32")
        check.integer("circuit-settings.window", self.window, "u32")
        check.integer("circuit-settings.open-for", self.open_for, "u32")
        check.integer("circuit-settings.probes", self.probes, "u32")
        check.integer("circuit-settings.probe-lease", self.probe_lease, "u32")
