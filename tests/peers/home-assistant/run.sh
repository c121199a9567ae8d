#!/usr/bin/env bash
# The program and a real Home Assistant from PyPI: what a person sees and does there.
# Usage: tests/peers/home-assistant/run.sh PATH-OF-vehicle-connector [2025.4|2024.3|all]
#
# 2024.3 knows no device discovery, so it is told of entities one by one. Everything listens on loopback, and is ended
# by its process id. SIMULATOR names a simulated cloud that is built already.
set -euo pipefail
program=$(realpath "$1")
versions=${2:-all}
[ "$versions" = all ] && versions="2025.4 2024.3"
cd "$(dirname "$0")/../../.."
here=tests/peers/home-assistant
SIMULATOR=$(tests/peers/simulator.sh simulator eu-simulator)
# All are installed at once: what one does while another is tried costs no time.
declare -A installing
for version in $versions; do
    bash "$here/install.sh" "$version" "target/home-assistant/$version" &
    installing[$version]=$!
done
trap 'kill "${installing[@]}" 2>/dev/null || true' EXIT
for version in $versions; do
    folder=target/home-assistant/$version
    code=0; wait "${installing[$version]}" || code=$?
    unset "installing[$version]"
    [ "$code" = 3 ] && continue
    [ "$code" = 0 ] || { echo "FAILED: Home Assistant $version could not be installed" >&2; exit 1; }
    printf 'ok  Home Assistant %s is there after %s s\n' "$version" "$SECONDS"
    discovery=device; [ "$version" = 2024.3 ] && discovery=component
    "$folder/bin/python" "$here/accept.py" --host "$program" --cloud "$(realpath "$SIMULATOR")" \
        --hass "$folder/bin/hass" --policy guest/dist/policy.wasm --discovery "$discovery"
    printf 'ok  Home Assistant %s: accepted after %s s\n' "$version" "$SECONDS"
done
