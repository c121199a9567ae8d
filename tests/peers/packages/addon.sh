# shellcheck shell=bash
# The add-on: its folder laid out as its Dockerfile says, started with options as Home Assistant writes them, beside a
# Supervisor that knows a broker with a password.

try_addon() {
    local archive
    debian_root
    archive=$(package '*-home-assistant-addon-*.tar.xz')
    mkdir "$work/addon"
    tar -xf "$archive" -C "$work/addon"
    "$(python_tools)/python" $here/addon.py "$work/addon/vehicle_connector"
    apart addon_runs ||
        die "the add-on does not run"
}

# In namespaces of its own.
addon_runs() {
    local root
    over "$work/debian" addon-root
    root=$work/addon-root/root
    cp "$work/addon/vehicle_connector/vehicle-connector" "$root/usr/bin/"
    cp "$work/addon/vehicle_connector/run.sh" "$root/run.sh"
    mkdir "$root/data" "$root/config"
    mount -t proc proc "$root/proc"
    mount --bind /dev "$root/dev"
    printf '127.0.0.1 localhost supervisor core-mosquitto\n' >"$root/etc/hosts"
    printf 'listener 1883 127.0.0.1\npassword_file %s/passwords\n' "$work" >"$work/addon-mosquitto.conf"
    mosquitto_passwd -b -c "$work/passwords" addons 'a "quoted" part \ too'
    chmod 644 "$work/passwords"
    mosquitto -c "$work/addon-mosquitto.conf" >"$work/addon-mosquitto.log" 2>&1 &
    python3 $here/supervisor.py 'a "quoted" part \ too' >"$work/supervisor.log" 2>&1 &
    until_it_is 401 curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1/services/mqtt

    options '{"log_level":"info","accounts":[],"vehicles":[]}'
    start_addon
    until_it_is online said bridge/state
    ok "without options: online, by the broker that the Supervisor knows"
    stop_addon

    options '{"log_level":"debug","accounts":[{"name":"main","connector":"kia-eu",
        "refresh_token":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1","pin":"1234"}],
        "vehicles":[{"name":"ev6","account":"main","vin":"KNACCS2EV00000002","allow":"refresh, lock , unlock"}]}'
    start_addon
    until_it_is online said bridge/state
    expect "its configuration has no secret" "$(grep -c -e AAAAAAA -e 1234 -e quoted "$root/data/config.toml" || true)" 0
    expect "modes of what it wrote" "$(stat -c %a "$root/data/config.toml" "$root"/data/secrets/* | sort -u)" 600
    expect "what is allowed" "$(grep -o 'allow = .*' "$root/data/config.toml")" 'allow = ["refresh","lock","unlock"]'
    stop_addon

    options '{"log_level":"info","accounts":[{"name":"../x","connector":"kia-eu"}],"vehicles":[]}'
    start_addon
    wait "$addon" && code=0 || code=$?
    expect "a name that leads elsewhere: exit code" "$code" 2
    grep -q "the name '../x' has characters" "$work/addon.log" || die "it does not say what is wrong"
    [ ! -e "$root/data/x.pin" ] || die "it was followed"

    printf '[mqtt]\nurl = "mqtt://127.0.0.1:1"\n[state]\ndir = "/data/state"\n[nonsense]\n' >"$root/config/vehicle-connector.toml"
    start_addon
    wait "$addon" && code=0 || code=$?
    expect "a configuration of one's own, with a mistake: exit code" "$code" 2
    grep -q '/config/vehicle-connector.toml:5' "$work/addon.log" || die "it does not name the line"
    ok "and the line is named"
}
options() { printf '%s' "$1" >"$root/data/options.json"; }
said() { mosquitto_sub -u addons -P 'a "quoted" part \ too' -W 2 -C 1 -t "vehicle-connector/$1"; }
start_addon() {
    SUPERVISOR_TOKEN=the-token chroot "$root" /run.sh >"$work/addon.log" 2>&1 &
    addon=$!
}
stop_addon() {
    kill -TERM "$addon"
    wait "$addon" && code=0 || code=$?
    expect "the add-on is stopped: exit code" "$code" 0
}
