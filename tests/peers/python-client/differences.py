"""The listed differences between the two clients, and whether each is still needed."""

from __future__ import annotations

import dataclasses
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from process import Trouble
from wire import Request, same

LIST = Path(__file__).with_name("differences.toml")


@dataclasses.dataclass
class Difference:
    """One entry; `differences.toml` says what its keys mean."""

    request: str
    reason: str
    operation: str = "*"
    only: str = ""
    field: str = ""
    order: bool = False
    sometimes: bool = False
    # What the two clients send in `field`, where the entry says so.
    values: dict[str, Any] = dataclasses.field(default_factory=dict)
    used: bool = False

    def allows(self, operation: str, request: Request, kind: str) -> bool:
        """Whether it is about this request of this operation; `kind` is the value of `only`, `field` or `order`."""
        mine = self.only or self.field or ("order" if self.order else "")
        return kind == mine and fnmatchcase(operation, self.operation) and fnmatchcase(request.target, self.request)


class Differences:
    """The whole list. Asking for a reason marks the entry as needed."""

    def __init__(self, path: Path = LIST) -> None:
        self._entries = [read(path.name, entry) for entry in tomllib.loads(path.read_text())["difference"]]

    def only(self, operation: str, request: Request, client: str) -> str | None:
        """Why only `client` makes this request; None if that is not listed."""
        return self._reason(operation, request, client, {})

    def order(self, operation: str, request: Request) -> str | None:
        """Why this request stands at another place."""
        return self._reason(operation, request, "order", {})

    def field(self, operation: str, request: Request, name: str, values: dict[str, Any]) -> str | None:
        """Why this field has these values, by client."""
        return self._reason(operation, request, name, values)

    def unused(self) -> list[str]:
        """Entries that explained nothing although they must have, each in a few words."""
        unused = (entry for entry in self._entries if not entry.used and not entry.sometimes)
        return [f"{entry.operation}: {entry.request}: {entry.reason}" for entry in unused]

    def _reason(self, operation: str, request: Request, kind: str, values: dict[str, Any]) -> str | None:
        for entry in self._entries:
            as_listed = all(same(values.get(client), value) for client, value in entry.values.items())
            if as_listed and entry.allows(operation, request, kind):
                entry.used = True
                return entry.reason
        return None


def read(name: str, entry: dict[str, Any]) -> Difference:
    """An entry of the file; the values of the two clients stand under their names."""
    values: dict[str, Any] = {client: entry.pop(client) for client in ("reference", "connector") if client in entry}
    try:
        difference = Difference(values=values, **entry)
    except TypeError as error:
        raise Trouble(f"{name}: {error} in {entry}") from None
    if [difference.only != "", difference.field != "", difference.order].count(True) != 1:
        raise Trouble(f"{name}: say one of only, field and order in {entry}")
    return difference
