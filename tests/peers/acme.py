"""The cloud of Acme, as docs/writing-a-connector.md takes it to be: a token by password, one car.

It is strict, and counts. `POST /expire` ends the token, `GET /counts` tells what was asked.
"""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

PASSWORD = "acme-password-1"
counts = {"tokens": 0, "reads": 0, "locks": 0, "refused": 0, "wrong": 0}
state = {"token": None, "locked": False}


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

    def no(self, status, code, message, what="wrong"):
        counts[what] += 1
        self.answer(status, {"code": code, "message": message})

    def admitted(self):
        given = self.headers.get("Authorization")
        if state["token"] is not None and given == "Bearer " + state["token"]:
            return True
        self.no(401, "token", "the token has expired", "refused")
        return False

    def do_GET(self):
        if self.path == "/counts":
            self.answer(200, counts)
        elif self.path == "/cars":
            if self.admitted():
                self.answer(200, {"cars": [{"id": "car 1", "name": "Road Runner"}]})
        elif self.path == "/cars/car%201":
            if self.admitted():
                counts["reads"] += 1
                self.answer(200, {"locked": state["locked"]})
        else:
            self.no(404, "path", self.path)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if self.path == "/expire":
            state["token"] = None
            self.answer(200, {})
        elif self.path == "/token":
            form = parse_qs(body, strict_parsing=True)
            if form != {"grant_type": ["client_credentials"], "client_secret": [PASSWORD]}:
                return self.no(400, "form", "not the form of this cloud")
            counts["tokens"] += 1
            state["token"] = f"acme-token-of-the-{counts['tokens']}th-session"
            self.answer(200, {"access_token": state["token"], "expires_in": 3600})
        elif self.path == "/cars/car%201/lock":
            if self.admitted():
                counts["locks"] += 1
                state["locked"] = True
                self.answer(200, {})
        else:
            self.no(404, "path", self.path)


server = ThreadingHTTPServer(("127.0.0.1", 0), Acme)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
