# shellcheck shell=bash
# The archive: unpacked and run. What is in it, what the bill of materials says of that, and what the program tells of the
# machine that built it.

try_archive() {
    local archive folder bill
    archive=$(package 'vehicle-connector-*-linux-gnu.tar.xz')
    mkdir "$work/archive"
    tar -xf "$archive" -C "$work/archive"
    folder=$(echo "$work"/archive/*)
    expect "it unpacks into a folder of its name" "$(basename "$folder").tar.xz" "$(basename "$archive")"
    expect "owners in it" "$(tar -tvf "$archive" --numeric-owner | awk '{ print $2 }' | sort -u)" 0/0
    ok "it says: $("$folder/vehicle-connector" --version)"
    for file in README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE THIRD-PARTY-LICENCES.txt docs/configuration.md docs/installation.md; do
        [ -s "$folder/$file" ] || die "$file is not in the archive"
    done
    "$folder/vehicle-connector" check-config -c "$folder/config.toml" >"$work/check.log" 2>&1 || die "the sample configuration cannot be run"
    ok "the sample configuration can be run: $(tail -n 1 "$work/check.log" | grep -o 'can be run.*')"
    if "$folder/vehicle-connector" help demo >/dev/null 2>&1; then die "the program for homes has the demo"; fi
    ok "no demo"
    systemd-analyze verify --man=no "$folder/vehicle-connector.service" 2>"$work/verify.log" ||
        grep -q 'is not executable' "$work/verify.log" || die "the unit is wrong"

    bill=$folder/bill-of-materials.cdx.json
    python3 $here/bill.py "$bill" "$folder/vehicle-connector"
    printf 'ok  size: %s program, %s archive\n' "$(du -h --apparent-size "$folder/vehicle-connector" | cut -f1)" "$(du -h --apparent-size "$archive" | cut -f1)"
}
