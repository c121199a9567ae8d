"""An unmodified Home Assistant on loopback, without a display: started, asked and stopped by a program.

Its storage is written before the first start: a user with a long-lived token, onboarding that is done, and the MQTT
integration as a configuration entry. Everything after that goes through its own interfaces.
"""

import asyncio
import json
import pathlib
import secrets
import socket
import time
import uuid

import aiohttp
import jwt

CONFIGURATION = """
homeassistant:
  name: Acceptance
  latitude: 52.52
  longitude: 13.405
  elevation: 34
  unit_system: metric
  country: DE
  time_zone: Europe/Berlin
http:
  server_host: 127.0.0.1
  server_port: {port}
api:
config:
websocket_api:
{more}
logger:
  default: warning
"""

# Without an answer within this time something is wrong.
PATIENCE = 60


def free_port():
    """Returns a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def stamp():
    """Returns the time as Home Assistant stores it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000000+00:00", time.gmtime())


class Refused(Exception):
    """Home Assistant did not do what it was asked to."""


class Hass:
    """A Home Assistant in a folder of its own."""

    def __init__(self, program, folder, broker_port, more=""):
        self.program, self.folder, self.port = program, pathlib.Path(folder), free_port()
        self.log = self.folder / "home-assistant.log"
        self.process = self.socket = self.session = None
        self.calls, self.answers, self.reader = 0, {}, None
        self.signing_key, self.token_id = secrets.token_hex(64), secrets.token_hex(16)
        self.prepare(broker_port, more)

    def prepare(self, broker_port, more):
        storage = self.folder / ".storage"
        storage.mkdir(parents=True)
        (self.folder / "configuration.yaml").write_text(CONFIGURATION.format(port=self.port, more=more))
        user = secrets.token_hex(16)
        token = {
            "id": self.token_id,
            "user_id": user,
            "client_id": None,
            "client_name": "acceptance",
            "client_icon": None,
            "token_type": "long_lived_access_token",
            "created_at": stamp(),
            "access_token_expiration": 86_400.0,
            "token": secrets.token_hex(64),
            "jwt_key": self.signing_key,
            "last_used_at": None,
            "last_used_ip": None,
            "expire_at": None,
            "credential_id": None,
            "version": None,
        }
        owner = {
            "id": user,
            "group_ids": ["system-admin"],
            "is_owner": True,
            "is_active": True,
            "name": "Owner",
            "system_generated": False,
            "local_only": False,
        }
        groups = [
            {"id": "system-admin", "name": "Administrators"},
            {"id": "system-users", "name": "Users"},
            {"id": "system-read-only", "name": "Read Only"},
        ]
        entry = {
            "entry_id": secrets.token_hex(16),
            "version": 1,
            "minor_version": 1,
            "domain": "mqtt",
            "title": "broker",
            "data": {"broker": "127.0.0.1", "port": broker_port, "discovery": True},
            "options": {},
            "pref_disable_new_entities": False,
            "pref_disable_polling": False,
            "source": "user",
            "unique_id": None,
            "disabled_by": None,
            "created_at": stamp(),
            "modified_at": stamp(),
            "discovery_keys": {},
        }
        done = ["user", "core_config", "analytics", "integration"]
        auth = {"users": [owner], "groups": groups, "credentials": [], "refresh_tokens": [token]}
        for key, version, data in [
            ("auth", 1, auth),
            ("onboarding", 4, {"done": done}),
            ("core.config_entries", 1, {"entries": [entry]}),
        ]:
            document = {"version": version, "minor_version": 1, "key": key, "data": data}
            (storage / key).write_text(json.dumps(document))

    def token(self):
        """A token as the interface for long-lived ones makes it."""
        now = int(time.time())
        claims = {"iss": self.token_id, "iat": now - 60, "exp": now + 86_400}
        return jwt.encode(claims, self.signing_key, algorithm="HS256")

    async def start(self):
        """Starts it, and returns when it says that it runs."""
        output = open(self.folder / "output.log", "ab")
        self.process = await asyncio.create_subprocess_exec(
            self.program, "--config", str(self.folder), "--skip-pip", stdout=output, stderr=output
        )
        self.session = aiohttp.ClientSession(headers={"Authorization": f"Bearer {self.token()}"})
        deadline = time.monotonic() + PATIENCE * 2
        while True:
            if self.process.returncode is not None or time.monotonic() > deadline:
                raise Refused(f"Home Assistant did not start: see {self.folder}/output.log")
            try:
                async with self.session.get(f"http://127.0.0.1:{self.port}/api/config") as answer:
                    if answer.status == 200 and (await answer.json()).get("state") == "RUNNING":
                        break
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.25)
        self.socket = await self.session.ws_connect(
            f"ws://127.0.0.1:{self.port}/api/websocket", max_msg_size=0
        )
        await self.socket.receive_json()
        await self.socket.send_json({"type": "auth", "access_token": self.token()})
        greeting = await self.socket.receive_json()
        if greeting["type"] != "auth_ok":
            raise Refused(f"the token is not accepted: {greeting}")
        self.reader = asyncio.create_task(self.read())

    async def stop(self):
        """Stops it as a system does."""
        if self.reader:
            self.reader.cancel()
        if self.session:
            await self.session.close()
        if self.process and self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), PATIENCE)
            except asyncio.TimeoutError:
                self.process.kill()
                await self.process.wait()

    async def read(self):
        async for message in self.socket:
            answer = json.loads(message.data)
            waiting = self.answers.pop(answer.get("id"), None)
            if waiting and not waiting.done():
                waiting.set_result(answer)

    async def ask(self, kind, **fields):
        """Asks over the WebSocket interface, as the frontend does."""
        self.calls += 1
        number = self.calls
        waiting = self.answers[number] = asyncio.get_running_loop().create_future()
        await self.socket.send_json({"id": number, "type": kind, **fields})
        answer = await asyncio.wait_for(waiting, PATIENCE)
        if not answer["success"]:
            raise Refused(f"{kind} {fields}: {answer['error']}")
        return answer["result"]

    async def call(self, service, entity, **data):
        """Calls an action of an entity, as a button in the frontend does."""
        domain, name = service.split(".")
        await self.ask(
            "call_service", domain=domain, service=name, service_data=data, target={"entity_id": entity}
        )

    async def states(self):
        """All states, by entity."""
        return {state["entity_id"]: state for state in await self.ask("get_states")}

    async def entities(self):
        """The registered entities of the MQTT integration."""
        listed = await self.ask("config/entity_registry/list")
        return [entity for entity in listed if entity["platform"] == "mqtt"]

    async def devices(self):
        """The registered devices, by identifier."""
        return {device["id"]: device for device in await self.ask("config/device_registry/list")}

    async def until(self, what, wanted, patience=PATIENCE):
        """Asks again until there is an answer that counts, and returns it with the seconds that it took."""
        began = time.monotonic()
        while True:
            found = await wanted()
            took = time.monotonic() - began
            if found:
                return found, took
            if took > patience:
                raise Refused(f"not within {patience} s: {what}")
            await asyncio.sleep(0.1)

    def complaints(self):
        """What its logs say of MQTT that is no information. It begins a new log with each start, and keeps one."""
        logs = (self.log.with_suffix(".log.1"), self.log)
        text = "".join(log.read_text() for log in logs if log.exists())
        lines = [line for line in text.splitlines() if " WARNING " in line or " ERROR " in line]
        return [line for line in lines if "mqtt" in line.lower()]
