"""What happens to the policies of a `Policy`, as it tells its `on_event`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """Which component: what it calls itself, the SHA-256 of its bytes, and its place in this slot."""

    name: str
    version: str
    digest: str
    generation: int


@dataclass(frozen=True, slots=True)
class Swapped:
    """Another component has become the active one."""

    to: Identity
    before: Identity


@dataclass(frozen=True, slots=True)
class NotSwapped:
    """A component from a watched file was refused. It is looked at again when the file changes."""

    source: str
    why: str


@dataclass(frozen=True, slots=True)
class Faulted:
    """A question had no answer; the caller has got what holds then."""

    of: Identity
    question: str
    why: str


@dataclass(frozen=True, slots=True)
class RolledBack:
    """The generation before is the active one again: by hand, or because the one after it had too many faults."""

    to: Identity
    before: Identity
    why: str


Event = Swapped | NotSwapped | Faulted | RolledBack
