#!/usr/bin/env bash
# Fuzzes what the cloud answers for so many seconds: run.sh SECONDS [TARGET]. Prints executions and coverage; ends with 1
# and the path of the reproducer when something is found. Needs no nightly toolchain and no cargo-fuzz (whose layout this
# is, so `cargo fuzz run failure` works as well): it passes the instrumentation to the stable compiler itself.
set -euo pipefail
seconds=${1:?usage: run.sh SECONDS [TARGET]}
target=${2:-failure}
here=$(cd "$(dirname "$0")" && pwd)
build=$here/../../target/fuzz
corpus=$build/corpus/$target
findings=$build/findings/$target
mkdir -p "$corpus" "$findings"

cd "$here"
# What cargo-fuzz passes: inline counters and compared values for libFuzzer, assertions on.
flags="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
flags+=" -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing"
flags+=" -Cdebug-assertions -Ccodegen-units=1"
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTC_BOOTSTRAP=1 RUSTFLAGS=$flags cargo build --release --quiet --target "$host" --target-dir "$build" --bin "$target"

log=$build/$target.log
status=0
"$build/$host/release/$target" "$corpus" "$here/seeds/$target" -dict="$here/$target.dict" -max_total_time="$seconds" \
    -max_len=4096 -len_control=20 -timeout=5 -rss_limit_mb=1024 -artifact_prefix="$findings/" -print_final_stats=1 >"$log" 2>&1 || status=$?

if [ "$status" -ne 0 ]; then
    tail -n 40 "$log" >&2
    printf 'found: %s\n' "$(ls -t "$findings"/* 2>/dev/null | head -n 1)" >&2
    exit 1
fi
# The bounded corpus of the next run: what of this one adds coverage.
merged=$(mktemp -d "$build/merge.XXXXXX")
"$build/$host/release/$target" -merge=1 -max_len=4096 "$merged" "$corpus" "$here/seeds/$target" >/dev/null 2>&1
rm -rf "$corpus" && mv "$merged" "$corpus"
grep -E 'DONE|stat::number_of_executed_units|stat::average_exec_per_sec|stat::peak_rss_mb' "$log"
printf '%s: %s inputs kept in %s\n' "$target" "$(find "$corpus" -type f | wc -l)" "${corpus#"$here/../../"}"
