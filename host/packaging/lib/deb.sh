# shellcheck shell=bash
# The Debian package: program, unit, user, configuration, state; for Debian 12, Ubuntu 22.04 and newer.

build_deb() {
    need dpkg-shlibdeps dpkg-dev "the Debian package"
    build_program
    describe "$program" home
    local root=$work/deb/root control=$work/deb/root/DEBIAN doc=$work/deb/root/usr/share/doc/vehicle-connector
    mkdir -p "$control" "$doc" "$root/usr/lib/systemd/system"
    install -D -m 755 "$program" "$root/usr/bin/vehicle-connector"
    unit /usr/bin >"$root/usr/lib/systemd/system/vehicle-connector.service"
    # Where secrets are: for root and the service.
    install -d -m 750 "$root/etc/vehicle-connector"
    install -m 640 $packaging/config.toml "$root/etc/vehicle-connector/config.toml"
    deb_documents "$root" "$doc"
    deb_control "$root" >"$control/control"
    echo /etc/vehicle-connector/config.toml >"$control/conffiles"
    install -m 755 $packaging/debian/{postinst,prerm,postrm} "$control"
    (cd "$root" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$control/md5sums"
    # What is written here has the modes of this machine's umask.
    find "$root/usr" -type d -exec chmod 755 {} +
    find "$root/usr" "$control" -type f ! -perm -100 -exec chmod 644 {} +
    find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
    dpkg-deb --root-owner-group -Zxz --threads-max=1 --build "$root" "$out/vehicle-connector_${version}_$debian_arch.deb" >/dev/null
}

deb_documents() {
    local root=$1 doc=$2 made=$work/deb/documents
    local share=$root/usr/share
    write_documents "$made"
    deb_completions "$share" "$made"
    install -m 644 README.md "$doc"
    copy_documents "$doc"
    install -m 644 $packaging/debian/copyright "$doc"
    # Debian's form of a change log, with the project's own beside it.
    gzip -9n <CHANGELOG.md >"$doc/NEWS.md.gz"
    printf 'vehicle-connector (%s) stable; urgency=medium\n\n  * See NEWS.md.gz.\n\n -- %s  %s\n' \
        "$version" "$maintainer" "$(date -Ru -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$doc/changelog.gz"
    gzip -9n <"$work/home/THIRD-PARTY-LICENCES.txt" >"$doc/THIRD-PARTY-LICENCES.txt.gz"
    gzip -9n <"$work/home/bill-of-materials.cdx.json" >"$doc/bill-of-materials.cdx.json.gz"
    install -D -m 644 $packaging/debian/lintian-overrides "$share/lintian/overrides/vehicle-connector"
}

deb_completions() {
    local share=$1 made=$2
    install -D -m 644 "$made/completions/vehicle-connector.bash" "$share/bash-completion/completions/vehicle-connector"
    install -D -m 644 "$made/completions/vehicle-connector.zsh" "$share/zsh/vendor-completions/_vehicle-connector"
    install -D -m 644 "$made/completions/vehicle-connector.fish" "$share/fish/vendor_completions.d/vehicle-connector.fish"
    mkdir -p "$share/man/man1"
    local page
    for page in "$made"/man/*.1; do gzip -9n <"$page" >"$share/man/man1/$(basename "$page").gz"; done
}

maintainer='The vehicle-connector authors <vehicle-connector@localhost>'

deb_control() {
    local root=$1 libraries
    # Which versions of which packages have the symbols that the program uses. It looks for a source package here.
    mkdir -p "$work/deb/source/debian"
    printf 'Source: vehicle-connector\n\nPackage: vehicle-connector\nArchitecture: any\n' >"$work/deb/source/debian/control"
    libraries=$(cd "$work/deb/source" && dpkg-shlibdeps -O "$root/usr/bin/vehicle-connector" 2>/dev/null) ||
        stop "dpkg-shlibdeps does not know the program's libraries"
    cat <<CONTROL
Package: vehicle-connector
Version: $version
Architecture: $debian_arch
Maintainer: $maintainer
Installed-Size: $(du -sk --apparent-size --exclude=DEBIAN "$root" | cut -f1)
Depends: ${libraries#shlibs:Depends=}, adduser, ca-certificates, init-system-helpers (>= 1.51), tzdata
Suggests: mosquitto
Section: net
Priority: optional
Description: bridge from vehicle clouds to MQTT and Home Assistant
 Brings cars of Hyundai, Kia, Renault and Dacia in Europe, and of any other
 maker by a connector of one's own, to an MQTT broker: what they say of
 themselves, and commands to them, each with exactly one result.
 .
 When the cloud ends a session, it is refreshed once for everybody and the
 command is repeated once. How a cloud is spoken to and what its failures mean
 is in WebAssembly components, which are swapped while commands run.
CONTROL
}
