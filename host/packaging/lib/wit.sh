# shellcheck shell=bash
# The interfaces, for authors and for hosts in other languages: the WIT package in its binary form with its documentation,
# and the same as an OCI artifact, which `wkg`, `oras` and `skopeo` carry to a registry as it is.

build_wit() {
    local interfaces
    # The interfaces have a version of their own, which is not the program's.
    interfaces=$(sed -n 's/^package vehicle:connector@\(.*\);/\1/p' wit/policy.wit)
    cargo run --quiet --package guest-builder -- interfaces "$out/vehicle-connector-wit-$interfaces.wasm"
    python3 $packaging/lib/wit_oci.py --package "$out/vehicle-connector-wit-$interfaces.wasm" --version "$interfaces" \
        --out "$out/vehicle-connector-wit-$interfaces.oci-artifact.tar"
}
