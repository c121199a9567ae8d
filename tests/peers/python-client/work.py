"""The work that both clients do, as a table: an operation as the reference client and as the connector is told it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hyundai_kia_connect_api import WINDOW_STATE, ClimateRequestOptions, VehicleManager, WindowRequestOptions
from hyundai_kia_connect_api.const import ORDER_STATUS

from cloud import CARS, CCS2, LEGACY, Car

# Given the manager, the vehicle's id and the id of the last action. Returns an action's id, a status, or nothing
# for a read.
Ask = Callable[[VehicleManager, str, str], str | ORDER_STATUS | None]


@dataclass(frozen=True)
class Operation:
    """One thing to do, once for each of its cars."""

    name: str
    # Below the connector's `vehicle/<name>/cmd/`.
    topic: str
    payload: str
    ask: Ask
    cars: tuple[Car, ...] = CARS
    # What is ordered from the simulator before it, with the fields of the order.
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    # Whether the car is made to do something, so that its state is read afterwards.
    acts: bool = True
    # Lets the cars' data get so many seconds old before it.
    age: float = 0


def read(name: str, topic: str, payload: str, ask: Ask, **more: Any) -> Operation:
    """An operation that asks for something and changes nothing."""
    return Operation(name, topic, payload, ask, acts=False, **more)


def climate(**options: Any) -> Ask:
    """Starts the climate. The client fills its options in, so each call gets its own."""
    return lambda manager, car, _: manager.start_climate(car, ClimateRequestOptions(**options))


def windows(**options: WINDOW_STATE) -> Ask:
    """Moves the windows that are named."""
    return lambda manager, car, _: manager.set_windows_state(car, WindowRequestOptions(**options))


def all_windows(state: WINDOW_STATE) -> Ask:
    """Moves all windows."""
    return windows(back_left=state, back_right=state, front_left=state, front_right=state)


def cached(manager: VehicleManager, car: str, _: str) -> None:
    """Reads what the cloud last heard."""
    manager.update_vehicle_with_cached_state(car)


def smart(seconds: int) -> Ask:
    """Wakes the car if its data is older."""
    return lambda manager, car, _: manager.check_and_force_update_vehicle(seconds, car)


def lock(manager: VehicleManager, car: str, _: str) -> str:
    """Locks the doors."""
    action: str = manager.lock(car)
    return action


WORK = (
    read("refresh_cached", "refresh_cached", "PRESS", cached),
    read("refresh_force", "refresh_force", "PRESS", lambda m, car, _: m.force_refresh_vehicle_state(car)),
    read("refresh_smart, fresh", "refresh_smart", "300", smart(300)),
    read("refresh_smart, stale", "refresh_smart", "1", smart(1), age=2.5),
    Operation("lock", "lock", "LOCK", lock),
    Operation("unlock", "lock", "UNLOCK", lambda m, car, _: m.unlock(car)),
    Operation("lock, pending at first", "lock", "LOCK", lock, (LEGACY,), {"next-outcome": {"pending_polls": 1}}),
    read("check_action_status", "action_status", "LAST", lambda m, car, last: m.check_action_status(car, last)),
    Operation("lock, the car refuses", "lock", "LOCK", lock, CARS, {"next-outcome": {"ending": "fail"}}),
    Operation("lock, the car is silent", "lock", "LOCK", lock, (CCS2,), {"next-outcome": {"ending": "non-response"}}),
    Operation("climate, by default", "climate", '{"action":"start"}', climate()),
    Operation(
        "climate, every option",
        "climate",
        '{"action":"start","set_temp":22.5,"duration_min":10,"defrost":true,"heating":4,'
        '"seats":{"fl":6,"fr":7,"rl":8,"rr":2}}',
        climate(
            set_temp=22.5,
            duration=10,
            defrost=True,
            heating=4,
            steering_wheel=1,
            front_left_seat=6,
            front_right_seat=7,
            rear_left_seat=8,
            rear_right_seat=2,
        ),
        (CCS2,),
    ),
    Operation(
        "climate, every option",
        "climate",
        '{"action":"start","set_temp":22.5,"duration_min":10,"defrost":true,"heating":4}',
        climate(set_temp=22.5, duration=10, defrost=True, heating=4),
        (LEGACY,),
    ),
    Operation("climate off", "climate", "off", lambda m, car, _: m.stop_climate(car)),
    Operation("windows open", "windows", "open", all_windows(WINDOW_STATE.OPEN)),
    Operation(
        "windows one by one",
        "windows",
        '{"front_left":"vent","rear_right":"closed"}',
        windows(front_left=WINDOW_STATE.VENTILATION, back_right=WINDOW_STATE.CLOSED),
    ),
    Operation("windows closed", "windows", "closed", all_windows(WINDOW_STATE.CLOSED)),
    Operation("charge port open", "charge_port", "OPEN", lambda m, car, _: m.open_charge_port(car)),
    Operation("charge port close", "charge_port", "CLOSE", lambda m, car, _: m.close_charge_port(car)),
    Operation("charging current", "charging_current", '{"level":3}', lambda m, car, _: m.set_charging_current(car, 3)),
    # From here on the reference client loses its permission to control with every renewal of a token, and asking for a
    # new one would show as another request. So the car that needs it comes first, and there are no more commands to it.
    Operation("lock, expired token", "lock", "LOCK", lock, (CCS2, LEGACY), {"expire": {}}),
    read("refresh_cached, expired token", "refresh_cached", "PRESS", cached, orders={"expire": {}}),
    read("refresh_cached, stale device id", "refresh_cached", "PRESS", cached, orders={"invalidate-device": {}}),
)
