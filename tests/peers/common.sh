# What the proofs with a real broker share. Sourced by them, from the project's root, with `program` set.

mosquitto=$(command -v mosquitto || echo /usr/sbin/mosquitto)
work=$(mktemp -d)
started=()
cleanup() {
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT
die() { printf 'FAILED: %s\n' "$1" >&2; tail -n 40 "$work"/*.log >&2 || true; exit 1; }

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf 'listener %s 127.0.0.1\nallow_anonymous true\npersistence false\n' "$port" >"$work/mosquitto.conf"
start_broker() {
    "$mosquitto" -c "$work/mosquitto.conf" >>"$work/mosquitto.log" 2>&1 &
    broker=$!
    started+=("$broker")
}

client=(-h 127.0.0.1 -p "$port" -V mqttv5)
base=vehicle-connector
# One message of a topic, or nothing after so many seconds.
message() { mosquitto_sub "${client[@]}" -W "${3:-20}" -C "${2:-1}" -t "$1" 2>/dev/null || true; }
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
# Sends a command, prints its final report. A response topic tells the two ends of one request apart.
command() {
    mosquitto_rr "${client[@]}" -W 60 -t "$base/vehicle/$1/cmd/$2" -e "peer/answer/$RANDOM" -m "$3"
}
expect() {
    [ "$2" = "$3" ] || die "$1: expected $3, got $2"
    printf 'ok  %s: %s\n' "$1" "$2"
}

start_host() {
    "$program" run -c "$work/car.toml" >>"$work/host.log" 2>&1 &
    host=$!
    started+=("$host")
}
# Retained, so it does not matter who is first.
online() {
    for _ in $(seq 100); do
        [ "$(message "$base/bridge/state" 1 1)" = online ] && return
        sleep 0.1
    done
    die "the host did not come online"
}
# Waits until a program has said in its log where it listens, and prints that.
address_in() {
    for _ in $(seq 100); do
        grep -o -m1 'http://127\.0\.0\.1:[0-9]*' "$1" && return
        sleep 0.1
    done
    die "$1 does not say where it listens"
}
