# shellcheck shell=bash
# The Debian package, under systemd, in a container with a broker and the simulated cloud: installed, configured, driven,
# upgraded, gone back from, removed, purged.

try_debian() {
    local deb version
    debian_root
    deb=$(package '*.deb')
    version=$(dpkg-deb --field "$deb" Version)
    lint "$deb"
    # systemd needs a root that it can write to; the next trial needs one that nobody has written to.
    cp -a "$work/debian" "$work/debian-used"
    cp "$deb" "$work/debian-used/root/package.deb"
    cp "$simulator" "$work/debian-used/usr/local/bin/eu-simulator"
    newer_package "$deb" "$work/debian-used/root/newer.deb"
    everything_there >"$work/before"
    boot "$work/debian-used"

    debian_installs "$version"
    debian_serves
    debian_is_confined
    debian_upgrades "$version"
    debian_is_purged
    shut_down
}

lint() {
    lintian --fail-on error,warning "$1" >"$work/lintian.log" 2>&1 || die "lintian"
    ok "lintian: nothing to complain of"
}

everything_there() {
    (cd "$work/debian-used" && find etc usr/bin usr/lib/systemd usr/share/doc lib/systemd var/lib ! -path 'var/lib/dpkg/*' ! -path 'var/lib/apt/*' \
        ! -path 'var/lib/systemd/*' ! -path 'var/lib/mosquitto/*' ! -path 'etc/*-' ! -path 'usr/share/doc/vehicle-connector*' | sort)
}

# The same package with the next version.
newer_package() {
    local unpacked=$work/newer
    dpkg-deb --raw-extract "$1" "$unpacked"
    sed -i 's/^Version: .*/&+newer/' "$unpacked/DEBIAN/control"
    dpkg-deb --root-owner-group -Znone --build "$unpacked" "$2" >/dev/null
    rm -rf "$unpacked"
}

install_package() { inside dpkg --install "$1" >"$work/dpkg.log" 2>&1 || die "dpkg --install $1"; }
property() { inside systemctl show --property "$1" --value vehicle-connector; }
host_said() { inside journalctl --unit vehicle-connector --output cat --no-pager; }
retained() { inside mosquitto_sub -h 127.0.0.1 -W 2 -C 1 -t "vehicle-connector/$1"; }

debian_installs() {
    install_package /root/package.deb
    expect "the service is" "$(property ActiveState) $(inside systemctl is-enabled vehicle-connector)" "active enabled"
    until_it_is online retained bridge/state
    until_it_is "serving the broker 127.0.0.1:1883" property StatusText
    expect "the program says" "$(inside vehicle-connector --version)" "vehicle-connector $1"
    expect "modes" "$(inside stat -c '%U:%G %a' /etc/vehicle-connector /etc/vehicle-connector/config.toml /var/lib/vehicle-connector | xargs)" \
        "root:vehicle-connector 750 root:vehicle-connector 640 vehicle-connector:vehicle-connector 700"
    expect "its configuration can be run, with remarks at most" \
        "$(inside vehicle-connector check-config -c /etc/vehicle-connector/config.toml 2>/dev/null | grep -o 'can be run\|good')" "can be run"
}

# A car, with its secrets: the PIN from a file, the refresh token as systemd's credential that only root can read.
debian_serves() {
    inside /usr/local/bin/eu-simulator --listen 127.0.0.1:40123 >"$work/cloud.log" 2>&1 &
    until_it_is 200 inside curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:40123/control/counters
    inside sh -c 'umask 077; echo AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1 >/root/token; mkdir -p /etc/systemd/system/vehicle-connector.service.d
        echo 1234 | install -m 640 -g vehicle-connector /dev/stdin /etc/vehicle-connector/kia-pin
        printf "[Service]\nLoadCredential=token:/root/token\n" >/etc/systemd/system/vehicle-connector.service.d/token.conf
        cat >>/etc/vehicle-connector/config.toml <<END
[account.home]
connector = "kia-eu"
refresh_token_file = "/run/credentials/vehicle-connector.service/token"
pin_file = "/etc/vehicle-connector/kia-pin"
endpoints = { ccapi = "http://127.0.0.1:40123", idp = "http://127.0.0.1:40123", cci = "http://127.0.0.1:40123" }
[vehicle.ev6]
account = "home"
vin = "KNACCS2EV00000002"
END
        systemctl daemon-reload; systemctl restart vehicle-connector' || die "it does not start with a car"
    until_it_is 71 battery
    ok "the car is read, by a credential that the user of the service cannot read elsewhere"
    expect "a command" "$(commanded)" succeeded
    inside sh -c 'cat >/root/policy.wasm' <guest/dist/policy.wasm
    # A custom section at its end gives a component another digest.
    inside sh -c 'printf "\000\006\004test1" >>/root/policy.wasm'
    inside vehicle-connector policy swap /root/policy.wasm --state /var/lib/vehicle-connector >"$work/swap.log" 2>&1 || die "a policy is not swapped in"
    ok "a policy is compiled and swapped in, within the bounds of the unit"
    # What is allowed is read again without a restart.
    local before
    before=$(property MainPID)
    expect "unlock, not allowed" "$(commanded UNLOCK)" rejected
    inside sh -c 'echo "allow = [\"refresh\", \"lock\", \"unlock\"]" >>/etc/vehicle-connector/config.toml'
    inside systemctl reload vehicle-connector || die "it does not reload"
    until_it_is succeeded commanded UNLOCK
    expect "the process is the same" "$(property MainPID)" "$before"
    expect "after a reload" "$(property ActiveState) $(commanded)" "active succeeded"
}
battery() { retained vehicle/ev6/state | field soc_percent | cut -d. -f1; }
commanded() { inside mosquitto_rr -h 127.0.0.1 -V mqttv5 -W 30 -t vehicle-connector/vehicle/ev6/cmd/lock -e "stranger/$RANDOM" -m "${1:-LOCK}" | field state; }

