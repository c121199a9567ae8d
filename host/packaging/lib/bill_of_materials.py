"""What a program is compiled of: a bill of materials (CycloneDX 1.5, JSON), and the licences of all of it.

What counts is what is linked: of the dependencies those that Cargo builds for this target and these features, without
build scripts, macros and tests; of the components those whose bytes are in the program; and what comes in C.
"""

import argparse
import dataclasses
import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import tomllib
import uuid

PROGRAM = "vehicle-connector"
LICENCE_FILE = re.compile(r"(licen[cs]e|copying|copyright|notice|unlicense)", re.IGNORECASE)


@dataclasses.dataclass(frozen=True, order=True)
class Crate:
    """A crate, by what names it in the lock file."""

    name: str
    version: str

    @property
    def reference(self) -> str:
        return f"pkg:cargo/{self.name}@{self.version}"


Graph = dict[Crate, set[Crate]]


def cargo(*arguments: str) -> str:
    done = subprocess.run(["cargo", *arguments, "--locked"], check=True, capture_output=True, text=True)
    return done.stdout


def linked(package: str, target: str, *features: str) -> Graph:
    """The crates that are linked into a package, each with those that it uses."""
    tree = cargo(
        "tree", "--package", package, "--target", target, "--edges", "normal,no-proc-macro",
        "--prefix", "depth", "--format", " {p}", *features,
    )  # fmt: skip
    graph: Graph = {}
    above: list[Crate] = []
    for line in tree.splitlines():
        depth, name, version = line.split(" ")[:3]
        crate = Crate(name, version.removeprefix("v"))
        graph.setdefault(crate, set())
        del above[int(depth) :]
        if above:
            graph[above[-1]].add(crate)
        above.append(crate)
    return graph


class Sources:
    """What Cargo knows of the crates that it compiles."""

    def __init__(self) -> None:
        packages = json.loads(cargo("metadata", "--format-version", "1"))["packages"]
        self.packages = {Crate(package["name"], package["version"]): package for package in packages}
        locked = tomllib.loads(pathlib.Path("Cargo.lock").read_text())["package"]
        self.checksums = {Crate(each["name"], each["version"]): each.get("checksum") for each in locked}

    def is_ours(self, crate: Crate) -> bool:
        return self.packages[crate]["source"] is None

    def folder(self, crate: Crate) -> pathlib.Path:
        return pathlib.Path(self.packages[crate]["manifest_path"]).parent

    def component_name(self, package: dict) -> str | None:
        """The name under which a crate is built into `guest/dist`, if it is a component."""
        if self.is_ours(Crate(package["name"], package["version"])):
            component = ((package["metadata"] or {}).get("component")) or {}
            if component.get("exports"):
                return component.get("name", pathlib.Path(package["manifest_path"]).parent.name)
        return None


