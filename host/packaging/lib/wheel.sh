# shellcheck shell=bash
# The wheel that carries the program with its demo: `pipx run vehicle-connector demo`.

build_wheel() {
    need readelf binutils "the wheel"
    build_demo_program
    describe "$demo_program" demo --demo
    python3 $packaging/lib/wheel.py --program "$demo_program" --version "$version" --machine "${target%%-*}" \
        --readme README.md --licence LICENSE-MIT --licence LICENSE-APACHE --licence "$work/demo/THIRD-PARTY-LICENCES.txt" \
        --bill "$work/demo/bill-of-materials.cdx.json" --out "$out"
}
