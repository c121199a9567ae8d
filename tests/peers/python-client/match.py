"""Which request of one client is which of the other, and what differs between them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from differences import Differences
from wire import Request, same

ABSENT = "(absent)"

MEANINGS = {"-": "only the reference client", "+": "only the program", "~": "differs"}


@dataclass(frozen=True)
class Line:
    """One line of the comparison. Without a reason it is a difference that is not listed."""

    mark: str
    text: str
    reason: str | None = ""

    @property
    def listed(self) -> bool:
        """Whether it is equal, or a listed difference."""
        return self.reason is not None

    @property
    def complaint(self) -> str:
        """What is to be listed or mended."""
        return f"{MEANINGS[self.mark]}, and not listed as a difference: {self.text.strip()}"

    def __str__(self) -> str:
        if self.reason is None:
            return f" ! {self.mark} {self.text}   [NOT LISTED]"
        return f"   {self.mark} {self.text}{f'   [{self.reason}]' if self.reason else ''}"


def match(
    operation: str, reference: list[Request], connector: list[Request], differences: Differences
) -> Iterator[Line]:
    """The comparison, in the order of the reference client.

    The first request to a place is paired with the first of the other client to the same place, and so on.
    """
    left = list(enumerate(connector))
    last = -1
    for theirs in reference:
        found = next((pair for pair in left if pair[1].target == theirs.target), None)
        if found is None:
            yield Line("-", theirs.line(), differences.only(operation, theirs, "reference"))
            continue
        left.remove(found)
        place, ours = found
        yield from pair(operation, theirs, ours, differences)
        if place < last:
            yield Line("~", f"    {ours.target} at another place in the sequence", differences.order(operation, theirs))
        last = max(place, last)
    for _, ours in left:
        yield Line("+", ours.line(), differences.only(operation, ours, "connector"))


def pair(operation: str, theirs: Request, ours: Request, differences: Differences) -> Iterator[Line]:
    """Two requests to the same place: the request, its headers, and each field that differs."""
    fields = {**theirs.fields, "status": theirs.status}, {**ours.fields, "status": ours.status}
    names = sorted(name for name in fields[0] | fields[1] if differs(name, *fields))
    yield Line("~" if names else "=", ours.line())
    yield Line(" ", "    " + ours.headers())
    for name in names:
        values = {"reference": fields[0].get(name, ABSENT), "connector": fields[1].get(name, ABSENT)}
        shown = ", ".join(f"{client} {json.dumps(value)}" for client, value in values.items())
        yield Line("~", f"    {name}: {shown}", differences.field(operation, ours, name, values))


def differs(name: str, one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether a field is absent on one side or has another value."""
    return name not in one or name not in other or not same(one[name], other[name])
