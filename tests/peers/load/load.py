"""The load: sends so many commands, waits for every result, and holds them to what docs/mqtt.md promises.

Run by run.sh, which starts the broker, the simulated clouds and the host. Ends the host with SIGTERM, and itself with 1
if anything is not as it must be; the table is printed all the same.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import signal
import sys
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from commands import Command, Sender, Sent, command
from recording import DISCOVERY, DROPPED, Final, Recording

BASE = "vehicle-connector"

# Longest times for the first reads of all cars, for what is under way when the last command is sent, and for the host
# to end; in seconds.
READ_WITHIN = 60
DRAINED_WITHIN = 60
ENDED_WITHIN = 15

# Least shares of the wanted rate, or the run says nothing of that rate, and of commands that succeed, or the load was
# turned away and not carried.
RATE_HELD = 0.98
SUCCEEDED = 0.95

# Most messages that are to be retained for each command: three steps of it as the last action, what the car has told,
# where that is and what its controls show, the account and its requests of the day. Plans do not follow every read.
RETAINED_EACH = 8

# Most plans of each car in a minute: its reads move the next one by less.
PLANS_A_MINUTE = 2


@dataclass(frozen=True)
class Usage:
    """What the host's process has used."""

    cpu_s: float
    resident_mb: float
    most_resident_mb: float

    @staticmethod
    def of(process: int) -> Usage:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])
        status = dict(re.findall(r"^(VmRSS|VmHWM):\s+(\d+) kB", Path(f"/proc/{process}/status").read_text(), re.M))
        return Usage(ticks / os.sysconf("SC_CLK_TCK"), int(status["VmRSS"]) / 1024, int(status["VmHWM"]) / 1024)


