//! What a simulated person, the accounts and the cars look like.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::car::CarState;

/// The person, the accounts and the servers in front of them.
///
/// The default is a person with a Renault account of four cars, a Dacia account of two, and a third account
/// that has to do with no car, as real persons have; invented keys, two mailboxes, and no second factor
/// demanded.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where Gigya, Kamereon and the orders listen; must be loopback. Port 0 picks a free one.
    pub listen: [SocketAddr; 3],
    /// The application key that Gigya accepts, until [`crate::Control::rotate_gigya_key`].
    pub gigya_key: String,
    /// The application key that Kamereon accepts, until [`crate::Control::rotate_kamereon_key`].
    pub kamereon_key: String,
    /// What the person signs in with: an e-mail address.
    pub username: String,
    /// The person's password.
    pub password: String,
    /// Gigya's id of the person, a claim of every id token.
    pub person_id: String,
    /// Whether a device that is not remembered must answer with a code.
    pub second_factor: bool,
    /// Where codes can be sent.
    pub mailboxes: Vec<Mailbox>,
    /// What the person has at Kamereon, in the order of the answer.
    pub accounts: Vec<AccountConfig>,
    /// How long an id token lives; `None` for as long as the client asked, as in the real cloud.
    pub id_token_lifetime: Option<Duration>,
    /// For how long a device is remembered that has answered with a code; reported as about 30 days.
    pub device_lifetime: Duration,
    /// Start of the id sequence: equal seeds and equal requests give equal ids and tokens.
    pub seed: u64,
    /// How many requests the log keeps; older ones are forgotten.
    pub log_capacity: usize,
}

impl Default for Config {
    fn default() -> Self {
        let loopback = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        Self {
            listen: [loopback; 3],
            gigya_key: "3_simulated-gigya-application-key-0001".to_owned(),
            kamereon_key: "simulated-kamereon-key-0001".to_owned(),
            username: "owner@example.org".to_owned(),
            password: "correct horse battery".to_owned(),
            person_id: "person-0001".to_owned(),
            second_factor: false,
            mailboxes: vec![
                Mailbox::new("mailbox-1", "o***@example.org"),
                Mailbox::new("mailbox-2", "b***@example.net"),
            ],
            accounts: vec![AccountConfig::renault(), AccountConfig::dacia(), AccountConfig::dealer()],
            id_token_lifetime: None,
            device_lifetime: Duration::from_secs(30 * 86_400),
            seed: 1,
            log_capacity: 4096,
        }
    }
}

/// An address that a code can be sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// What a client names it by.
    pub id: String,
    /// What a person is shown of it.
    pub obfuscated: String,
}

impl Mailbox {
    /// An address of this id, shown like that.
    pub fn new(id: &str, obfuscated: &str) -> Self {
        Self { id: id.to_owned(), obfuscated: obfuscated.to_owned() }
    }
}

/// One of the person's accounts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccountConfig {
    /// What Kamereon's paths name it by.
    pub id: String,
    /// `MYRENAULT`, `MYDACIA`, `SFDC` and others.
    pub kind: String,
    /// `ACTIVE` in all published answers.
    pub status: String,
    /// Two capital letters.
    pub country: String,
    /// The cars, in the order of the list.
    pub cars: Vec<CarConfig>,
}

impl AccountConfig {
    /// Two kinds of Zoe, a Renault 5, and an Austral, which is no electric car.
    pub fn renault() -> Self {
        let car = |vin, model, label, energy| CarConfig::new(vin, model, label, "RENAULT", energy);
        Self::new(
            "account-renault",
            "MYRENAULT",
            vec![
                car("VF1S1MULATEDZ0E1A", "X101VE", "ZOE", Energy::Electric),
                car("VF1S1MULATEDZ0E2B", "X102VE", "ZOE", Energy::Electric),
                car("VF1S1MULATEDR5EVC", "R5E1VE", "RENAULT 5", Energy::Electric),
                car("VF1S1MULATEDAUSTD", "XHN1SU", "AUSTRAL", Energy::Fuel),
            ],
        )
    }

    /// A Spring, and a car of a model that no table has.
    pub fn dacia() -> Self {
        let car = |vin, model, label, energy| CarConfig::new(vin, model, label, "DACIA", energy);
        Self::new(
            "account-dacia",
            "MYDACIA",
            vec![
                car("UU1S1MULATEDSPRE1", "XBG1VE", "SPRING", Energy::Electric),
                car("UU1S1MULATEDNEWF2", "XZZ9VE", "UNKNOWN", Energy::Electric),
            ],
        )
    }

    /// The account of a dealer's system, which every person seems to have and which has no cars.
    pub fn dealer() -> Self {
        Self::new("account-dealer", "SFDC", Vec::new())
    }

    /// An active French account.
    pub fn new(id: &str, kind: &str, cars: Vec<CarConfig>) -> Self {
        Self {
            id: id.to_owned(),
            kind: kind.to_owned(),
            status: "ACTIVE".to_owned(),
            country: "FR".to_owned(),
            cars,
        }
    }
}

/// What drives a car.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Energy {
    /// Code `ELEC`.
    Electric,
    /// Code `PHEV`.
    PlugIn,
    /// Code `OTHER`: petrol, diesel, gas.
    Fuel,
}

impl Energy {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Electric => "ELEC",
            Self::PlugIn => "PHEV",
            Self::Fuel => "OTHER",
        }
    }
}

/// Who a car is, and what it does at first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CarConfig {
    /// 17 characters; part of every path.
    pub vin: String,
    /// `model.code`, which decides what the car has, such as `R5E1VE`.
    pub model: String,
    /// `model.label`.
    pub label: String,
    /// `brand.label`.
    pub brand: String,
    /// What drives it.
    pub energy: Energy,
    /// The number plate.
    pub registration: String,
    /// The state that it begins in.
    pub state: CarState,
}

impl CarConfig {
    /// A car in its default state, with a number plate made of its VIN.
    pub fn new(vin: &str, model: &str, label: &str, brand: &str, energy: Energy) -> Self {
        let plate: String = vin.chars().rev().take(4).collect();
        Self {
            vin: vin.to_owned(),
            model: model.to_owned(),
            label: label.to_owned(),
            brand: brand.to_owned(),
            energy,
            registration: format!("SIM-{plate}"),
            state: CarState::default(),
        }
    }
}
