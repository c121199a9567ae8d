"""Holds the folder of the add-on against what the Supervisor wants of one: keys, options that fit the schema, words for
each of them."""

import pathlib
import re
import sys

import yaml

folder = pathlib.Path(sys.argv[1])
config = yaml.safe_load((folder / "config.yaml").read_text())
# Of https://developers.home-assistant.io/docs/add-ons/configuration
required = {"name", "version", "slug", "description", "arch"}
known = required | {"startup", "boot", "init", "services", "map", "backup", "timeout", "options", "schema"}
assert required <= config.keys() <= known, config.keys() ^ known
assert re.fullmatch(r"[-_.A-Za-z0-9]+", config["slug"])
assert set(config["arch"]) <= {"amd64", "aarch64"}
assert config["startup"] in {"initialize", "system", "services", "application", "once"}
assert config["backup"] in {"hot", "cold"}
for kind in config["schema"].values():
    fields = kind[0].values() if isinstance(kind, list) else [kind]
    for field in fields:
        assert re.fullmatch(r"(str|password|int|bool|port|url|match\(.+\)|list\(.+\))\??", field), field
for name in config["options"]:
    assert name in config["schema"], f"an option without a schema: {name}"
words = yaml.safe_load((folder / "translations/en.yaml").read_text())["configuration"]
assert words.keys() == config["schema"].keys(), "each option has words, and no other"
copied = re.findall(r"^COPY (\S+) ", (folder / "Dockerfile").read_text(), re.MULTILINE)
assert copied and all((folder / name).exists() for name in copied), copied
print(f"ok  the add-on {config['slug']} {config['version']} for {', '.join(config['arch'])}")
