# shellcheck shell=bash
# The release archive: for any Linux with a glibc as old as the program's or newer.

build_archive() {
    need xz xz-utils "the archive"
    build_program
    describe "$program" home
    local name=vehicle-connector-$version-$target
    local folder=$work/archive/$name
    mkdir -p "$folder"
    install -m 755 "$program" "$folder/vehicle-connector"
    install -m 644 README.md CHANGELOG.md LICENSE LICENSE-MIT LICENSE-APACHE "$folder"
    copy_documents "$folder/docs"
    install -m 644 $packaging/config.toml "$folder"
    unit /usr/local/bin >"$folder/vehicle-connector.service"
    install -m 644 "$work"/home/* "$folder"
    write_documents "$folder"
    # One thread: how xz cuts its blocks hangs on how many there are.
    pack "$work/archive" "$name" | xz -6 --threads=1 >"$out/$name.tar.xz"
    install -m 644 "$work/home/bill-of-materials.cdx.json" "$out/$name.cdx.json"
}

# unit FOLDER: the systemd unit of a program in that folder.
unit() { sed "s|@bindir@|$1|" $packaging/vehicle-connector.service.in; }
