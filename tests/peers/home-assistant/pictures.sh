#!/usr/bin/env bash
# Takes the pictures of docs/home-assistant.md anew: the program, the simulated cloud and a real Home Assistant 2025.4.
# Usage: tests/peers/home-assistant/pictures.sh PATH-OF-vehicle-connector [FOLDER-OF-THE-PICTURES]
#
# Not part of CI: somebody has to look at them. Needs Chromium (`apt-get install chromium`) and Python 3.13. SIMULATOR
# names a simulated cloud that is built already.
set -euo pipefail
program=$(realpath "$1")
into=$(realpath "${2:-$(dirname "$0")/../../../docs/pictures}")
cd "$(dirname "$0")/../../.."
here=tests/peers/home-assistant
SIMULATOR=$(tests/peers/simulator.sh simulator eu-simulator)
folder=target/home-assistant/2025.4
bash "$here/install.sh" 2025.4 "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check playwright
"$folder/bin/python" "$here/pictures.py" --host "$program" --cloud "$(realpath "$SIMULATOR")" \
    --hass "$folder/bin/hass" --policy guest/dist/policy.wasm --into "$into"
