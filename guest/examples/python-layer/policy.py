"""A layer: one wording more than the policy of the host, which answers everything else.

What each type means is in wit/policy.wit.
"""

from wit_world import exports
from wit_world.exports import policy as p
from wit_world.imports import policy as base

# What your cloud says of a token that is no longer good, in lower case.
EXPIRED = ("access card no longer honoured",)


class Policy(exports.Policy):
    def describe(self) -> p.Manifest:
        return p.Manifest(name="my-policy", version="0.1.0")

    def classify(self, failure: p.Failure) -> p.Verdict:
        # None of these is helped by a refresh.
        session = failure.phase in (p.Phase.SIGN_IN, p.Phase.REFRESH, p.Phase.REGISTRATION)
        if not session and any(words in failure.message.lower() for words in EXPIRED):
            return p.Verdict(p.FailureKind_TokenExpired(), "my-wording", None)
        return base.classify(failure)

    def decide(self, attempt: p.Attempt) -> p.Decision:
        return base.decide(attempt)

    def admit_refresh(self, session: p.SessionView) -> p.RefreshDecision:
        return base.admit_refresh(session)

    def circuit(self, scope: p.CircuitScope) -> p.CircuitSettings:
        return base.circuit(scope)
