# shellcheck shell=bash
# The image: its layers unpacked as an engine does, and its command run as its user, on a root that nobody can write to.

try_image() {
    local image root
    image=$(package '*.oci.tar')
    root=$work/image
    mkdir "$root"
    python3 host/packaging/lib/unpack_image.py "$image" "$root" >"$work/image.json"
    expect "its user" "$(jq -r .config.User "$work/image.json")" 65532:65532
    expect "its state's owner and mode" "$(stat -c %u:%g:%a "$root/var/lib/vehicle-connector")" 65532:65532:700
    expect "what anybody may write to" "$(find "$root" -perm -002 ! -type l ! -path "$root/tmp" | head -n 1)" ""
    expect "what may become another user" "$(find "$root" -perm /6000 | head -n 1)" ""
    printf 'ok  size: %s as it is loaded\n' "$(du -h --apparent-size "$image" | cut -f1)"
    apart image_runs "$root" ||
        die "the image does not run"
}

# In namespaces of its own, with a broker.
image_runs() {
    local root=$1 user command pid
    printf 'listener 1883 127.0.0.1\nallow_anonymous true\n' >"$work/image-mosquitto.conf"
    mosquitto -c "$work/image-mosquitto.conf" >"$work/image-mosquitto.log" 2>&1 &
    # What every engine adds.
    mkdir "$root/proc" "$root/dev"
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount --bind /dev "$root/dev"
    # The configuration is given along, for its user to read.
    install -m 400 -o 65532 host/packaging/config.toml "$root/etc/vehicle-connector/config.toml"
    mount -t tmpfs -o mode=700,uid=65532,gid=65532 tmpfs "$root/var/lib/vehicle-connector"
    mount -o remount,bind,ro "$root"
    user=$(jq -r .config.User "$work/image.json")
    mapfile -t command < <(jq -r '.config | (.Entrypoint + .Cmd)[]' "$work/image.json")
    chroot --userspec="$user" "$root" "${command[@]}" >"$work/image-host.log" 2>&1 &
    pid=$!
    until_it_is online mosquitto_sub -W 2 -C 1 -t vehicle-connector/bridge/state
    ok "it runs on a root that is read-only, and is online"
    expect "as" "$(stat -c %u "/proc/$pid")" 65532
    # A component comes in: compiled in a process of its own. A custom section at its end gives it another digest.
    { cat guest/dist/policy.wasm; printf '\000\006\004test1'; } >"$root/var/lib/vehicle-connector/new.wasm"
    chroot --userspec="$user" "$root" /usr/bin/vehicle-connector policy swap /var/lib/vehicle-connector/new.wasm \
        --state /var/lib/vehicle-connector >"$work/swap.log" 2>&1 || die "a policy is not swapped in"
    ok "a policy is compiled and swapped in"
    kill -TERM "$pid"
    wait "$pid" && code=0 || code=$?
    expect "SIGTERM: exit code" "$code" 0
}
