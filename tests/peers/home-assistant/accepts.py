#!/usr/bin/env python3
"""Asks the schemas of a real Home Assistant whether they take what a host publishes.

    vehicle-connector discovery show --json | ha/bin/python accepts.py

Says what is refused and ends with 1, or how much was accepted. `schemas.py` says how to have a Home Assistant.
"""

import asyncio
import importlib
import json
import sys
import tempfile

import voluptuous as vol
from homeassistant.const import __version__
from homeassistant.core import HomeAssistant

MQTT = "homeassistant.components.mqtt"
SHARED = ("availability", "availability_mode")


def entity(platform, settings):
    module = importlib.import_module(f"{MQTT}.{platform}")
    module.DISCOVERY_SCHEMA(settings)


def whole(document):
    """Checks a message about a device, and returns its entities as Home Assistant makes them of it."""
    schemas = importlib.import_module(f"{MQTT}.schemas")
    schemas.DEVICE_DISCOVERY_SCHEMA(json.loads(json.dumps(document)))
    for settings in document["components"].values():
        settings = dict(settings)
        platform = settings.pop("platform")
        if settings:
            for key in SHARED:
                if key in document:
                    settings.setdefault(key, document[key])
            yield platform, {**settings, "device": document["device"], "origin": document["origin"]}


async def main():
    # Templates are compiled for one.
    HomeAssistant(tempfile.mkdtemp())
    refused = accepted = 0
    for shown in json.load(sys.stdin)["documents"]:
        topic, document = shown["topic"], shown["document"]
        kind = topic.split("/")[-4] if topic.count("/") > 3 else topic.split("/")[-3]
        try:
            entities = list(whole(document)) if kind == "device" else [(kind, document)]
        except vol.Invalid as error:
            print(f"{topic}: {error}")
            refused += 1
            continue
        for platform, settings in entities:
            try:
                entity(platform, settings)
                accepted += 1
            except vol.Invalid as error:
                print(f"{topic}: {settings.get('unique_id')}: {error}")
                refused += 1
    print(f"Home Assistant {__version__}: {accepted} entities accepted, {refused} refused")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
