#!/usr/bin/env bash
# The public client of Renault's and Dacia's cloud as a peer: unmodified, it has to be satisfied by the
# simulated cloud, and its requests are compared with those that are kept in trace.json. Usage:
# guest/connectors/renault/peer/run.sh [--record]
#
# With --record the requests of now are kept in place of the old ones. Needs Python 3.11 or newer with venv.
# Everything runs on free ports of loopback and is ended by its process id.
set -euo pipefail
die() { printf 'FAILED: %s\n' "$1" >&2; exit 1; }
cd "$(dirname "$0")/../../../.."
here=guest/connectors/renault/peer
venv=target/peers/renault-venv

python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || die "python3 is missing or older than 3.11; install it"
if ! cmp -s "$here/requirements.txt" "$venv/requirements.txt"; then
    python3 -m venv --clear "$venv" || die "python3 has no venv; install the package python3-venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --requirement "$here/requirements.txt"
    # Only now: an installation that was interrupted is done again.
    cp "$here/requirements.txt" "$venv/requirements.txt"
fi
simulator=$(SIMULATOR= tests/peers/simulator.sh renault-simulator renault-simulator)

export PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 NO_PROXY=127.0.0.1 no_proxy=127.0.0.1
"$venv/bin/python" "$here/drive.py" --simulator "$simulator" --trace "$here/trace.json" "$@"
