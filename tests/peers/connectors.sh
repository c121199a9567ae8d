#!/usr/bin/env bash
# Connectors in other languages, as their authors begin and build them, in a host that runs: against the cloud of the
# example connector, over a real broker, with the policy that the host carries.
# Usage: tests/peers/connectors.sh PATH-OF-vehicle-connector [LANGUAGE...]
#        rust and python, unless some are named
#
# A language whose toolchain is not here, and cannot be fetched, is skipped, and it is said. Needs Python 3.11 or newer with
# venv, mosquitto and its clients.
set -euo pipefail
program=$(realpath "$1")
shift
languages=("$@")
[ ${#languages[@]} -gt 0 ] || languages=(rust python)
cd "$(dirname "$0")/../.."
. tests/peers/common.sh
. tests/peers/authors.sh

install_python() { python_tools guest/examples/connector-python/requirements.txt; }
install_rust() { :; }

# Makes the connector of a language.
make() {
    local language=$1 folder=$work/$1
    if ! "install_$language" 2>"$work/install.$language.log"; then
        skipped "$language" "$work/install.$language.log"
        return
    fi
    "$program" connector new "$folder" --lang "$language" --name "acme-in-$language" >/dev/null
    [ "$language" != python ] || ln -s "$tools/python" "$folder/.venv"
    "$program" connector build "$folder" --out "$work/acme-in-$language.wasm" >"$work/build.$language.log" 2>&1 ||
        die "$language is not built: $(cat "$work/build.$language.log")"
}
beside_each_other make "${languages[@]}"

start_broker
(umask 077 && echo acme-client-1 >"$work/client-id" && echo acme-password-1 >"$work/password")
for language in "${languages[@]}"; do
    name=acme-in-$language component=$work/acme-in-$language.wasm
    [ -e "$component" ] || continue
    python3 tests/peers/example_cloud.py >"$work/cloud-$language.log" 2>&1 &
    started+=($!)
    cloud=$(address_in "$work/cloud-$language.log")
    mkdir "$work/home-$language"
    configuration=$work/home-$language/car.toml
    cat >"$configuration" <<TOML
[mqtt]
url = "mqtt://127.0.0.1:$port"
[limits.connector]
memory_mb = 64
TOML
    "$program" connector install "$component" -c "$configuration" --yes >/dev/null
    cat >>"$configuration" <<TOML
[account.home]
connector = "$name"
client_id_file = "../client-id"
password_file = "../password"
endpoints = { api = "$cloud" }
[vehicle.runner]
account = "home"
name = "Road Runner"
TOML
    "$program" run -c "$configuration" >>"$work/host-$language.log" 2>&1 &
    host=$!
    started+=("$host")
    # A component from Python compiles for ten seconds and more before its host comes online.
    for _ in $(seq 12); do
        [ "$(message "$base/bridge/state" 1 10)" = online ] && break
    done
    count() { curl -fsS "$cloud/counts" | field "$1"; }
    expect "$language: a read" "$(command runner refresh_cached PRESS | field state)" succeeded
    expect "$language: lock, and its end told later" "$(command runner lock LOCK | field state)" succeeded
    curl -fsS -X POST "$cloud/expire" >/dev/null
    report=$(command runner lock LOCK)
    expect "$language: lock on an expired token: state" "$(field state <<<"$report")" succeeded
    expect "$language: lock on an expired token: attempts" "$(field attempts <<<"$report")" 2
    expect "$language: the car was locked, times" "$(count locks)" 2
    expect "$language: sign-ins" "$(count tokens)" 2
    expect "$language: requests that the cloud does not know" "$(count wrong)" 0
    if grep -q -e acme-password -e acme-token -e ACMEZZZ "$work/host-$language.log"; then die "the log of $language has a secret"; fi
    kill -TERM "$host"; wait "$host" && code=0 || code=$?
    expect "$language: SIGTERM: exit code" "$code" 0
    mosquitto_pub "${client[@]}" -r -n -t "$base/bridge/state"
done
