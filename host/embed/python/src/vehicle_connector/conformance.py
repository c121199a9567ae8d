"""`python -m vehicle_connector.conformance VECTORS…`: whether a policy answers here what it answers elsewhere.

Vectors are records of decisions, as `vehicle-connector audit --json` prints them, one JSON object a line, or a
document like `tests/fixtures/conformance/policy.json`. Verdict, rule, circuit and decision have to be the same.
Exit codes: 0 all are the same, 1 some are different, 2 the vectors or the policy cannot be read.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vehicle_connector import forms
from vehicle_connector.errors import Refused
from vehicle_connector.policy import Policy
from vehicle_connector.types import Attempt, CircuitScope, CircuitSettings, Other, SessionView


@dataclass(frozen=True, slots=True)
class Compared:
    """A question, the answer that stands in the vectors, and the one that was given."""

    place: str
    expected: Any
    given: Any


def compared(policy: Policy, path: Path) -> Iterator[Compared]:
    """Puts every question of a file. Raises `ValueError` with the line that cannot be read."""
    if path.suffix == ".json":
        yield from _document(policy, path)
        return
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                place = f"{path}:{number}"
                try:
                    yield _record(policy, json.loads(line), place)
                except (KeyError, TypeError, ValueError) as error:
                    raise ValueError(
                        f"{place}: {error}; each line is one object as `vehicle-connector audit --json` prints it"
                    ) from None


def _record(policy: Policy, record: dict[str, Any], place: str) -> Compared:
    if record["about"] == "refresh":
        decision = policy.admit_refresh(forms.decode(SessionView, record["session"]))
        return Compared(place, record["decision"], forms.encode(decision, "refresh-decision"))
    attempt = forms.decode(Attempt, record["attempt"])
    verdict = policy.classify(attempt.failure)
    decided = policy.decide(replace(attempt, verdict=verdict))
    given = {"verdict": forms.encode(verdict), "decision": forms.encode(decided, "decision")}
    return Compared(place, {"verdict": record["attempt"]["verdict"], "decision": record["decision"]}, given)


def _document(policy: Policy, path: Path) -> Iterator[Compared]:
    document = json.loads(path.read_text(encoding="utf-8"))
    for number, shape in enumerate(document["decisions"]):
        decided = policy.decide(forms.decode(Attempt, shape["attempt"]))
        yield Compared(f"{path}: decisions[{number}]", shape["decision"], forms.encode(decided, "decision"))
    names = {scope.value: scope for scope in CircuitScope}
    for circuit in document["circuits"]:
        name = circuit["scope"]
        given = policy.circuit(names.get(name) or Other(name))
        expected = forms.decode(CircuitSettings, circuit["settings"])
        yield Compared(f"{path}: circuit {name}", expected, given)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line. Returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m vehicle_connector.conformance", description="Compare a policy's answers with recorded ones."
    )
    parser.add_argument("vectors", nargs="+", type=Path, help="records, one JSON object a line, or a document")
    parser.add_argument("--policy", type=Path, help="a component; without it the default policy")
    options = parser.parse_args(arguments)
    asked = different = 0
    try:
        policy = Policy.load(options.policy)
        for vectors in options.vectors:
            before = asked
            for one in compared(policy, vectors):
                asked += 1
                if one.expected != one.given:
                    different += 1
                    print(f"{one.place}: {one.given} instead of {one.expected}")
            if asked == before:
                raise ValueError(f"{vectors}: there are no vectors in it")
    except (OSError, Refused, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    identity = policy.identity
    print(f"{identity.name} {identity.version}: {different} of {asked} answers are different", file=sys.stderr)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
