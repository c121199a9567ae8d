//! The car: who it is, what state it is in, and what the cloud believes that to be.

mod ccs2;
mod legacy;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::action::Record;
use crate::region::Region;

/// Who a car is. Fixed for a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VehicleConfig {
    /// `vehicleId`, a UUID in the real cloud.
    pub id: String,
    /// The VIN, 17 characters.
    pub vin: String,
    /// The model's name.
    pub model: String,
    /// What its owner calls it.
    pub nickname: String,
    /// `EV`, `PHEV`, `PE`, `HV` or `GN`.
    pub engine: String,
    /// `ccuCCS2ProtocolSupport`: 0 for a legacy car, anything else selects the CCS2 routes.
    pub ccs2: u8,
    /// The state at the start, which the cloud knows.
    pub state: VehicleState,
}

impl VehicleConfig {
    /// The legacy car of the recorded traces, an EV.
    pub fn recorded_legacy() -> Self {
        Self {
            id: "11111111-1111-4111-8111-111111111111".to_owned(),
            vin: "KNALEGACY00000001".to_owned(),
            model: "e-NIRO".to_owned(),
            nickname: "Legacy car".to_owned(),
            engine: "EV".to_owned(),
            ccs2: 0,
            state: VehicleState {
                battery_percent: 63,
                aux_battery_percent: 84,
                range_km: 268,
                odometer_km: 15234.5,
                charge_limit_ac: 90,
                ..VehicleState::default()
            },
        }
    }

    /// The CCS2 car of the recorded traces, an EV.
    pub fn recorded_ccs2() -> Self {
        Self {
            id: "22222222-2222-4222-8222-222222222222".to_owned(),
            vin: "KNACCS2EV00000002".to_owned(),
            model: "EV6".to_owned(),
            nickname: "CCS2 car".to_owned(),
            engine: "EV".to_owned(),
            ccs2: 1,
            state: VehicleState::default(),
        }
    }

    /// The cars of an account that has so many: the recorded ones, and then more of their kinds in turn. Each has an
    /// id, a VIN and a nickname of its own, such as `Legacy car 3` and `CCS2 car 4`.
    pub fn fleet(cars: usize) -> Vec<Self> {
        let more = (3..).map(|number| match number % 2 {
            1 => Self::recorded_legacy().renumbered(number),
            _ => Self::recorded_ccs2().renumbered(number),
        });
        [Self::recorded_legacy(), Self::recorded_ccs2()].into_iter().chain(more).take(cars).collect()
    }

    /// Another car of the same kind: its number is in the place of the digits at the end of VIN and id.
    fn renumbered(self, number: usize) -> Self {
        let stem = |text: &str| text.trim_end_matches(|digit: char| digit.is_ascii_digit()).to_owned();
        Self {
            id: format!("{}{number:012}", stem(&self.id)),
            vin: format!("{}{number:08}", stem(&self.vin)),
            nickname: format!("{} {number}", self.nickname),
            ..self
        }
    }

    /// Whether the CCS2 routes are this car's.
    pub(crate) fn is_ccs2(&self) -> bool {
        self.ccs2 != 0
    }

    /// Its entry in the vehicle list.
    pub(crate) fn listing(&self) -> Value {
        json!({
            "vin": self.vin,
            "vehicleId": self.id,
            "vehicleName": self.model,
            "type": self.engine,
            "tmuNum": null,
            "nickname": self.nickname,
            "year": "2024",
            "master": true,
            "carShare": 0,
            "regDate": "2024-03-01 10:00:00.000",
            "personalFlag": "1",
            "detailInfo": {
                "inColor": "WK",
                "outColor": "ABP",
                "saleCarmdlCd": "XX",
                "bodyType": "3",
                "saleCarmdlEnNm": self.model,
            },
            "protocolType": 0,
            "ccuCCS2ProtocolSupport": self.ccs2,
        })
    }
}

/// How far one window is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Window {
    /// Closed.
    #[default]
    Closed,
    /// Wide open.
    Open,
    /// A gap.
    Vent,
}

