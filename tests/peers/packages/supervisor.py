"""What the add-on asks of Home Assistant's Supervisor: where the broker is. Like the real one it answers those only who
show the token of an add-on."""

import http.server
import json
import sys


class Supervisor(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.headers.get("Authorization") != "Bearer the-token":
            self.answer(401, {"result": "error", "message": "unauthorized"})
        elif self.path != "/services/mqtt":
            self.answer(404, {"result": "error", "message": "not found"})
        else:
            data = {"addon": "core_mosquitto", "host": "core-mosquitto", "port": 1883, "ssl": False, "protocol": "3.1.1"}
            self.answer(200, {"result": "ok", "data": data | {"username": "addons", "password": sys.argv[1]}})

    def answer(self, status: int, document: dict) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


http.server.HTTPServer(("127.0.0.1", 80), Supervisor).serve_forever()
