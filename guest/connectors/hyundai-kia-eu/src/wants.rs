//! What the connector asks the owner for.

use vehicle_connector_sdk::connector::{PinStyle, RefusedCredential, SecretCharacters, WantedEndpoint};
use vehicle_connector_sdk::prelude::*;

use crate::{control, device, envelope, session};

/// The connector's name: that of its slot and of its file, and what the policy calls its cloud.
const NAME: &str = "hyundai-kia-eu";

/// Who this is, and what is asked for.
pub(crate) fn manifest() -> Manifest {
    let manifest = Manifest::new(NAME, env!("CARGO_PKG_VERSION"), "The cloud of Hyundai and Kia in Europe")
        .cells(&[session::CELL, device::CELL, control::CELL])
        .setting(
            setting("right-hand-drive", "Whether the driver sits on the right: true or false")
                .default_is("false"),
        )
        .answers("ccapi", &envelope::SERVICE);
    refusals(secrets(endpoints().into_iter().fold(manifest, Manifest::endpoint)))
}

/// Device registration, PIN, vehicles and commands; sign-in and refresh; the token service since 2026.
fn endpoints() -> [WantedEndpoint; 6] {
    [
        ("hyundai", "ccapi", "https://prd.eu-ccapi.hyundai.com:8080"),
        ("hyundai", "idp", "https://idpconnect-eu.hyundai.com"),
        ("hyundai", "cci", "https://cci-api-eu.hyundai.com"),
        ("kia", "ccapi", "https://prd.eu-ccapi.kia.com:8080"),
        ("kia", "idp", "https://idpconnect-eu.kia.com"),
        ("kia", "cci", "https://cci-api-eu.kia.com"),
    ]
    .map(|(brand, name, url)| endpoint(name, url).region("eu").brand(brand))
}

fn secrets(manifest: Manifest) -> Manifest {
    let refresh_token = Want::token("refresh-token", "The refresh token of the vendor's app, 48 characters");
    manifest
        .secret(
            refresh_token
                .sent_to(&["idp"])
                .required()
                .rotates()
                .at_least(16)
                .form(48, SecretCharacters::CapitalsAndDigits),
        )
        .secret(
            Want::pin("pin", PinStyle::Challenge, "The PIN of the vendor's app, for what it asks a PIN for")
                .sent_to(&["ccapi"])
                .digits(4),
        )
        .secret(
            Want::identifier("username", "The e-mail address of the account; not used yet").sent_to(&["idp"]),
        )
        .secret(Want::password("password", "The password of the account; not used yet").sent_to(&["idp"]))
        .secret(Want::token("access-token", "The token of the session").sent_to(&["ccapi", "cci"]))
        .secret(
            Want::token("device-id", "The registration of this installation as a device")
                .sent_to(&["ccapi"])
                .at_least(16),
        )
        .secret(Want::token("control-token", "The permission that the PIN gives").sent_to(&["ccapi"]))
}

/// A grant: the identity provider has asked the account service about the refresh token. A PIN: the account
/// service's envelope, and our own word for an answer that counts the tries left.
fn refusals(manifest: Manifest) -> Manifest {
    manifest
        .refusal(RefusedCredential::DailyLimit, "5091")
        .refusal(RefusedCredential::Grant, "7501")
        .refusal_with(RefusedCredential::Pin, "4003", Some(400), None)
        .refusal_with(RefusedCredential::Pin, "4002", Some(400), Some("invalid parameters"))
        .refusal(RefusedCredential::Pin, envelope::PIN_REFUSED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_secret_goes_to_endpoints_of_every_brand() {
        let wants = manifest().wants;
        for secret in &wants.secrets {
            assert!(!secret.endpoints.is_empty() && !secret.description.is_empty(), "{}", secret.name);
            for (brand, name) in secret.endpoints.iter().flat_map(|name| [("kia", name), ("hyundai", name)]) {
                let found = wants
                    .endpoints
                    .iter()
                    .any(|endpoint| endpoint.brand.as_deref() == Some(brand) && endpoint.name == *name);
                assert!(found, "{} goes to {name} of {brand}", secret.name);
            }
        }
    }
}
