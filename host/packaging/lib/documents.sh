# shellcheck shell=bash
# What the program tells of itself: completions, and a manual page of each command.

# write_documents FOLDER: writes `completions/` and `man/` there.
write_documents() {
    local shell
    if ! "$program" help completions >/dev/null 2>&1; then
        echo "SKIPPED: completions and the manual page: this program does not write them"
        return
    fi
    mkdir -p "$1/completions" "$1/man"
    for shell in bash zsh fish; do
        "$program" completions "$shell" >"$1/completions/vehicle-connector.$shell"
    done
    "$program" man "$1/man"
}
