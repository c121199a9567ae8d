#!/usr/bin/env bash
# The program under more than a house gives it: so many commands a second for so many cars, over a real broker. Each
# command must end with one final result, in the words of docs/mqtt.md, and nothing else may suffer.
# Usage: tests/peers/load/run.sh PATH-OF-vehicle-connector [SECONDS [RATE [CARS [ACCOUNTS]]]]
#        60 s, 200 commands a second and 50 cars in 5 accounts, unless it is said otherwise
#
# Starts a broker and a simulated cloud for each account on free ports of loopback, and ends them by their process ids.
# Takes at most 60 s more than the sending. Needs Python 3.11 or newer with venv, mosquitto and its clients. SIMULATOR
# names a simulated cloud that is built already.
set -euo pipefail
program=$(realpath "$1")
seconds=${2:-60} rate=${3:-200} cars=${4:-50} accounts=${5:-5}
cd "$(dirname "$0")/../../.."
here=tests/peers/load
. tests/peers/common.sh
[ $((cars % accounts)) = 0 ] || die "$cars cars cannot be shared equally by $accounts accounts"
SIMULATOR=$(tests/peers/simulator.sh simulator eu-simulator)
venv=target/peers/load-venv
if ! cmp -s "$here/requirements.txt" "$venv/requirements.txt"; then
    python3 -m venv --clear "$venv" || die "python3 has no venv; install the package python3-venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --requirement "$here/requirements.txt"
    # Only now: an installation that was interrupted is done again.
    cp "$here/requirements.txt" "$venv/requirements.txt"
fi
# The broker tells of itself every second, and not every ten; everything else is as it comes.
echo "sys_interval 1" >>"$work/mosquitto.conf"
start_broker

http=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf '[mqtt]\nurl = "mqtt://127.0.0.1:%s"\n[http]\nlisten = "127.0.0.1:%s"\n' "$port" "$http" >"$work/car.toml"
echo AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1 >"$work/refresh-token"
echo 1234 >"$work/pin"
chmod 600 "$work/refresh-token" "$work/pin"
clouds=()
each=$((cars / accounts))
for account in $(seq "$accounts"); do
    "$SIMULATOR" --cars "$each" >"$work/cloud$account.log" 2>&1 &
    started+=($!)
    cloud=$(address_in "$work/cloud$account.log")
    clouds+=("$cloud")
    cat >>"$work/car.toml" <<TOML
[account.family$account]
connector = "kia-eu"
refresh_token_file = "refresh-token"
pin_file = "pin"
endpoints = { ccapi = "$cloud", idp = "$cloud", cci = "$cloud" }
TOML
    for number in $(seq "$each"); do
        kind="Legacy car"
        [ $((number % 2)) = 0 ] && kind="CCS2 car"
        [ "$number" -gt 2 ] && kind="$kind $number"
        cat >>"$work/car.toml" <<TOML
[vehicle.car$(((account - 1) * each + number))]
account = "family$account"
name = "$kind"
allow = ["refresh", "lock", "unlock", "status"]
TOML
    done
done
"$program" check-config -c "$work/car.toml" || die "the configuration is refused"

start_host
online
PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 "$venv/bin/python" "$here/load.py" --host "$host" --port "$port" \
    --metrics "http://127.0.0.1:$http/metrics" --clouds "${clouds[@]}" --cars "$cars" --rate "$rate" \
    --seconds "$seconds" --schema docs/report.schema.json --recording "$work/recording" || die "see above"
wait "$host" && code=0 || code=$?
expect "SIGTERM: exit code" "$code" 0

levels() { awk '{ print $2 }' "$work/host.log" | grep -x -e ERROR -e WARN -e INFO | sort | uniq -c | xargs; }
if grep -q -e ' ERROR ' -e panicked "$work/host.log"; then die "the log has an error: $(grep -m5 -e ' ERROR ' -e panicked "$work/host.log")"; fi
echo "ok  no error in the log, lines by level: $(levels)"
grep ' WARN ' "$work/host.log" | cut -d' ' -f2- | sort | uniq -c | sort -rn | head -5 || true

# What the broker has acknowledged is not published again by the next start.
mosquitto_sub "${client[@]}" -q 1 -t "$base/vehicle/+/action/+" -t "$base/bridge/state" -F '%r %t' >"$work/again" &
started+=($!)
# It is there when it has what is retained.
for _ in $(seq 100); do [ -s "$work/again" ] && break; sleep 0.1; done
start_host
for _ in $(seq 100); do [ "$(grep -c '^0 .*/bridge/state' "$work/again")" -ge 1 ] && break; sleep 0.1; done
kill -TERM "$host"; wait "$host" && code=0 || code=$?
expect "after a restart, SIGTERM: exit code" "$code" 0
for _ in $(seq 100); do [ "$(grep -c '^0 .*/bridge/state' "$work/again")" -ge 2 ] && break; sleep 0.1; done
expect "after a restart, online and offline" "$(grep -c '^0 .*/bridge/state' "$work/again")" 2
again=$(sed -n 's|^0 .*/action/\(load-.*\)|\1|p' "$work/again" | xargs)
expect "after a restart, results that are published again" "${again:-none}" none
