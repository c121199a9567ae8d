# shellcheck shell=bash
# Documents: those of the project, and what the program tells of itself (completions, a manual page of each command).

# write_documents FOLDER: writes `completions/` and `man/` there.
write_documents() {
    local shell
    mkdir -p "$1/completions" "$1/man"
    for shell in bash zsh fish; do
        "$program" completions "$shell" >"$1/completions/vehicle-connector.$shell"
    done
    "$program" man "$1/man"
}

# copy_documents FOLDER: copies what is in docs/ there, with the folders in it.
copy_documents() {
    local file
    (cd docs && find . -type f -print0) | while IFS= read -r -d '' file; do
        install -D -m 644 "docs/$file" "$1/$file"
    done
}
