"""Holds a bill of materials against the program, whose bytes were not asked when the bill was written: every crate that
the program names in its messages is in the bill, and nothing of the demo is in either."""

import hashlib
import json
import pathlib
import re
import sys

bill = json.loads(pathlib.Path(sys.argv[1]).read_text())
program = pathlib.Path(sys.argv[2]).read_bytes()

assert bill["bomFormat"] == "CycloneDX" and bill["specVersion"] == "1.5", "another form"
[of_program] = bill["metadata"]["component"]["hashes"]
assert of_program["content"] == hashlib.sha256(program).hexdigest(), "it is the bill of another program"

listed = {(entry["name"], entry["version"]) for entry in bill["components"]}
named = re.findall(rb"registry/src/[^/\x00]+/([A-Za-z0-9_-]+?)-(\d+\.\d+\.\d+[A-Za-z0-9.+-]*)/", program)
named = {(name.decode(), version.decode()) for name, version in named}
assert len(named) > 50, f"the program names only {len(named)} crates: this test sees nothing"
assert named <= listed, f"compiled in and not in the bill: {sorted(named - listed)}"
names = {name for name, _ in listed}
assert {"sqlite", "rust-std", "policy.wasm", "hyundai-kia-eu.wasm", "renault.wasm", "wasmtime"} <= names, names
assert not {"rumqttd", "simulator", "proptest", "syn"} & names, "what is not in the program is in the bill"

references = {entry["bom-ref"] for entry in bill["components"]} | {bill["metadata"]["component"]["bom-ref"]}
assert len(references) == len(bill["components"]) + 1, "a reference twice"
used = {ref for entry in bill["dependencies"] for ref in [entry["ref"], *entry["dependsOn"]]}
assert used <= references, f"used and not listed: {used - references}"
without = [entry["name"] for entry in bill["components"] if not entry.get("licenses")]
assert not without, f"no licence: {without}"

# Paths of the machine that built it: of a home, or of a temporary folder.
paths = set(re.findall(rb"/(?:home|root|tmp|work|Users)/[A-Za-z0-9_./-]*\.(?:rs|c|h)\b", program))
assert not paths, f"paths of the machine that built it: {sorted(paths)[:5]}"
print(f"ok  bill of materials: {len(listed)} works; {len(named)} of them name themselves in the program, and all are listed")
