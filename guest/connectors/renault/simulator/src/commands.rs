//! What commands mean, and what cars do about them.

use jiff::Timestamp;
use serde_json::{Map, Value};
use simulator::kit::Answer;

use crate::car::{Car, Change, Lag};
use crate::counters::{self, CommandKind};
use crate::envelope::{self, Refused};
use crate::exchange::Case;
use crate::route::RouteKind as Kind;

/// A command that was understood.
struct Order {
    kind: CommandKind,
    /// What the car does; `None` if the cloud takes it and the car does nothing, or nothing that it reports.
    change: Option<Change>,
    /// Whether taking it is all there is to do, as with the horn.
    done: bool,
}

/// Why a body is not taken.
struct Wrong {
    /// Where in it, as a JSON pointer.
    pointer: &'static str,
    detail: String,
    /// Whether it would have been taken at another time, so that the client did nothing that it must not do.
    late: bool,
}

impl Wrong {
    fn new(pointer: &'static str, detail: impl Into<String>) -> Self {
        Self { pointer, detail: detail.into(), late: false }
    }
}

pub(crate) fn act(case: &mut Case<'_>) -> Result<Answer, Refused> {
    let kind = case.incoming.call.kind;
    let Ok(body) = serde_json::from_slice::<Value>(&case.incoming.body) else {
        let answer =
            envelope::kamereon_failure("err.func.wired.invalid-body-format", "The body format is invalid");
        return Err(case.violation("the body is not JSON", answer));
    };
    let now = case.world.now();
    let call = &case.incoming.call;
    let (account, vin) = (call.account.clone().unwrap_or_default(), call.vin.clone().unwrap_or_default());
    let Some(car) = case.world.car_of(&account, &vin) else {
        return Err(Refused::new("no car of this account", envelope::forbidden()));
    };
    let order = match understand(kind, &body, car, now) {
        Ok(order) => order,
        Err(Wrong { pointer, detail, late }) => {
            let answer = envelope::invalid(pointer, &detail);
            let reason = format!("{pointer}: {detail}");
            return Err(if late { Refused::new(reason, answer) } else { case.violation(reason, answer) });
        }
    };
    if order.kind == CommandKind::HvacStart && f64::from(car.state.battery_level) < car.state.soc_threshold {
        let message = "The battery level is too low";
        let answer = envelope::kamereon_failure("err.func.wired.low.battery.level", message);
        return Err(Refused::new("low battery", answer));
    }
    let lag = order.change.as_ref().map(|change| change.aspect());
    let lag = lag.and_then(|aspect| case.world.lags.get(&aspect).copied()).unwrap_or_default();
    carry_out(case, (&account, &vin), order, lag);
    let id = case.world.ids.uuid();
    let body = answered(case, &account, &vin, body);
    Ok(envelope::accepted(kind, &body, &id))
}

/// Settings are answered as they are stored, everything else with the client's own words.
fn answered(case: &mut Case<'_>, account: &str, vin: &str, body: Value) -> Value {
    if case.incoming.call.kind != Kind::SetEvSettings {
        return body;
    }
    let Some(car) = case.world.car_of(account, vin) else { return body };
    let active = has_active_program(&body);
    car.state.ev_settings = body;
    if let Some(mode) = car.state.ev_settings.get_mut("chargeModeRq") {
        *mode = Value::from(if active { "SCHEDULED" } else { "ALWAYS" });
    }
    car.state.charge_mode = if active { "scheduled" } else { "always" }.to_owned();
    car.state.ev_settings.clone()
}

fn carry_out(case: &mut Case<'_>, (account, vin): (&str, &str), order: Order, lag: Lag) {
    let Some(car) = case.world.car_of(account, vin) else { return };
    let done = match order.change {
        Some(change) => car.accept(order.kind, change, lag),
        None => order.done.then_some(order.kind),
    };
    case.shared.count(|all| {
        counters::add(&mut all.accepted, vin, order.kind);
        if let Some(kind) = done {
            counters::add(&mut all.executed, vin, kind);
        }
    });
}

fn understand(kind: Kind, body: &Value, car: &Car, now: Timestamp) -> Result<Order, Wrong> {
    match kind {
        Kind::HvacStart => climate(attributes(body, "HvacStart")?, car, now),
        Kind::ChargingStart => {
            let fields = attributes(body, "ChargingStart")?;
            only(fields, &["action"])?;
            match action(fields, &["start", "stop"])? {
                "start" => Ok(charging(true, true)),
                _ => Ok(charging(false, car.model().charging_start_stops())),
            }
        }
        Kind::ChargeStart => {
            let fields = attributes(body, "ChargingStart")?;
            only(fields, &["action", "startDateTime"])?;
            action(fields, &["start"])?;
            Ok(charging(true, !later(fields, now)?))
        }
        Kind::PauseResume => {
            let fields = attributes(body, "ChargePauseResume")?;
            only(fields, &["action"])?;
            Ok(charging(action(fields, &["pause", "resume"])? == "resume", true))
        }
        Kind::SetSocLevels => limits(body),
        Kind::SetEvSettings => settings(body),
        Kind::SetChargeMode => {
            let fields = attributes(body, "ChargeMode")?;
            only(fields, &["action"])?;
            action(fields, &["always", "always_charging", "schedule_mode", "scheduled"])?;
            Ok(Order { kind: CommandKind::ChargeMode, change: None, done: true })
        }
        Kind::HornLights => {
            let fields = attributes(body, "HornLights")?;
            only(fields, &["action", "target"])?;
            action(fields, &["start"])?;
            let kind = match fields.get("target").and_then(Value::as_str) {
                Some("horn") => CommandKind::Horn,
                Some("lights") => CommandKind::Lights,
                _ => return Err(Wrong::new("/data/attributes/target", "must be horn or lights")),
            };
            Ok(Order { kind, change: None, done: true })
        }
        _ => {
            typed(body, "RefreshLocation")?;
            Ok(Order { kind: CommandKind::RefreshLocation, change: None, done: true })
        }
    }
}

