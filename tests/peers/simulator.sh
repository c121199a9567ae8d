#!/usr/bin/env bash
# simulator.sh PACKAGE BINARY: builds a simulated cloud and prints where it is. SIMULATOR names one that is built already.
# Chosen with the program, its libraries have the features that they were built with for that; alone it would have them all
# compiled again with fewer.
set -euo pipefail
[ -n "${SIMULATOR:-}" ] && { echo "$SIMULATOR"; exit; }
cd "$(dirname "$0")/../.."
cargo build --release --quiet --package vehicle-connector --package "$1" --bin "$2"
echo "$PWD/target/release/$2"
