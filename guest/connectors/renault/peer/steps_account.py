"""Sign-in, second factor, accounts."""

from __future__ import annotations

from cloud import DACIA, R5, RENAULT
from peer import Peer, outcome
from proof import Proof
from renault_api.renault_client import RenaultClient

# Brand and model of each account's cars.
MODELS = {
    RENAULT: [("RENAULT", "X101VE"), ("RENAULT", "X102VE"), ("RENAULT", "R5E1VE"), ("RENAULT", "XHN1SU")],
    DACIA: [("DACIA", "XBG1VE"), ("DACIA", "XZZ9VE")],
}


async def first_login(proof: Proof, peer: Peer) -> None:
    """A password is enough where no code is demanded."""
    proof.step("Sign-in without a second factor")
    session = peer.session()
    wrong = outcome(session.login(peer.username, "no"))
    proof.same("wrong password", await wrong, "InvalidCredentialsException 403042")
    proof.same("right password", await outcome(session.login(peer.username, peer.password)), "fine")
    proof.same("it has a login token", bool(session.login_token), True)
    proof.asked(login=2, jwt=0)


async def second_factor(proof: Proof, peer: Peer) -> None:
    """A code by mail, and a device that is remembered."""
    proof.step("Sign-in with a second factor")
    peer.cloud.order("second-factor")
    session = peer.session()
    login = outcome(session.login(peer.username, peer.password))
    proof.same("login of a new device", await login, "PendingTwoFactorAuthenticationException 403101")
    emails = await session.get_two_factor_auth_emails()
    shown = [email.obfuscated for email in emails]
    proof.same("mailboxes to choose from", shown, ["o***@example.org", "b***@example.net"])
    proof.same("without a choice", await outcome(session.request_two_factor_auth_code()), "RenaultException")
    await session.request_two_factor_auth_code("mailbox-2")
    mail = peer.cloud.look("mails")[-1]
    proof.same("mail", (mail["to"], mail["lang"], len(mail["code"])), ("mailbox-2", "fr", 6))
    wrong = outcome(session.complete_two_factor_auth("000000"))
    proof.same("wrong code", await wrong, "InvalidVerificationCodeException 400006")
    right = outcome(session.complete_two_factor_auth(mail["code"]))
    proof.same("right code, same challenge", await right, "fine")
    proof.same("it has a login token", bool(session.login_token), True)
    proof.same("codes sent", peer.cloud.counters()["codes_sent"], 1)
    proof.asked(bootstrap=1, init_tfa=1, complete_code=2, finalize_tfa=1, login=2)
    proof.step("Sign-in of a device that is remembered")
    proof.same("login again", await outcome(session.login(peer.username, peer.password)), "fine")
    restored = peer.session()
    restored.set_device_ids(session.device_ids)
    proof.same("login of a later run", await outcome(restored.login(peer.username, peer.password)), "fine")
    proof.same("challenges", peer.cloud.counters()["challenges"], 0)
    stranger = outcome(peer.session().login(peer.username, peer.password))
    proof.same("login of another device", await stranger, "PendingTwoFactorAuthenticationException 403101")
    proof.step("A device that is not to be remembered")
    guest = peer.session()
    await outcome(guest.login(peer.username, peer.password))
    await guest.request_two_factor_auth_code("mailbox-1")
    code = peer.cloud.look("mails")[-1]["code"]
    done = outcome(guest.complete_two_factor_auth(code, remember_device=False))
    proof.same("right code", await done, "fine")
    again = outcome(guest.login(peer.username, peer.password))
    proof.same("login again", await again, "PendingTwoFactorAuthenticationException 403101")
    peer.cloud.order("second-factor", on=False)


async def accounts(proof: Proof, peer: Peer) -> None:
    """A person, the accounts, the cars."""
    proof.step("Person, accounts, cars")
    client: RenaultClient = await peer.signed_in()
    person = await client.get_person()
    kinds = [(account.accountId, account.accountType) for account in person.accounts or []]
    wanted = [(RENAULT, "MYRENAULT"), (DACIA, "MYDACIA"), ("account-dealer", "SFDC")]
    proof.same("accounts", kinds, wanted)
    for account in await client.get_api_accounts():
        cars = await account.get_api_vehicles()
        details = [await car.get_details() for car in cars]
        models = [(one.get_brand_label(), one.get_model_code()) for one in details]
        proof.same(f"cars of {account.account_id}", models, MODELS.get(account.account_id or "", []))
    car = await (await client.get_api_account(RENAULT)).get_api_vehicle(R5)
    detail = await car.get_details()
    proof.same("details of one", (detail.get_model_label(), detail.uses_electricity()), ("RENAULT 5", True))
    proof.same("contracts", [contract.status for contract in await car.get_contracts()], ["ACTIVE"])
    proof.asked(login=1, account_info=1, jwt=1, person=2, vehicles=3, vehicle_details=1, contracts=1)
