#!/usr/bin/env bash
# The public reference client as a peer: it has to be satisfied by the simulated cloud, and this project's program
# has to ask the cloud for the same, for every operation. Of the reference client there are two versions: the newest one
# for Python 3.11, and the newest one of all, which signs in with a password and needs Python 3.12. Without such a Python
# that part is skipped, and it is said.
# Usage: tests/peers/python-client/run.sh PATH-OF-vehicle-connector [--all]
#
# With --all an operation that the program does not have is a failure; without, it is listed as "not yet". Needs
# Python 3.11 or newer with venv, mosquitto and its clients. Everything runs on free ports of loopback and is ended by
# its process id.
set -euo pipefail
die() { printf 'FAILED: %s\n' "$1" >&2; exit 1; }
[ $# -ge 1 ] || die "say where the program is: $0 target/release/vehicle-connector [--all]"
program=$(realpath "$1")
shift
[ -x "$program" ] || die "there is no program $program; run cargo build --release"
cd "$(dirname "$0")/../../.."
here=tests/peers/python-client
source tests/peers/python.sh

# Puts what a file of requirements names into an environment of its own, unless it is there.
environment() {
    local python=$1 requirements=$2 venv=$3
    shift 3
    if cmp -s "$requirements" "$venv/requirements.txt"; then return; fi
    "$python" -m venv --clear "$venv" || die "$python has no venv; install the package python3-venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes "$@" --requirement "$requirements"
    # Only now: an installation that was interrupted is done again.
    cp "$requirements" "$venv/requirements.txt"
}

python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || die "python3 is missing or older than 3.11; install it"
venv=target/peers/python-venv
environment python3 "$here/requirements.txt" "$venv"
newest=
for version in 3.12 3.13 3.14; do
    if [ -z "$newest" ]; then newest=$(python_of "$version") || newest=; fi
done

export PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 NO_PROXY=127.0.0.1 no_proxy=127.0.0.1
simulator=$(tests/peers/simulator.sh simulator eu-simulator)
echo "The reference client and the simulated cloud"
"$venv/bin/python" "$here/drive.py" --simulator "$simulator"
echo
echo "The reference client and the simulated clouds of other regions"
"$venv/bin/python" "$here/regions.py" --simulator "$simulator" --older
echo
if [ -n "$newest" ]; then
    signing=target/peers/python-venv-4.41
    environment "$newest" "$here/requirements-4.41.txt" "$signing" --no-deps
    echo "The newest reference client and the simulated cloud: the sign-in with a password"
    "$signing/bin/python" "$here/password.py" --simulator "$simulator"
    echo
    echo "The newest reference client and the simulated clouds of other regions"
    "$signing/bin/python" "$here/regions.py" --simulator "$simulator"
    echo
    echo "The newest reference client and $(basename "$program"): the sign-in with a password"
    "$signing/bin/python" "$here/signing.py" --simulator "$simulator" --connector "$program"
else
    echo "SKIPPED: the newest reference client signs in with a password and needs Python 3.12, 3.13 or 3.14, and there is none"
fi
echo
echo "The reference client and $(basename "$program")"
"$venv/bin/python" "$here/compare.py" --simulator "$simulator" --connector "$program" "$@"
