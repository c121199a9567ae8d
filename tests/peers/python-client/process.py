"""Programs that the test starts, and ends again by their process ids."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


class Trouble(Exception):
    """The test cannot go on. The message says what is missing and what to do; no traceback helps."""


@contextmanager
def running(command: list[str], log: Path, env: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A program with its output in `log`, for as long as the block lasts."""
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=env)
        except FileNotFoundError:
            raise Trouble(f"there is no program {command[0]}; build or install it") from None
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def eventually(what: str, look: Callable[[], T | None], seconds: float = 30, logs: tuple[Path, ...] = ()) -> T:
    """The first result of `look` that is something.

    Raises `Trouble` with the ends of `logs` when there is none in time.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    ends = "".join(f"\n--- {log.name}\n{tail(log)}" for log in logs)
    raise Trouble(f"{what}: not within {seconds:.0f} s{ends}")


def tail(log: Path, lines: int = 30) -> str:
    """The end of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def end_when_asked() -> None:
    """Takes SIGTERM as Ctrl-C, so that the programs that were started are ended too."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
