"""What a question to a policy costs, beside the four-keyword check of the replaced service in the same run.

    python benches/speed.py [--floors]

Processor time of the calling thread, the median of rounds. With `--floors` the exit code is 1 when a question costs
more than it may: 200 µs with an instance at hand, 1 ms with a fresh one; or a keeper around an operation that does not
fail, more than 100 µs.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vehicle_connector import (
    Attempt,
    BodyKind,
    Certainty,
    Effect,
    Failure,
    Keeper,
    Limits,
    Phase,
    Policy,
    RefreshReason,
    SessionView,
    ThreadKeeper,
)

ROUNDS, CALLS = 11, 300

# Microseconds of processor time.
WARM, FRESH, KEPT = 200.0, 1_000.0, 100.0

PHRASES = ("token is expired", "key not authorized: token is expired", "authentication failed", "unauthorized")


def keywords(message: str) -> bool:
    """The check of the replaced service, as it was."""
    message = message.lower()
    return any(phrase in message for phrase in PHRASES)


def median(call: Callable[[], object], calls: int = CALLS) -> float:
    """Microseconds of processor time of one call."""
    rounds = []
    for _ in range(ROUNDS):
        begun = time.thread_time_ns()
        for _ in range(calls):
            call()
        rounds.append((time.thread_time_ns() - begun) / calls / 1_000)
    return statistics.median(rounds)


def question() -> Failure:
    return Failure(
        cloud="hyundai-kia-eu",
        operation="lock",
        effect=Effect.ACTUATION,
        phase=Phase.COMMAND,
        certainty=Certainty.REJECTED,
        http_status=401,
        message="Key not authorized: Token is expired",
        body=BodyKind.JSON,
        token_age=3_600_000,
    )


def measured(policy: Policy) -> dict[str, float]:
    failure = question()
    verdict = policy.classify(failure)
    attempt = Attempt(
        failure=failure,
        verdict=verdict,
        number=1,
        refreshed=False,
        superseded=False,
        elapsed=0,
        remaining=60_000,
        retry_budget=3,
        random=7,
    )
    session = SessionView(
        cloud="hyundai-kia-eu",
        reason=RefreshReason.REFUSED,
        generation=1,
        failures=1,
        since_failure=100,
        refreshes_last_hour=0,
        random=7,
    )
    return {
        "classify": median(lambda: policy.classify(failure)),
        "decide": median(lambda: policy.decide(attempt)),
        "admit-refresh": median(lambda: policy.admit_refresh(session)),
    }


def kept(policy: Policy) -> tuple[float, float]:
    """What an operation costs that does nothing, with a keeper around it: in a thread, and in an event loop."""

    def nothing() -> None:
        return None

    async def nothing_either() -> None:
        return None

    known: dict[str, Any] = {"cloud": "hyundai-kia-eu", "facts": lambda error, asked: None, "refresh": nothing}
    threads, loop = ThreadKeeper(policy, **known), Keeper(policy, **known)

    async def rounds() -> float:
        each = []
        for _ in range(ROUNDS):
            begun = time.thread_time_ns()
            for _ in range(CALLS):
                await loop.run(nothing_either)
            each.append((time.thread_time_ns() - begun) / CALLS / 1_000)
        return statistics.median(each)

    return median(lambda: threads.run(nothing)), asyncio.run(rounds())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--floors", action="store_true", help="fail when a question costs more than it may")
    parser.add_argument("--policy", type=Path, help="a component; without it the default policy")
    options = parser.parse_args()
    begun = time.process_time()
    warm = Policy.load(options.policy, limits=Limits(calls_per_instance=1_000))
    loaded = (time.process_time() - begun) * 1_000
    fresh = Policy.load(options.policy, limits=Limits(calls_per_instance=1))
    message = question().message
    check = median(lambda: keywords(message), CALLS * 30)
    print(f"policy {warm.identity.name} {warm.identity.version}, loaded and tried in {loaded:.0f} ms of processor time")
    print(f"{'µs of processor time':24}{'instance at hand':>18}{'fresh instance':>18}")
    print(f"{'the four-keyword check':24}{check:18.2f}{check:18.2f}")
    slow = []
    at_hand, anew = measured(warm), measured(fresh)
    for name, one in at_hand.items():
        other = anew[name]
        print(f"{name:24}{one:10.1f} = {one / check:4.0f}×{other:11.1f} = {other / check:4.0f}×")
        slow += [name] if one > WARM or other > FRESH else []
    print(f"{'making a Failure':24}{median(question):18.1f}")
    in_thread, in_loop = kept(warm)
    print(f"{'a keeper, in a thread':24}{in_thread:18.1f}")
    print(f"{'a keeper, in a loop':24}{in_loop:18.1f}")
    slow += ["a keeper"] if max(in_thread, in_loop) > KEPT else []
    if slow and options.floors:
        print(f"too slow: {', '.join(slow)}; at most {WARM:g}, {FRESH:g} and {KEPT:g} µs", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
