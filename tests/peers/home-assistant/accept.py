"""The host and an unmodified Home Assistant, both real, on a real broker and the simulated cloud.

    accept.py --host vehicle-connector --cloud eu-simulator --hass ha/bin/hass --discovery device|component

Every command entity is used as a person uses it, and what came of it is read where it counts: in the cloud's own
record and in what Home Assistant shows. Ends with 1 at the first thing that is not as it must be.
"""

import argparse
import asyncio
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

from hass import Hass, Refused, free_port

BASE = "vehicle-connector"
CARS = {"niro": "KNALEGACY00000001", "ev6": "KNACCS2EV00000002"}
CLOUD_IDS = {
    "niro": "11111111-1111-4111-8111-111111111111",
    "ev6": "22222222-2222-4222-8222-222222222222",
}
ALLOW = [
    "refresh",
    "lock",
    "unlock",
    "climate",
    "windows",
    "charge_port",
    "charging",
    "charge_limits",
    "charging_current",
    "signal",
]
MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"

# Longest time from a running Home Assistant to the last entity, in seconds.
DISCOVERED = 5


def ok(what, found=""):
    print(f"ok  {what}" + (f": {found}" if found != "" else ""), flush=True)


def must(condition, what):
    if not condition:
        raise Refused(what)


class House:
    """A broker, a cloud and a host, each a process, in a folder of their own."""

    def __init__(self, args, work):
        self.args, self.work, self.port = args, work, free_port()
        self.broker = self.cloud = self.host = None

    def start_broker(self):
        config = self.work / "mosquitto.conf"
        # It keeps nothing, so that what it has after a restart was said anew.
        config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
        log = open(self.work / "mosquitto.log", "ab")
        self.broker = subprocess.Popen([MOSQUITTO, "-c", str(config)], stdout=log, stderr=log)

    def start_cloud(self):
        path = self.work / "cloud.log"
        self.cloud = subprocess.Popen([self.args.cloud], stdout=open(path, "wb"), stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            found = re.search(r"http://127\.0\.0\.1:\d+", path.read_text())
            if found:
                self.address = found.group()
                return
            time.sleep(0.05)
        raise Refused("the simulated cloud does not say where it listens")

    def start_host(self, cars=CARS):
        (self.work / "refresh-token").write_text("A" * 47 + "1")
        (self.work / "pin").write_text("1234")
        endpoints = ", ".join(f'{name} = "{self.address}"' for name in ("ccapi", "idp", "cci"))
        text = f"""
[mqtt]
url = "mqtt://127.0.0.1:{self.port}"
[homeassistant]
discovery = "{self.args.discovery}"
[account.home]
connector = "hyundai-kia-eu"
brand = "kia"
region = "eu"
refresh_token_file = "refresh-token"
pin_file = "pin"
endpoints = {{ {endpoints} }}
"""
        for slug, vin in cars.items():
            text += f'[vehicle.{slug}]\naccount = "home"\nvin = "{vin}"\nallow = {json.dumps(ALLOW)}\n'
        self.config = self.work / "car.toml"
        self.config.write_text(text)
        log = open(self.work / "host.log", "ab")
        command = [self.args.host, "run", "-c", str(self.config)]
        self.host = subprocess.Popen(command, stdout=log, stderr=log)

    def end(self, process):
        if process and process.poll() is None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def close(self):
        for process in (self.host, self.cloud, self.broker):
            self.end(process)

    def ask(self, *arguments):
        """Asks the host by its command line, and returns the JSON that it answers."""
        command = [self.args.host, *arguments, "--json", "-c", str(self.config)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        must(done.returncode == 0, f"{' '.join(arguments)}: {done.stderr}")
        return json.loads(done.stdout)

    def expected(self):
        """Unique identifiers of all entities that the host tells Home Assistant of."""
        found = set()
        for shown in self.ask("discovery", "show")["documents"]:
            document = shown["document"]
            parts = document.get("components", {"": document}).values()
            found.update(part["unique_id"] for part in parts if "unique_id" in part)
        return found

    def record(self, slug):
        """What the cloud has on record of a car."""
        with urllib.request.urlopen(f"{self.address}/control/vehicles") as answer:
            cars = json.load(answer)
        return next(car["state"] for car in cars if car["id"] == CLOUD_IDS[slug])

    def counters(self):
        with urllib.request.urlopen(f"{self.address}/control/counters") as answer:
            return json.load(answer)

    def retained(self, topics="#", seconds=2):
        """What the broker has retained now, by topic."""
        command = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.port), "-V", "mqttv5"]
        command += ["-t", topics, "--retained-only", "-W", str(seconds), "-F", "%j"]
        done = subprocess.run(command, capture_output=True, text=True)
        messages = [json.loads(line) for line in done.stdout.splitlines()]
        return {message["topic"]: message.get("payload", "") for message in messages}

    def last_action(self, slug):
        found = self.retained(f"{BASE}/vehicle/{slug}/action/last", 1)
        return json.loads(next(iter(found.values()), "{}"))


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
    component = pathlib.Path(house.args.policy).read_bytes() + b"\x00\x06\x04test1"
    (house.work / "new.wasm").write_bytes(component)
    digest = house.ask("policy", "offer", str(house.work / "new.wasm"))["digest"]

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
        known = lambda: all(f"{BASE}/vehicle/{slug}/state" in house.retained() for slug in CARS)
        deadline = time.monotonic() + 60
        while not known():
            must(time.monotonic() < deadline and house.host.poll() is None, "the host does not read its cars")
        house.expected_now = house.expected()
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
