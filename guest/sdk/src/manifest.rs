//! Who a connector is, and what it asks the owner for.
//!
//! ```
//! use vehicle_connector_sdk::connector::{PinStyle, RefusedCredential};
//! use vehicle_connector_sdk::prelude::*;
//!
//! let manifest = Manifest::new("acme", "0.1.0", "The cloud of Acme, everywhere")
//!     .endpoint(endpoint("api", "https://api.acme.example"))
//!     .secret(Want::identifier("client-id", "The client's id, from the developer's page").sent_to(&["api"]).required())
//!     .secret(Want::password("client-secret", "The client's secret").sent_to(&["api"]).required())
//!     .secret(Want::pin("pin", PinStyle::Challenge, "The PIN of the app").sent_to(&["api"]).digits(4))
//!     .secret(Want::token("access-token", "What a sign-in gives").sent_to(&["api"]))
//!     .refusal(RefusedCredential::Pin, "wrong-pin");
//! assert_eq!(manifest.wants.secrets.len(), 4);
//! ```

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::connector::{
    CommandAnswers, Configured, Manifest, OwnEffect, OwnOperation, PinStyle, Refusal, RefusedCredential,
    SecretCharacters, SecretClass, SecretForm, SuccessMark, WantedEndpoint, WantedSecret, WantedSetting,
    Wants,
};
use crate::http::Envelope;

impl Manifest {
    /// A manifest that asks for nothing. The description is a sentence for people: whose cloud, and where.
    #[must_use]
    pub fn new(name: &str, version: &str, description: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            description: description.to_owned(),
            cells: Vec::new(),
            wants: Wants {
                endpoints: Vec::new(),
                secrets: Vec::new(),
                settings: Vec::new(),
                operations: Vec::new(),
                refusals: Vec::new(),
                answers: CommandAnswers {
                    success: Vec::new(),
                    codes_at: Vec::new(),
                    before_execution: Vec::new(),
                    undecided: Vec::new(),
                },
            },
        }
    }

    /// With the cells of these names.
    #[must_use]
    pub fn cells(mut self, names: &[&str]) -> Self {
        self.cells.extend(names.iter().map(|name| (*name).to_owned()));
        self
    }

    /// With an endpoint, for instance [`endpoint`].
    #[must_use]
    pub fn endpoint(mut self, wanted: WantedEndpoint) -> Self {
        self.wants.endpoints.push(wanted);
        self
    }

    /// With a secret, for instance [`Want::password`].
    #[must_use]
    pub fn secret(mut self, wanted: WantedSecret) -> Self {
        self.wants.secrets.push(wanted);
        self
    }

    /// With a setting, for instance [`setting`].
    #[must_use]
    pub fn setting(mut self, wanted: WantedSetting) -> Self {
        self.wants.settings.push(wanted);
        self
    }

    /// With an operation of its own. `arguments` is a JSON Schema.
    #[must_use]
    pub fn operation(mut self, name: &str, effect: OwnEffect, description: &str, arguments: &str) -> Self {
        let [name, description, arguments] = [name, description, arguments].map(ToOwned::to_owned);
        self.wants.operations.push(OwnOperation { name, description, effect, arguments });
        self
    }

    /// With a code that refuses a credential, whatever stands beside it.
    #[must_use]
    pub fn refusal(self, credential: RefusedCredential, code: &str) -> Self {
        self.refusal_with(credential, code, None, None)
    }

    /// With a code that refuses a credential only with this status, or beside these words.
    #[must_use]
    pub fn refusal_with(
        mut self,
        credential: RefusedCredential,
        code: &str,
        status: Option<u16>,
        words: Option<&str>,
    ) -> Self {
        let (code, words) = (code.to_owned(), words.map(ToOwned::to_owned));
        self.wants.refusals.push(Refusal { credential, code, status, words });
        self
    }

    /// With the envelope in which the answers of this endpoint come. What it says of codes holds for the answers to
    /// commands.
    #[must_use]
    pub fn answers(mut self, endpoint: &str, envelope: &Envelope) -> Self {
        let CommandAnswers { success, codes_at, before_execution, undecided } = &mut self.wants.answers;
        success.extend(envelope.success.iter().map(|(pointer, says)| SuccessMark {
            endpoint: endpoint.to_owned(),
            pointer: (*pointer).to_owned(),
            value: says.value().to_string(),
        }));
        let add = |all: &mut Vec<String>, texts: &[&str]| {
            all.extend(texts.iter().map(|text| (*text).to_owned()));
        };
        add(codes_at, envelope.codes_at);
        add(codes_at, envelope.sub_codes_at);
        add(before_execution, envelope.before_execution);
        add(undecided, envelope.undecided);
        self
    }
}

