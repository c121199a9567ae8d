"""What the interface has, as data. Written by `tools/generate.py`."""

# ruff: noqa: E501
from vehicle_connector import types
from vehicle_connector._interface import Enum, Record, Variant

INTERFACE = "vehicle:connector/policy"
VERSION = "0.2.0"

# What a component may import: types, and nothing to call.
IMPORTS: tuple[str, ...] = ()

TYPES: dict[str, Enum | Record | Variant] = {
    "manifest": Record(
        types.Manifest,
        (
            ("name", "name", "string"),
            ("version", "version", "string"),
        ),
    ),
    "phase": Enum(types.Phase),
    "certainty": Enum(types.Certainty),
    "transport": Enum(types.Transport),
    "body-kind": Enum(types.BodyKind),
    "effect": Enum(types.Effect),
    "failure": Record(
        types.Failure,
        (
            ("cloud", "cloud", "string"),
            ("operation", "operation", "string"),
            ("effect", "effect", "effect"),
            ("phase", "phase", "phase"),
            ("certainty", "certainty", "certainty"),
            ("transport", "transport", "option<transport>"),
            ("http-status", "http_status", "option<u16>"),
            ("code", "code", "option<string>"),
            ("sub-code", "sub_code", "option<string>"),
            ("oauth-error", "oauth_error", "option<string>"),
            ("retry-after", "retry_after", "option<u32>"),
            ("message", "message", "string"),
            ("body", "body", "body-kind"),
            ("token-age", "token_age", "option<u32>"),
            ("token-last-worked", "token_last_worked", "option<u32>"),
            ("endpoint", "endpoint", "option<string>"),
            ("redirect", "redirect", "option<string>"),
            ("content-type", "content_type", "option<string>"),
        ),
    ),
    "failure-kind": Variant.of_names(types.FailureKind, types.Other),
    "circuit-scope": Variant.of_names(types.CircuitScope, types.Other),
    "verdict": Record(
        types.Verdict,
        (
            ("kind", "kind", "failure-kind"),
            ("rule", "rule", "string"),
            ("counts-against", "counts_against", "option<circuit-scope>"),
        ),
    ),
    "latch": Variant.of_names(types.Latch, types.Other),
    "attempt": Record(
        types.Attempt,
        (
            ("failure", "failure", "failure"),
            ("verdict", "verdict", "verdict"),
            ("number", "number", "u32"),
            ("refreshed", "refreshed", "bool"),
            ("superseded", "superseded", "bool"),
            ("elapsed", "elapsed", "u32"),
            ("remaining", "remaining", "u32"),
            ("retry-budget", "retry_budget", "u32"),
            ("random", "random", "u32"),
        ),
    ),
    "confirmation": Record(
        types.Confirmation,
        (
            ("after", "after", "u32"),
            ("within", "within", "option<u32>"),
        ),
    ),
    "decision": Variant(
        (
            ("refresh-and-retry", types.RefreshAndRetry, None),
            ("sign-in-again", types.SignInAgain, None),
            ("discard-and-retry", types.DiscardAndRetry, "string"),
            ("retry", types.Retry, "u32"),
            ("confirm", types.Confirm, "confirmation"),
            ("give-up", types.GiveUp, None),
            ("latch", types.LatchDecision, "latch"),
            ("other", types.Other, "string"),
        ),
    ),
    "refresh-reason": Enum(types.RefreshReason),
    "session-view": Record(
        types.SessionView,
        (
            ("cloud", "cloud", "string"),
            ("reason", "reason", "refresh-reason"),
            ("generation", "generation", "u64"),
            ("age", "age", "option<u32>"),
            ("expires-in", "expires_in", "option<s64>"),
            ("refresh-expires-in", "refresh_expires_in", "option<s64>"),
            ("failures", "failures", "u32"),
            ("since-failure", "since_failure", "option<u32>"),
            ("retry-after", "retry_after", "option<u32>"),
            ("refreshes-last-hour", "refreshes_last_hour", "u32"),
            ("random", "random", "u32"),
        ),
    ),
    "refresh-decision": Variant(
        (
            ("refresh", types.Refresh, None),
            ("adopt", types.Adopt, None),
            ("wait", types.Wait, "u32"),
            ("stop", types.Stop, "latch"),
            ("other", types.Other, "string"),
        ),
    ),
    "circuit-settings": Record(
        types.CircuitSettings,
        (
            ("consecutive-failures", "consecutive_failures", "u32"),
            ("failure-ratio", "failure_ratio", "f32"),
            ("minimum-calls", "minimum_calls", "u32"),
            ("window", "window", "u32"),
            ("open-for", "open_for", "u32"),
            ("probes", "probes", "u32"),
            ("probe-lease", "probe_lease", "u32"),
        ),
    ),
}

FUNCTIONS: dict[str, tuple[str | None, str]] = {
    "describe": (None, "manifest"),
    "classify": ("failure", "verdict"),
    "decide": ("attempt", "decision"),
    "admit-refresh": ("session-view", "refresh-decision"),
    "circuit": ("circuit-scope", "circuit-settings"),
}
