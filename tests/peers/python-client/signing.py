"""Two clients that sign in with a password: what each asked the identity provider and the token service.

The newest reference client and this project's program sign in and refresh once, each in a simulated cloud of its own.
Their requests to these two services must be equal, or differ as `differences-4.41.toml` lists it. What they ask of the
vehicle service is compared by `compare.py`.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from pathlib import Path

from cloud import CCS2, PASSWORD, Cloud, simulated
from compare import BRANDS, Done, Verdict
from connector import BY_PASSWORD, Connector, connected
from differences import Differences
from password import share_keys
from process import Trouble, end_when_asked
from reference import Reference, stay_on_loopback
from wire import Request
from work import WORK

LISTED = Path(__file__).with_name("differences-4.41.toml")

# So little is left of a set from the beginning that the program refreshes it whenever it needs another token, and so
# much that it does not do so by itself meanwhile.
SHORT_LIVED = ("--cci-token-lifetime", "840")

READ = next(operation for operation in WORK if operation.name == "refresh_cached, expired token")


def signing(cloud: Cloud) -> list[Request]:
    """What was asked of the two services."""
    return [request for request in cloud.requests() if request.path.startswith(("/auth/", "/domain/", "/web/"))]


def by_reference(cloud: Cloud, brand: str) -> dict[str, Done]:
    """The reference client's sign-in and refresh."""
    share_keys(cloud, brand)
    client = Reference(cloud, brand, password=PASSWORD)
    done = {"sign-in": Done(client.start(), signing(cloud))}
    cloud.forget()
    client.renew()
    return {**done, "refresh": Done("succeeded", signing(cloud))}


def by_connector(cloud: Cloud, client: Connector) -> dict[str, Done]:
    """The program's: it refreshes when the vehicle service does not take its token."""
    done = {"sign-in": Done(client.start(), signing(cloud))}
    cloud.forget()
    cloud.order("expire")
    return {**done, "refresh": Done(client.do(READ, CCS2), signing(cloud))}


def compare(simulator: Path, program: Path, work: Path) -> Verdict:
    """Both clients with both brands."""
    verdict = Verdict(Differences(LISTED))
    for brand in BRANDS:
        with simulated(simulator, work / f"reference-{brand}", brand, *SHORT_LIVED) as cloud:
            reference = by_reference(cloud, brand)
        folder = work / f"connector-{brand}"
        with (
            simulated(simulator, folder, brand, *SHORT_LIVED) as cloud,
            connected(program, folder, brand, cloud, BY_PASSWORD) as client,
        ):
            connector = by_connector(cloud, client)
        print(f"\n== {brand}")
        for name, done in reference.items():
            verdict.operation(name, done, connector[name], full=brand == BRANDS[0])
    for entry in verdict.differences.unused():
        verdict.expect(False, f"listed but never seen; remove it from {LISTED.name}: {entry}")
    return verdict


def main() -> int:
    """0 if everything is as listed."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--simulator", type=Path, required=True, help="the program eu-simulator")
    options.add_argument("--connector", type=Path, required=True, help="the program vehicle-connector")
    given = options.parse_args()
    stay_on_loopback()
    end_when_asked()
    logging.disable()
    try:
        with tempfile.TemporaryDirectory() as work:
            verdict = compare(given.simulator, given.connector, Path(work))
    except Trouble as trouble:
        print(f"FAILED: {trouble}", file=sys.stderr)
        return 1
    for complaint in verdict.wrong:
        print(f"FAILED: {complaint}", file=sys.stderr)
    return 1 if verdict.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
