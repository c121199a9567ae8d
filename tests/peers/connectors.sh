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
root=$PWD
. tests/peers/common.sh

tools=target/peers/languages
install_python() {
    local requirements=guest/examples/connector-python/requirements.txt
    cmp -s "$requirements" "$tools/python/requirements.txt" && return
    mkdir -p "$tools"
    python3 -m venv --clear "$tools/python" || return 1
    "$tools/python/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements" || return 1
    cp "$requirements" "$tools/python/requirements.txt"
}
install_rust() { :; }

start_broker
(umask 077 && echo acme-client-1 >"$work/client-id" && echo acme-password-1 >"$work/password")
for language in "${languages[@]}"; do
    if ! "install_$language" 2>"$work/install.log"; then
        printf 'SKIPPED: %s: its toolchain is not here: %s\n' "$language" "$(tail -n 1 "$work/install.log")"
        continue
    fi
    name=acme-in-$language folder=$work/$language component=$work/acme-in-$language.wasm
    "$program" connector new "$folder" --lang "$language" --name "$name" --kit guest/sdk >/dev/null
    [ "$language" != python ] || ln -s "$root/$tools/python" "$folder/.venv"
    "$program" connector build "$folder" --out "$component" >"$work/build.log" 2>&1 || die "$language is not built: $(cat "$work/build.log")"
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
    "$program" check-config -c "$configuration"
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