def fetched(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def requests_seen(clouds: list[str]) -> Counter[str]:
    """The requests that the clouds were asked, by route."""
    routes: Counter[str] = Counter()
    for cloud in clouds:
        routes.update(json.loads(fetched(f"{cloud}/control/counters"))["by_route"])
    return routes


def counted(metrics: str, name: str) -> int:
    """The sum of one of the host's counters over all its labels."""
    rows = re.findall(rf"^vehicle_connector_{name}(?:\{{.*\}})? (\d+)", fetched(metrics), re.M)
    return sum(map(int, rows))


def percentiles(values: list[float]) -> str:
    """Percentiles in milliseconds."""
    if not values:
        return "none"
    ordered = sorted(values)
    at = lambda share: ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000
    return f"p50 {at(0.5):.0f} ms, p95 {at(0.95):.0f} ms, p99 {at(0.99):.0f} ms, longest {ordered[-1] * 1000:.0f} ms"


def row(what: str, found: object) -> None:
    print(f"    {what:<42}{found}")


class Verdict:
    """What is not as it must be."""

    def __init__(self) -> None:
        self.wrong: list[str] = []

    def expect(self, what: str, holds: bool, found: object) -> None:
        if holds:
            print(f"ok  {what}: {found}")
        else:
            print(f"WRONG  {what}: {found}")
            self.wrong.append(what)


def judge(verdict: Verdict, commands: list[Command], finals: dict[str, list[Final]], schema: Path) -> None:
    """Holds the results to one for each command, in the documented words."""
    asked = {one.id for one in commands}
    missing = sorted(asked - finals.keys())
    # No connection has ended, so nothing was delivered again: a second message is a second publication.
    twice = sorted(id for id, all in finals.items() if len(all) > 1)
    differing = [id for id in twice if len({one.payload for one in finals[id]}) > 1]
    verdict.expect("commands without a result", not missing, missing[:5] or 0)
    verdict.expect("results that were published twice", not twice, twice[:5] or 0)
    verdict.expect("commands with two different results", not differing, differing[:5] or 0)
    verdict.expect("results of nothing that was sent", finals.keys() <= asked, len(finals.keys() - asked))
    document = json.loads(schema.read_text())
    states = document["if"]["properties"]["state"]["enum"]
    reasons = document["properties"]["reason"]["enum"]
    fields = set(document["required"])
    by_id = {one.id: one for one in commands}
    odd = []
    for id, (final, *_) in finals.items():
        report = final.report
        known = report["state"] in states and report["reason"] in reasons and report.keys() == fields
        if not known or report["finished_at"] is None or by_id[id].car != report["vehicle"]:
            odd.append(report)
    verdict.expect("results that are not as documented", not odd, odd[:1] or 0)


def show(commands: list[Command], sent: Sent, finals: dict[str, list[Final]]) -> None:
    """Prints what was sent and what has come of it."""
    row("commands sent", f"{len(sent.at)} in {sent.took:.2f} s: {len(sent.at) / sent.took:.1f} a second")
    row("the latest one has left after its time by", f"{sent.late * 1000:.0f} ms")
    reports = [all[0].report for all in finals.values()]
    split = Counter((one["state"], one["reason"] or "") for one in reports)
    for (state, reason), number in split.most_common():
        row(f"{state} {reason}".strip(), f"{number} ({100 * number / len(commands):.2f} %)")
    latency: dict[str, list[float]] = {}
    for one in commands:
        if one.id in finals:
            latency.setdefault(one.op, []).append(finals[one.id][0].at - sent.at[one.id])
    row("from sending to the result, all", percentiles([value for values in latency.values() for value in values]))
    for op, values in sorted(latency.items()):
        row(f"    {op}, {len(values)}", percentiles(values))


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--host", type=int, required=True, help="process id of the host")
    options.add_argument("--port", type=int, required=True, help="port of the broker")
    options.add_argument("--metrics", required=True, help="address of the host's metrics")
    options.add_argument("--clouds", nargs="+", required=True, help="addresses of the simulated clouds")
    options.add_argument("--cars", type=int, required=True)
    options.add_argument("--rate", type=float, required=True, help="commands a second")
    options.add_argument("--seconds", type=float, required=True)
    options.add_argument("--schema", type=Path, required=True, help="schema of a report")
    options.add_argument("--recording", type=Path, required=True, help="file for what the broker delivers")
    args = options.parse_args()

    recording = Recording(args.recording, BASE)
    subscriber = recording.start(args.port)
    try:
        return run(args, recording)
    finally:
        subscriber.terminate()
        subscriber.wait()


def run(args: argparse.Namespace, recording: Recording) -> int:
    verdict = Verdict()
    fresh = lambda: [json.loads(state) for state in recording.of_vehicles("state")]
    read = lambda: sum(not state["meta"]["stale"] for state in fresh()) == args.cars
    verdict.expect("all cars are read", recording.wait(READ_WITHIN, read), len(fresh()))
    discovered = lambda: sum("/vehicle-connector_vehicle_car" in topic for topic in recording.retained)
    # What a first read has shown is told as well.
    told = lambda: discovered() == args.cars and recording.is_settled(DISCOVERY, 1)
    verdict.expect("all are discovered", recording.wait(READ_WITHIN, told), discovered())
    retained, kept = set(recording.retained), Counter(recording.kept)
    published = Counter(recording.published)
    requests, before = requests_seen(args.clouds), Usage.of(args.host)

    commands = [command(number, args.cars) for number in range(round(args.rate * args.seconds))]
    sender = Sender(args.port, BASE)
    sent = sender.send(commands, args.rate)
    ended = time.monotonic()
    recording.wait(DRAINED_WITHIN, lambda: len(recording.finals) >= len(commands))
    drained = time.monotonic() - ended
    sender.close()

    # What follows a command is read still; then both have counted the same.
    same = lambda: sum(requests_seen(args.clouds).values()) == counted(args.metrics, "upstream_requests_total")
    agreed = recording.wait(ENDED_WITHIN, same)
    after, asked = Usage.of(args.host), requests_seen(args.clouds)
    results = counted(args.metrics, "commands_total")
    reconnects = counted(args.metrics, "mqtt_reconnects_total")
    os.kill(args.host, signal.SIGTERM)
    # It says so after everything else, so whatever is published twice has come by then.
    offline = lambda: recording.latest.get(f"{BASE}/bridge/state") == "offline"
    stopped = recording.wait(ENDED_WITHIN, offline)
    # What the broker counts it tells every second.
    beyond = recording.uptimes + 2
    recording.wait(ENDED_WITHIN, lambda: recording.uptimes >= beyond)
    dropped = int(recording.latest.get(DROPPED, 0))

    print(f"{args.cars} cars in {len(args.clouds)} accounts, {args.rate:g} commands a second for {args.seconds:g} s")
    show(commands, sent, recording.finals)
    row("the last result after the last command", f"{drained:.2f} s")
    asked.subtract(requests)
    row("requests that the clouds have seen", f"{sum(asked.values())}: {dict((+asked).most_common())}")
    row("processor time of the host", f"{after.cpu_s - before.cpu_s:.1f} s")
    row("resident memory of the host", f"{before.resident_mb:.0f} MB before, {after.resident_mb:.0f} MB after, "
        f"{after.most_resident_mb:.0f} MB at most")
    row("messages that the broker has dropped", dropped)
    messages = Counter(recording.published)
    messages.subtract(published)
    row("messages on the broker", f"{sum(messages.values())}: {dict((+messages).most_common())}")

    succeeded = sum(all[0].report["state"] == "succeeded" for all in recording.finals.values())
    rate = len(sent.at) / sent.took
    verdict.expect("the rate is held", rate >= RATE_HELD * args.rate, f"{rate:.1f} of {args.rate:g} a second")
    verdict.expect("commands that the broker has not acknowledged", sent.unacknowledged == 0, sent.unacknowledged)
    judge(verdict, commands, recording.finals, args.schema)
    share = succeeded / len(commands)
    verdict.expect("most succeed", share >= SUCCEEDED, f"{100 * share:.2f} %")
    verdict.expect("the host counts one result for each", results == len(commands), results)
    verdict.expect("host and clouds count the same requests", agreed, sum(requests_seen(args.clouds).values()))
    verdict.expect("the host has not lost its connection", reconnects == 0, reconnects)
    verdict.expect("nothing is dropped by the broker", dropped == 0, dropped)
    # A broker keeps one last action for each car, and of what ends with the host nothing.
    more = {topic for topic in recording.retained - retained if not topic.endswith("/action/last")}
    verdict.expect("new retained topics besides the last actions", not more, sorted(more)[:5] or 0)
    own = recording.kept["vehicle/+/action/<id>"]
    verdict.expect("reports that were to be retained under an id of their own", own == 0, own)
    anew = recording.published[DISCOVERY] - published[DISCOVERY]
    verdict.expect("discovery that is published again", anew == 0, anew)
    keeping = (recording.kept.total() - kept.total()) / len(commands)
    verdict.expect("messages to be retained for each command", keeping <= RETAINED_EACH, f"{keeping:.2f}")
    plans = recording.published["vehicle/+/polling"] - published["vehicle/+/polling"]
    most = PLANS_A_MINUTE * args.cars * math.ceil(args.seconds / 60)
    verdict.expect("plans for reads by themselves", plans <= most, f"{plans}, {most} at most")
    verdict.expect("the host has said that it is offline", stopped, recording.latest.get(f"{BASE}/bridge/state"))
    return 1 if verdict.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
