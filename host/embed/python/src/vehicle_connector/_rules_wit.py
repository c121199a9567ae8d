"""What the interface has, as data. Written by `tools/generate.py`."""

# ruff: noqa: E501
from vehicle_connector import _rules_types
from vehicle_connector._interface import Enum, Record, Variant
from vehicle_connector._wit import TYPES as USED

INTERFACE = "vehicle:rules/keeper"
VERSION = "0.1.0"

# What a component may import: types, and nothing to call.
IMPORTS: tuple[str, ...] = ("vehicle:connector/policy@0.2.0",)

TYPES: dict[str, Enum | Record | Variant] = USED | {
    "checked": Variant(
        (
            ("good", _rules_types.Good, None),
            ("unreadable", _rules_types.Unreadable, "string"),
        ),
    ),
    "configuration": Record(
        _rules_types.Configuration,
        (
            ("state", "state", "option<string>"),
            ("token-endpoint", "token_endpoint", "circuit-settings"),
            ("cloud", "cloud", "circuit-settings"),
            ("account", "account", "circuit-settings"),
            ("vehicle", "vehicle", "circuit-settings"),
            ("now", "now", "u64"),
        ),
    ),
    "admission": Record(
        _rules_types.Admission,
        (
            ("state", "state", "string"),
            ("attempt", "attempt", "option<string>"),
            ("vehicle", "vehicle", "option<string>"),
            ("reads", "reads", "bool"),
            ("remaining", "remaining", "u32"),
            ("now", "now", "u64"),
        ),
    ),
    "leave": Record(
        _rules_types.Leave,
        (
            ("state", "state", "option<string>"),
            ("attempt", "attempt", "string"),
            ("number", "number", "u32"),
            ("refreshed", "refreshed", "bool"),
            ("retry-budget", "retry_budget", "u32"),
        ),
    ),
    "refusal": Record(
        _rules_types.Refusal,
        (
            ("state", "state", "option<string>"),
            ("latch", "latch", "option<latch>"),
            ("why", "why", "string"),
            ("done", "done", "string"),
            ("retry-in", "retry_in", "option<u32>"),
            ("worth-waiting", "worth_waiting", "bool"),
        ),
    ),
    "admitted": Variant(
        (
            ("go", _rules_types.Go, "leave"),
            ("wait", _rules_types.Wait, "u32"),
            ("refused", _rules_types.Refused, "refusal"),
        ),
    ),
    "end": Record(
        _rules_types.End,
        (
            ("state", "state", "string"),
            ("attempt", "attempt", "string"),
            ("now", "now", "u64"),
        ),
    ),
    "remembered": Record(
        _rules_types.Remembered,
        (
            ("state", "state", "option<string>"),
        ),
    ),
    "abilities": Record(
        _rules_types.Abilities,
        (
            ("ask", "ask", "bool"),
            ("discard", "discard", "bool"),
            ("sign-in", "sign_in", "bool"),
        ),
    ),
    "failed-attempt": Record(
        _rules_types.FailedAttempt,
        (
            ("state", "state", "string"),
            ("attempt", "attempt", "string"),
            ("failure", "failure", "failure"),
            ("verdict", "verdict", "verdict"),
            ("decision", "decision", "decision"),
            ("code-refuses", "code_refuses", "bool"),
            ("able", "able", "abilities"),
            ("remaining", "remaining", "u32"),
            ("now", "now", "u64"),
        ),
    ),
    "action": Variant(
        (
            ("refresh", _rules_types.Refresh, None),
            ("sign-in-again", _rules_types.SignInAgain, None),
            ("discard", _rules_types.Discard, "string"),
            ("pause", _rules_types.Pause, "u32"),
            ("ask", _rules_types.Ask, "confirmation"),
            ("give-up", _rules_types.GiveUp, None),
            ("latch", _rules_types.LatchAction, "latch"),
        ),
    ),
    "consequence": Record(
        _rules_types.Consequence,
        (
            ("state", "state", "option<string>"),
            ("attempt", "attempt", "string"),
            ("action", "action", "action"),
            ("done", "done", "string"),
        ),
    ),
    "wanted": Record(
        _rules_types.Wanted,
        (
            ("state", "state", "string"),
            ("now", "now", "u64"),
        ),
    ),
    "history": Record(
        _rules_types.History,
        (
            ("failures", "failures", "u32"),
            ("since-failure", "since_failure", "option<u32>"),
            ("retry-after", "retry_after", "option<u32>"),
            ("refreshes-last-hour", "refreshes_last_hour", "u32"),
        ),
    ),
    "considered": Variant(
        (
            ("due", _rules_types.Due, "history"),
            ("refused", _rules_types.Refused, "refusal"),
        ),
    ),
    "refresh-admission": Record(
        _rules_types.RefreshAdmission,
        (
            ("state", "state", "string"),
            ("reason", "reason", "refresh-reason"),
            ("generation", "generation", "u64"),
            ("age", "age", "option<u32>"),
            ("life", "life", "option<u32>"),
            ("decision", "decision", "refresh-decision"),
            ("now", "now", "u64"),
        ),
    ),
    "refresh-leave": Record(
        _rules_types.RefreshLeave,
        (
            ("state", "state", "option<string>"),
            ("refresh", "refresh", "string"),
        ),
    ),
    "refresh-admitted": Variant(
        (
            ("renew", _rules_types.Renew, "refresh-leave"),
            ("adopt", _rules_types.Adopt, None),
            ("refused", _rules_types.Refused, "refusal"),
        ),
    ),
    "refresh-consequence": Variant(
        (
            ("sign-in", _rules_types.SignIn, "refresh-leave"),
            ("refused", _rules_types.Refused, "refusal"),
        ),
    ),
}

FUNCTIONS: dict[str, tuple[str | None, str]] = {
    "check": ("string", "checked"),
    "configure": ("configuration", "remembered"),
    "admit": ("admission", "admitted"),
    "succeeded": ("end", "remembered"),
    "failed": ("failed-attempt", "consequence"),
    "abandoned": ("end", "remembered"),
    "consider-refresh": ("wanted", "considered"),
    "admit-refresh": ("refresh-admission", "refresh-admitted"),
    "refreshed": ("end", "remembered"),
    "not-refreshed": ("failed-attempt", "refresh-consequence"),
    "lift": ("wanted", "remembered"),
}
