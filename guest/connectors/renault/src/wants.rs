//! What the connector asks the owner for.

use vehicle_connector_sdk::connector::{RefusedCredential, WantedSecret};
use vehicle_connector_sdk::prelude::*;

use crate::brand::BRANDS;
use crate::{absent, gigya, kamereon};

/// The connector's name: that of its slot and of its file, and what the policy calls its cloud.
const NAME: &str = "renault";

/// The identity service.
pub(crate) const GIGYA: &str = "gigya";

/// The vehicle service.
pub(crate) const KAMEREON: &str = "kamereon";

/// Who this is, and what is asked for.
pub(crate) fn manifest() -> Manifest {
    let manifest = Manifest::new(NAME, env!("CARGO_PKG_VERSION"), "The cloud of Renault and Dacia in Europe")
        .cells(&["session", absent::CELL])
        .endpoint(endpoint(GIGYA, "https://accounts.eu1.gigya.com").region("eu"))
        .setting(
            setting("locale", "Language and country of the app in which the account was opened: fr_FR")
                .required(),
        )
        .setting(setting("country", "The country, where it is not that of `locale`: FR"))
        // An application key that was replaced is answered with 403042 too; either way the owner has to write another one.
        .refusal_with(RefusedCredential::Grant, "403042", Some(200), None)
        .refusal_with(RefusedCredential::Grant, "403041", Some(200), None)
        .refusal_with(RefusedCredential::Grant, "403120", Some(200), None)
        .answers(GIGYA, &gigya::ENVELOPE)
        .answers(KAMEREON, &kamereon::ENVELOPE);
    // The same for all brands: which one an account is of decides what its vehicles are.
    let kamereon = endpoint(KAMEREON, "https://api-wired-prod-1-euw1.wrd-aws.com").region("eu");
    let brands = BRANDS.iter().map(|brand| kamereon.clone().brand(brand.name));
    let manifest = brands.fold(manifest, Manifest::endpoint);
    let manifest = configured().into_iter().fold(manifest, Manifest::secret);
    given_out().into_iter().fold(manifest, Manifest::secret)
}

/// What the owner writes.
fn configured() -> [WantedSecret; 4] {
    let key = "the vendor publishes it for each locale in the configuration of its app and replaces it";
    [
        Want::identifier("username", "The e-mail address of the account").sent_to(&[GIGYA]).required(),
        Want::password("password", "The password of the account").sent_to(&[GIGYA]).required(),
        Want::identifier("gigya-key", &format!("The application key of Gigya: {key}"))
            .sent_to(&[GIGYA])
            .required(),
        Want::identifier("kamereon-key", &format!("The application key of Kamereon: {key}"))
            .sent_to(&[KAMEREON])
            .required(),
    ]
}

/// What comes from the identity service.
///
/// The person's id is one of them although it is no credential: it names a person for good, and nothing here
/// has to read it. The ids of accounts are not: they have to be told apart, and are with each car's traits.
fn given_out() -> [WantedSecret; 10] {
    let token = |name: &str, what: &str, to: &str| Want::token(name, what).sent_to(&[to]);
    [
        token("login-token", "What a sign-in gives, until the cloud ends it", GIGYA),
        token("id-token", "The token of the session, for 15 minutes", KAMEREON),
        token("person-id", "The cloud's name for the person", KAMEREON),
        // A device that has answered with a code is known for about 30 days, whatever becomes of a sign-in.
        token("gmid", "The identity of this installation as a device", GIGYA).lasting(),
        token("ucid", "The second part of that identity", GIGYA).lasting(),
        // Comes in place of a login token.
        token("reg-token", "A sign-in that waits for a code", GIGYA).rotates(),
        token("gigya-assertion", "The challenge of that sign-in", GIGYA),
        token("phv-token", "The mail with the code", GIGYA),
        token("provider-assertion", "The code that was right", GIGYA),
        Want::one_time_code("mail-code", "The code from the mail").sent_to(&[GIGYA]),
    ]
}

#[cfg(test)]
mod tests {
    use vehicle_connector_sdk::connector::Configured;

    use super::*;

    #[test]
    fn every_secret_is_bound_and_described() {
        for secret in manifest().wants.secrets {
            assert_eq!(secret.endpoints.len(), 1, "{}", secret.name);
            assert!(!secret.description.is_empty());
        }
    }

    #[test]
    fn only_the_device_outlives_a_sign_in_that_fails() {
        let secrets = manifest().wants.secrets;
        let lasting: Vec<_> = secrets.iter().filter(|secret| secret.lasting).map(|it| &it.name).collect();
        assert_eq!(lasting, ["gmid", "ucid"]);
    }

    #[test]
    fn no_key_is_shipped() {
        let wants = manifest().wants;
        for name in ["gigya-key", "kamereon-key"] {
            let key = wants.secrets.iter().find(|secret| secret.name == name);
            assert!(key.is_some_and(|key| key.configured == Configured::Required), "{name}");
        }
    }
}
