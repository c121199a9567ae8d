"""The dashboard of the pictures: what a person might make of the entities of one car."""


def tile(entity, name, feature=None, **more):
    features = {"features": [feature]} if feature else {}
    return {"type": "tile", "entity": entity, "name": name, **features, **more}


def section(heading, icon, *cards):
    return {"type": "grid", "cards": [{"type": "heading", "heading": heading, "icon": icon}, *cards]}


SLIDER = {"type": "numeric-input", "style": "slider"}

CAR = section(
    "EV6",
    "mdi:car-electric",
    tile("sensor.ev6_soc_percent", "Battery"),
    tile("sensor.ev6_range_km", "Range"),
    tile("lock.ev6_lock", "Doors", {"type": "lock-commands"}),
    tile("climate.ev6_climate", "Climate", {"type": "target-temperature"}),
    tile("select.ev6_windows", "Windows"),
    tile("sensor.ev6_vehicle_time", "Data of"),
)

CHARGING = section(
    "Charging",
    "mdi:ev-station",
    tile("switch.ev6_charging", "Charging"),
    tile("binary_sensor.ev6_is_plugged_in", "Plug"),
    tile("number.ev6_charge_limit_ac", "AC limit", SLIDER),
    tile("number.ev6_charge_limit_dc", "DC limit", SLIDER),
    tile("cover.ev6_charge_port", "Charge port"),
    tile("select.ev6_charging_current", "Charging current"),
)

DASHBOARD = {
    "views": [{"title": "Car", "type": "sections", "max_columns": 2, "sections": [CAR, CHARGING]}],
}