/// All four windows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs, reason = "the names say it all")]
pub struct Windows {
    pub front_left: Window,
    pub front_right: Window,
    pub back_left: Window,
    pub back_right: Window,
}

/// What a car is doing: the part of it that commands change and a bridge reports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VehicleState {
    /// All doors are locked.
    pub locked: bool,
    /// The four windows.
    pub windows: Windows,
    /// The trunk is open.
    pub trunk_open: bool,
    /// The hood is open.
    pub hood_open: bool,
    /// The climate runs.
    pub climate_on: bool,
    /// Set temperature, °C on the 0.5 grid from 14 to 31.5.
    pub temperature: f64,
    /// The windshield is being defrosted.
    pub defrost: bool,
    /// The charge port's door is open.
    pub charge_port_open: bool,
    /// A charging cable is in.
    pub plugged_in: bool,
    /// The drive battery charges.
    pub charging: bool,
    /// Drive battery, percent.
    pub battery_percent: u8,
    /// 12 V battery, percent.
    pub aux_battery_percent: u8,
    /// Range, km.
    pub range_km: u32,
    /// Odometer, km.
    pub odometer_km: f64,
    /// Charge limit on AC, percent.
    pub charge_limit_ac: u8,
    /// Charge limit on DC, percent.
    pub charge_limit_dc: u8,
    /// AC charging current: 1 = 100 %, 2 = 90 %, 3 = 60 %.
    pub charging_current: u8,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
}

impl Default for VehicleState {
    /// The recorded CCS2 car: locked, everything closed and off.
    fn default() -> Self {
        Self {
            locked: true,
            windows: Windows::default(),
            trunk_open: false,
            hood_open: false,
            climate_on: false,
            temperature: 22.0,
            defrost: false,
            charge_port_open: false,
            plugged_in: false,
            charging: false,
            battery_percent: 71,
            aux_battery_percent: 88,
            range_km: 290,
            odometer_km: 5200.4,
            charge_limit_ac: 100,
            charge_limit_dc: 80,
            charging_current: 1,
            latitude: 52.52,
            longitude: 13.405,
        }
    }
}

/// A car and what the cloud has of it.
#[derive(Debug)]
pub(crate) struct Vehicle {
    pub(crate) config: VehicleConfig,
    /// What the car is doing.
    pub(crate) state: VehicleState,
    /// What it last reported.
    reported: VehicleState,
    reported_at: Timestamp,
    /// Out of reach, it reports nothing and does nothing.
    pub(crate) reachable: bool,
    pub(crate) records: Vec<Record>,
}

impl Vehicle {
    pub(crate) fn new(config: VehicleConfig, now: Timestamp) -> Self {
        let state = config.state.clone();
        Self {
            config,
            reported: state.clone(),
            state,
            reported_at: now,
            reachable: true,
            records: Vec::new(),
        }
    }

    /// The car tells the cloud how it is. A car out of reach does not, and the cloud keeps what it had.
    pub(crate) fn report(&mut self, now: Timestamp) {
        if self.reachable {
            self.reported = self.state.clone();
            self.reported_at = now;
        }
    }

    /// Carries out every recorded command that is due now, and reports if there was one.
    pub(crate) fn settle(&mut self, now: Timestamp) {
        let mut acted = false;
        for record in &mut self.records {
            if let Some(action) = record.take_action() {
                action.apply(&mut self.state);
                acted = true;
            }
        }
        if acted {
            self.report(now);
        }
    }

    /// `vehicleStatusInfo` of the legacy routes.
    pub(crate) fn legacy_cached(&self) -> Value {
        json!({
            "vehicleLocation": legacy::gps(&self.reported, &local(self.reported_at, Region::Eu)),
            "vehicleStatus": self.legacy_status(Region::Eu),
            "odometer": { "value": self.reported.odometer_km, "unit": 1 },
        })
    }

