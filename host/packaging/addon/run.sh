#!/bin/bash
# Writes the configuration from the add-on's options, and becomes the program. A configuration of one's own in the add-on's
# folder is taken as it is.
set -euo pipefail
umask 077
options=/data/options.json
secrets=/data/secrets
own=/config/vehicle-connector.toml

stop() { printf 'vehicle-connector add-on: %s\n' "$*" >&2; exit 2; }

if [ -f "$own" ]; then
    exec vehicle-connector run -c "$own"
fi

jq -e . "$options" >/dev/null || stop "$options is no JSON; save the options of the add-on once more"
wrong=$(jq -r '[(.accounts, .vehicles)[]?.name | select(test("^[a-z0-9][a-z0-9_-]*$") | not)][0] // empty' "$options")
[ -z "$wrong" ] || stop "the name '$wrong' has characters other than a-z, 0-9, - and _; change it in the options"

# What is no option any more is no file any more.
rm -rf "$secrets"
mkdir "$secrets"

# Sets the broker: the one of the options, or the one that the Supervisor knows.
if [ -n "$(jq -r '.mqtt_url // empty' "$options")" ]; then
    broker=$(jq '{url: .mqtt_url, username: .mqtt_username, password: .mqtt_password}' "$options")
else
    service=$(curl -sS --max-time 20 -H "Authorization: Bearer ${SUPERVISOR_TOKEN:-}" http://supervisor/services/mqtt) ||
        stop "the Supervisor does not answer; set mqtt_url in the options"
    [ "$(jq -r .result <<<"$service")" = ok ] ||
        stop "the Supervisor knows no broker ($(jq -r .message <<<"$service")): install the add-on Mosquitto broker, or set mqtt_url in the options"
    broker=$(jq '.data | {url: "\(if .ssl then "mqtts" else "mqtt" end)://\(.host):\(.port)", username, password}' <<<"$service")
fi
jq -j '.password // empty' <<<"$broker" >"$secrets/mqtt-password"

jq -r '.accounts[] | .name as $name | {refresh_token, password, pin, gate_keys} | to_entries[] | select(.value // "" != "")
    | "\($name).\(.key) \(.value | @base64)"' "$options" |
    while read -r name value; do
        base64 --decode <<<"$value" >"$secrets/$name"
    done

# Every text is written as JSON, which TOML reads alike.
jq -r --argjson broker "$broker" --arg secrets "$secrets" '
    def text($key; $value): if ($value // "") == "" then empty else "\($key) = \($value | @json)" end;
    def secret($key; $value; $file): if ($value // "") == "" then empty else "\($key)_file = \("\($secrets)/\($file)" | @json)" end;
    "[mqtt]", text("url"; $broker.url), text("username"; $broker.username), secret("password"; $broker.password; "mqtt-password"),
    "[state]", text("dir"; "/data/state"),
    "[log]", text("level"; .log_level),
    (.accounts[] | . as $account | "[account.\(.name)]",
        text("connector"; .connector), text("brand"; .brand), text("region"; .region), text("username"; .username),
        (("refresh_token", "password", "pin", "gate_keys") | secret(.; $account[.]; "\($account.name).\(.)"))),
    (.vehicles[] | "[vehicle.\(.name)]",
        text("account"; .account), text("vin"; .vin), text("name"; .car_name),
        if (.allow // "") == "" then empty else "allow = \(.allow | split(",") | map(gsub("^\\s+|\\s+$"; "")) | @json)" end)
' "$options" >/data/config.toml

exec vehicle-connector run -c /data/config.toml
