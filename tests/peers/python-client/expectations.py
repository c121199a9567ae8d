"""What is expected of a client, said as it is found."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from process import Trouble


class Failures(logging.Handler):
    """What the client logs as an error, among it what it swallows."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps the message."""
        self.messages.append(record.getMessage())


def expect(what: str, found: Any, expected: Any) -> None:
    """Says what was found; raises `Trouble` if it is something else."""
    if found != expected:
        raise Trouble(f"{what}: expected {expected!r}, found {found!r}")
    print(f"ok  {what}: {found}")


def expect_error(what: str, work: Callable[[], Any], expected: type[Exception]) -> None:
    """`work` raises exactly this class, not one that is derived from it."""
    found: type[Exception] | None = None
    try:
        work()
    except Exception as error:  # Which one it is, is the question.
        found = type(error)
    expect(what, found and found.__name__, expected.__name__)
