# shellcheck shell=bash
# The add-on for Home Assistant: a folder that a Supervisor builds by itself from `/addons`, without a registry.

build_addon() {
    need xz xz-utils "the add-on"
    build_program
    describe "$program" home
    local folder=$work/addon/vehicle_connector
    mkdir -p "$folder/translations"
    sed -e "s/@version@/$version/" -e "s/@arch@/$addon_arch/" $packaging/addon/config.yaml.in >"$folder/config.yaml"
    install -m 644 $packaging/addon/{Dockerfile,DOCS.md} CHANGELOG.md LICENSE-MIT LICENSE-APACHE "$work"/home/* "$folder"
    install -m 644 $packaging/addon/translations/* "$folder/translations"
    install -m 755 $packaging/addon/run.sh "$folder"
    install -m 755 "$program" "$folder/vehicle-connector"
    pack "$work/addon" vehicle_connector | xz -6 --threads=1 >"$out/vehicle-connector-$version-home-assistant-addon-$addon_arch.tar.xz"
}
