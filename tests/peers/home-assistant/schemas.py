#!/usr/bin/env python3
"""Writes what a Home Assistant accepts in MQTT discovery, as a table that tests read.

    python3.13 -m venv ha && ha/bin/pip install homeassistant==2025.4.4 paho-mqtt==2.1.0
    ha/bin/python schemas.py > ../../fixtures/home-assistant/2025.4.json

The tables are made of the schemas themselves, not of their documentation.
"""

import importlib
import json
import sys

import voluptuous as vol
from homeassistant.const import __version__

MQTT = "homeassistant.components.mqtt"
PLATFORMS = (
    "binary_sensor", "button", "climate", "cover", "device_tracker", "event", "lock", "number", "select",
    "sensor", "switch", "text", "update",
)


def keys(schema):
    """The keys of a schema: those that must be there, and those that may."""
    if isinstance(schema, vol.All):
        # What follows the keys are checks of their values.
        found = [keys(part) for part in schema.validators if isinstance(part, (vol.Schema, vol.All, dict))]
        return {
            "required": sorted({key for part in found for key in part["required"]}),
            "optional": sorted({key for part in found for key in part["optional"]}),
        }
    inner = schema.schema if isinstance(schema, vol.Schema) else schema
    required, optional = set(), set()
    for marker in inner:
        (required if isinstance(marker, vol.Required) else optional).add(str(marker))
    return {"required": sorted(required), "optional": sorted(optional)}


def words(enum):
    return sorted(str(member.value) for member in enum)


def classes(platform):
    """The device classes of a platform, with what else depends on them."""
    module = importlib.import_module(f"homeassistant.components.{platform}")
    const = None
    try:
        const = importlib.import_module(f"homeassistant.components.{platform}.const")
    except ImportError:
        pass
    name = "".join(part.capitalize() for part in platform.split("_")) + "DeviceClass"
    enum = getattr(module, name, None)
    table = {}
    if enum is not None:
        table["device_classes"] = words(enum)
    if platform in ("sensor", "number"):
        units = getattr(const, "DEVICE_CLASS_UNITS")
        table["units"] = {
            str(key.value): sorted("" if unit is None else str(unit) for unit in allowed)
            for key, allowed in units.items()
        }
    if platform == "sensor":
        table["state_classes"] = words(module.SensorStateClass)
        table["state_classes_of"] = {
            str(key.value): sorted(str(state.value) for state in allowed)
            for key, allowed in const.DEVICE_CLASS_STATE_CLASSES.items()
        }
        table["not_numeric"] = sorted(str(key.value) for key in const.NON_NUMERIC_DEVICE_CLASSES)
    return table


def schema_of(module):
    for name in ("DISCOVERY_SCHEMA",):
        if hasattr(module, name):
            return getattr(module, name)
    raise SystemExit(f"{module.__name__} has no schema of discovery")


def inner(schema, key):
    """The schema of a key of another schema."""
    for marker, value in (schema.schema if isinstance(schema, vol.Schema) else schema).items():
        if str(marker) == key:
            return value
    raise SystemExit(f"there is no {key}")


def main():
    platforms = {}
    for platform in PLATFORMS:
        module = importlib.import_module(f"{MQTT}.{platform}")
        platforms[platform] = {**keys(schema_of(module)), **classes(platform)}
    try:
        schemas = importlib.import_module(f"{MQTT}.schemas")
    except ImportError:
        schemas = importlib.import_module(f"{MQTT}.mixins")
    common = schemas.MQTT_ENTITY_COMMON_SCHEMA
    listed = inner(common, "availability")
    entries = [part for part in listed.validators if isinstance(part, list)][0][0]
    mqtt_const = importlib.import_module(f"{MQTT}.const")
    discovery = importlib.import_module(f"{MQTT}.discovery")
    table = {
        "version": __version__,
        "topic": discovery.TOPIC_MATCHER.pattern,
        "supported": sorted(str(it) for it in getattr(discovery, "SUPPORTED_COMPONENTS", None) or mqtt_const.SUPPORTED_COMPONENTS),
        "entity_categories": ["config", "diagnostic"],
        "device": keys(schemas.MQTT_ENTITY_DEVICE_INFO_SCHEMA),
        "origin": keys(schemas.MQTT_ORIGIN_INFO_SCHEMA),
        "availability": keys(entries),
        "availability_modes": sorted(schemas.AVAILABILITY_MODES),
        "platforms": platforms,
    }
    whole = getattr(schemas, "DEVICE_DISCOVERY_SCHEMA", None)
    # Before 2024.11 there is none, and device messages are not looked at.
    table["whole"] = keys(whole) if whole is not None else None
    json.dump(table, sys.stdout, indent=1, sort_keys=True)
    print()


if __name__ == "__main__":
    main()
