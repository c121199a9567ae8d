"""What the package carries: the default policy, the rules that hold whatever a policy says, and what every host of a
policy does besides asking it.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any, Final

from vehicle_connector import forms
from vehicle_connector.types import CircuitSettings, Decision, RefreshDecision, Verdict

_DATA: Final = files("vehicle_connector") / "data"


@cache
def policy() -> bytes:
    """The component of the default policy."""
    return (_DATA / "policy.wasm").read_bytes()


@cache
def rules() -> bytes:
    """The component of the rules."""
    return (_DATA / "rules.wasm").read_bytes()


@cache
def document() -> dict[str, Any]:
    """The trial, the substitutes, and vectors that are no records; `tests/fixtures/conformance/policy.json`."""
    loaded: dict[str, Any] = json.loads((_DATA / "policy.json").read_text(encoding="utf-8"))
    return loaded


class Unanswered:
    """What holds where a policy gives no answer: nothing is known, and nothing is repeated."""

    def __init__(self) -> None:
        substitutes = document()["unanswered"]
        self.verdict: Verdict = forms.decode(Verdict, substitutes["classify"])
        self.decision: Decision = forms.decode_case("decision", substitutes["decide"])
        self.refresh: RefreshDecision = forms.decode_case("refresh-decision", substitutes["admit_refresh"])
        self.circuit: CircuitSettings = forms.decode(CircuitSettings, substitutes["circuit"])


@cache
def unanswered() -> Unanswered:
    """The substitutes, read once."""
    return Unanswered()
