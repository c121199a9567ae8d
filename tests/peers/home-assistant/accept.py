"""The host and an unmodified Home Assistant, both real, on a real broker and the simulated cloud.

    accept.py --host vehicle-connector --cloud eu-simulator --hass ha/bin/hass --discovery device|component

Every command entity is used as a person uses it, and what came of it is read where it counts: in the cloud's own
record and in what Home Assistant shows. Ends with 1 at the first thing that is not as it must be.
"""

import argparse
import asyncio
import json
import pathlib
import shutil
import sys
import tempfile
import time

from hass import Hass, Refused
from house import BASE, CARS, House, must, ok

# Longest time from a running Home Assistant to the last entity, in seconds.
DISCOVERED = 5


async def present(house, hass):
    """The entities that Home Assistant has, once these are all that it is told of; none before that."""
    registered = {entity["unique_id"] for entity in await hass.entities()}
    states = await hass.states()
    expected = house.expected_now
    return registered >= expected and len(states) > 0 and registered


async def everything(house, hass, what, patience):
    expected = house.expected_now
    try:
        _, took = await hass.until(what, lambda: present(house, hass), patience)
    except Refused:
        registered = {entity["unique_id"] for entity in await hass.entities()}
        raise Refused(f"{what}: missing {sorted(expected - registered)}") from None
    ok(what, f"{len(expected)} entities, {took:.1f} s")


async def available(hass):
    """Waits until nothing that is enabled is unavailable."""

    async def all_there():
        enabled = {entity["entity_id"] for entity in await hass.entities() if not entity["disabled_by"]}
        states = await hass.states()
        gone = [it for it in enabled if states.get(it, {"state": "unavailable"})["state"] == "unavailable"]
        hass.gone = gone
        return not gone

    try:
        return (await hass.until("everything available", all_there))[1]
    except Refused:
        raise Refused(f"unavailable: {hass.gone}") from None


class Car:
    """A car as Home Assistant shows it."""

    def __init__(self, house, hass, slug, entities):
        self.house, self.hass, self.slug = house, hass, slug
        mark = f"_vehicle_{slug}_"
        self.entities = {
            entity["unique_id"].split(mark, 1)[1]: entity["entity_id"]
            for entity in entities
            if mark in entity["unique_id"]
        }

    async def state(self, key):
        return (await self.hass.states())[self.entities[key]]

    async def use(self, key, service, shown, recorded, **data):
        """Uses a control, and waits for what Home Assistant shows then and what the cloud has on record."""
        entity = self.entities[key]
        await self.hass.call(service, entity, **data)

        async def done():
            return shown(await self.state(key)) and recorded(self.house.record(self.slug))

        try:
            _, took = await self.hass.until(f"{entity} {service}", done, 30)
        except Refused as refused:
            state, record = await self.state(key), self.house.record(self.slug)
            last = self.house.last_action(self.slug)
            raise Refused(f"{refused}: shown {state['state']} {state['attributes']}, recorded {record}, last {last}") from None
        ok(f"{self.slug} {service} {' '.join(map(str, data.values()))}".rstrip(), f"{took:.1f} s")

    async def press(self, key, op):
        """Presses a button, and waits for the result of its command."""
        before = self.house.last_action(self.slug).get("id")
        await self.hass.call("button.press", self.entities[key])
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            last = await asyncio.to_thread(self.house.last_action, self.slug)
            if last.get("id") != before and last.get("finished_at"):
                must(last["op"] == op and last["state"] == "succeeded", f"{self.slug} {key}: {last}")
                return ok(f"{self.slug} {key}", last["state"])
        raise Refused(f"{self.slug} {key} has no result")


def complaints(args, hass, more=()):
    """What Home Assistant complains of, but for what it would say of any host."""
    # The broker was restarted under it.
    lost = ["Disconnected from MQTT server", "Failed to connect to MQTT server", "The connection was lost"]
    known = [*lost, "failed to receive on socket", *more]
    if args.discovery == "component":
        # 2024.3 shows a time that is unknown as unknown, and warns of it each time.
        known.append("Invalid state message")
    return [line for line in hass.complaints() if not any(it in line for it in known)]


async def lock_moves(car):
    """Watches a lock while it is used: it has to be seen moving."""
    seen = []

    async def watch():
        while True:
            seen.append((await car.state("lock"))["state"])
            await asyncio.sleep(0.03)

    watching = asyncio.create_task(watch())
    await car.use("lock", "lock.unlock", lambda it: it["state"] == "unlocked", lambda it: not it["locked"])
    watching.cancel()
    must("unlocking" in seen, f"{car.slug}: the lock was not seen moving: {set(seen)}")


