"""Writes the package of the interfaces as an OCI artifact, in the same layout as the image.

Its form is that of the CNCF's working group for WebAssembly, "Wasm OCI artifact": one layer, `application/wasm`, and a
configuration that names its digest. The same package gives the same bytes, wherever it is made.
"""

import argparse
import datetime
import os
import pathlib

from oci import Layout, write

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.wasm.config.v0+json"


def artifact(package: bytes, version: str, epoch: int) -> tuple[Layout, dict]:
    created = datetime.datetime.fromtimestamp(epoch, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    layout = Layout()
    layer = layout.add("application/wasm", package)
    config = {
        "created": created,
        "architecture": "wasm",
        "os": "wasip2",
        "layerDigests": [layer["digest"]],
        # A package of interfaces has nothing to call.
        "component": {"exports": [], "imports": [], "target": None},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": layout.add_document(CONFIG, config),
        "layers": [layer],
        "annotations": {
            "org.opencontainers.image.created": created,
            "org.opencontainers.image.licenses": "MIT OR Apache-2.0",
            "org.opencontainers.image.title": "vehicle:connector",
            "org.opencontainers.image.version": version,
        },
    }
    described = layout.add_document(MANIFEST, manifest)
    described["annotations"] = {"org.opencontainers.image.ref.name": version}
    return layout, {"schemaVersion": 2, "mediaType": INDEX, "manifests": [described]}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--package", required=True, type=pathlib.Path)
    parser.add_argument("--version", required=True)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    options = parser.parse_args()
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    layout, index = artifact(options.package.read_bytes(), options.version, epoch)
    write(layout, index, options.out, epoch)


if __name__ == "__main__":
    main()
