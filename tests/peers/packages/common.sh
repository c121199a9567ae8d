# shellcheck shell=bash
# What the trials of the packages share. Sourced from the project's root, with `packages` and `simulator` set.

work=${work:-$(mktemp -d)}
chmod 755 "$work"
container=
cleanup() {
    [ -z "$container" ] || shut_down
    rm -rf "$work"
}
trap cleanup EXIT
die() {
    printf 'FAILED: %s\n' "$*" >&2
    tail -n 20 "$work"/*.log >&2 2>/dev/null || true
    [ -z "$container" ] || inside journalctl --unit vehicle-connector --no-pager --lines 20 >&2 || true
    exit 1
}
ok() { printf 'ok  %s\n' "$*"; }
expect() {
    [ "$2" = "$3" ] || die "$1: expected $3, got $2"
    ok "$1: $2"
}
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
# The one file of this pattern.
package() {
    local found=("$packages"/$1)
    if [ ! -f "${found[0]}" ] || [ ${#found[@]} != 1 ]; then die "there is not one $1 in $packages, but ${found[*]}"; fi
    echo "${found[0]}"
}
# until_it_is WANTED COMMAND…: asks until the answer is this, or half a minute is over.
until_it_is() {
    local wanted=$1 got= end=$((SECONDS + 30))
    shift
    while [ "$SECONDS" -lt "$end" ]; do
        got=$("$@" 2>/dev/null || true)
        [ "$got" = "$wanted" ] && return
        sleep 0.2
    done
    die "$*: expected $wanted, got $got"
}

# Python with what reads the packages' documents and tries the wheel; made once. Prints its folder of programs.
python_tools() {
    if [ ! -d "$work/tools" ]; then
        python3 -m venv "$work/tools"
        "$work/tools/bin/pip" install --quiet --disable-pip-version-check auditwheel 'cyclonedx-python-lib[json-validation]' pipx pyyaml
    fi
    echo "$work/tools/bin"
}

# A root folder of Debian, made of its packages once. DEBIAN_TAR may name one that was kept, to try again sooner.
debian_root() {
    [ ! -d "$work/debian" ] || return 0
    local made=${DEBIAN_TAR:-$work/debian.tar}
    if [ ! -f "$made" ]; then
        command -v mmdebstrap >/dev/null || die "mmdebstrap is not here"
        mmdebstrap --quiet --variant=apt --dpkgopt='path-exclude=/usr/share/locale/*' \
            --include=systemd,systemd-sysv,mosquitto,mosquitto-clients,ca-certificates,adduser,tzdata,curl,jq bookworm "$made"
    fi
    mkdir "$work/debian"
    tar -xf "$made" -C "$work/debian"
}

# over ROOT NAME: a folder that is like that root, and is written to without changing it. To be called in namespaces.
over() {
    mkdir -p "$work/$2"
    mount -t tmpfs tmpfs "$work/$2"
    mkdir "$work/$2"/{upper,work,root}
    mount -t overlay -o "lowerdir=$1,upperdir=$work/$2/upper,workdir=$work/$2/work" overlay "$work/$2/root"
}

# boot ROOT: systemd on that root, in namespaces of its own. Sets `container`.
boot() {
    local groups=/sys/fs/cgroup/unified
    [ -d "$groups" ] || groups=/sys/fs/cgroup
    group=$groups/vehicle-connector-packages-$$
    mkdir "$group"
    (
        echo "$BASHPID" >"$group/cgroup.procs"
        exec unshare --mount --uts --ipc --net --pid --cgroup --fork --kill-child -- "$here/boot.sh" "$1"
    ) >"$work/boot.log" 2>&1 &
    outside=$!
    for _ in $(seq 100); do
        container=$(cat "/proc/$outside/task/$outside/children" 2>/dev/null | tr -d ' ')
        [ -n "$container" ] && [ "$(cat "/proc/$container/comm")" = systemd ] && break
        sleep 0.1
    done
    [ -n "$container" ] || die "systemd does not start here"
    # It answers when its bus is there, and this returns when it is done with starting.
    until_it_is running inside systemctl is-system-running --wait
}
# apart FUNCTION…: one of these functions in namespaces of its own, with a loopback of its own. What it starts ends with it.
apart() {
    unshare --mount --mount-proc --net --ipc --pid --fork --kill-child -- \
        env work="$work" here="$here" packages="$packages" simulator="$simulator" bash -euo pipefail -c '
            . "$here/common.sh"
            trap - EXIT
            for part in image addon; do . "$here/$part.sh"; done
            ip link set lo up
            "$@"' apart "$@"
}
inside() { nsenter --target "$container" --all --root --wd -- /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
shut_down() {
    kill -KILL "$container"
    wait "$outside" 2>/dev/null || true
    container=
    find "$group" -depth -type d -exec rmdir {} \;
}
