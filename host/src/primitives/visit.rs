//! Addresses that people open: filled here, because a connector does not have what stands in them.

use secrecy::ExposeSecret as _;
use secrecy::zeroize::Zeroizing;
use url::Url;

use super::derivation::{Derived, Material, Outline, Plan, PublicKey, Stands, Values, Written};
use super::http::{LONGEST_URL, derivations_of, endpoints_of};
use super::placeholder::{Placeholder, fill_url};
use super::{Call, Endpoint};
use crate::bindings::http::{Derivation, TransportError};
use crate::descriptor::{SecretClass, is_loopback};

impl Call {
    /// Returns an address for a person to open, with its placeholders filled. It is below one of the account's
    /// endpoints and encrypted on its way (an endpoint that is not is on this machine), and has no secrets in it but
    /// those that were made here and may be sent there, and what is derived from them: what the cloud has given out,
    /// or the owner, is not shown to a browser.
    ///
    /// # Errors
    ///
    /// When it is no such address: why, without a secret.
    pub(crate) fn address_to_visit(&self, template: &str, derivations: &[Derivation]) -> Result<Url, String> {
        if template.len() > LONGEST_URL {
            return Err(format!("an address longer than {LONGEST_URL} bytes"));
        }
        let outline = Url::parse(template).map_err(|error| format!("an address that is none: {error}"))?;
        if outline.scheme() != "https" && !is_loopback(&outline) {
            return Err("an address that is not https".to_owned());
        }
        let known = &self.context.endpoints;
        let not_ours = |_| "an address that is below no endpoint of the account".to_owned();
        let endpoints = endpoints_of(&outline, known).map_err(not_ours)?;
        let filled = Address { call: self, endpoints }.filled(template, derivations).map_err(in_words)?;
        endpoints_of(&filled, known).map_err(not_ours)?;
        Ok(filled)
    }
}

fn in_words(error: TransportError) -> String {
    match error {
        TransportError::NotSent(why)
        | TransportError::Interrupted(why)
        | TransportError::Denied(why)
        | TransportError::Other(why) => why,
    }
}

/// An address that is to be filled.
struct Address<'c> {
    call: &'c Call,
    /// The endpoints that it is below.
    endpoints: Vec<&'c Endpoint>,
}

impl Address<'_> {
    fn filled(&mut self, template: &str, derivations: &[Derivation]) -> Result<Url, TransportError> {
        let derivations = derivations_of(derivations);
        let nothing = Written::Fixed { size: 0, secret: false };
        let plan = Plan::new(&derivations, &Outline { url: template, headers: Vec::new(), body: nothing })?;
        let context = &self.call.context;
        let entropy = &context.entropy;
        let Derived { values, .. } =
            plan.evaluate(self, context.clock.now(), &mut |bytes| entropy.fill(bytes))?;
        fill_url(template, |placeholder| match placeholder {
            Placeholder::Secret(name) => self.made_here(name, Stands::Elsewhere),
            Placeholder::Derived(name) => values
                .get(name)
                .map(|value| value.expose_secret())
                .ok_or_else(|| TransportError::Denied(format!("an address without the derivation {name}"))),
            Placeholder::Vehicle(name) => no_vehicle(name),
        })
    }

    /// Returns a secret that was made here and may be sent to the address.
    fn made_here(&self, name: &str, stands: Stands) -> Result<&str, TransportError> {
        let rule = self.call.context.rules.get(name);
        let is_bound = |it: &&Endpoint| rule.is_some_and(|rule| rule.endpoints.contains(&it.name));
        let is_key = rule.is_some_and(|rule| rule.class == SecretClass::Key);
        let may_stand = self.endpoints.iter().any(is_bound)
            && self.call.made.contains(name)
            && (!is_key || stands == Stands::InKey);
        let secret = self.call.secret(name).filter(|_| may_stand);
        secret.map(|secret| secret.expose_secret()).ok_or_else(|| {
            let why = format!("an address with the secret {name} in it, which is not shown to a browser");
            TransportError::Denied(why)
        })
    }
}

fn no_vehicle(name: &str) -> Result<&'static str, TransportError> {
    Err(TransportError::Denied(format!(
        "an address with the vehicle's {name}: a sign-in is about no vehicle"
    )))
}

/// What an address is computed over: secrets that were made here, and nothing else.
impl Material for Address<'_> {
    type Error = TransportError;

    fn secret(&mut self, name: &str, stands: Stands) -> Result<&str, TransportError> {
        self.made_here(name, stands)
    }

    fn vehicle(&mut self, name: &str) -> Result<&str, TransportError> {
        no_vehicle(name)
    }

    fn public_key(&self, _name: &str) -> Option<&PublicKey> {
        None
    }

    fn header(
        &mut self,
        _name: &str,
        _earlier: &Values<'_>,
    ) -> Result<Vec<Zeroizing<Vec<u8>>>, TransportError> {
        Ok(Vec::new())
    }

    fn body(&mut self, _earlier: &Values<'_>) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        Ok(Zeroizing::default())
    }
}
