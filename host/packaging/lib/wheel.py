"""Writes a Python wheel that carries a program: pip puts it beside its Python, where it is started without Python."""

import argparse
import base64
import datetime
import hashlib
import os
import pathlib
import re
import subprocess
import zipfile

# The name of the distribution, as files are called after it.
DISTRIBUTION = "vehicle_connector"
# What is imported is called otherwise: `vehicle_connector` is the library of `host/embed/python`, and both may be
# installed side by side.
PACKAGE = "vehicle_connector_program"
PROGRAM = "vehicle-connector"

# `python -m vehicle_connector_program`, for those whose PATH lacks the folder of scripts.
MAIN = '''"""Starts the program that was installed with this package."""

import os
import sys
import sysconfig


def main() -> None:
    """Becomes the program: its arguments, signals and exit code are its own."""
    folders = [sysconfig.get_path("scripts"), sysconfig.get_path("scripts", f"{os.name}_user")]
    for folder in folders:
        program = os.path.join(folder, "vehicle-connector")
        if os.path.exists(program):
            os.execv(program, [program, *sys.argv[1:]])
    sys.exit(f"the program vehicle-connector is in none of {folders}: install the package again")


if __name__ == "__main__":
    main()
'''


def glibc_of(program: pathlib.Path) -> tuple[int, int]:
    """The oldest glibc that has all symbols of the program."""
    shown = subprocess.run(["readelf", "--version-info", "--wide", program], check=True, capture_output=True, text=True)
    found = [(int(major), int(minor)) for major, minor in re.findall(r"\bGLIBC_(\d+)\.(\d+)", shown.stdout)]
    if not found:
        raise SystemExit(f"{program} needs no glibc: what is it?")
    # Older ones have no tag.
    return max(*found, (2, 17))


def metadata(options: argparse.Namespace) -> str:
    licences = "".join(f"License-File: {file.name}\n" for file in options.licence)
    return (
        "Metadata-Version: 2.4\n"
        f"Name: {PROGRAM}\n"
        f"Version: {options.version}\n"
        "Summary: Bridge from vehicle clouds to MQTT and Home Assistant\n"
        "License-Expression: MIT OR Apache-2.0\n"
        f"{licences}"
        "Keywords: mqtt,home-assistant,hyundai,kia,renault,dacia,ev\n"
        "Classifier: Environment :: Console\n"
        "Classifier: Operating System :: POSIX :: Linux\n"
        "Classifier: Programming Language :: Rust\n"
        "Classifier: Topic :: Home Automation\n"
        "Requires-Python: >=3.8\n"
        "Description-Content-Type: text/markdown\n"
        f"\n{options.readme.read_text()}"
    )


class Wheel:
    """A wheel that is written: every file once, with its digest in the record."""

    def __init__(self, path: pathlib.Path, information: str) -> None:
        moment = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.UTC)
        self.time = moment.timetuple()[:6]
        self.zip = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9)
        self.information = information
        self.record: list[str] = []

    def add(self, name: str, content: bytes, mode: int = 0o644) -> None:
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        self.record.append(f"{name},sha256={digest},{len(content)}")
        self._write(name, content, mode)

    def finish(self) -> None:
        name = f"{self.information}/RECORD"
        self._write(name, "\n".join([*self.record, f"{name},,", ""]).encode(), 0o644)
        self.zip.close()

    def _write(self, name: str, content: bytes, mode: int) -> None:
        info = zipfile.ZipInfo(name, self.time)
        info.create_system, info.external_attr = 3, (0o100000 | mode) << 16
        info.compress_type = zipfile.ZIP_DEFLATED
        self.zip.writestr(info, content)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True, type=pathlib.Path)
    parser.add_argument("--version", required=True)
    parser.add_argument("--machine", required=True)
    parser.add_argument("--readme", required=True, type=pathlib.Path)
    parser.add_argument("--licence", required=True, type=pathlib.Path, action="append")
    parser.add_argument("--bill", required=True, type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    options = parser.parse_args()

    major, minor = glibc_of(options.program)
    tag = f"py3-none-manylinux_{major}_{minor}_{options.machine}"
    name = f"{DISTRIBUTION}-{options.version}"
    wheel = Wheel(options.out / f"{name}-{tag}.whl", f"{name}.dist-info")
    wheel.add(f"{PACKAGE}/__init__.py", b'"""Carries the program vehicle-connector."""\n')
    wheel.add(f"{PACKAGE}/__main__.py", MAIN.encode())
    wheel.add(f"{name}.data/scripts/{PROGRAM}", options.program.read_bytes(), 0o755)
    wheel.add(f"{name}.dist-info/METADATA", metadata(options).encode())
    described = f"Wheel-Version: 1.0\nGenerator: host/packaging/build\nRoot-Is-Purelib: false\nTag: {tag}\n"
    wheel.add(f"{name}.dist-info/WHEEL", described.encode())
    for file in options.licence:
        wheel.add(f"{name}.dist-info/licenses/{file.name}", file.read_bytes())
    # Where PEP 770 has it.
    wheel.add(f"{name}.dist-info/sboms/{PROGRAM}.cdx.json", options.bill.read_bytes())
    wheel.finish()


if __name__ == "__main__":
    main()
