#!/usr/bin/env bash
# The packages as a stranger tries them: each where nothing of this project is, by what its documentation says.
# Usage: tests/peers/packages.sh FOLDER-OF-PACKAGES PATH-OF-eu-simulator [archive|image|addon|wheel|debian]...
#
# As root, because it makes namespaces: of processes, mounts, networks, control groups. All services are in them, on their
# own loopback. Needs mmdebstrap, lintian, mosquitto, jq and curl.
set -euo pipefail
packages=$(realpath "$1")
simulator=$(realpath "$2")
shift 2
cd "$(dirname "$0")/../.."
here=tests/peers/packages
. $here/common.sh
for part in archive wheel image debian addon; do
    # shellcheck source=/dev/null
    . "$here/$part.sh"
done

parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(archive wheel image debian addon)
(cd "$packages" && sha256sum --check --quiet SHA256SUMS) || die "SHA256SUMS does not fit"
ok "checksums"
for part in "${parts[@]}"; do
    if [[ $part =~ ^(image|debian|addon)$ ]] && ! unshare --mount --mount-proc --net --ipc --pid --fork true 2>/dev/null; then
        printf 'SKIPPED: %s: there may be no namespaces here\n' "$part"
        continue
    fi
    printf -- '-- %s (%ss)\n' "$part" "$SECONDS"
    "try_$part"
done
