"""Two clients at the same work: what each asked the cloud, request by request.

Every operation of `work.py` is done by the reference client and by this project's program, each against a simulated
cloud of its own. Their requests must be equal, or differ as `differences.toml` lists it. The program must never make
more requests for an operation than the reference client, and no more than two for a cached read.

Marks: `=` equal, `~` differs, `-` only the reference client, `+` only the program, `!` not listed. The reasons of
listed differences stand in brackets.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import bursts
from bursts import Repairs
from cloud import Car, Cloud, simulated
from connector import NOT_YET, connected
from differences import Differences
from match import match
from process import Trouble, end_when_asked
from reference import Reference, stay_on_loopback
from wire import Request
from work import WORK, Operation

# The first is printed in full, the other only where it differs unlisted: nothing but the constants is another.
BRANDS = ("kia", "hyundai")

MOST_FOR_A_CACHED_READ = 2


@dataclass(frozen=True)
class Done:
    """What came of an operation, and what the cloud was asked for it."""

    result: str
    requests: list[Request]


@dataclass(frozen=True)
class Run:
    """One client's whole work, by operation and car, and what it did about the bursts at the end."""

    done: dict[str, Done]
    repairs: Repairs


class Verdict:
    """Compares, prints, and collects what is wrong."""

    def __init__(self, differences: Differences) -> None:
        self.differences = differences
        self.wrong: list[str] = []
        self.not_yet: list[str] = []

    def expect(self, holds: bool, complaint: str) -> None:
        """Complains unless it holds."""
        if not holds:
            self.wrong.append(complaint)
            print(f"   WRONG: {complaint}")

    def operation(self, name: str, reference: Done, connector: Done, full: bool) -> None:
        """Compares what the two clients did for one operation."""
        lacking = connector.result in NOT_YET
        if lacking and reference.result != "rejected":
            self.not_yet.append(name)
            print(f"{name}: NOT YET ({connector.result})")
            return
        ours, theirs = len(connector.requests), len(reference.requests)
        print(f"{name}: {connector.result}; {ours} request(s), the reference client {theirs}")
        explained = 0
        for line in match(name, reference.requests, connector.requests, self.differences):
            explained += line.mark == "+" and line.listed
            if full or not line.listed:
                print(line)
            if not line.listed:
                self.wrong.append(f"{name}: {line.complaint}")
        # The program says why it refuses; the reference client raises an error.
        result = "rejected" if lacking else connector.result
        self.expect(result == reference.result, f"{name}: {result}, with the reference client {reference.result}")
        self.expect(ours - explained <= theirs, f"{name}: {ours} requests, more than the reference client's {theirs}")
        if name.startswith("refresh_cached · "):
            self.expect(ours <= MOST_FOR_A_CACHED_READ, f"{name}: more than {MOST_FOR_A_CACHED_READ} requests")

    def bursts(self, reference: Repairs, connector: Repairs) -> None:
        """The reference client's numbers show that the bursts were some; the program needs one repair each."""
        print(f"{bursts.AT_ONCE} reads at once: {connector}; the reference client: {reference}")
        everybody = Repairs(bursts.AT_ONCE, bursts.AT_ONCE)
        self.expect(reference == everybody, f"the reference client repaired {reference}, not once for each read")
        self.expect(connector == Repairs(1, 1), f"the program repaired {connector}, not once for all")


def perform(cloud: Cloud, start: Callable[[], str], do: Callable[[Operation, Car], str]) -> dict[str, Done]:
    """Does all the work with one client and records it."""
    done = {"start": Done(start(), cloud.requests())}
    for operation in WORK:
        for car in operation.cars:
            time.sleep(operation.age)
            cloud.forget()
            for name, fields in operation.orders.items():
                cloud.order(name, **fields)
            done[f"{operation.name} · {car.name}"] = Done(do(operation, car), cloud.requests())
    return done


def run_reference(simulator: Path, brand: str, work: Path) -> Run:
    """The reference client's run."""
    with simulated(simulator, work / f"reference-{brand}", brand) as cloud:
        client = Reference(cloud, brand)
        return Run(perform(cloud, client.start, client.do), bursts.by_reference(cloud, client))


def run_connector(simulator: Path, program: Path, brand: str, work: Path) -> Run:
    """The program's run."""
    folder = work / f"connector-{brand}"
    with simulated(simulator, folder, brand) as cloud, connected(program, folder, brand, cloud) as client:
        return Run(perform(cloud, client.start, client.do), bursts.by_connector(cloud, client))


def compare(given: argparse.Namespace, work: Path) -> Verdict:
    """Runs both clients with both brands, all at the same time, and compares."""
    verdict = Verdict(Differences())
    with ThreadPoolExecutor() as pool:
        runs = [
            (
                brand,
                pool.submit(run_reference, given.simulator, brand, work),
                pool.submit(run_connector, given.simulator, given.connector, brand, work),
            )
            for brand in BRANDS
        ]
        for brand, one, other in runs:
            reference, connector = one.result(), other.result()
            print(f"\n== {brand}")
            for name, done in reference.done.items():
                verdict.operation(name, done, connector.done[name], full=brand == BRANDS[0])
            verdict.bursts(reference.repairs, connector.repairs)
    if not verdict.not_yet:
        for entry in verdict.differences.unused():
            verdict.expect(False, f"listed but never seen; remove it from differences.toml: {entry}")
    return verdict


def main() -> int:
    """0 if everything is as listed."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--simulator", type=Path, required=True, help="the program eu-simulator")
    options.add_argument("--connector", type=Path, required=True, help="the program vehicle-connector")
    options.add_argument("--all", action="store_true", help="fail if the program lacks an operation")
    given = options.parse_args()
    stay_on_loopback()
    end_when_asked()
    # The reference client logs each error that it raises; those that matter end in a result.
    logging.disable()
    begun = time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as work:
            verdict = compare(given, Path(work))
    except Trouble as trouble:
        print(f"FAILED: {trouble}", file=sys.stderr)
        return 1
    if verdict.not_yet:
        print(f"\nNot yet: {'; '.join(sorted(set(verdict.not_yet)))}")
        verdict.expect(not given.all, "the program lacks operations, and --all wants them")
    for complaint in verdict.wrong:
        print(f"FAILED: {complaint}", file=sys.stderr)
    print(f"{'FAILED' if verdict.wrong else 'ok'} after {time.monotonic() - begun:.0f} s")
    return 1 if verdict.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
