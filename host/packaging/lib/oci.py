"""Writes an image in OCI's layout (https://github.com/opencontainers/image-spec) from two folders: what the program
needs, and the program. The same folders give the same bytes."""

import argparse
import datetime
import gzip
import hashlib
import io
import json
import os
import pathlib
import tarfile

# Numbers, so that whoever runs the image can see that it is not root.
USER = 65532
STATE = "var/lib/vehicle-connector"
# Of the base the folders are links, as in Debian.
LINKS = {"lib": "usr/lib", "lib64": "usr/lib", "bin": "usr/bin", "sbin": "usr/bin"}


def entry(name: str, kind: bytes, mode: int, epoch: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.mtime = kind, mode, epoch
    return info


def layer(folder: pathlib.Path, links: dict[str, str], epoch: int) -> bytes:
    """The tar of a folder: sorted, of root but for the state, without anything of this machine."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, to in sorted(links.items()):
            link = entry(name, tarfile.SYMTYPE, 0o777, epoch)
            link.linkname = to
            tar.addfile(link)
        for path in sorted(folder.rglob("*")):
            name = str(path.relative_to(folder))
            if path.is_symlink():
                link = entry(name, tarfile.SYMTYPE, 0o777, epoch)
                link.linkname = os.readlink(path)
                tar.addfile(link)
            elif path.is_dir():
                info = entry(name, tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755, epoch)
                if name == STATE:
                    info.uid, info.gid, info.mode = USER, USER, 0o700
                tar.addfile(info)
            else:
                content = path.read_bytes()
                info = entry(name, tarfile.REGTYPE, 0o755 if path.stat().st_mode & 0o111 else 0o644, epoch)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return made.getvalue()


class Layout:
    """The blobs of an image, by what they contain."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    def add(self, media_type: str, content: bytes) -> dict:
        digest = hashlib.sha256(content).hexdigest()
        self.blobs[digest] = content
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    def add_document(self, media_type: str, document: dict) -> dict:
        return self.add(media_type, json.dumps(document, sort_keys=True).encode())


def image(options: argparse.Namespace, epoch: int) -> tuple[Layout, dict]:
    layout = Layout()
    tars = [layer(options.base, LINKS, epoch), layer(options.own, {}, epoch)]
    layers = [
        layout.add("application/vnd.oci.image.layer.v1.tar+gzip", gzip.compress(tar, 9, mtime=0)) for tar in tars
    ]
    created = datetime.datetime.fromtimestamp(epoch, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    labels = {
        "org.opencontainers.image.title": "vehicle-connector",
        "org.opencontainers.image.description": "Bridge from vehicle clouds to MQTT and Home Assistant",
        "org.opencontainers.image.version": options.version,
        "org.opencontainers.image.licenses": "MIT OR Apache-2.0",
    }
    config = {
        "created": created,
        "architecture": options.architecture,
        "os": "linux",
        "config": {
            "User": f"{USER}:{USER}",
            "Env": ["PATH=/usr/bin"],
            "Entrypoint": ["/usr/bin/vehicle-connector"],
            "Cmd": ["run", "-c", "/etc/vehicle-connector/config.toml"],
            "WorkingDir": "/",
            "Volumes": {f"/{STATE}": {}},
            "StopSignal": "SIGTERM",
            "Labels": labels | {"vehicle-connector.base-packages": options.packages.strip()},
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(tar).hexdigest()}" for tar in tars]},
        "history": [
            {"created": created, "created_by": f"packages of Debian: {options.packages.strip()}"},
            {"created": created, "created_by": "vehicle-connector"},
        ],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": layout.add_document("application/vnd.oci.image.config.v1+json", config),
        "layers": layers,
        "annotations": labels,
    }
    described = layout.add_document("application/vnd.oci.image.manifest.v1+json", manifest)
    described["platform"] = {"architecture": options.architecture, "os": "linux"}
    # Under this name `podman load` and `docker load` know it.
    described["annotations"] = {
        "org.opencontainers.image.ref.name": options.version,
        "io.containerd.image.name": f"localhost/vehicle-connector:{options.version}",
    }
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [described]}
    return layout, index


def write(layout: Layout, index: dict, out: pathlib.Path, epoch: int) -> None:
    files = {"oci-layout": json.dumps({"imageLayoutVersion": "1.0.0"}).encode()}
    files["index.json"] = json.dumps(index, sort_keys=True).encode()
    files |= {f"blobs/sha256/{digest}": content for digest, content in layout.blobs.items()}
    with tarfile.open(out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name in ("blobs", "blobs/sha256"):
            tar.addfile(entry(name, tarfile.DIRTYPE, 0o755, epoch))
        for name, content in sorted(files.items()):
            info = entry(name, tarfile.REGTYPE, 0o644, epoch)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--base", required=True, type=pathlib.Path)
    parser.add_argument("--own", required=True, type=pathlib.Path)
    parser.add_argument("--version", required=True)
    parser.add_argument("--architecture", required=True)
    parser.add_argument("--packages", required=True, help="name=version of Debian's packages in it")
    parser.add_argument("--out", required=True, type=pathlib.Path)
    options = parser.parse_args()
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    layout, index = image(options, epoch)
    write(layout, index, options.out, epoch)


if __name__ == "__main__":
    main()
