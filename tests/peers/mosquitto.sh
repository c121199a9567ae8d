#!/usr/bin/env bash
# The program against a real broker and its clients: mosquitto, mosquitto_sub, mosquitto_pub.
# Usage: tests/peers/mosquitto.sh PATH-OF-vehicle-connector
#
# Starts a broker and the simulated cloud on free ports of loopback and ends them by their process ids.
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "$0")/../.."
simulator=$(tests/peers/simulator.sh simulator eu-simulator)
. tests/peers/common.sh
start_broker

"$simulator" >"$work/cloud.log" 2>&1 &
started+=($!)
cloud=$(address_in "$work/cloud.log")

cat >"$work/car.toml" <<TOML
[mqtt]
url = "mqtt://127.0.0.1:$port"
[account.home]
connector = "hyundai-kia-eu"
brand = "kia"
region = "eu"
refresh_token_file = "refresh-token"
pin_file = "pin"
endpoints = { ccapi = "$cloud", idp = "$cloud", cci = "$cloud" }
[vehicle.niro]
account = "home"
vin = "KNALEGACY00000001"
allow = ["refresh", "lock", "unlock"]
[plugins]
dir = "plugins"
[vehicle.ev6]
account = "home"
vin = "KNACCS2EV00000002"
TOML
echo AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1 >"$work/refresh-token"
echo 1234 >"$work/pin"
mkdir "$work/plugins"

start_host
online
# A thread of its own writes the log, so the line may come after the message.
serving_after() { grep -o -m1 'serving ms=[0-9]*' "$work/host.log" | grep -o '[0-9]*$' || true; }
for _ in $(seq 50); do [ -n "$(serving_after)" ] && break; sleep 0.1; done
serving=$(serving_after)
[ -n "$serving" ] || die "the host did not log when it began to serve"
echo "ok  started and serving after $serving ms"
expect "state of the legacy car" "$(message "$base/vehicle/niro/state" | field locked)" True
expect "state of the CCS2 car" "$(message "$base/vehicle/ev6/state" | field soc_percent | cut -d. -f1)" 71

expect "unlock" "$(command niro lock UNLOCK | field state)" succeeded
expect "lock" "$(command niro lock '{"id":"peer-1","action":"lock"}' | field state)" succeeded
expect "lock with a PIN" "$(command ev6 lock LOCK | field state)" succeeded
expect "what is not allowed" "$(command ev6 lock UNLOCK | field reason)" not_allowed
expect "malformed JSON" "$(command niro lock '{"action":' | field reason)" bad_payload
expect "an oversized payload" "$(command niro lock "$(head -c 60000 /dev/zero | tr '\0' x)" | field reason)" bad_payload

code=0; locked=$("$program" lock niro --json -c "$work/car.toml" 2>"$work/steps") || code=$?
expect "lock by command line" "$code $(field state <<<"$locked")" "0 succeeded"
expect "its steps" "$(head -1 "$work/steps")" "lock niro: taken by the host"
expect "the same result on the broker" "$(message "$base/vehicle/niro/action/last" | field id)" "$(field id <<<"$locked")"
code=0; "$program" unlock ev6 -c "$work/car.toml" 2>/dev/null || code=$?
expect "unlock by command line where it is not allowed: exit code" "$code" 1

curl -fsS -X POST "$cloud/control/expire" -d '{"wording":"Key not authorized: token has expired"}' >/dev/null
report=$(command niro refresh_cached PRESS)
expect "an expired token: state" "$(field state <<<"$report")" succeeded
expect "an expired token: attempts" "$(field attempts <<<"$report")" 2

echo "ok  resident memory: $(awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$host/status") MB"

mosquitto_pub "${client[@]}" -q 1 -r -t "$base/vehicle/niro/cmd/lock" -m LOCK
for _ in $(seq 50); do
    kept=$(message "$base/vehicle/niro/cmd/lock" 1 1)
    [ -z "$kept" ] && break
done
expect "a retained command is cleared" "${kept:-nothing}" nothing

# The broker loses everything it had retained, and comes back.
kill "$broker"; wait "$broker" 2>/dev/null || true
start_broker
online
expect "after a broker restart: retained again" "$(message "$base/vehicle/niro/state" | field locked)" True
expect "after a broker restart: commands" "$(command niro refresh_cached PRESS | field state)" succeeded

