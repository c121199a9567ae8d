# shellcheck shell=bash
# The wheel: installed with pip into an environment of its own, and the demo played.

try_wheel() {
    local wheel summary tools
    wheel=$(package 'vehicle_connector-*.whl')
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --no-index --disable-pip-version-check "$wheel"
    expect "its program" "$("$work/venv/bin/vehicle-connector" --version)" "$("$work/venv/bin/python" -m vehicle_connector_program --version)"
    summary=$("$work/venv/bin/vehicle-connector" demo --seconds 1 --json | tail -n 1)
    expect "the demo refreshed" "$(($(field token_refreshes <<<"$summary") >= 2))" 1
    tools=$(python_tools)
    # What `auditwheel` finds needed must be no newer than what the name says.
    "$tools/python" $here/wheel.py "$wheel"
    PIPX_HOME=$work/pipx "$tools/pipx" run --spec "$wheel" vehicle-connector --version >"$work/pipx.log" 2>&1 || die "pipx run"
    ok "pipx run: $(tail -n 1 "$work/pipx.log")"
    "$work/venv/bin/pip" uninstall --quiet --yes vehicle-connector
    [ ! -e "$work/venv/bin/vehicle-connector" ] || die "the program is still there"
    ok "uninstalled"
}