async def controls(car):
    """Uses every control of a car that there is."""
    used = set()

    async def use(key, *rest, **data):
        if key in car.entities:
            used.add(key)
            await car.use(key, *rest, **data)

    used.add("lock")
    await lock_moves(car)
    await use("lock", "lock.lock", lambda it: it["state"] == "locked", lambda it: it["locked"])
    temperature = lambda it: it["attributes"].get("temperature") == 23.5
    await use("climate", "climate.set_temperature", temperature, lambda it: True, temperature=23.5)
    await use("climate_minutes", "number.set_value", lambda it: it["state"] == "15", lambda it: True, value=15)
    await use("climate_defrost", "switch.turn_on", lambda it: it["state"] == "on", lambda it: True)
    started = lambda it: it["climate_on"] and it["temperature"] == 23.5 and it["defrost"]
    await use("climate", "climate.set_hvac_mode", lambda it: it["state"] == "auto", started, hvac_mode="auto")
    await use("climate", "climate.set_hvac_mode", lambda it: it["state"] == "off", lambda it: not it["climate_on"], hvac_mode="off")
    await use("climate_defrost", "switch.turn_off", lambda it: it["state"] == "off", lambda it: True)
    for option, window in (("vent", "vent"), ("open", "open"), ("closed", "closed")):
        all_are = lambda it, window=window: set(it["windows"].values()) == {window}
        await use("windows", "select.select_option", lambda it, option=option: it["state"] == option, all_are, option=option)
    await use("charge_port", "cover.open_cover", lambda it: it["state"] == "open", lambda it: it["charge_port_open"])
    await use("charge_port", "cover.close_cover", lambda it: it["state"] == "closed", lambda it: not it["charge_port_open"])
    for way in ("ac", "dc"):
        key = f"charge_limit_{way}"
        await use(key, "number.set_value", lambda it: it["state"] in ("70", "70.0"), lambda it, key=key: it[key] == 70, value=70)
    # Whether a cable is plugged in is the car's to tell, and without one nothing is shown to charge.
    await use("charging", "switch.turn_on", lambda it: True, lambda it: it["charging"])
    await use("charging", "switch.turn_off", lambda it: it["state"] == "off", lambda it: not it["charging"])
    await use("charging_current", "select.select_option", lambda it: True, lambda it: it["charging_current"] == 3, option="60 %")
    for key, entity in car.entities.items():
        if entity.startswith("button."):
            op = "check_action_status" if key == "action_status" else key
            used.add(key)
            await car.press(key, "signal" if key.startswith("signal_") else op)
    commanding = ("lock.", "climate.", "number.", "switch.", "select.", "cover.", "button.")
    left = {key for key, entity in car.entities.items() if entity.startswith(commanding)} - used
    return left


async def swap_policy(house, hass, entities):
    """A policy is offered, and Home Assistant's button swaps it in."""
    update = next(entity["entity_id"] for entity in entities if entity["unique_id"].endswith("_update_policy"))
    must((await hass.states())[update]["state"] == "off", "an update is shown before there is one")
    digest = house.offer_policy()

    async def offered():
        return (await hass.states())[update]["state"] == "on"

    await hass.until("the update is shown", offered)
    await hass.call("update.install", update)

    async def installed():
        return (await hass.states())[update]["state"] == "off"

    _, took = await hass.until("the update is installed", installed)
    active = json.loads(house.retained(f"{BASE}/bridge/policy/policy", 1)[f"{BASE}/bridge/policy/policy"])
    must(active["digest"] == digest, f"another policy runs: {active}")
    ok("the update entity swaps the policy", f"{took:.1f} s")


async def accept(args, work):
    house = House(args, work)
    hass = Hass(args.hass, work / "hass", house.port)
    try:
        house.start_broker()
        house.start_cloud()
        house.start_host()
        house.until_read()
        await hass.start()
        await everything(house, hass, "all entities of both cars", DISCOVERED)
        ok("all available", f"{await available(hass):.1f} s")
        entities = await hass.entities()
        for slug in CARS:
            left = await controls(Car(house, hass, slug, entities))
            must(not left, f"{slug}: nobody has tried {sorted(left)}")
        await swap_policy(house, hass, entities)

        started = house.host.pid
        house.end(house.broker)
        house.start_broker()
        await asyncio.sleep(1)
        ok("after a broker restart, all available", f"{await available(hass):.1f} s")
        car = Car(house, hass, "niro", await hass.entities())
        await car.use("lock", "lock.unlock", lambda it: it["state"] == "unlocked", lambda it: not it["locked"])

        await hass.stop()
        await hass.start()
        await everything(house, hass, "after a restart of Home Assistant", DISCOVERED)
        ok("after a restart of Home Assistant, all available", f"{await available(hass):.1f} s")
        must(house.host.pid == started and house.host.poll() is None, "the host was touched")

        heard = complaints(args, hass)
        must(not heard, "Home Assistant complains: " + "\n".join(heard))
        ok("no complaint about MQTT in Home Assistant's log")

        house.end(house.host)
        house.start_host({"niro": CARS["niro"]})

        async def gone():
            left = [entity for entity in await hass.entities() if "_vehicle_ev6_" in entity["unique_id"]]
            return not left and not [topic for topic in await asyncio.to_thread(house.retained) if "ev6" in topic]

        await hass.until("a car that is removed leaves nothing", gone)
        devices = [device for device in (await hass.devices()).values() if "ev6" in json.dumps(device["identifiers"])]
        must(not devices, f"its device is left: {devices}")
        ok("a car that is removed leaves nothing")
        # When the last entity of a device goes, Home Assistant clears the device's topic itself, and complains of that.
        # It takes entities away after it has been told, so what they have shown may be cleared while they are still there.
        late = ["Erroneous JSON: ", "Invalid option for select.", "Invalid modes mode: "]
        heard = complaints(args, hass, ["No device components to cleanup", *late])
        must(not heard, "Home Assistant complains: " + "\n".join(heard))
    finally:
        await hass.stop()
        house.close()


def main():
    parser = argparse.ArgumentParser()
    for name in ("host", "cloud", "hass", "policy"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--discovery", choices=("device", "component"), default="device")
    args = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="home-assistant-"))
    try:
        asyncio.run(accept(args, work))
    except Refused as refused:
        print(f"FAILED: {refused}\nthe logs are in {work}", file=sys.stderr)
        sys.exit(1)
    shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
