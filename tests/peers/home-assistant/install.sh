#!/usr/bin/env bash
# An unmodified Home Assistant from PyPI in an environment of its own. Usage: install.sh VERSION FOLDER
# VERSION is 2025.4 or 2024.3. Ends with 3, having said why, if there is no Python for it.
set -euo pipefail
version=$1 folder=$2
case $version in
    2025.4) wants=3.13 ;;
    2024.3) wants=3.12 ;;
    *) echo "unknown version $version; there are 2025.4 and 2024.3" >&2; exit 2 ;;
esac
[ -x "$folder/bin/hass" ] && [ -e "$folder/COMPLETE" ] && exit 0
source "$(dirname "$0")/../python.sh"
python=$(python_of "$wants") || python=
[ -n "$python" ] || { echo "SKIPPED: Home Assistant $version needs Python $wants, and there is none"; exit 3; }
rm -rf "$folder"
"$python" -m venv "$folder"
pip() { "$folder/bin/pip" install --quiet --disable-pip-version-check --prefer-binary "$@"; }
pip "homeassistant==$version.*"
# What it would install by itself at its first start, in the versions that it names.
constraints=$("$folder/bin/python" -c 'import homeassistant, pathlib; print(pathlib.Path(homeassistant.__file__).parent / "package_constraints.txt")')
more=(home-assistant-frontend paho-mqtt janus Pillow psutil-home-assistant sqlalchemy securetar numpy fnv-hash-fast)
# `acme`, which it pins, does not know josepy 2.
[ "$version" = 2024.3 ] && more+=(aiohttp-fast-url-dispatcher aiohttp-zlib-ng 'josepy<2')
[ "$version" = 2025.4 ] && more+=(aiohttp-fast-zlib)
pip --constraint "$constraints" "${more[@]}"
touch "$folder/COMPLETE"