def sha256(content: bytes) -> list[dict]:
    return [{"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()}]


def described(crate: Crate, sources: Sources) -> dict:
    package = sources.packages[crate]
    entry = {
        "type": "library",
        "bom-ref": crate.reference,
        "name": crate.name,
        "version": crate.version,
        "purl": crate.reference,
    }
    if checksum := sources.checksums.get(crate):
        entry["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if package["license"]:
        entry["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    if package["repository"]:
        entry["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return entry


def embedded(program: bytes, sources: Sources) -> list[tuple[dict, Graph]]:
    """The components that the program carries, each with the crates that it is compiled of."""
    found = []
    for crate, package in sorted(sources.packages.items()):
        name = sources.component_name(package)
        file = pathlib.Path(f"guest/dist/{name}.wasm")
        if name is None or not file.exists() or (content := file.read_bytes()) not in program:
            continue
        features = (package["metadata"]["component"]).get("features", [])
        graph = linked(crate.name, "wasm32-unknown-unknown", *(["--features", ",".join(features)] if features else []))
        entry = described(crate, sources) | {
            "type": "application",
            "bom-ref": f"guest/dist/{name}.wasm",
            "name": f"{name}.wasm",
            "hashes": sha256(content),
        }
        found.append((entry, graph))
    if not found:
        raise SystemExit("the program carries none of guest/dist: was it built of these sources?")
    return found


def in_c(crates: Graph, sources: Sources) -> list[dict]:
    """Libraries in C that crates bring along, by the names that advisories have for them."""
    found = []
    for crate in crates:
        header = sources.folder(crate) / "sqlite3/sqlite3.h"
        if crate.name == "libsqlite3-sys":
            version = re.search(r'#define SQLITE_VERSION\s+"([^"]+)"', header.read_text()).group(1)
            found.append({
                "type": "library", "bom-ref": f"pkg:generic/sqlite@{version}", "name": "sqlite", "version": version,
                "purl": f"pkg:generic/sqlite@{version}", "cpe": f"cpe:2.3:a:sqlite:sqlite:{version}:*:*:*:*:*:*:*",
                "licenses": [{"expression": "blessing"}],
            })  # fmt: skip
    return found


def bill(version: str, program: bytes, crates: Graph, sources: Sources) -> dict:
    root = next(crate for crate in crates if crate.name == PROGRAM)
    components = embedded(program, sources)
    libraries = in_c(crates, sources)
    rust = subprocess.run(["rustc", "--version"], check=True, capture_output=True, text=True).stdout.split()[1]
    std = {"type": "library", "bom-ref": f"rust-std@{rust}", "name": "rust-std", "version": rust}
    std |= {"purl": f"pkg:generic/rust-std@{rust}", "licenses": [{"expression": "MIT OR Apache-2.0"}]}

    graph: Graph = {crate: set(uses) for crate, uses in crates.items()}
    for _entry, theirs in components:
        for crate, uses in theirs.items():
            graph.setdefault(crate, set()).update(uses)
    uses = {crate.reference: {used.reference for used in used_ones} for crate, used_ones in graph.items()}
    uses[root.reference] |= {entry["bom-ref"] for entry, _ in components} | {std["bom-ref"]}
    for library in libraries:
        uses[next(crate for crate in crates if crate.name == "libsqlite3-sys").reference].add(library["bom-ref"])
        uses[library["bom-ref"]] = set()
    for entry, theirs in components:
        uses[entry["bom-ref"]] = {next(iter(theirs)).reference, std["bom-ref"]}
    uses[std["bom-ref"]] = set()

    entries = [described(crate, sources) for crate in graph if crate != root]
    entries += [entry for entry, _ in components] + libraries + [std]
    when = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.UTC)
    content = {
        "metadata": {
            "timestamp": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": described(root, sources) | {"type": "application", "version": version, "hashes": sha256(program)},
        },
        "components": sorted(entries, key=lambda entry: entry["bom-ref"]),
        "dependencies": [{"ref": ref, "dependsOn": sorted(uses[ref])} for ref in sorted(uses)],
    }
    # The same bill has the same number.
    number = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(content, sort_keys=True))
    head = {"bomFormat": "CycloneDX", "specVersion": "1.5", "serialNumber": f"urn:uuid:{number}", "version": 1}
    return head | content


def licences(crates: list[Crate], sources: Sources) -> str:
    """The texts of all licences, each once, with the crates that it is for."""
    texts: dict[str, list[Crate]] = {}
    without = []
    for crate in crates:
        files = sorted(each for each in sources.folder(crate).iterdir() if each.is_file() and LICENCE_FILE.match(each.name))
        for file in files:
            text = file.read_text(errors="replace").replace("\r\n", "\n").strip()
            owners = texts.setdefault(text, [])
            if crate not in owners:
                owners.append(crate)
        if not files:
            without.append(crate)
    shown = ["vehicle-connector is compiled of these works of others. Each text is preceded by the works that it is for."]
    for text, owners in sorted(texts.items(), key=lambda item: item[1]):
        names = ", ".join(f"{crate.name} {crate.version}" for crate in owners)
        shown.append(f"{'=' * 100}\n{names}\n{'=' * 100}\n\n{text}")
    if without:
        lines = [f"{crate.name} {crate.version}: {sources.packages[crate]['license']}" for crate in without]
        shown.append(f"{'=' * 100}\nThese bring no text along; they name their licence:\n\n" + "\n".join(lines))
    return "\n\n".join(shown) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True, type=pathlib.Path)
    parser.add_argument("--target", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--demo", action="store_true", help="the program has the demo")
    parser.add_argument("--bill", required=True, type=pathlib.Path)
    parser.add_argument("--licences", required=True, type=pathlib.Path)
    options = parser.parse_args()

    sources = Sources()
    crates = linked(PROGRAM, options.target, *([] if options.demo else ["--no-default-features"]))
    made = bill(options.version, options.program.read_bytes(), crates, sources)
    options.bill.write_text(json.dumps(made, indent=2, ensure_ascii=False) + "\n")
    listed = {Crate(entry["name"], entry["version"]) for entry in made["components"]}
    others = sorted(crate for crate in listed & sources.packages.keys() if not sources.is_ours(crate))
    options.licences.write_text(licences(others, sources))


if __name__ == "__main__":
    main()
