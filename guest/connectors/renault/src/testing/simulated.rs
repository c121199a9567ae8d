//! Whole lives, against the simulated cloud, which notices whatever the real one's clients would not send.

use std::cell::RefCell;
use std::rc::Rc;

use renault_simulator::{Clock, Cloud, Config, Control, Ended, Service};
use vehicle_connector_sdk::connector::{ChargeLimits, Climate, Signal};
use vehicle_connector_sdk::http::{Body, Response, TransportError, segment};

use super::*;

/// The cars of the simulated person, as they are listed: brand, model, VIN.
const CARS: &[(&str, &str, &str)] = &[
    ("renault", "X101VE", "VF1S1MULATEDZ0E1A"),
    ("renault", "X102VE", "VF1S1MULATEDZ0E2B"),
    ("renault", "R5E1VE", "VF1S1MULATEDR5EVC"),
    ("renault", "XHN1SU", "VF1S1MULATEDAUSTD"),
    ("dacia", "XBG1VE", "UU1S1MULATEDSPRE1"),
    ("dacia", "XZZ9VE", "UU1S1MULATEDNEWF2"),
];

/// What the host has that the connector has not.
struct Host {
    fake: FakeHost,
    cloud: Cloud,
    /// What the owner has written.
    written: RefCell<Vec<(&'static str, String)>>,
    /// The code that a person has typed.
    code: RefCell<String>,
    vin: RefCell<String>,
    runtime: tokio::runtime::Runtime,
}

impl Host {
    /// `text` with what stands in the place of its placeholders.
    fn filled(&self, text: &str, encode: impl Fn(&str) -> String) -> String {
        let text = text.replace("{vehicle:vin}", &encode(&self.vin.borrow()));
        let mut pieces = text.split("{secret:");
        let first = pieces.next().unwrap().to_owned();
        pieces.fold(first, |out, piece| {
            let (name, rest) = piece.split_once('}').unwrap();
            format!("{out}{}{rest}", encode(&self.secret(name).unwrap_or_else(|| panic!("no {name}"))))
        })
    }

    fn secret(&self, name: &str) -> Option<String> {
        let written =
            self.written.borrow().iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
        if name == "mail-code" {
            Some(self.code.borrow().clone())
        } else {
            written.or_else(|| self.fake.secret(name))
        }
    }

    fn send(&self, request: &Request) -> Result<Response, TransportError> {
        let url = self.filled(&request.url, segment);
        let service = if url.contains("//gigya.") { Service::Gigya } else { Service::Kamereon };
        let mut sent = simulator::Request::builder()
            .method(format!("{:?}", request.method).trim_start_matches("Method::").to_uppercase().as_str())
            .uri(url.split_once(".test").unwrap().1);
        for (name, value) in &request.headers {
            sent = sent.header(name, self.filled(value, str::to_owned));
        }
        let body = match &request.body {
            Body::Json(text) => text.clone(),
            Body::Form(fields) => {
                sent = sent.header("content-type", "application/x-www-form-urlencoded");
                let field = |(name, value): &(String, String)| {
                    format!("{name}={}", segment(&self.filled(value, str::to_owned)))
                };
                fields.iter().map(field).collect::<Vec<_>>().join("&")
            }
            _ => String::new(),
        };
        let sent = sent.body(body.into_bytes()).unwrap();
        match self.runtime.block_on(self.cloud.exchange(service, sent)) {
            renault_simulator::End::Answered(answer) => {
                let headers: Vec<_> =
                    answer.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                Ok(response(answer.status, &headers, &answer.body))
            }
            _ => Err(TransportError::Interrupted("no answer".into())),
        }
    }
}

/// An account with the simulated cloud.
struct Life {
    host: Rc<Host>,
    account: Account,
}

impl Life {
    fn new(brand: &str) -> Self {
        let config = Config::default();
        let written = vec![
            ("username", config.username.clone()),
            ("password", config.password.clone()),
            ("gigya-key", config.gigya_key.clone()),
            ("kamereon-key", config.kamereon_key.clone()),
        ];
        let Home { host: fake, account } = Home::new(brand);
        let host = Rc::new(Host {
            fake,
            cloud: Cloud::new(config, Clock::system()),
            written: RefCell::new(written),
            code: RefCell::default(),
            vin: RefCell::default(),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
        });
        let asked = Rc::clone(&host);
        host.fake.cloud(move |request| asked.send(request));
        let mut life = Self { host, account };
        life.learn();
        life
    }

    fn control(&self) -> Control {
        self.host.cloud.control()
    }

    /// Gives the account the names of the secrets that there are.
    fn learn(&mut self) {
        let names = Renault::describe().wants.secrets.into_iter().map(|secret| secret.name);
        self.account.secrets = names.filter(|name| self.host.secret(name).is_some()).collect();
    }

    fn sign_in(&mut self) -> Result<Step, Failure> {
        let step = Renault::sign_in(&self.account);
        self.learn();
        step
    }

    fn go_on(&mut self, continuation: &str, reply: &Reply) -> Result<Step, Failure> {
        let step = Renault::continue_sign_in(&self.account, continuation, reply);
        self.learn();
        step
    }