# A host that is killed is offline by its will; one that is asked to stop says so itself.
kill -9 "$host"; wait "$host" 2>/dev/null || true
offline() {
    for _ in $(seq 100); do
        [ "$(message "$base/bridge/state" 1 1)" = offline ] && return
        sleep 0.1
    done
    die "the bridge is not offline"
}
offline; echo "ok  killed: offline by its will"
grants() { curl -fsS "$cloud/control/counters" | field grants_asked; }
before=$(grants)
start_host
online
expect "after kill -9: a command" "$(command niro lock LOCK | field state)" succeeded
expect "after kill -9: the session is the same, grants" "$(($(grants) - before))" 0
expect "an id repeats its result over kill -9" "$(command niro lock '{"id":"peer-1","action":"lock"}' | field id)" peer-1
expect "state is for its owner only" "$(stat -c %a "$work/car.state" "$work/car.state/state.db" | xargs)" "700 600"
"$program" run -c "$work/car.toml" >"$work/second.log" 2>&1 && code=0 || code=$?
expect "a second host on the same state: exit code" "$code" 1
grep -q "in use by process $host" "$work/second.log" || die "it does not say who: $(cat "$work/second.log")"
"$program" audit -c "$work/car.toml" --vehicle niro --last 3
expect "decisions are there while the host runs" "$("$program" audit -c "$work/car.toml" --json | grep -c token-expired | awk '{print ($1 > 0)}')" 1

ask() { mosquitto_rr "${client[@]}" -W 20 -t "$base/bridge/request/$1" -e "peer/answer/$RANDOM" -m "$2"; }
# Policies by all ways. A custom section at its end gives a component another digest.
policy_file() { { cat guest/dist/policy.wasm; printf '\000\006\004test%s' "$1"; } >"$work/$2"; }
digest() { sha256sum "$1" | cut -d' ' -f1; }
active() { message "$base/bridge/policy/policy" | field digest; }
policy() { "$program" policy "$@" -c "$work/car.toml"; }
carried=$(active)
policy_file 1 one.wasm
policy_file 2 two.wasm
policy_file 3 three.wasm
code=0; refused=$(policy swap guest/dist/four-phrases.wasm 2>&1) || code=$?
expect "an outdated policy is refused" "$code $(grep -c 'token has expired' <<<"$refused")" "1 1"
expect "and nothing has changed" "$(active)" "$carried"
policy swap "$work/one.wasm" >"$work/swap.log"
expect "a policy is swapped in by command" "$(active)" "$(digest "$work/one.wasm")"
cp "$work/two.wasm" "$work/plugins/.two" && mv "$work/plugins/.two" "$work/plugins/policy.wasm"
for _ in $(seq 100); do [ "$(active)" = "$(digest "$work/two.wasm")" ] && break; sleep 0.1; done
expect "and by moving it into the folder" "$(active)" "$(digest "$work/two.wasm")"
mv "$work/three.wasm" "$work/plugins/three.wasm"
expect "and by message" "$(ask policy/swap '{"file":"three.wasm"}' | field status)" ok
expect "a command after three swaps" "$(command niro refresh_cached PRESS | field state)" succeeded
expect "it is gone back from" "$(ask policy/rollback '{}' | field status)" ok
expect "to the one before" "$(active)" "$(digest "$work/two.wasm")"
expect "every attempt is on record" "$(policy history --json | python3 -c 'import json, sys; print(*[r["result"] for r in json.load(sys.stdin)])')" \
    "refused ok ok ok ok"

expect "a circuit is isolated" "$(ask circuit/isolate '{"circuit":"vehicle niro","transaction":7}' | field status)" ok
expect "what passes it is refused" "$(command niro refresh_cached PRESS | field reason)" isolated
expect "a circuit is closed" "$(ask circuit/close '{"circuit":"vehicle niro"}' | field status)" ok
expect "what passes it is done" "$(command niro refresh_cached PRESS | field state)" succeeded
expect "a circuit that there is not" "$(ask circuit/close '{"circuit":"vehicle nero"}' | field status)" error
kill -TERM "$host"; wait "$host" && code=0 || code=$?
expect "SIGTERM: exit code" "$code" 0
offline; echo "ok  SIGTERM: offline"

if grep -q -e AAAAAAAAAA -e KNALEGACY00000001 -e 'Bearer ' "$work/host.log"; then die "the log has a secret or a VIN"; fi
echo "ok  no secret and no VIN in the log"

sed -i 's/^url = .*/url = "mqt:\/\/x"/; s/^brand/brnd/' "$work/car.toml"
"$program" run -c "$work/car.toml" >"$work/wrong.log" 2>&1 && code=0 || code=$?
expect "a wrong configuration: exit code" "$code" 2
grep -q 'car.toml:2' "$work/wrong.log" || die "the message does not name the line: $(cat "$work/wrong.log")"
cat "$work/wrong.log"
