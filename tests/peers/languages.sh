#!/usr/bin/env bash
# Policies in other languages, as their authors make them: a folder that the program writes, the toolchain that it names,
# a component, its size and times, a replay against the default policy, and a swap into a running host that serves a
# simulated cloud. Each language once as a whole policy and once as a layer over the policy of the host. The languages are
# built beside each other. A component from Python is compiled for ten seconds each time, so what other tests show of the
# commands is not shown again.
# Usage: tests/peers/languages.sh PATH-OF-vehicle-connector [LANGUAGE...]
#        all of rust, c, javascript, python, unless some are named
#
# A language whose toolchain is not here, and cannot be fetched, is skipped, and it is said. Needs Python 3.11 or newer with
# venv, mosquitto and its clients; for JavaScript Node 20 or newer with npm, for C clang and lld of LLVM 16 or newer.
# SIMULATOR names a simulated cloud that is built already.
set -euo pipefail
program=$(realpath "$1")
shift
languages=("$@")
[ ${#languages[@]} -gt 0 ] || languages=(rust c javascript python)
cd "$(dirname "$0")/../.."
. tests/peers/common.sh
SIMULATOR=$(tests/peers/simulator.sh simulator eu-simulator)
. tests/peers/authors.sh

# What the author of each language installs.
install_python() { python_tools guest/examples/python/requirements.txt; }
install_javascript() {
    type -P npm >/dev/null || { echo "there is no npm" >&2; return 1; }
    if ! cmp -s guest/examples/javascript/package.json "$tools/javascript/package.json"; then
        mkdir -p "$tools/javascript"
        cp guest/examples/javascript/package.json "$tools/javascript/"
        npm install --silent --no-audit --no-fund --prefix "$tools/javascript" || {
            rm "$tools/javascript/package.json"
            return 1
        }
    fi
}
install_c() {
    local clang
    clang=$(compgen -c clang | grep -E '^clang(-1[6-9]|-2[0-9])?$' | sort | head -n 1)
    [ -n "$clang" ] || { echo "there is no clang of LLVM 16 or later" >&2; return 1; }
    echo 'int main(void) { return 0; }' >"$work/try.c"
    "$clang" --target=wasm32-unknown-unknown -nostdlib -Wl,--no-entry "$work/try.c" -o "$work/try.wasm" || return 1
}
install_rust() { :; }
links() { # where the author's own installation would be
    case $1 in
        python) ln -s "$tools/python" "$2/.venv" ;;
        javascript) ln -s "$tools/javascript/node_modules" "$2/node_modules" ;;
    esac
}

# The decisions that every host is held to; `replay` prints those that a policy decides otherwise than the default one, says
# how many, and ends with 1 if there are any.
decisions=tests/fixtures/conformance/decisions.jsonl
replayed() { # NAME
    "$program" policy replay "$decisions" --policy "$work/$1.wasm" --limits large --json 2>"$work/replayed.$1" |
        python3 -c 'import json, sys
for line in sys.stdin:
    difference = json.loads(line)
    print(difference["record"]["seq"], json.dumps(difference["candidate"]))' >"$work/decided.$1" || true
}

# Makes both policies of a language, and leaves their names in a file.
make() {
    local language=$1 layer folder component
    if ! "install_$language" 2>"$work/install.$language.log"; then
        skipped "$language" "$work/install.$language.log"
        return
    fi
    for layer in "" --layer; do
        folder=$work/$language$layer component=$work/$language$layer.wasm
        # shellcheck disable=SC2086
        "$program" policy new "$folder" --lang "$language" $layer --name "in-$language" >/dev/null
        links "$language" "$folder"
        "$program" policy build "$folder" --out "$component" >"$work/build.$language.log" 2>&1 ||
            die "$language$layer is not built: $(cat "$work/build.$language.log")"
        replayed "$language$layer"
        echo "$language$layer" >>"$work/built.$language"
    done
}
beside_each_other make "${languages[@]}"
mapfile -t built < <(for language in "${languages[@]}"; do cat "$work/built.$language" 2>/dev/null || true; done)
[ ${#built[@]} -gt 0 ] || die "there was no toolchain at all"

# The same policy in every language, to the rule and the millisecond of every decision: the first one is what the others
# are held to. A layer that knows none of the wordings decides as the default policy does.
for name in "${built[@]}"; do
    case $name in
        *--layer)
            expect "$name, of decisions of the default policy" "$(cat "$work/replayed.$name")" \
                "in-${name%--layer} 0.1.0: 0 of $(wc -l <$decisions) decisions would be different"
            ;;
        *)
            : "${first:=$name}"
            [ -s "$work/decided.$name" ] || die "$name decides as the default policy does, or nothing at all"
            cmp "$work/decided.$first" "$work/decided.$name" || die "$name does not decide as $first does"
            printf 'ok  %s decides as %s does\n' "$name" "$first"
            # The figures of the documentation, with nothing beside it.
            limits=()
            [ "$name" != python ] || limits=(--limits large)
            "$program" policy bench "$work/$name.wasm" "${limits[@]}"
            ;;
    esac
done

# A running host, and its simulated cloud, which has changed its mind about words.
"$SIMULATOR" >"$work/cloud.log" 2>&1 &
started+=($!)
cloud=$(address_in "$work/cloud.log")
start_broker
(umask 077 && echo AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1 >"$work/refresh-token" && echo 1234 >"$work/pin")
cat >"$work/car.toml" <<TOML
[mqtt]
url = "mqtt://127.0.0.1:$port"
[limits]
policy = "large"
[account.home]
connector = "kia-eu"
refresh_token_file = "refresh-token"
pin_file = "pin"
endpoints = { ccapi = "$cloud", idp = "$cloud", cci = "$cloud" }
[vehicle.ev]
account = "home"
name = "Legacy car"
TOML
start_host
online
memory() { awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$host/status"; }
control() { curl -fsS -X POST "$cloud/control/$1" -H 'content-type: application/json' -d "$2" >/dev/null; }
for name in "${built[@]}"; do
    begun=$(date +%s%N)
    "$program" policy swap "$work/$name.wasm" -c "$work/car.toml" >"$work/swap.log" 2>&1 || die "$name is not swapped in: $(cat "$work/swap.log")"
    printf '%s: swapped in within %s ms; the host has %s MB\n' "$name" $((($(date +%s%N) - begun) / 1000000)) "$(memory)"
    case $name in
        *--layer) words="Access card no longer honoured" status=400 ;;
        *) words="Key not authorized: token has expired" status=401 ;;
    esac
    control expire "{\"status\":$status,\"wording\":\"$words\"}"
    report=$(command ev refresh_cached PRESS)
    expect "$name, \"$words\": state" "$(field state <<<"$report")" succeeded
    expect "$name: attempts" "$(field attempts <<<"$report")" 2
    expect "$name decided" "$(python3 -c 'import json, sys; print(json.load(sys.stdin)["policy"]["name"])' <<<"$report")" "in-${name%--layer}"
done
kill -TERM "$host"; wait "$host" && code=0 || code=$?
expect "SIGTERM: exit code" "$code" 0
