"""Unpacks an image of OCI's layout into a folder, as an engine would: every layer over the one before."""

import hashlib
import io
import json
import pathlib
import sys
import tarfile


def blob(image: tarfile.TarFile, described: dict) -> bytes:
    """A blob, which must be what its description says."""
    algorithm, digest = described["digest"].split(":")
    content = image.extractfile(f"blobs/{algorithm}/{digest}").read()
    if hashlib.new(algorithm, content).hexdigest() != digest or len(content) != described["size"]:
        raise SystemExit(f"the blob {digest} is not what its name says")
    return content


def main(path: str, folder: str) -> None:
    with tarfile.open(path) as image:
        index = json.load(image.extractfile("index.json"))
        manifest = json.loads(blob(image, index["manifests"][0]))
        config = blob(image, manifest["config"])
        for layer in manifest["layers"]:
            with tarfile.open(fileobj=io.BytesIO(blob(image, layer))) as tar:
                tar.extractall(pathlib.Path(folder), filter="fully_trusted", numeric_owner=True)
    print(config.decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
