"""What is installed: the types are there for others, and the default policy is the project's."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from importlib.resources import files

from conftest import DOCUMENT, ROOT
from packaging.markers import Marker
from packaging.requirements import Requirement

import vehicle_connector

PROJECT = tomllib.loads((ROOT / "host" / "embed" / "python" / "pyproject.toml").read_text())["project"]


def test_it_carries_the_default_policy_the_rules_and_nothing_else_compiled() -> None:
    package = files("vehicle_connector")
    for name in ("policy.wasm", "rules.wasm"):
        assert (package / "data" / name).read_bytes() == (ROOT / "guest" / "dist" / name).read_bytes()
    assert (package / "data" / "policy.json").read_bytes() == DOCUMENT.read_bytes()
    assert (package / "py.typed").is_file()
    installed = metadata.files(PROJECT["name"]) or []
    compiled = [path.name for path in installed if path.suffix in (".so", ".pyd", ".dylib", ".dll", ".wasm")]
    assert sorted(compiled) in ([], ["policy.wasm", "rules.wasm"]), "none where it is used from its source"


def test_its_version_is_the_project_s() -> None:
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text())
    assert PROJECT["version"] == cargo["workspace"]["package"]["version"]


def test_everything_that_is_exported_is_there() -> None:
    for name in vehicle_connector.__all__:
        assert hasattr(vehicle_connector, name), name


def test_the_runtime_is_asked_for_where_it_can_work() -> None:
    """On 32-bit ARM the runtime installs, as a wheel for any machine, and is a library for Windows."""
    [requirement] = [Requirement(text) for text in PROJECT["dependencies"]]
    assert isinstance(requirement.marker, Marker)
    for system, machine, works in [
        ("linux", "x86_64", True),
        ("linux", "aarch64", True),
        ("linux", "armv7l", False),
        ("linux", "i686", False),
        ("darwin", "arm64", True),
        ("win32", "AMD64", True),
    ]:
        environment = {"sys_platform": system, "platform_machine": machine}
        assert requirement.marker.evaluate(environment) == works, environment


def test_a_machine_without_the_runtime_is_told() -> None:
    program = (
        "import importlib.util as u; found = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'wasmtime' else found(name, *rest)\n"
        "import vehicle_connector"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert re.search(r"ImportError: there is no WebAssembly runtime for Python on \w+ \w+", run.stderr), run.stderr
