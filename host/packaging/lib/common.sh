# shellcheck shell=bash
# What all packages have in common. Sourced by `build`, which sets `packaging`, `work` and `out`.

stop() { printf 'host/packaging/build: %s\n' "$*" >&2; exit 1; }

# Sets what names the release: version, target, Debian's and OCI's word for the machine, and the time that all files bear.
know_the_release() {
    version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
    target=$(rustc -vV | sed -n 's/^host: //p')
    case $target in
        x86_64-*-linux-*) debian_arch=amd64 oci_arch=amd64 addon_arch=amd64 ;;
        aarch64-*-linux-*) debian_arch=arm64 oci_arch=arm64 addon_arch=aarch64 ;;
        *) stop "there are packages for Linux on x86-64 and arm64 only, not for $target" ;;
    esac
    # The time of the commit, not of the build: that would make every build another one.
    if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
        SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null) ||
            stop "this is no git repository, so nothing tells the time of the release: set SOURCE_DATE_EPOCH (seconds since 1970)"
    fi
    export SOURCE_DATE_EPOCH
    # File names are sorted, and texts written, as everywhere.
    export LC_ALL=C.UTF-8
}

# need COMMAND PACKAGE WHAT-FOR
need() {
    command -v "$1" >/dev/null || stop "$1 is not here, which $3 needs: apt-get install $2"
}

# pack FOLDER NAME: the tar of a folder below another, on the standard output. Nothing of this machine is in it: no order
# of a directory, no owner, no time of the build, no umask.
pack() {
    tar --create --directory "$1" --sort=name --format=gnu --owner=0 --group=0 --numeric-owner \
        --mtime="@$SOURCE_DATE_EPOCH" --mode='u+rw,go+r,go-w,a+X' "$2"
}

# What is beside the packages: a checksum of each of this version, sorted by name.
write_checksums() {
    (cd "$out" && find . -maxdepth 1 -type f ! -name SHA256SUMS -printf '%f\n' | sort | xargs -d '\n' sha256sum >SHA256SUMS)
    printf '\n%s:\n' "$out"
    (cd "$out" && find . -maxdepth 1 -type f -printf '%9s  %f\n' | sort -k2)
}
