"""What was proven, line by line, and the requests that were made for it."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any

from cloud import Cloud

# What belongs to the HTTP library and not to the client that uses it.
LIBRARY = {"host", "accept", "accept-encoding", "user-agent", "connection", "content-length"}


class Proof:
    """Prints a line for each thing, and remembers whether all were as they have to be."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.failures = 0
        self.proven = 0
        self.trace: list[dict[str, Any]] = []
        self._step = "start"
        self._ordered = True

    def step(self, name: str, ordered: bool = True) -> None:
        """Begins a step: its requests are counted and traced by themselves.

        Those of callers at the same time come in any order, and are sorted.
        """
        self._collect()
        self._step, self._ordered = name, ordered
        print(f"\n{name}")

    def same(self, what: str, found: Any, wanted: Any) -> None:
        """One proven thing, with what was found; or what it is instead."""
        if found == wanted:
            self.proven += 1
            print(f"  ok    {what}: {_short(found)}")
        else:
            self.failures += 1
            print(f"  WRONG {what}: {_short(found)}, and not {_short(wanted)}")

    def asked(self, **routes: int) -> None:
        """How often each of these routes was asked for in this step."""
        for route, wanted in routes.items():
            name = route.replace("_", "-")
            self.same(f"requests to {name}", self.cloud.asked(name), wanted)

    def finish(self) -> None:
        """The last step is over."""
        self._collect()

    def _collect(self) -> None:
        requests = []
        for entry in self.cloud.look("log"):
            headers = {name: value for name, value in entry["headers"] if name not in LIBRARY}
            requests.append(
                {
                    "step": self._step,
                    "service": entry["service"],
                    "method": entry["method"],
                    "path": entry["path"],
                    "query": entry["query"],
                    "headers": headers,
                    "body": entry["body"],
                    "status": entry["status"],
                }
            )
        self.trace += requests if self._ordered else sorted(requests, key=json.dumps)
        self.cloud.order("reset-counters")


def compare(trace: list[dict[str, Any]], kept: Path, record: bool) -> list[str]:
    """The differences from the trace that is kept; none after it was recorded."""
    text = "".join(json.dumps(request) + ",\n" for request in trace).removesuffix(",\n")
    text = f"[\n{text}\n]\n"
    if record:
        kept.write_text(text)
        return []
    before = kept.read_text() if kept.exists() else ""
    lines = before.splitlines(), text.splitlines()
    return list(difflib.unified_diff(*lines, kept.name, "now", lineterm="", n=0))


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 120 else text[:117] + "…"