/// An endpoint that is reached at this URL in all regions and of all brands.
#[must_use]
pub fn endpoint(name: &str, url: &str) -> WantedEndpoint {
    WantedEndpoint { name: name.to_owned(), region: None, brand: None, url: url.to_owned() }
}

impl WantedEndpoint {
    /// The same, in this region alone.
    #[must_use]
    pub fn region(mut self, region: &str) -> Self {
        self.region = Some(region.to_owned());
        self
    }

    /// The same, of this brand alone.
    #[must_use]
    pub fn brand(mut self, brand: &str) -> Self {
        self.brand = Some(brand.to_owned());
        self
    }
}

/// A setting of an account without a default.
#[must_use]
pub fn setting(name: &str, description: &str) -> WantedSetting {
    WantedSetting {
        name: name.to_owned(),
        description: description.to_owned(),
        default: None,
        required: false,
    }
}

impl WantedSetting {
    /// The same, with what it is if the configuration has none.
    #[must_use]
    pub fn default_is(mut self, value: &str) -> Self {
        self.default = Some(value.to_owned());
        self
    }

    /// The same, without which the account cannot be used. It has no default.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

/// Secrets by their class, which has the rules (`wit/http.wit`). The descriptions are sentences for people:
/// what the secret is and where one gets it.
#[derive(Debug)]
pub enum Want {}

impl Want {
    /// A user name, a client's id, an application's key. The configuration may have it.
    #[must_use]
    pub fn identifier(name: &str, description: &str) -> WantedSecret {
        wanted(name, description, SecretClass::Identifier, Configured::Optional)
    }

    /// A password. The configuration may have it.
    #[must_use]
    pub fn password(name: &str, description: &str) -> WantedSecret {
        wanted(name, description, SecretClass::Password, Configured::Optional)
    }

    /// A PIN. The configuration may have it.
    #[must_use]
    pub fn pin(name: &str, style: PinStyle, description: &str) -> WantedSecret {
        wanted(name, description, SecretClass::Pin(style), Configured::Optional)
    }

    /// A key of derivations. The configuration may have it.
    #[must_use]
    pub fn key(name: &str, description: &str) -> WantedSecret {
        wanted(name, description, SecretClass::Key, Configured::Optional)
    }

    /// What the cloud gives out. The configuration never has it, unless something else is said.
    #[must_use]
    pub fn token(name: &str, description: &str) -> WantedSecret {
        wanted(name, description, SecretClass::Token, Configured::Never)
    }

    /// What a person answers a question with, or brings back from a visit.
    #[must_use]
    pub fn one_time_code(name: &str, description: &str) -> WantedSecret {
        wanted(name, description, SecretClass::OneTimeCode, Configured::Never)
    }
}

fn wanted(name: &str, description: &str, class: SecretClass, configured: Configured) -> WantedSecret {
    WantedSecret {
        name: name.to_owned(),
        description: description.to_owned(),
        class,
        configured,
        endpoints: Vec::new(),
        rotates: false,
        lasting: false,
        least: 0,
        form: None,
    }
}

impl WantedSecret {
    /// The same, for these endpoints.
    #[must_use]
    pub fn sent_to(mut self, endpoints: &[&str]) -> Self {
        self.endpoints = endpoints.iter().map(|name| (*name).to_owned()).collect();
        self
    }

    /// The same, without which an account cannot be.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.configured = Configured::Required;
        self
    }

    /// The same, which the cloud replaces.
    #[must_use]
    pub fn rotates(mut self) -> Self {
        self.rotates = true;
        self
    }

    /// The same, which outlives a sign-in that fails.
    #[must_use]
    pub fn lasting(mut self) -> Self {
        self.lasting = true;
        self
    }

    /// The same, of at least so many bytes.
    #[must_use]
    pub fn at_least(mut self, bytes: u32) -> Self {
        self.least = bytes;
        self
    }

    /// The same, of so many digits.
    #[must_use]
    pub fn digits(self, length: u32) -> Self {
        self.form(length, SecretCharacters::Digits)
    }

    /// The same, of so many characters of these.
    #[must_use]
    pub fn form(mut self, length: u32, characters: SecretCharacters) -> Self {
        self.form = Some(SecretForm { length, characters });
        self
    }
}