    fn execute(&self, vehicle: &Vehicle, command: &Command) -> Result<Outcome, Failure> {
        let vehicle = VehicleRef { id: vehicle.id.clone(), traits: vehicle.traits.clone() };
        Renault::execute(&self.account, &vehicle, command)
    }

    fn state(&self, vehicle: &Vehicle) -> Value {
        let outcome = self.execute(vehicle, &Command::Read(ReadMode::Cached)).unwrap();
        let Outcome::Done(report) = outcome else { unreachable!("{outcome:?}") };
        serde_json::from_str(&report.state.unwrap()).unwrap()
    }

    /// Commands, and reads until what is expected is there.
    fn done(&self, vehicle: &Vehicle, command: &Command) {
        let outcome = self.execute(vehicle, command).unwrap();
        let Outcome::Accepted(accepted) = outcome else { unreachable!("{outcome:?}") };
        let seen = |state: &Value| {
            accepted.expected.iter().all(|(pointer, value)| {
                let value: Value = serde_json::from_str(value).unwrap();
                let number = |value: &Value| value.as_f64();
                let found = state.pointer(pointer).unwrap_or(&Value::Null);
                *found == value || number(found).is_some() && number(found) == number(&value)
            })
        };
        assert!((0..6).any(|_| seen(&self.state(vehicle))), "{} {command:?}", vehicle.id);
    }
}

fn question(step: Result<Step, Failure>) -> String {
    let Ok(Step::Asked(question)) = step else { unreachable!("{step:?}") };
    question.continuation
}

#[test]
fn a_sign_in_with_a_code_and_then_without() {
    let mut life = Life::new("renault");
    let control = life.control();
    control.require_second_factor(true);
    let choice = question(life.sign_in());
    let code = question(life.go_on(&choice, &Reply::Chosen("mailbox-2".into())));
    *life.host.code.borrow_mut() = "000000".into();
    assert_eq!(life.go_on(&code, &Reply::Code).unwrap_err().code.as_deref(), Some("400006"));
    let code = question(life.go_on(&code, &Reply::Again));
    let mail = control.mails().pop().unwrap();
    assert_eq!((mail.to.as_str(), mail.lang.as_deref()), ("mailbox-2", Some("fr")));
    *life.host.code.borrow_mut() = mail.code;
    assert!(matches!(life.go_on(&code, &Reply::Code), Ok(Step::Granted(_))));
    assert_eq!(Renault::list_vehicles(&life.account).unwrap().len(), 4);

    assert!(matches!(life.sign_in(), Ok(Step::Granted(_))), "the device is remembered");
    control.forget_devices();
    question(life.sign_in());
    assert!(control.violations().is_empty(), "{:?}", control.violations());
}

#[test]
fn sessions_and_keys_end() {
    let mut life = Life::new("renault");
    let control = life.control();
    life.sign_in().unwrap();
    control.expire_id_tokens();
    assert_eq!(Renault::list_vehicles(&life.account).unwrap_err().http_status, Some(401));
    Renault::refresh(&life.account).unwrap();
    Renault::list_vehicles(&life.account).unwrap();
    control.end_login_tokens(Ended::Unauthorized);
    assert_eq!(Renault::refresh(&life.account).unwrap_err().code.as_deref(), Some("403005"));
    assert!(matches!(life.sign_in(), Ok(Step::Granted(_))));
    control.rotate_kamereon_key("another-kamereon-key");
    let failure = Renault::list_vehicles(&life.account).unwrap_err();
    assert_eq!(failure.code.as_deref(), Some("access_denied"));
    control.rotate_gigya_key("another-gigya-key");
    assert_eq!(life.sign_in().unwrap_err().code.as_deref(), Some("403042"));
}

#[test]
fn every_car_does_what_its_operations_say() {
    for brand in ["renault", "dacia"] {
        let mut life = Life::new(brand);
        let control = life.control();
        life.sign_in().unwrap();
        let list = Renault::list_vehicles(&life.account).unwrap();
        let cars: Vec<_> = CARS.iter().filter(|car| car.0 == brand).collect();
        assert_eq!(list.len(), cars.len());
        for (vehicle, (_, model, vin)) in list.iter().zip(cars) {
            assert_eq!(vehicle.id, model.to_lowercase());
            *life.host.vin.borrow_mut() = (*vin).to_owned();
            control.change_car(vin, |car| car.plugged = true);
            assert!(life.state(vehicle)["odometer_km"].is_number(), "{model}");
            for operation in &vehicle.operations {
                for command in commands(operation) {
                    life.done(vehicle, &command);
                }
            }
        }
        assert!(control.violations().is_empty(), "{:?}", control.violations());
    }
}

fn commands(operation: &str) -> Vec<Command> {
    let (duration, defrost, heating) = (None, None, None);
    match operation {
        "start_climate" => {
            vec![Command::StartClimate(Climate {
                temperature: Some(21.5),
                duration,
                defrost,
                heating,
                seats: Vec::new(),
            })]
        }
        "stop_climate" => vec![Command::StopClimate],
        "start_charging" => vec![Command::StartCharging],
        "stop_charging" => vec![Command::StopCharging],
        "set_charge_limits" => vec![Command::SetChargeLimits(ChargeLimits { ac: Some(90), dc: None })],
        "signal" => vec![Command::Signal(Signal::Horn), Command::Signal(Signal::Lights)],
        _ => Vec::new(),
    }
}
