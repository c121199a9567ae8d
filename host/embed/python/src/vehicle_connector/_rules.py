"""The rules of one account: the component that has them, and what it wants remembered."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

from vehicle_connector import _carried, _rules_wit
from vehicle_connector import _rules_types as rules
from vehicle_connector._generation import Generation
from vehicle_connector._guest import Guest, Limits
from vehicle_connector.errors import UnreadableState
from vehicle_connector.types import CircuitScope

# The rules keep nothing from call to call, and a state may take some kilobytes of their memory with each.
_CALLS: Final = 200


class Rules:
    """The rules, asked by one caller at a time, since each answer may change what the next one is asked with."""

    def __init__(self, state: str | None, now: Callable[[], int], changed: Callable[[str], None] | None) -> None:
        self._guest = Guest(_carried.rules(), Limits(calls_per_instance=_CALLS), _rules_wit)
        checked = self._guest.ask("check", state or "")
        if isinstance(checked, rules.Unreadable):
            self.close()
            raise UnreadableState(checked.value)
        self._now, self._changed = now, changed
        self._mutex = threading.Lock()
        self._state = state
        self._configured: str | None = None

    @property
    def state(self) -> str:
        """What is remembered, as a text for nobody else to read."""
        return self._state or ""

    def configure(self, policy: Generation) -> None:
        """Sets the circuits up as this policy wants them, if it is another one than before."""
        if policy.identity.digest == self._configured:
            return
        scopes = {str(scope.value).replace("-", "_"): policy.circuit(scope) for scope in CircuitScope}
        with self._mutex:
            configuration = rules.Configuration(state=self._state, now=self._now(), **scopes)
            self._keep(self._guest.ask("configure", configuration).state)
            self._configured = policy.identity.digest

    def ask(self, function: str, record: Callable[..., Any], **facts: Any) -> Any:
        """Asks, with the state and the time, and remembers what the answer wants remembered."""
        with self._mutex:
            answer = self._guest.ask(function, record(state=self._state or "", now=self._now(), **facts))
            told = getattr(answer, "value", answer)
            self._keep(getattr(told, "state", None))
            return answer

    def close(self) -> None:
        """Gives back what runs beside for questions; the next question has it again."""
        self._guest.close()

    def _keep(self, state: str | None) -> None:
        if state is None:
            return
        self._state = state
        # Within: a later state must not be stored before an earlier one.
        if self._changed is not None:
            self._changed(state)
