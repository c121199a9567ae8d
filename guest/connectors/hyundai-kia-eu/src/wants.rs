//! What the connector asks the owner for.

use vehicle_connector_sdk::connector::{
    Configured, PinStyle, RefusedCredential, SecretCharacters, WantedEndpoint, WantedSecret,
};
use vehicle_connector_sdk::prelude::*;

use crate::tokens::{GATE, SET, SETTINGS};
use crate::{control, envelope, kept, session};

/// The connector's name: that of its slot and of its file, and what the policy calls its cloud.
const NAME: &str = "hyundai-kia-eu";

/// Who this is, and what is asked for.
pub(crate) fn manifest() -> Manifest {
    let manifest =
        Manifest::new(NAME, env!("CARGO_PKG_VERSION"), "The cloud of Hyundai, Kia and Genesis in Europe")
            .cells(&[kept::SESSION, kept::DEVICE, control::CELL, kept::REFUSED, GATE])
            .setting(
                setting("right-hand-drive", "Whether the driver sits on the right: true or false")
                    .default_is("false"),
            )
            .answers("ccapi", &envelope::SERVICE);
    let described = SETTINGS.iter().map(|(name, value, what)| setting(name, what).default_is(value));
    let manifest = described.fold(manifest, Manifest::setting);
    refusals(given_out(configured(endpoints().into_iter().fold(manifest, Manifest::endpoint))))
}

/// Device registration, PIN, vehicles and commands; sign-in and refresh; the token service since 2026.
fn endpoints() -> [WantedEndpoint; 9] {
    [
        ("genesis", "ccapi", "https://prd-eu-ccapi.genesis.com"),
        ("genesis", "idp", "https://idpconnect-eu.genesis.com"),
        ("genesis", "cci", "https://cci-api-eu.genesis.com"),
        ("hyundai", "ccapi", "https://prd.eu-ccapi.hyundai.com:8080"),
        ("hyundai", "idp", "https://idpconnect-eu.hyundai.com"),
        ("hyundai", "cci", "https://cci-api-eu.hyundai.com"),
        ("kia", "ccapi", "https://prd.eu-ccapi.kia.com:8080"),
        ("kia", "idp", "https://idpconnect-eu.kia.com"),
        ("kia", "cci", "https://cci-api-eu.kia.com"),
    ]
    .map(|(brand, name, url)| endpoint(name, url).region("eu").brand(brand))
}

/// What the owner may write. The password goes to the identity provider alone, and sealed.
fn configured(manifest: Manifest) -> Manifest {
    let refresh_token = Want::token(
        "refresh-token",
        "The refresh token of 48 characters from before August 2026; nobody gets another one",
    );
    manifest
        .secret(WantedSecret {
            configured: Configured::Optional,
            ..refresh_token
                .sent_to(&["idp"])
                .rotates()
                .at_least(16)
                .form(48, SecretCharacters::CapitalsAndDigits)
        })
        .secret(
            Want::pin("pin", PinStyle::Challenge, "The PIN of the vendor's app, for what it asks a PIN for")
                .sent_to(&["ccapi"])
                .digits(4),
        )
        .secret(Want::identifier("username", "The e-mail address of the account").sent_to(&["idp"]))
        .secret(
            Want::password("password", "The password, to sign in again without a person").sent_to(&["idp"]),
        )
        .secret(
            Want::key(
                "gate-keys",
                "The three keys of the vendor's app that calls are signed with, one a line",
            )
            .sent_to(&["cci"]),
        )
}

/// What comes from the cloud. Of the set of seven an answer may lack what has not changed.
fn given_out(manifest: Manifest) -> Manifest {
    let token = |name: &str, what: &str, to: &[&str]| Want::token(name, what).sent_to(to);
    let seven = SET
        .iter()
        .map(|(member, name)| token(name, &format!("`{member}` of the token service"), &["cci"]).rotates());
    seven
        .fold(manifest, Manifest::secret)
        .secret(token("access-token", "The token of the session", &["ccapi", "cci"]))
        .secret(
            token("device-id", "The registration of this installation as a device", &["ccapi", "cci"])
                .at_least(16),
        )
        .secret(token("control-token", "The permission that the PIN gives", &["ccapi"]))
        .secret(token("authorization-code", "The code that a sign-in ends with", &["cci"]).rotates())
}

/// A grant: the identity provider has asked the account service about the refresh token. How a sign-in by
/// password can end is not among these: a redirect is no document, and what the gate or a firewall says is
/// nothing about credentials. A PIN: the account service's envelope, and our own word for an answer that counts
/// the tries left.
fn refusals(manifest: Manifest) -> Manifest {
    manifest
        .refusal(RefusedCredential::DailyLimit, "5091")
        .refusal(RefusedCredential::Grant, session::DEAD)
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
            for (brand, name) in
                secret.endpoints.iter().flat_map(|name| [("kia", name), ("hyundai", name), ("genesis", name)])
            {
                let found = wants
                    .endpoints
                    .iter()
                    .any(|endpoint| endpoint.brand.as_deref() == Some(brand) && endpoint.name == *name);
                assert!(found, "{} goes to {name} of {brand}", secret.name);
            }
        }
    }
}
