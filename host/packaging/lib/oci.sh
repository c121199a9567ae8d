# shellcheck shell=bash
# The image for containers, as a tar in OCI's layout: for `podman load`, `docker load`, `skopeo copy`. Put together from
# Debian's packages without a daemon; the `Containerfile` here describes the same to those that have one.

# What the program needs beside itself: its C library, the certificates that clouds are verified with, time zones.
image_packages=(libc6 libgcc-s1 ca-certificates tzdata)

build_oci() {
    need apt-get apt "the image, for Debian's packages that it consists of"
    build_program
    describe "$program" home
    local base=$work/oci/base own=$work/oci/own
    mkdir -p "$work/oci/packages" "$base" "$own/usr/bin" "$own/usr/share/doc/vehicle-connector" "$own/etc/vehicle-connector"
    (cd "$work/oci/packages" && apt-get download -qq "${image_packages[@]}")
    base_layer "$base"
    install -m 755 "$program" "$own/usr/bin/vehicle-connector"
    install -m 644 LICENSE-MIT LICENSE-APACHE "$work"/home/* "$own/usr/share/doc/vehicle-connector"
    python3 $packaging/lib/oci.py --base "$base" --own "$own" --version "$version" --architecture "$oci_arch" \
        --packages "$(installed_in "$work/oci/packages")" --out "$out/vehicle-connector-$version-$oci_arch.oci.tar"
}

# Of Debian's packages what a single program needs: libraries, certificates, time zones, licences.
base_layer() {
    local base=$1 package unpacked
    for package in "$work"/oci/packages/*.deb; do
        unpacked=$work/oci/unpacked/$(basename "$package")
        mkdir -p "$unpacked"
        dpkg-deb --extract "$package" "$unpacked"
        # Some packages know `/lib` only, newer ones `/usr/lib` only. In the image the one is a link to the other.
        if [ -d "$unpacked/lib" ]; then mkdir -p "$unpacked/usr" && cp -a "$unpacked/lib" "$unpacked/usr/"; fi
        if [ -d "$unpacked/lib64" ]; then mkdir -p "$unpacked/usr" && cp -a "$unpacked/lib64" "$unpacked/usr/"; fi
        mkdir -p "$base/usr/share/doc"
        cp -a "$unpacked"/usr/share/doc/* "$base/usr/share/doc/"
    done
    local unpacked_all=$work/oci/unpacked library
    mkdir -p "$base/usr/lib" "$base/etc/ssl/certs" "$base/tmp" "$base/var/lib/vehicle-connector" "$base/usr/share"
    for library in ld-linux-x86-64.so.2 ld-linux-aarch64.so.1 libc.so.6 libm.so.6 libgcc_s.so.1 libdl.so.2 \
        libpthread.so.0 librt.so.1 libresolv.so.2 libnss_dns.so.2 libnss_files.so.2; do
        find "$unpacked_all" -path '*/usr/lib/*' -name "$library" -exec cp -L --no-clobber {} "$base/usr/lib/" \;
    done
    cp -a "$unpacked_all"/tzdata_*/usr/share/zoneinfo "$base/usr/share/"
    rm -rf "$base"/usr/share/zoneinfo/{posix,right}
    find "$unpacked_all"/ca-certificates_*/usr/share/ca-certificates -name '*.crt' -print0 | sort -z |
        xargs -0 cat >"$base/etc/ssl/certs/ca-certificates.crt"
    echo 'vehicle-connector:x:65532:65532::/var/lib/vehicle-connector:/usr/sbin/nologin' >"$base/etc/passwd"
    echo 'vehicle-connector:x:65532:' >"$base/etc/group"
    echo 'hosts: files dns' >"$base/etc/nsswitch.conf"
}

# Name and version of each of Debian's packages, for whoever asks what is in the image.
installed_in() {
    local package
    for package in "$1"/*.deb; do dpkg-deb --show --showformat '${Package}=${Version} ' "$package"; done
}