fn climate(fields: &Map<String, Value>, car: &Car, now: Timestamp) -> Result<Order, Wrong> {
    match action(fields, &["start", "cancel", "stop"])? {
        "start" => {
            only(fields, &["action", "targetTemperature", "startDateTime"])?;
            let Some(target) = fields.get("targetTemperature").and_then(Value::as_f64) else {
                return Err(Wrong::new("/data/attributes/targetTemperature", "must be a number"));
            };
            let change = Change::Hvac { on: true, target: Some(target) };
            let change = (!later(fields, now)?).then_some(change);
            Ok(Order { kind: CommandKind::HvacStart, change, done: false })
        }
        word => {
            only(fields, &["action"])?;
            let works = word == car.model().climate_ends_with();
            let change = works.then_some(Change::Hvac { on: false, target: None });
            Ok(Order { kind: CommandKind::HvacStop, change, done: false })
        }
    }
}

fn charging(on: bool, works: bool) -> Order {
    let kind = if on { CommandKind::ChargeStart } else { CommandKind::ChargeStop };
    Order { kind, change: works.then_some(Change::Charging(on)), done: false }
}

fn limits(body: &Value) -> Result<Order, Wrong> {
    let Some(fields) = body.as_object() else { return Err(Wrong::new("/", "must be an object")) };
    only(fields, &["socMin", "socTarget"])?;
    let level = |name: &str, low: u64, high: u64| {
        let value = fields.get(name).and_then(Value::as_u64);
        let good = value.filter(|value| (low..=high).contains(value) && value % 5 == 0);
        good.and_then(|value| u8::try_from(value).ok())
            .ok_or_else(|| Wrong::new("/", format!("{name} must be {low} to {high} in steps of 5")))
    };
    let (min, target) = (level("socMin", 15, 45)?, level("socTarget", 55, 100)?);
    Ok(Order { kind: CommandKind::SocLevels, change: Some(Change::Limits { min, target }), done: false })
}

/// Without an active program for charging the car charges at once; with one it stops and waits for its time.
fn settings(body: &Value) -> Result<Order, Wrong> {
    let programs = body.get("programs").and_then(Value::as_array);
    let Some(programs) = programs else { return Err(Wrong::new("/programs", "must be a list")) };
    let status = |program: &Value| program.get("programActivationStatus").is_some_and(Value::is_boolean);
    if !programs.iter().all(status) {
        return Err(Wrong::new("/programs", "programActivationStatus must be true or false"));
    }
    let change = Change::Charging(!has_active_program(body));
    Ok(Order { kind: CommandKind::EvSettings, change: Some(change), done: false })
}

fn has_active_program(settings: &Value) -> bool {
    let programs = settings.get("programs").and_then(Value::as_array);
    programs.into_iter().flatten().any(|program| {
        let charges =
            program.get("programType").and_then(Value::as_str).is_some_and(|kind| kind.starts_with("CHARGE"));
        charges && program.get("programActivationStatus").and_then(Value::as_bool) == Some(true)
    })
}

/// The `data` of a command of this type, and nothing beside it.
fn typed<'a>(body: &'a Value, kind: &str) -> Result<&'a Map<String, Value>, Wrong> {
    if body.as_object().is_none_or(|fields| fields.len() != 1) {
        return Err(Wrong::new("/", "must be an object with data"));
    }
    let Some(data) = body.get("data").and_then(Value::as_object) else {
        return Err(Wrong::new("/data", "must be an object"));
    };
    if data.get("type").and_then(Value::as_str) != Some(kind) {
        return Err(Wrong::new("/data/type", format!("must be {kind}")));
    }
    match data.keys().find(|name| !["type", "attributes"].contains(&name.as_str())) {
        Some(name) => Err(Wrong::new("/data", format!("unknown field {name}"))),
        None => Ok(data),
    }
}

fn attributes<'a>(body: &'a Value, kind: &str) -> Result<&'a Map<String, Value>, Wrong> {
    let attributes = typed(body, kind)?.get("attributes").and_then(Value::as_object);
    attributes.ok_or_else(|| Wrong::new("/data/attributes", "must be an object"))
}

fn action<'a>(fields: &'a Map<String, Value>, known: &[&str]) -> Result<&'a str, Wrong> {
    let action = fields.get("action").and_then(Value::as_str).unwrap_or_default();
    if known.contains(&action) {
        return Ok(action);
    }
    Err(Wrong::new("/data/attributes/action", format!("must be one of {}", known.join(", "))))
}

fn only(fields: &Map<String, Value>, known: &[&str]) -> Result<(), Wrong> {
    match fields.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(Wrong::new("/data/attributes", format!("unknown field {name}"))),
        None => Ok(()),
    }
}

/// Whether a command is for later. A time that is not in the future is refused.
fn later(fields: &Map<String, Value>, now: Timestamp) -> Result<bool, Wrong> {
    let Some(at) = fields.get("startDateTime") else { return Ok(false) };
    let pointer = "/data/attributes/startDateTime";
    let Some(at) = at.as_str().and_then(|text| text.parse::<Timestamp>().ok()) else {
        return Err(Wrong::new(pointer, "must be a date and a time"));
    };
    if at > now {
        Ok(true)
    } else {
        Err(Wrong { late: true, ..Wrong::new(pointer, "must be a future date") })
    }
}
