# Which Python there is. Sourced.

# Prints a Python of a version such as 3.12 that runs, on the path or of pyenv; fails if there is none.
python_of() {
    local found
    for found in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python; do
        # It has to run: what is on the path may stand for a Python that is not there.
        if "$found" -c 'import venv' 2>/dev/null; then echo "$found"; return; fi
    done
    return 1
}
