"""The cloud of the example connectors (guest/connectors/example), for those that are written elsewhere: a token by client
id and password, one car, commands whose end is told later.

It is strict, and counts. `POST /expire` ends the token, `GET /counts` tells what was asked.
"""

import base64
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

PAIR = base64.b64encode(b"acme-client-1:acme-password-1").decode()
CAR = {"id": "car 1", "vin": "ACMEZZZ0000000001", "name": "Road Runner", "model": "Rocket"}
counts = {"tokens": 0, "reads": 0, "locks": 0, "asked": 0, "refused": 0, "wrong": 0}
state = {"token": None, "locked": False, "running": 0}


class Acme(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def no(self, status, code, what="wrong"):
        counts[what] += 1
        self.answer(status, {"code": code, "message": f"Acme says {code}"})

    def admitted(self):
        given = self.headers.get("Authorization")
        if state["token"] is not None and given == "Bearer " + state["token"]:
            return True
        self.no(401, "session", "refused")
        return False

    def do_GET(self):
        if self.path == "/counts":
            self.answer(200, counts)
        elif self.path == "/cars":
            if self.admitted():
                self.answer(200, {"cars": [CAR]})
        elif self.path == "/cars/car%201":
            if self.admitted():
                counts["reads"] += 1
                place = {"latitude": 52.5, "longitude": 13.4, "time": "2026-11-29T12:00:00Z"}
                self.answer(200, {"locked": state["locked"], "battery": 80, "odometer_km": 1234.5} | place)
        elif self.path.startswith("/actions/action-"):
            if self.admitted():
                counts["asked"] += 1
                running = state["running"] > 0
                state["running"] = 0
                self.answer(200, {"state": "running" if running else "done"})
        else:
            self.no(404, "unknown-path")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if self.path == "/expire":
            state["token"] = None
            self.answer(200, {})
        elif self.path == "/token":
            if self.headers.get("Authorization") != f"Basic {PAIR}":
                return self.no(403, "wrong-password", "refused")
            if parse_qs(body, strict_parsing=True) != {"grant_type": ["client_credentials"]}:
                return self.no(400, "wrong-form")
            counts["tokens"] += 1
            state["token"] = f"acme-token-of-the-{counts['tokens']}th-session"
            self.answer(200, {"access_token": state["token"], "expires_in": 3600})
        elif self.path == "/cars/car%201/lock":
            if not self.admitted():
                return
            if state["running"] > 0:
                return self.no(409, "busy", "refused")
            counts["locks"] += 1
            state.update(locked=True, running=1)
            self.answer(202, {"action": f"action-{counts['locks']}"})
        else:
            self.no(404, "unknown-path")


server = ThreadingHTTPServer(("127.0.0.1", 0), Acme)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
