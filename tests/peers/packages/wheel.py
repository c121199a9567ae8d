"""Holds a wheel against what its name and its bill of materials say."""

import re
import subprocess
import sys
import zipfile

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

path = sys.argv[1]
named = tuple(map(int, re.search(r"manylinux_(\d+)_(\d+)_", path).groups()))
shown = subprocess.run([sys.executable, "-m", "auditwheel", "show", path], check=True, capture_output=True, text=True).stdout
found = re.search(r'"manylinux_(\d+)_(\d+)_', " ".join(shown.split()))
assert found, shown
needed = tuple(map(int, found.groups()))
assert needed <= named, f"the name says manylinux {named}, auditwheel {needed}"
print(f"ok  auditwheel: manylinux {needed}, the name says {named}")

with zipfile.ZipFile(path) as wheel:
    assert wheel.testzip() is None
    [bill] = [name for name in wheel.namelist() if name.endswith("/sboms/vehicle-connector.cdx.json")]
    error = JsonStrictValidator(SchemaVersion.V1_5).validate_str(wheel.read(bill).decode())
    assert error is None, error
print("ok  its bill of materials is valid CycloneDX 1.5")
