"""What is read of cars, and what they are told."""

from __future__ import annotations

from datetime import UTC, datetime

from cloud import AUSTRAL, DACIA, R5, RENAULT, SPRING, UNKNOWN, ZOE1, ZOE2, Cloud
from peer import Peer, outcome
from proof import Proof
from renault_api.exceptions import InvalidInputError
from renault_api.helpers import validate_battery_soc_input
from renault_api.kamereon.enums import ChargeState, PlugState


async def reads(proof: Proof, peer: Peer) -> None:
    """Each document, of the car that has it in the form that it has."""
    proof.step("What is read of cars")
    zoe1, zoe2 = await peer.car(RENAULT, ZOE1), await peer.car(RENAULT, ZOE2)
    five, austral = await peer.car(RENAULT, R5), await peer.car(RENAULT, AUSTRAL)
    unknown = await peer.car(DACIA, UNKNOWN)
    for car in (zoe1, zoe2, five):
        battery = await car.get_battery_status()
        state = (battery.batteryLevel, battery.get_plug_status(), battery.get_charging_status())
        wanted = (60, PlugState.PLUGGED, ChargeState.WAITING_FOR_A_PLANNED_CHARGE)
        proof.same(f"battery-status of {car.vin}", state, wanted)
    temperatures = [(await car.get_battery_status()).batteryTemperature for car in (zoe1, five)]
    proof.same("temperature of an old car, of a new one", temperatures, [14, None])
    proof.same("cockpit", (await five.get_cockpit()).totalMileage, 18204.5)
    fuel = await austral.get_cockpit()
    proof.same("cockpit of a car with fuel", (fuel.fuelAutonomy, fuel.fuelQuantity), (420.0, 31.0))
    place = await five.get_location()
    proof.same("location", (place.gpsLatitude, place.gpsLongitude), (48.8566, 2.3522))
    hvac = await five.get_hvac_status()
    seen = (hvac.hvacStatus, hvac.internalTemperature, hvac.socThreshold)
    proof.same("hvac-status", seen, ("off", 9.0, 20.0))
    for car in (austral, unknown):
        locks = await car.get_lock_status()
        doors = (locks.lockStatus, locks.doorStatusDriver, locks.hatchStatus)
        proof.same(f"lock-status of {car.vin}", doors, ("locked", "closed", "closed"))
    settings = await zoe2.get_charging_settings()
    proof.same("charging-settings", (settings.mode, len(settings.schedules or [])), ("scheduled", 1))
    limits = await five.get_battery_soc()
    proof.same("soc-levels", (limits.socMin, limits.socTarget), (20, 80))
    schedule = await five.get_charge_schedule()
    proof.same("ev/settings", (schedule["chargeModeRq"], len(schedule["programs"])), ("SCHEDULED", 2))
    proof.same("charge-mode", (await zoe1.get_charge_mode()).chargeMode, "scheduled")
    ready = await five.get_hvac_settings()
    proof.same("hvac-settings", (ready.mode, len(ready.schedules or [])), ("scheduled", 1))
    proof.same("pressure", (await zoe2.get_tyre_pressure()).flPressure, 2300)
    proof.same("res-state", (await unknown.get_res_state()).code, "10")
    proof.same("car adapter", (await zoe1.get_car_adapter()).carGateway, "GDC")


async def climate(proof: Proof, peer: Peer) -> None:
    """Climate starts when the car gets to it, and ends with the word of its model."""
    proof.step("Climate")
    five, zoe2 = await peer.car(RENAULT, R5), await peer.car(RENAULT, ZOE2)
    peer.cloud.order("lag", aspect="hvac", lag={"reads": 2})
    echo = await five.set_ac_start(21)
    proof.same("start is accepted", echo.raw_data, {"action": "start", "targetTemperature": 21})
    seen = [(await five.get_hvac_status()).hvacStatus for _ in range(4)]
    proof.same("it is seen after two reads", seen, ["off", "off", "on", "on"])
    peer.cloud.order("restore")
    stop = await five.set_ac_stop()
    proof.same("the word of a Renault 5", stop.raw_data, {"action": "stop"})
    proof.same("it stopped", (await five.get_hvac_status()).hvacStatus, "off")
    await zoe2.set_ac_start(19.5)
    proof.same("the word of a Zoe", (await zoe2.set_ac_stop()).raw_data, {"action": "cancel"})
    proof.same("it stopped too", (await zoe2.get_hvac_status()).hvacStatus, "off")
    at = datetime(2199, 1, 1, 6, 30, tzinfo=UTC)
    later = await zoe2.set_ac_start(20, at)
    proof.same("start at a time", later.raw_data["startDateTime"], "2199-01-01T06:30:00Z")
    past = outcome(zoe2.set_ac_start(20, datetime(2020, 1, 1, tzinfo=UTC)))
    proof.same("a time that is past", await past, "InvalidInputException err.func.400")
    peer.cloud.order("change-car", vin=ZOE2, state={"battery_level": 9})
    low = await outcome(zoe2.set_ac_start(20))
    code = "err.func.wired.low.battery.level"
    proof.same("an empty battery", low, f"InsufficientBatteryLevelException {code}")
    peer.cloud.order("change-car", vin=ZOE2, state={"battery_level": 60})


