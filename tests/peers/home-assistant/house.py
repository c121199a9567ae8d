"""A broker, a simulated cloud and the host, on loopback: what Home Assistant is driven by here."""

import json
import pathlib
import re
import shutil
import subprocess
import time
import urllib.request

from hass import Refused, free_port

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

    def until_read(self):
        """Waits until the host has read its cars, and notes what Home Assistant has to have then."""
        deadline = time.monotonic() + 60
        while not all(f"{BASE}/vehicle/{slug}/state" in self.retained() for slug in CARS):
            must(time.monotonic() < deadline and self.host.poll() is None, "the host does not read its cars")
        self.expected_now = self.expected()

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

    def order(self, name, **fields):
        """Orders something of the simulated cloud."""
        body = json.dumps(fields).encode()
        with urllib.request.urlopen(f"{self.address}/control/{name}", body) as answer:
            answer.read()

    def offer_policy(self):
        """Offers the host a policy that it does not have, and returns its digest."""
        # One more custom section makes it another component that behaves alike.
        component = pathlib.Path(self.args.policy).read_bytes() + b"\x00\x06\x04test1"
        (self.work / "new.wasm").write_bytes(component)
        return self.ask("policy", "offer", str(self.work / "new.wasm"))["digest"]

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
