//! What the connector asks the owner for.

use vehicle_connector_sdk::connector::{
    Configured, PinStyle, RefusedCredential, SecretCharacters, WantedEndpoint, WantedSecret,
};
use vehicle_connector_sdk::prelude::*;

use crate::tokens::{GATE, SET, SETTINGS};
use crate::{control, direct, envelope, kept, session};

/// The connector's name: that of its slot and of its file, and what the policy calls its cloud.
const NAME: &str = "hyundai-kia-eu";

/// Who this is, and what is asked for.
pub(crate) fn manifest() -> Manifest {
    let manifest = Manifest::new(
        NAME,
        env!("CARGO_PKG_VERSION"),
        "The cloud of Hyundai, Kia and Genesis in Europe, Australia and New Zealand",
    )
    .cells(&[kept::SESSION, kept::DEVICE, kept::TAKEN_UP, control::CELL, kept::REFUSED, GATE])
    .setting(
        setting("right-hand-drive", "Whether the driver sits on the right: true or false")
            .default_is("false"),
    )
    .answers("ccapi", &envelope::SERVICE);
    let described = SETTINGS.iter().map(|(name, value, what)| setting(name, what).default_is(value));
    let manifest = described.fold(manifest, Manifest::setting);
    refusals(given_out(configured(endpoints().into_iter().fold(manifest, Manifest::endpoint))))
}

/// In Europe: device registration, PIN, vehicles and commands; sign-in and refresh; the token service since 2026.
/// Elsewhere the former, and the part of the same server that signs in and refreshes.
fn endpoints() -> Vec<WantedEndpoint> {
    let europe = [
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
    .map(|(brand, name, url)| ("eu", brand, name, url));
    let elsewhere = [
        ("au", "genesis", "ccapi", "https://au-apigw-genesis.ccs.hyundai.com.au:8081"),
        ("au", "genesis", "account", "https://au-apigw-genesis.ccs.hyundai.com.au:8081/api/v1/user"),
        ("au", "hyundai", "ccapi", "https://au-apigw.ccs.hyundai.com.au:8080"),
        ("au", "hyundai", "account", "https://au-apigw.ccs.hyundai.com.au:8080/api/v1/user"),
        ("au", "kia", "ccapi", "https://au-apigw.ccs.kia.com.au:8082"),
        ("au", "kia", "account", "https://au-apigw.ccs.kia.com.au:8082/api/v1/user"),
        ("nz", "kia", "ccapi", "https://au-apigw.ccs.kia.com.au:8082"),
        ("nz", "kia", "account", "https://au-apigw.ccs.kia.com.au:8082/api/v1/user"),
    ];
    let wanted = |(region, brand, name, url)| endpoint(name, url).region(region).brand(brand);
    europe.into_iter().chain(elsewhere).map(wanted).collect()
}

/// What the owner may write. The password goes to where accounts sign in alone, to the identity provider sealed.
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
        .secret(
            Want::identifier("username", "The e-mail address of the account").sent_to(&["account", "idp"]),
        )
        .secret(
            Want::password("password", "The password, to sign in again without a person")
                .sent_to(&["account", "idp"]),
        )
        .secret(
            Want::key(
                "gate-keys",
                "The three keys of the vendor's app that calls are signed with, one a line",
            )
            .sent_to(&["cci"]),
        )
}

/// What comes from the cloud. Of the set of seven an answer may lack what has not changed; and a session of them has
/// the access token only when the exchange for it goes well.
fn given_out(manifest: Manifest) -> Manifest {
    let token = |name: &str, what: &str, to: &[&str]| Want::token(name, what).sent_to(to);
    let seven = SET
        .iter()
        .map(|(member, name)| token(name, &format!("`{member}` of the token service"), &["cci"]).rotates());
    seven
        .fold(manifest, Manifest::secret)
        .secret(token("access-token", "The token of the session", &["ccapi", "cci"]).rotates())
        .secret(
            token("device-id", "The registration of this installation as a device", &["ccapi", "cci"])
                .at_least(16),
        )
        .secret(token("control-token", "The permission that the PIN gives", &["ccapi"]))
        .secret(token("authorization-code", "The code that a sign-in ends with", &["cci"]).rotates())
        .secret(
            token(direct::CODE, "The code that a sign-in outside Europe ends with", &["account"]).rotates(),
        )
        .secret(
            token(direct::REFRESH_TOKEN, "What a session outside Europe is refreshed with", &["account"])
                .rotates(),
        )
}

/// A grant: the identity provider has asked the account service about the refresh token. How a sign-in by
/// password can end is not among these: a redirect is no document, and what the gate or a firewall says is
/// nothing about credentials. A PIN: the account service's envelope, and our own word for an answer that counts
/// the tries left.
fn refusals(manifest: Manifest) -> Manifest {
    manifest
        .refusal(RefusedCredential::DailyLimit, "5091")
        .refusal(RefusedCredential::Grant, session::DEAD)
        .refusal(RefusedCredential::Grant, direct::REFUSED)
        .refusal_with(RefusedCredential::Pin, "4003", Some(400), None)
        .refusal_with(RefusedCredential::Pin, "4002", Some(400), Some("invalid parameters"))
        .refusal(RefusedCredential::Pin, envelope::PIN_REFUSED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brand::Brand;
    use crate::region::{Region, SignIn};

    #[test]
    fn every_secret_goes_to_endpoints_that_there_are_and_every_endpoint_gets_one() {
        let wants = manifest().wants;
        for secret in &wants.secrets {
            assert!(!secret.endpoints.is_empty() && !secret.description.is_empty(), "{}", secret.name);
            for name in &secret.endpoints {
                assert!(wants.endpoints.iter().any(|endpoint| endpoint.name == *name), "{}", secret.name);
            }
        }
        for endpoint in &wants.endpoints {
            let goes = |secret: &WantedSecret| secret.endpoints.contains(&endpoint.name);
            assert!(wants.secrets.iter().any(goes), "{}", endpoint.name);
        }
    }

    #[test]
    fn every_brand_of_a_region_has_the_endpoints_of_that_region() {
        let wants = manifest().wants;
        let names = |region: &str, brand: &str| {
            let is = |endpoint: &&WantedEndpoint| {
                endpoint.region.as_deref() == Some(region) && endpoint.brand.as_deref() == Some(brand)
            };
            wants.endpoints.iter().filter(is).map(|endpoint| endpoint.name.as_str()).collect::<Vec<_>>()
        };
        for endpoint in &wants.endpoints {
            let (region, brand) = (endpoint.region.as_deref(), endpoint.brand.as_deref());
            let (Some(region), Some(brand)) = (region, brand) else { unreachable!("{endpoint:?}") };
            let own = Brand::named(brand, region);
            let all: &[&str] = match Region::named(region).map(|region| region.sign_in) {
                Some(SignIn::IdentityProvider) => &["ccapi", "idp", "cci"],
                Some(SignIn::AccountService) => &["ccapi", "account"],
                None => &[],
            };
            assert_eq!(names(region, brand), all, "{region} {brand}");
            assert!(own.is_some_and(|own| own.one_app.is_some() == all.contains(&"idp")), "{region} {brand}");
            let leads = own.map(|own| own.redirect_uri).unwrap_or_default();
            assert!(endpoint.name != "account" || leads.starts_with(&endpoint.url), "{region} {brand}");
        }
    }
}
