#!/usr/bin/env bash
# A connector that nobody here has heard of: the crate of docs/writing-a-connector.md, word for word, in a folder
# elsewhere, with nothing but the kit; then the program as it was built, with configuration alone.
# Usage: tests/peers/stranger.sh PATH-OF-vehicle-connector
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "$0")/../.."
. tests/peers/common.sh
before=$(sha256sum "$program")

mkdir -p "$work/acme/src"
python3 - docs/writing-a-connector.md "$work/acme" "$PWD/guest/sdk" <<'PY'
import pathlib, re, sys
guide, folder, kit = open(sys.argv[1]).read(), pathlib.Path(sys.argv[2]), sys.argv[3]
block = lambda language, after: re.search(rf"```{language}\n(.*?)```", guide[guide.index(after):], re.S).group(1)
manifest = block("toml", "`Cargo.toml`:")
assert "../vehicle-connector/guest/sdk" in manifest
(folder / "Cargo.toml").write_text(manifest.replace("../vehicle-connector/guest/sdk", kit))
(folder / "src/lib.rs").write_text(block("rust", "`src/lib.rs`:"))
PY
cargo run --quiet --package guest-builder -- component "$work/acme" "$work/acme.wasm"

python3 tests/peers/acme.py >"$work/cloud.log" 2>&1 &
started+=($!)
cloud=$(address_in "$work/cloud.log")
start_broker
printf '[mqtt]\nurl = "mqtt://127.0.0.1:%s"\n' "$port" >"$work/car.toml"

cd "$work"
"$program" connector inspect acme.wasm
"$program" connector install acme.wasm -c car.toml --yes
(umask 077 && echo acme-password-1 >password)
cat >>car.toml <<TOML
[account.home]
connector = "acme"
password_file = "password"
endpoints = { api = "$cloud" }
[vehicle.runner]
account = "home"
name = "Road Runner"
TOML
"$program" check-config -c car.toml
cat car.toml
start_host
online
count() { curl -fsS "$cloud/counts" | field "$1"; }
expect "a read" "$(command runner refresh_cached PRESS | field state)" succeeded
expect "its state" "$(message "$base/vehicle/runner/state" | field locked)" False
expect "lock" "$(command runner lock LOCK | field state)" succeeded
curl -fsS -X POST "$cloud/expire" >/dev/null
report=$(command runner lock LOCK)
expect "lock on an expired token: state" "$(field state <<<"$report")" succeeded
expect "lock on an expired token: attempts" "$(field attempts <<<"$report")" 2
expect "the car was locked, times" "$(count locks)" 2
expect "passwords sent" "$(count tokens)" 2
expect "sign-ins counted" "$(message "$base/account/home/state" | field logins_today)" 2
expect "requests that the cloud does not know" "$(count wrong)" 0
if grep -q -e acme-password -e acme-token host.log; then die "the log has a secret"; fi
expect "the program is what it was" "$(sha256sum "$program")" "$before"
kill -TERM "$host"; wait "$host" && code=0 || code=$?
expect "SIGTERM: exit code" "$code" 0
