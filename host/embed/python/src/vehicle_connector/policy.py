"""A policy that is asked, and replaced while it is asked."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from vehicle_connector import _carried, _trial
from vehicle_connector._generation import Generation
from vehicle_connector._guest import Guest, Limits
from vehicle_connector.errors import NothingToGoBackTo, Refused
from vehicle_connector.events import Event, Faulted, Identity, RolledBack, Swapped
from vehicle_connector.types import (
    Attempt,
    CircuitScope,
    CircuitSettings,
    Decision,
    Failure,
    Other,
    RefreshDecision,
    SessionView,
    Verdict,
)
from vehicle_connector.watching import Watch

_LOG: Final = logging.getLogger("vehicle_connector")

# Bytes of a component, as in `vehicle-connector`.
LARGEST: Final = 32 << 20

# Generations that one can go back to.
_KEPT: Final = 4

# The carried policy keeps nothing from call to call, and takes 260 bytes of its memory with each.
_CARRIED_CALLS: Final = 1_000


class Policy:
    """The slot of a policy. It is asked from any thread, and from an event loop: an answer takes tenths of a
    millisecond.

    A component that traps, spins or eats memory costs that answer; the caller gets what holds where nothing is known.
    With the third fault among a hundred calls the generation before is back, and the component is not taken again
    until `forgive` is called.
    """

    def __init__(
        self,
        component: bytes,
        *,
        limits: Limits | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        self._limits, self._on_event = limits, on_event
        # One swap at a time, for as long as compiling takes; the other lock is held for moments.
        self._swapping, self._mutex = threading.Lock(), threading.Lock()
        self._numbers = 0
        self._bad: set[str] = set()
        # Also those that nothing comes back to, which operations may still be asking.
        self._made: weakref.WeakSet[Generation] = weakref.WeakSet()
        self._before: deque[Generation] = deque(maxlen=_KEPT)
        self._active = self._verified(component)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        limits: Limits | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> Policy:
        """Loads a component from a file; without one the default policy, which this package carries.

        Takes as long as compiling does, 50 ms for the default policy: from an event loop call it with
        `asyncio.to_thread`. `on_event` is told of swaps, faults and rollbacks, on the thread where they happen.

        Raises `Refused` for a component that is none, imports something, has another interface or fails the trial,
        and `OSError` for a file that cannot be read.
        """
        component = _carried.policy() if path is None else _read(Path(path))
        return cls(component, limits=limits, on_event=on_event)

    @property
    def active(self) -> Generation:
        """The generation that answers now. An operation takes it once, and works with it to its end."""
        return self._active

    @property
    def identity(self) -> Identity:
        """Which component answers now."""
        return self._active.identity

    def classify(self, failure: Failure) -> Verdict:
        """What kind of failure is this? `unknown`, by the rule `host.policy-fault`, where there is no answer."""
        return self._active.classify(failure)

    def decide(self, attempt: Attempt) -> Decision:
        """What next for this operation? `give-up` where there is no answer."""
        return self._active.decide(attempt)

    def admit_refresh(self, session: SessionView) -> RefreshDecision:
        """May the session be refreshed now? `refresh` where there is no answer."""
        return self._active.admit_refresh(session)

    def circuit(self, scope: CircuitScope | Other) -> CircuitSettings:
        """When this circuit opens, and how it closes."""
        return self._active.circuit(scope)

    def verify(self, component: bytes | str | os.PathLike[str]) -> Identity:
        """Puts a component, or that in a file, to the trial, and changes nothing. Raises `Refused`."""
        return self._verified(_bytes(component)).identity

    def swap(self, component: bytes | str | os.PathLike[str]) -> Identity:
        """Makes a component, or that in a file, the active policy: after its trial, in one step.

        Calls under way end with the policy that they began with. The one that is active already is left alone.
        Raises `Refused`, and then nothing has changed.
        """
        with self._swapping:
            content = _bytes(component)
            digest = _digest(content)
            if digest == self._active.identity.digest:
                return self._active.identity
            if digest in self._bad:
                raise Refused(f"it was rolled back for its faults; policy.forgive({digest!r}) lets it be taken again")
            generation = self._verified(content)
            with self._mutex:
                before, self._active = self._active, generation
                self._before.append(before)
        self._tell(Swapped(to=generation.identity, before=before.identity))
        return generation.identity

    def rollback(self) -> Identity:
        """Makes the generation before the active one again. Raises `NothingToGoBackTo`."""
        with self._mutex:
            if not self._before:
                raise NothingToGoBackTo("there is no generation before the active one")
            before, self._active = self._active, self._before.pop()
            back = self._active
        self._tell(RolledBack(to=back.identity, before=before.identity, why="by hand"))
        return back.identity

    def forgive(self, digest: str) -> None:
        """Lets a component be taken again that was rolled back for its faults."""
        self._bad.discard(digest)

    def watch(self, path: str | os.PathLike[str], *, every: float = 1.0) -> Watch:
        """Swaps whenever another component is in this file, which need not be there yet, until `close` is called.

        Looked at every so many seconds, by a thread of its own; with `every=0` only when `look` is called. What is
        refused leaves everything as it is and is told to `on_event`.
        """
        return Watch(Path(path), self.swap, self._tell, every)

    def close(self) -> None:
        """Ends the thread that keeps the time of calls, if no other policy or keeper has need of it; returns when it is
        gone. A policy that is asked all the same answers, and has that thread again.
        """
        with self._mutex:
            generations = list(self._made)
        for generation in generations:
            generation.close()

    def _verified(self, component: bytes) -> Generation:
        if len(component) > LARGEST:
            raise Refused(f"it has more than the {LARGEST} bytes that are loaded")
        digest = _digest(component)
        limits = self._limits
        if limits is None:
            # A promise of the interface that costs time: nobody knows yet whether this one needs it.
            limits = Limits(calls_per_instance=_CARRIED_CALLS) if component == _carried.policy() else Limits()
        guest = Guest(component, limits)
        try:
            manifest = _trial.manifest_of(guest)
        except Refused:
            guest.close()
            raise
        with self._mutex:
            self._numbers += 1
            identity = Identity(manifest.name, manifest.version, digest, self._numbers)
            generation = Generation(guest, identity, self._faulted)
            self._made.add(generation)
        return generation

    def _faulted(self, generation: Generation, question: str, why: str, too_many: bool) -> None:
        identity = generation.identity
        _LOG.warning("policy %s %s gave no answer to %s: %s", identity.name, identity.version, question, why)
        self._tell(Faulted(of=identity, question=question, why=why))
        if too_many:
            self._lose_place(generation)

    def _lose_place(self, generation: Generation) -> None:
        with self._mutex:
            if self._active is not generation:
                # It is asked by operations that began with it, and must not come again.
                if self._active.identity.digest != generation.identity.digest:
                    self._bad.add(generation.identity.digest)
                return
            # With nothing to go back to it stays: something has to answer.
            if not self._before:
                return
            self._bad.add(generation.identity.digest)
            back = self._active = self._before.pop()
        why = "its third fault among a hundred calls"
        _LOG.error("policy %s is rolled back: %s", generation.identity.name, why)
        self._tell(RolledBack(to=back.identity, before=generation.identity, why=why))

    def _tell(self, event: Event) -> None:
        if self._on_event is None:
            return
        try:
            self._on_event(event)
        except Exception:
            # A listener must not cost its caller an answer.
            _LOG.exception("a listener failed on %s", event)


def _bytes(component: bytes | str | os.PathLike[str]) -> bytes:
    return component if isinstance(component, bytes) else _read(Path(component))


def _read(path: Path) -> bytes:
    """Reads a component; of a file that is too large no more than it takes to see that."""
    with path.open("rb") as file:
        return file.read(LARGEST + 1)


def _digest(component: bytes) -> str:
    return hashlib.sha256(component).hexdigest()
