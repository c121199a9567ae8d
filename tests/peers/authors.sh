# What the trials of an author's way share. Sourced by them after common.sh, from the project's root.

# What authors install, once for all folders.
tools=$PWD/target/peers/languages
# Crates in folders of their own would compile what they depend on in each.
export CARGO_TARGET_DIR=$PWD/target/peers/crates

# Runs `$1 WORD` for each of the other words, all at once; prints what each says when it has ended, in that order.
beside_each_other() {
    local task=$1 word failed=
    declare -A running
    shift
    for word; do
        "$task" "$word" >"$work/said.$word" 2>&1 &
        running[$word]=$!
    done
    for word; do
        wait "${running[$word]}" || failed+=" $word"
        cat "$work/said.$word"
    done
    [ -z "$failed" ] || die "not made:$failed"
}

# Installs what a requirements.txt names into `$tools/python`, unless that is what it has.
python_tools() {
    cmp -s "$1" "$tools/python/requirements.txt" && return
    mkdir -p "$tools"
    python3 -m venv --clear "$tools/python" || return 1
    "$tools/python/bin/pip" install --quiet --disable-pip-version-check --requirement "$1" || return 1
    cp "$1" "$tools/python/requirements.txt"
}

skipped() { printf 'SKIPPED: %s: its toolchain is not here: %s\n' "$1" "$(tail -n 1 "$2")"; }