def executed(cloud: Cloud, vin: str, kind: str) -> int:
    """How often a car really did something in this step."""
    count: int = cloud.counters()["executed"].get(vin, {}).get(kind, 0)
    return count


async def charging(proof: Proof, peer: Peer) -> None:
    """Each model by its own address."""
    proof.step("Charging")
    zoe1, zoe2, five = [await peer.car(RENAULT, vin) for vin in (ZOE1, ZOE2, R5)]
    spring, unknown = await peer.car(DACIA, SPRING), await peer.car(DACIA, UNKNOWN)
    for car in (zoe1, zoe2, five, spring, unknown):
        await car.set_charge_start()
        charging = (await car.get_battery_status()).get_charging_status()
        proof.same(f"{car.vin} charges", charging, ChargeState.CHARGE_IN_PROGRESS)
    power = [(await car.get_battery_status()).chargingInstantaneousPower for car in (zoe1, zoe2)]
    proof.same("watts of the first Zoe, kilowatts of the second", power, [7400.0, 7.4])
    for car in (zoe1, zoe2, spring, unknown):
        await car.set_charge_stop()
        charging = (await car.get_battery_status()).get_charging_status()
        proof.same(f"{car.vin} does not", charging == ChargeState.CHARGE_IN_PROGRESS, False)
        proof.same("it was told once", executed(peer.cloud, car.vin, "charge-stop"), 1)
    proof.same("a Renault 5 has no stop", await outcome(five.set_charge_stop()), "EndpointNotAvailableError")
    schedule = await five.get_charge_schedule()
    states = [program["programActivationStatus"] for program in schedule["programs"]]
    proof.same("its programs are all off", (schedule["chargeModeRq"], states), ("ALWAYS", [False, False]))
    mode = await zoe1.set_charge_mode("always")
    proof.same("charge mode", mode.raw_data, {"action": "always"})


async def limits_and_signals(proof: Proof, peer: Peer) -> None:
    """Limits, horn, lights, position."""
    proof.step("Limits and signals")
    five = await peer.car(RENAULT, R5)
    proof.same("limits are set", await outcome(five.set_battery_soc(min=25, target=85)), "fine")
    limits = await five.get_battery_soc()
    proof.same("they are so", (limits.socMin, limits.socTarget), (25, 85))
    try:
        validate_battery_soc_input(min=26, target=85)
        refused = False
    except InvalidInputError:
        refused = True
    proof.same("the client knows a limit that is none", refused, True)
    proof.same("the horn", (await five.start_horn())["data"]["attributes"]["target"], "horn")
    proof.same("the lights", (await five.start_lights())["data"]["attributes"]["target"], "lights")
    proof.same("the position", (await five.refresh_location())["data"]["type"], "RefreshLocation")


async def refusals(proof: Proof, peer: Peer) -> None:
    """What cars have not, and what the cloud says when it cannot."""
    proof.step("Refusals")
    zoe1, austral = await peer.car(RENAULT, ZOE1), await peer.car(RENAULT, AUSTRAL)
    base = "/commerce/v1/accounts/{account_id}/kamereon"
    car = base + "/kca/car-adapter/v1/cars/{vin}"
    climate = car + "/hvac-status"
    settings = base + "/kcm/v1/vehicles/{vin}/ev/settings"
    for name, call, wanted in (
        ("no such feature", zoe1.http_get(car + "/location"), "NotSupportedException err.tech.501"),
        ("not in this network", zoe1.http_get(car + "/lock-status"), "AccessDeniedException err.func.403"),
        ("no data", austral.http_get(climate), "ResourceNotFoundException err.func.wired.notFound"),
        ("forbidden", austral.http_get(car + "/charge-mode"), "ForbiddenException err.func.wired.forbidden"),
        ("no such address", austral.http_get(settings), "KamereonResponseException err.func.wired.not-found"),
    ):
        proof.same(name, await outcome(call), wanted)
    five = await peer.car(RENAULT, R5)
    peer.cloud.order("change-car", vin=R5, state={"privacy": True})
    proof.same("privacy", await outcome(five.get_location()), "PrivacyModeOnException err.func.privacy.on")
    peer.cloud.order("change-car", vin=R5, state={"privacy": False})
    for code, wanted in (
        ("err.func.wired.overloaded", "QuotaLimitException"),
        ("err.tech.500", "InvalidUpstreamException"),
        ("err.tech.wired.kamereon-proxy", "FailedForwardException"),
        ("409001", "ChargeModeInProgressException"),
    ):
        peer.cloud.order("fault", route="cockpit", effect={"envelope": {"code": code, "message": "made up"}})
        proof.same("injected", await outcome(five.get_cockpit()), f"{wanted} {code}")
    page = {"answer": {"status": 502, "body": "<html>Bad Gateway</html>"}}
    peer.cloud.order("fault", route="cockpit", effect=page)
    proof.same("a page of a front server", await outcome(five.get_cockpit()), "ClientResponseError 502")
