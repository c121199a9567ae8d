"""Drives the unmodified client through the simulated cloud, and says what was proven."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Awaitable
from importlib.metadata import version
from pathlib import Path

import aiohttp
import steps_account
import steps_cars
import steps_tokens
from cloud import Cloud, Trouble, simulated
from peer import NoNames, Peer
from proof import Proof, compare


async def prove(cloud: Cloud) -> Proof:
    """All steps, in an order that is always the same."""
    proof = Proof(cloud)
    # The client leaves the limit of time to its caller; a test must end.
    limit = aiohttp.ClientTimeout(total=30)
    connector = aiohttp.TCPConnector(resolver=NoNames())
    async with aiohttp.ClientSession(connector=connector, timeout=limit) as websession:
        peer = Peer(cloud, websession)
        steps: list[Awaitable[None]] = [
            steps_account.first_login(proof, peer),
            steps_account.second_factor(proof, peer),
            steps_account.accounts(proof, peer),
            steps_cars.reads(proof, peer),
            steps_cars.climate(proof, peer),
            steps_cars.charging(proof, peer),
            steps_cars.limits_and_signals(proof, peer),
            steps_cars.refusals(proof, peer),
            steps_tokens.expired_id_token(proof, peer),
            steps_tokens.short_id_token(proof, peer),
            steps_tokens.ended_login_token(proof, peer),
            steps_tokens.eight_at_once(proof, peer),
            steps_tokens.rotated_keys(proof, peer),
        ]
        for step in steps:
            await step
    proof.step("What the client did wrong")
    proof.same("violations", cloud.look("violations"), [])
    proof.finish()
    return proof


def main() -> int:
    """Returns 0 if everything was as it has to be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulator", type=Path, required=True, help="the program renault-simulator")
    parser.add_argument("--trace", type=Path, required=True, help="where the client's requests are kept")
    parser.add_argument("--record", action="store_true", help="keep the requests of now, compare nothing")
    args = parser.parse_args()
    print(f"renault-api {version('renault-api')}, unmodified, and the simulated cloud")
    with tempfile.TemporaryDirectory() as folder:
        with simulated(args.simulator, Path(folder) / "cloud.log") as cloud:
            proof = asyncio.run(prove(cloud))
    differences = compare(proof.trace, args.trace, args.record)
    for line in differences:
        print(line)
    print(f"\n{proof.proven} things proven, {proof.failures} wrong; {len(proof.trace)} requests", end="")
    print(", recorded" if args.record else f", {len(differences)} lines different from {args.trace.name}")
    return 1 if proof.failures or differences else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Trouble as trouble:
        sys.exit(f"FAILED: {trouble}")
