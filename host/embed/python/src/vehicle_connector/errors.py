"""What can go wrong, as exceptions."""

from __future__ import annotations


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
