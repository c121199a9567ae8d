//! The status document of a CCS2 car.

use jiff::Timestamp;
use jiff::tz::{self, TimeZone};
use serde_json::{Value, json};

use super::{VehicleState, Window};

/// How far the time in parts is ahead of UTC, in hours.
const OFFSET: i8 = 1;

/// `state.Vehicle`; times in it are UTC, but for the one in parts, which is `Offset` hours ahead.
pub(super) fn status(state: &VehicleState, at: Timestamp) -> Value {
    let utc = at.to_zoned(TimeZone::UTC);
    let local = at.to_zoned(TimeZone::fixed(tz::offset(OFFSET)));
    json!({
        "Offset": OFFSET.to_string(),
        "Date": utc.strftime("%Y%m%d%H%M%S.000").to_string(),
        "DrivingReady": 0,
        "Drivetrain": {
            "Odometer": state.odometer_km,
            "FuelSystem": {
                "DTE": { "Total": state.range_km, "Unit": 1 },
                "FuelLevel": 0,
                "LowFuelWarning": 0,
            },
        },
        "Electronics": {
            "Battery": { "Level": state.aux_battery_percent },
            "FOB": { "LowBattery": 0 },
        },
        "Cabin": cabin(state),
        "Body": {
            "Hood": { "Open": i32::from(state.hood_open) },
            "Trunk": { "Open": i32::from(state.trunk_open) },
            "Sunroof": { "Glass": { "Open": 0 } },
            "Windshield": {
                "Front": {
                    "Defog": { "State": i32::from(state.defrost) },
                    "WasherFluid": { "LevelLow": 0 },
                },
                "Rear": { "Defog": { "State": 0 } },
            },
        },
        "Chassis": chassis(),
        "Green": green(state),
        "Location": {
            "GeoCoord": {
                "Latitude": state.latitude,
                "Longitude": state.longitude,
                "Altitude": 0,
                "Type": 0,
            },
            "TimeStamp": {
                "Year": local.year(),
                "Mon": local.month(),
                "Day": local.day(),
                "Hour": local.hour(),
                "Min": local.minute(),
                "Sec": local.second(),
            },
        },
        "RemoteControl": { "SleepMode": 1 },
    })
}

fn cabin(state: &VehicleState) -> Value {
    // 0 is locked.
    let door = json!({ "Open": 0, "Lock": i32::from(!state.locked) });
    let seat = json!({ "Climate": { "State": 2 } });
    let window = |window: Window| match window {
        Window::Closed => json!({ "Open": 0, "OpenLevel": 0 }),
        Window::Vent => json!({ "Open": 1, "OpenLevel": 1 }),
        Window::Open => json!({ "Open": 1, "OpenLevel": 2 }),
    };
    json!({
        "HVAC": { "Row1": { "Driver": {
            "Temperature": { "Value": format!("{:.1}", state.temperature), "Unit": 0 },
            "Blower": { "SpeedLevel": if state.climate_on { 3 } else { 0 } },
        } } },
        "SteeringWheel": { "Heat": { "State": 0 } },
        "Seat": {
            "Row1": { "Driver": seat, "Passenger": seat },
            "Row2": { "Left": seat, "Right": seat },
        },
        "Door": {
            "Row1": { "Driver": door, "Passenger": door },
            "Row2": { "Left": door, "Right": door },
        },
        "Window": {
            "Row1": {
                "Driver": window(state.windows.front_left),
                "Passenger": window(state.windows.front_right),
            },
            "Row2": {
                "Left": window(state.windows.back_left),
                "Right": window(state.windows.back_right),
            },
        },
    })
}

fn chassis() -> Value {
    let tire = json!({ "Tire": { "PressureLow": 0, "Pressure": 36 } });
    json!({
        "Axle": {
            "Tire": { "PressureLow": 0, "PressureUnit": 0 },
            "Row1": { "Left": tire, "Right": tire },
            "Row2": { "Left": tire, "Right": tire },
        },
        "Brake": { "Fluid": { "Warning": 0 } },
    })
}

fn green(state: &VehicleState) -> Value {
    json!({
        "BatteryManagement": {
            "BatteryRemain": { "Ratio": state.battery_percent, "Value": 198_000.0 },
            "BatteryCapacity": { "Value": 278_640.0 },
            "SoH": { "Ratio": 100 },
        },
        "ChargingInformation": {
            "TargetSoC": { "Standard": state.charge_limit_ac, "Quick": state.charge_limit_dc },
            "ElectricCurrentLevel": { "State": state.charging_current },
            "ConnectorFastening": { "State": i32::from(state.plugged_in) },
            "Charging": { "RemainTime": if state.charging { 180 } else { 0 } },
            "EstimatedTime": { "Standard": 240, "ICCB": 900, "Quick": 40 },
            "DTE": { "TargetSoC": { "Standard": 408, "Quick": 326 } },
        },
        "ChargingDoor": { "State": if state.charge_port_open { 1 } else { 2 } },
        "Electric": { "SmartGrid": {
            "RealTimePower": 0.0,
            "VehicleToLoad": { "DischargeLimitation": { "SoC": 20 } },
        } },
        "Reservation": { "OffPeakTime": {
            "StartHour": 22,
            "StartMin": 30,
            "EndHour": 1,
            "EndMin": 30,
            "Mode": 0,
        } },
    })
}