debian_is_confined() {
    local exposure
    exposure=$(inside systemd-analyze security --no-pager vehicle-connector | tail -n 1 | grep -o '[0-9]\+\.[0-9]')
    expect "systemd-analyze security, at most 1.5 ($exposure)" "$(awk -v e="$exposure" 'BEGIN { print (e <= 1.5) }')" 1
    expect "its user" "$(inside stat -c %U "/proc/$(property MainPID)")" vehicle-connector
    # A process that is stopped gives no sign of life; the watchdog's time is shortened to see what follows.
    inside sh -c 'printf "[Service]\nWatchdogSec=2\nRestartSec=1\n" >/etc/systemd/system/vehicle-connector.service.d/watchdog.conf
        systemctl daemon-reload; systemctl restart vehicle-connector'
    until_it_is 71 battery
    local before
    before=$(property NRestarts)
    expect "signs of life for four times as long as there must be one: starts again" "$(sleep 8; property NRestarts)" "$before"
    inside systemctl kill --kill-who main --signal STOP vehicle-connector
    until_it_is "$((before + 1)) active" restarts
    host_said | grep -q 'Watchdog timeout' || die "it was not the watchdog"
    ok "no sign of life: the watchdog has it started again"
}
restarts() { echo "$(property NRestarts) $(property ActiveState)"; }

debian_upgrades() {
    inside systemctl is-active --quiet vehicle-connector
    local before
    before=$(property MainPID)
    install_package /root/newer.deb
    expect "upgraded to" "$(inside dpkg-query -W -f '${Version}' vehicle-connector)" "$1+newer"
    [ "$(property MainPID)" != "$before" ] || die "the old program still runs"
    until_it_is 71 battery
    expect "the configuration that was changed is kept" "$(inside grep -c KNACCS2EV00000002 /etc/vehicle-connector/config.toml)" 1
    expect "its mode is kept" "$(inside stat -c '%U:%G %a' /etc/vehicle-connector/config.toml)" "root:vehicle-connector 640"
    install_package /root/package.deb
    expect "gone back to" "$(inside dpkg-query -W -f '${Version}' vehicle-connector)" "$1"
    expect "a command after that" "$(commanded)" succeeded
    # A mistake in the configuration is said, and not repeated for ever.
    inside sh -c 'echo nonsense = 1 >>/etc/vehicle-connector/config.toml; systemctl restart vehicle-connector' 2>/dev/null || true
    until_it_is failed property ActiveState
    expect "a wrong configuration: exit code" "$(property ExecMainStatus)" 2
    host_said | grep -q 'config.toml:[0-9]*.*nonsense' || die "the journal does not name the line"
    inside sed -i '/^nonsense/d' /etc/vehicle-connector/config.toml
    inside systemctl restart vehicle-connector
    inside systemctl stop vehicle-connector
    expect "stopped: result" "$(property Result)" success
    expect "and the broker was told" "$(retained bridge/state)" offline
    inside systemctl start vehicle-connector
}

debian_is_purged() {
    if host_said | grep -q -e AAAAAAAAAA -e KNACCS2EV; then die "the journal has a secret or a VIN"; fi
    ok "no secret and no VIN in the journal"
    inside dpkg --remove vehicle-connector >"$work/dpkg.log" 2>&1 || die "dpkg --remove"
    expect "removed: state and configuration stay" \
        "$(inside ls -d /etc/vehicle-connector/config.toml /var/lib/vehicle-connector/state.db | wc -l)" 2
    expect "removed: the service is" "$(inside systemctl is-active vehicle-connector)" inactive
    install_package /root/package.deb
    until_it_is 71 battery
    inside rm -r /etc/systemd/system/vehicle-connector.service.d
    inside dpkg --purge vehicle-connector >"$work/dpkg.log" 2>&1 || die "dpkg --purge"
    everything_there >"$work/after"
    expect "purged: what is left" "$(comm -13 "$work/before" "$work/after")" ""
    expect "purged: its user" "$(inside getent passwd vehicle-connector || true)" ""
    expect "purged: its group" "$(inside getent group vehicle-connector || true)" ""
}
