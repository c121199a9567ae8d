//! The person's vehicles.

use vehicle_connector_sdk::log;
use vehicle_connector_sdk::prelude::*;

use crate::brand::Brand;
use crate::kamereon::{self, Kamereon};
use crate::models::Model;

/// What names a car or a person in a list and is nobody's business here.
const PRIVATE: &[&str] = &[
    "/vehicleLinks/*/vin",
    "/vehicleLinks/*/vehicleDetails/vin",
    "/vehicleLinks/*/vehicleDetails/registrationNumber",
];

/// What is remembered of a vehicle between calls.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Car {
    /// What the host calls it.
    pub id: String,
    /// The account that it belongs to.
    pub account: String,
    /// Its model.
    pub model: &'static Model,
}

impl Car {
    /// From what the host remembered.
    ///
    /// # Errors
    ///
    /// That does not say whose it is. Nothing was sent.
    pub(crate) fn of(vehicle: &VehicleRef) -> Result<Self, Failure> {
        let traits: Value = serde_json::from_str(&vehicle.traits).unwrap_or_default();
        let text = |key: &str| traits.get(key).and_then(Value::as_str).unwrap_or_default();
        if text("account").is_empty() {
            let why = "the vehicle's traits do not name its account; the list has to be read again";
            return Err(failure::not_sent(Phase::Unknown, why));
        }
        let (account, model) = (text("account").to_owned(), Model::of(text("model")));
        Ok(Self { id: vehicle.id.clone(), account, model })
    }
}

/// The vehicles of all accounts that the person has with the brand. One without an identification number is
/// left out, as nothing could be asked about it.
///
/// # Errors
///
/// The brand is not in the table, or one of the lists cannot be read: vehicles of a list that is left out
/// would be taken to be gone.
pub(crate) fn list(account: &Account, cloud: &Kamereon<'_>) -> Result<Vec<Vehicle>, Failure> {
    let brand = Brand::named(&account.brand)
        .ok_or_else(|| failure::not_sent(Phase::Status, &format!("unknown brand `{}`", account.brand)))?;
    let person = kamereon::send(cloud.person(), Phase::Status)?;
    let accounts = person.at("/accounts").and_then(Value::as_array);
    let accounts = accounts.ok_or_else(|| person.lacks("list at /accounts"))?;
    let mine: Vec<&str> = accounts.iter().filter_map(|entry| account_of(entry, brand)).collect();
    if mine.is_empty() {
        log::warn(&format!("the person has no account of the kind {}", brand.account_type));
    }
    let mut vehicles: Vec<Vehicle> = Vec::new();
    for id in mine {
        let answer = kamereon::send(cloud.vehicles(id).hide(PRIVATE), Phase::Status)?;
        let links = answer.at("/vehicleLinks").and_then(Value::as_array);
        for link in links.ok_or_else(|| answer.lacks("list at /vehicleLinks"))? {
            let found = vehicle(link, id, &vehicles);
            vehicles.extend(found);
        }
    }
    Ok(vehicles)
}

/// The id of an account of this brand that is in use.
fn account_of<'v>(entry: &'v Value, brand: &Brand) -> Option<&'v str> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    let active = text("accountStatus").is_none_or(|status| status == "ACTIVE");
    (active && text("accountType") == Some(brand.account_type)).then(|| text("accountId")).flatten()
}

fn vehicle(link: &Value, account: &str, before: &[Vehicle]) -> Option<Vehicle> {
    let details = link.get("vehicleDetails").cloned().unwrap_or_default();
    let text = |pointer: &str| details.pointer(pointer).and_then(Value::as_str).unwrap_or_default().trim();
    let vin = link.get("vin").and_then(Value::as_str).filter(|vin| !vin.is_empty())?;
    let (code, label) = (text("/model/code"), text("/model/label"));
    Some(Vehicle {
        id: identifier(code, before),
        vin: vin.to_owned(),
        name: name(text("/brand/label"), label),
        model: if label.is_empty() { code.to_owned() } else { label.to_owned() },
        traits: format!("{}", json!({ "account": account, "model": code })),
        operations: Model::of(code).operations(),
    })
}

/// Brand and model, as nobody names a car in this cloud. Some models have the brand in their name.
fn name(brand: &str, label: &str) -> String {
    if label.starts_with(brand) { label.to_owned() } else { format!("{brand} {label}").trim().to_owned() }
}

/// What the vehicle is called towards the host: its model, and a number if there are several of it.
///
/// The cloud has no name for a car but its identification number, which is private. Requests carry that one,
/// so a car that takes another one's place in the list is never mistaken for it.
fn identifier(code: &str, before: &[Vehicle]) -> String {
    let base = if code.is_empty() { "car".to_owned() } else { code.to_ascii_lowercase() };
    let is_taken = |name: &str| before.iter().any(|vehicle| vehicle.id == name);
    let numbered = (2_u32..).map(|number| format!("{base}-{number}"));
    core::iter::once(base.clone()).chain(numbered).find(|name| !is_taken(name)).unwrap_or(base)
}
