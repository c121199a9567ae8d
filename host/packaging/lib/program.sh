# shellcheck shell=bash
# The program, and what it is made of.

# Builds the program for homes, unless one was given: without the demo's broker and simulated clouds. Sets `program`.
build_program() {
    [ -z "$program" ] || return 0
    build_with dist --no-default-features
    program=$PWD/target/packaging/dist/vehicle-connector
}

# Builds the program with the demo, unless one was given. Sets `demo_program`.
build_demo_program() {
    [ -z "$demo_program" ] || return 0
    build_with dist
    cp target/packaging/dist/vehicle-connector target/packaging/vehicle-connector-with-demo
    demo_program=$PWD/target/packaging/vehicle-connector-with-demo
}

# build_with PROFILE FEATURES…: no path of this machine gets into the program, be it in a message, a debug line, or by
# way of C code. An own target folder: other flags would compile everything else anew.
build_with() {
    local profile=$1 cargo_home sysroot
    shift
    cargo_home=$(realpath "${CARGO_HOME:-$HOME/.cargo}")
    sysroot=$(rustc --print sysroot)
    local paths="$PWD=/src $cargo_home=/cargo $sysroot=/rust" flags='' c_flags='' path
    for path in $paths; do
        flags+=" --remap-path-prefix=$path"
        c_flags+=" -ffile-prefix-map=$path"
    done
    RUSTFLAGS="${RUSTFLAGS:-}$flags" CFLAGS="${CFLAGS:-}$c_flags" CARGO_INCREMENTAL=0 \
        cargo build --locked --package vehicle-connector --profile "$profile" --target-dir target/packaging "$@"
}

# describe PROGRAM NAME [--demo]: writes what is compiled into a program, once: `bill-of-materials.cdx.json` and
# `THIRD-PARTY-LICENCES.txt` in `$work/NAME`.
describe() {
    [ ! -d "$work/$2" ] || return 0
    mkdir "$work/$2"
    python3 $packaging/lib/bill_of_materials.py --program "$1" --target "$target" --version "$version" "${@:3}" \
        --bill "$work/$2/bill-of-materials.cdx.json" --licences "$work/$2/THIRD-PARTY-LICENCES.txt"
}
