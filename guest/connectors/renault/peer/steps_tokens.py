"""What the client does when tokens end: recorded, so that another client can be compared with it."""

from __future__ import annotations

import asyncio

from cloud import R5, RENAULT
from peer import Peer, outcome
from proof import Proof
from renault_api.renault_vehicle import RenaultVehicle

UNAUTHORIZED = "UnauthorizedException err.func.wired.unauthorized"


async def fresh(peer: Peer) -> RenaultVehicle:
    """A car of a client of its own, which has an id token already."""
    return await peer.car(RENAULT, R5, await peer.signed_in())


async def expired_id_token(proof: Proof, peer: Peer) -> None:
    """The server ends a token that by its own words lives on."""
    proof.step("An id token that the server has ended")
    car = await fresh(peer)
    peer.cloud.order("reset-counters")
    peer.cloud.order("expire-id-tokens")
    for time in ("first", "second"):
        proof.same(f"{time} read", await outcome(car.get_cockpit()), UNAUTHORIZED)
    proof.same("the client does not renew what its clock calls good", peer.cloud.asked("jwt"), 0)
    proof.asked(login=0, cockpit=2)


async def short_id_token(proof: Proof, peer: Peer) -> None:
    """The client calls a token old a minute before it says so itself."""
    proof.step("An id token that is about to end by its own words")
    peer.cloud.order("id-token-lifetime", seconds=50)
    car = await fresh(peer)
    peer.cloud.order("reset-counters")
    for _ in range(3):
        await car.get_cockpit()
    proof.same("renewals for three reads, one each", peer.cloud.asked("jwt"), 3)
    peer.cloud.order("id-token-lifetime")
    peer.cloud.order("reset-counters")
    for _ in range(3):
        await car.get_cockpit()
    proof.same("renewals for three reads, with a token of 900 s again", peer.cloud.asked("jwt"), 1)
    proof.asked(login=0)


async def ended_login_token(proof: Proof, peer: Peer) -> None:
    """The client does not sign in again by itself; it has not kept the password."""
    for ended, code in (("unauthorized", 403005), ("unverified", 403013)):
        proof.step(f"A login token that has ended, {code}")
        peer.cloud.order("id-token-lifetime", seconds=50)
        car = await fresh(peer)
        peer.cloud.order("reset-counters")
        peer.cloud.order("end-login-tokens", ended=ended)
        proof.same("first read", await outcome(car.get_cockpit()), "NotAuthenticatedException")
        proof.asked(jwt=1, login=0, cockpit=0)
        proof.same("the login token was thrown away", car.session.login_token, None)
        proof.same("second read", await outcome(car.get_cockpit()), "NotAuthenticatedException")
        proof.same("requests of the second read", peer.cloud.counters()["requests"] - 1, 0)
        await car.session.login(peer.username, peer.password)
        proof.same("after another sign-in", await outcome(car.get_cockpit()), "fine")
        peer.cloud.order("id-token-lifetime")
    proof.step("A getJWT that fails for another reason")
    car = await fresh(peer)
    car.session.set_login_token(car.session.login_token)
    failure = {"envelope": {"code": "500001", "message": "General Server Error"}}
    peer.cloud.order("fault", route="jwt", effect=failure)
    proof.same("it is called an ended session", await outcome(car.get_cockpit()), "NotAuthenticatedException")
    proof.same("the login token is kept, and the next read is fine", await outcome(car.get_cockpit()), "fine")


async def eight_at_once(proof: Proof, peer: Peer) -> None:
    """How many renewals eight callers cost."""
    async def all_eight(car: RenaultVehicle) -> list[str]:
        return await asyncio.gather(*(outcome(car.get_cockpit()) for _ in range(8)))

    proof.step("Eight callers, an id token that ends by its own words", ordered=False)
    peer.cloud.order("id-token-lifetime", seconds=50)
    car = await fresh(peer)
    peer.cloud.order("id-token-lifetime")
    peer.cloud.order("reset-counters")
    proof.same("all succeed", await all_eight(car), ["fine"] * 8)
    proof.same("renewals of eight callers", peer.cloud.asked("jwt"), 1)
    proof.asked(login=0, cockpit=8)

    proof.step("Eight callers, no id token lives longer than a minute", ordered=False)
    peer.cloud.order("id-token-lifetime", seconds=50)
    car = await fresh(peer)
    peer.cloud.order("reset-counters")
    proof.same("all succeed", await all_eight(car), ["fine"] * 8)
    proof.same("renewals of eight callers", peer.cloud.asked("jwt"), 8)

    proof.step("Eight callers in flight when the server ends the id token", ordered=False)
    peer.cloud.order("id-token-lifetime")
    car = await fresh(peer)
    peer.cloud.order("reset-counters")
    peer.cloud.order("fault", route="cockpit", times=8, effect="hold")
    callers = asyncio.create_task(all_eight(car))
    await asyncio.to_thread(peer.cloud.wait_held, 8)
    peer.cloud.order("expire-id-tokens")
    peer.cloud.order("release")
    proof.same("all are refused", await callers, [UNAUTHORIZED] * 8)
    proof.same("renewals of eight callers", peer.cloud.asked("jwt"), 0)
    proof.asked(login=0, cockpit=8)

    proof.step("Eight callers, the login token has ended", ordered=False)
    peer.cloud.order("id-token-lifetime", seconds=50)
    car = await fresh(peer)
    peer.cloud.order("id-token-lifetime")
    peer.cloud.order("reset-counters")
    peer.cloud.order("end-login-tokens", ended="unauthorized")
    proof.same("all are refused", await all_eight(car), ["NotAuthenticatedException"] * 8)
    proof.same("renewals of eight callers", peer.cloud.asked("jwt"), 1)
    proof.asked(login=0, cockpit=0)


async def rotated_keys(proof: Proof, peer: Peer) -> None:
    """The application keys are others from now on."""
    proof.step("Application keys that were rotated")
    car = await fresh(peer)
    session = car.session
    peer.cloud.order("rotate-gigya-key", key="3_simulated-gigya-application-key-0002")
    login = outcome(session.login(peer.username, peer.password))
    proof.same("login with the right password", await login, "InvalidCredentialsException 403042")
    car = await fresh(peer)
    peer.cloud.order("rotate-kamereon-key", key="simulated-kamereon-key-0002")
    proof.same("read", await outcome(car.get_cockpit()), "ClientResponseError 403")
    proof.same("read with the new keys", await outcome((await fresh(peer)).get_cockpit()), "fine")
