"""What can go wrong, as exceptions."""

from __future__ import annotations

from vehicle_connector.types import Latch, Other


class VehicleConnectorError(Exception):
    """The base of all errors of this package, but for values that are none (`TypeError`, `ValueError`)."""


class Refused(VehicleConnectorError):
    """A component does not become the active policy. Nothing has changed; the text says why and what helps."""


class NothingToGoBackTo(VehicleConnectorError):
    """There is no generation before the active one."""


class CallFault(VehicleConnectorError):
    """A call without an answer: the component trapped, took too long or too much, or answered nonsense.

    Callers of a `Policy` do not see it: they get what holds where there is no answer. It is in the `Faulted` event.
    """


class Latched(VehicleConnectorError):
    """Nothing is sent for this account until a person acts; `latch` says what is wanted. `Keeper.lift` ends it."""

    def __init__(self, latch: Latch | Other, why: str) -> None:
        super().__init__(f"a person must act ({latch.value}): {why}")
        self.latch, self.why = latch, why


class UnreadableState(VehicleConnectorError):
    """What was given to a keeper as `state` is none that its rules can read. Nothing was sent or stored."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"the state that was kept of the account cannot be read: {why}. A refused grant may be on record in it, so "
            "it is not taken for an empty one. Give it to the version of vehicle-connector that has written it; or, if "
            "the account's credentials are good, begin without a state"
        )


class NotNow(VehicleConnectorError):
    """Nothing is sent now: after so many milliseconds, `retry_in`, it may be. `None` if only a person can change it."""

    def __init__(self, why: str, retry_in: int | None, worth_waiting: bool = False) -> None:
        again = "" if retry_in is None else f"; the next try is due in {retry_in / 1000:g} s"
        super().__init__(f"{why}{again}")
        self.why, self.retry_in, self.worth_waiting = why, retry_in, worth_waiting
