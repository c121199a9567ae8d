"""A policy: five pure functions. The same question has the same answer, whenever it is asked.

What each type means, in which units, and who enforces what is in wit/policy.wit.
"""

from wit_world import exports
from wit_world.exports import policy as p

CONFIRM = 5_000  # When to ask what became of a command, in milliseconds.
PAUSE = 1_000  # Before a read is tried a second time, in milliseconds; it doubles.
TRIES = 3  # How often a read is tried.
REST = 30_000  # After a refresh that failed, in milliseconds.

# What your cloud says of a token that is no longer good, in lower case.
EXPIRED = ("token is expired", "token has expired")


class Policy(exports.Policy):
    def describe(self) -> p.Manifest:
        return p.Manifest(name="my-policy", version="0.1.0")

    def classify(self, failure: p.Failure) -> p.Verdict:
        status = failure.http_status or 0
        text = failure.message.lower()
        session = failure.phase in (p.Phase.SIGN_IN, p.Phase.REFRESH)
        scope = p.CircuitScope_TokenEndpoint() if session else p.CircuitScope_Cloud()
        if failure.transport == p.Transport.DENIED:
            return p.Verdict(p.FailureKind_InvalidRequest(), "denied", None)
        if failure.transport is not None:
            return p.Verdict(p.FailureKind_Transient(), "transport", scope)
        if status == 429:
            return p.Verdict(p.FailureKind_RateLimited(), "http-429", p.CircuitScope_Account())
        if status >= 500:
            return p.Verdict(p.FailureKind_Transient(), "http-5xx", scope)
        if session:
            # Whatever the words are: a sign-in or a refresh that is refused is not helped by a refresh.
            if status in (400, 401, 403):
                return p.Verdict(p.FailureKind_CredentialsRejected(), "session-refused", None)
            return p.Verdict(p.FailureKind_Unknown(), "none", None)
        if failure.phase == p.Phase.REGISTRATION:
            # Nor is a registration; what it was refused for, its words do not tell.
            return p.Verdict(p.FailureKind_Unknown(), "none", None)
        if any(words in text for words in EXPIRED):
            return p.Verdict(p.FailureKind_TokenExpired(), "expired", None)
        if status == 401:
            return p.Verdict(p.FailureKind_TokenExpired(), "http-401", None)
        return p.Verdict(p.FailureKind_Unknown(), "none", None)

    def decide(self, attempt: p.Attempt) -> p.Decision:
        failure = attempt.failure
        kind = attempt.verdict.kind
        is_read = failure.effect == p.Effect.READ
        is_session = failure.effect == p.Effect.SESSION
        may_have_acted = failure.certainty == p.Certainty.ACCEPTED or (
            failure.certainty == p.Certainty.AMBIGUOUS and not is_read and not is_session
        )
        if isinstance(kind, p.FailureKind_CredentialsRejected):
            return p.Decision_Latch(p.Latch_AuthRequired())
        if may_have_acted:
            if CONFIRM < attempt.remaining:
                return p.Decision_Confirm(p.Confirmation(after=CONFIRM, within=None))
            return p.Decision_GiveUp()
        if isinstance(kind, p.FailureKind_TokenExpired) and not attempt.refreshed:
            return p.Decision_RefreshAndRetry()
        if isinstance(kind, p.FailureKind_Transient) and is_read and attempt.number < TRIES:
            # Half of the pause is chance, so that callers that failed together spread out.
            pause = PAUSE * attempt.number
            pause = max(pause + attempt.random % pause, failure.retry_after or 0)
            if attempt.retry_budget > 0 and pause < attempt.remaining:
                return p.Decision_Retry(pause)
        return p.Decision_GiveUp()

    def admit_refresh(self, session: p.SessionView) -> p.RefreshDecision:
        since = session.since_failure
        if session.failures > 0 and since is not None and since < REST:
            return p.RefreshDecision_Wait(REST - since)
        return p.RefreshDecision_Refresh()

    def circuit(self, scope: p.CircuitScope) -> p.CircuitSettings:
        return p.CircuitSettings(
            consecutive_failures=5,
            failure_ratio=0.0,
            minimum_calls=20,
            window=60_000,
            open_for=60_000,
            probes=1,
            probe_lease=60_000,
        )