    /// `vehicleStatus` of the legacy routes. Outside Europe it has the odometer in it.
    pub(crate) fn legacy_status(&self, region: Region) -> Value {
        let (lowest, _) = region.temperatures();
        let mut status = legacy::status(&self.reported, &local(self.reported_at, region), lowest);
        if let (true, Some(fields)) = (region != Region::Eu, status.as_object_mut()) {
            fields.insert("odometer".to_owned(), json!({ "value": self.reported.odometer_km, "unit": 1 }));
        }
        status
    }

    /// `resMsg` of the CCS2 status.
    pub(crate) fn ccs2_status(&self) -> Value {
        json!({
            "lastUpdateTime": self.reported_at.as_millisecond().to_string(),
            "state": { "Vehicle": ccs2::status(&self.reported, self.reported_at) },
        })
    }

    /// `resMsg` of `location/park`: flat, local time.
    pub(crate) fn parked(&self, region: Region) -> Value {
        json!({
            "coord": legacy::coord(&self.reported),
            "head": 0,
            "time": local(self.reported_at, region),
        })
    }

    /// `resMsg` of `location`: below `gpsDetail`, UTC.
    pub(crate) fn located(&self) -> Value {
        json!({ "gpsDetail": legacy::gps(&self.reported, &compact(self.reported_at, TimeZone::UTC)) })
    }
}

/// `YYYYMMDDHHMMSS` as the clocks of the region's servers show it, which is what most legacy fields hold.
fn local(at: Timestamp, region: Region) -> String {
    compact(at, region.zone())
}

fn compact(at: Timestamp, zone: TimeZone) -> String {
    at.to_zoned(zone).strftime("%Y%m%d%H%M%S").to_string()
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "an absent field fails the test")]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn servers_have_winter_and_summer() {
        let at =
            |text: &str, region| text.parse::<Timestamp>().map(|at| local(at, region)).unwrap_or_default();
        assert_eq!(at("2026-11-21T17:00:00Z", Region::Eu), "20261121180000");
        assert_eq!(at("2026-07-01T12:00:00Z", Region::Eu), "20260701140000");
        assert_eq!(at("2026-11-21T17:00:00Z", Region::Au), "20261122040000");
        assert_eq!(at("2026-07-01T12:00:00Z", Region::Au), "20260701220000");
    }

    #[test]
    fn a_fleet_begins_with_the_recorded_cars_and_has_no_car_twice() {
        let fleet = VehicleConfig::fleet(50);
        let recorded = [VehicleConfig::recorded_legacy().id, VehicleConfig::recorded_ccs2().id];
        assert_eq!([&fleet[0].id, &fleet[1].id], [&recorded[0], &recorded[1]]);
        for of in
            [|car: &VehicleConfig| &car.id, |car| &car.vin, |car| &car.nickname] as [fn(&_) -> &String; 3]
        {
            let all: BTreeSet<_> = fleet.iter().map(of).collect();
            assert_eq!(all.len(), 50);
        }
        let last = &fleet[49];
        assert_eq!((last.vin.as_str(), last.nickname.as_str()), ("KNACCS2EV00000050", "CCS2 car 50"));
        assert_eq!((last.id.as_str(), last.ccs2), ("22222222-2222-4222-8222-000000000050", 1));
        assert_eq!(VehicleConfig::fleet(1).len(), 1);
    }

    #[test]
    fn the_cloud_keeps_what_it_had_of_a_car_out_of_reach() {
        let mut car = Vehicle::new(VehicleConfig::recorded_ccs2(), Timestamp::UNIX_EPOCH);
        car.state.locked = false;
        car.reachable = false;
        car.report(Timestamp::now());
        assert_eq!(car.ccs2_status()["lastUpdateTime"], "0");
        car.reachable = true;
        car.report(Timestamp::now());
        let status = car.ccs2_status();
        assert_eq!(status["state"]["Vehicle"]["Cabin"]["Door"]["Row1"]["Driver"]["Lock"], 1);
    }
}
