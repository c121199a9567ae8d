//! Filling: what a request is sent with in place of its placeholders.

use std::borrow::Cow;

use http::header::{HeaderName, HeaderValue};
use secrecy::ExposeSecret as _;
use secrecy::zeroize::Zeroizing;
use url::Url;

use super::denied;
use super::preparation::{MOST_SECRETS, OURS};
use crate::bindings::http::{Body, Request, TransportError};
use crate::descriptor::SecretClass;
use crate::primitives::derivation::{Material, Outline, Plan, PublicKey, Stands, Values, Written};
use crate::primitives::jar::{LARGEST_COOKIE, MOST_COOKIES};
use crate::primitives::placeholder::{
    Encoding, Part, Placeholder, fill, fill_json, fill_url, has_placeholder, parts,
};
use crate::primitives::{Call, Endpoint};

/// A request whose placeholders are to be filled.
pub(super) struct Filling<'c> {
    pub(super) call: &'c Call,
    pub(super) request: &'c Request,
    /// The endpoints that it goes to.
    pub(super) endpoints: Vec<&'c Endpoint>,
    /// Value of the `cookie` header, if the request has a jar with cookies for it.
    pub(super) cookies: Option<String>,
}

impl<'c> Filling<'c> {
    /// Returns what is known of the request before its values are.
    pub(super) fn outline(&self) -> Outline<'c> {
        let request = self.request;
        let guests = request.headers.iter();
        let mut headers: Vec<(&str, Written<'_>)> =
            guests.map(|(name, value)| (name.as_str(), Written::Template(vec![value]))).collect();
        if let Some(media_type) = self.media_type() {
            headers.push(("content-type", Written::Fixed { size: media_type.len(), secret: false }));
        }
        if self.cookies.is_some() {
            headers.push(("cookie", Written::Fixed { size: MOST_COOKIES * LARGEST_COOKIE, secret: true }));
        }
        let body = match &request.body {
            Body::Empty => Written::Fixed { size: 0, secret: false },
            Body::Json(text) => Written::Template(vec![text]),
            Body::Form(fields) => {
                Written::Template(fields.iter().flat_map(|(name, value)| [name.as_str(), value]).collect())
            }
            Body::Text(text) => Written::Fixed { size: text.len(), secret: false },
            Body::Bytes((_, bytes)) => Written::Fixed { size: bytes.len(), secret: false },
        };
        Outline { url: &request.url, headers, body }
    }

    /// Returns the names of the secrets that the request carries, one for each place where one stands, and
    /// those that its derived values are made of.
    ///
    /// # Errors
    ///
    /// When there are too many.
    pub(super) fn carries(&self, plan: &Plan<'_>) -> Result<Vec<String>, TransportError> {
        let outline = self.outline();
        let headers = outline.headers.iter().map(|(_, written)| written);
        let places = headers.chain([&outline.body]).flat_map(|written| match written {
            Written::Template(texts) => texts.as_slice(),
            Written::Fixed { .. } => &[],
        });
        let direct = places.chain([&outline.url]).flat_map(|text| parts(text));
        let mut carries: Vec<String> = direct
            .filter_map(|part| match part {
                Part::Placeholder(Placeholder::Secret(name)) => Some(name.to_owned()),
                _ => None,
            })
            .collect();
        let sent = plan.sent();
        carries.extend(sent.keys.union(&sent.secrets).cloned());
        if carries.len() > MOST_SECRETS {
            return Err(denied(format!("more than {MOST_SECRETS} secrets")));
        }
        Ok(carries)
    }

    /// Returns the URL with its values.
    pub(super) fn url(&self, values: &Values<'_>) -> Result<Url, TransportError> {
        fill_url(&self.request.url, |placeholder| self.value(placeholder, values))
    }

    /// Returns the headers with their values, in the order in which they are sent.
    pub(super) fn headers(
        &self,
        values: &Values<'_>,
    ) -> Result<Vec<(HeaderName, HeaderValue)>, TransportError> {
        let mut headers = Vec::with_capacity(self.request.headers.len() + 2);
        for (name, value) in &self.request.headers {
            let parsed =
                HeaderName::try_from(name).map_err(|_| denied(format!("no header name: {name:?}")))?;
            if OURS.contains(&parsed.as_str()) {
                return Err(denied(format!("the header {name} is the host's")));
            }
            headers.push((parsed, self.header_value(name, value, values)?));
        }
        let fitting = |value: Result<HeaderValue, _>| {
            value.map_err(|_: http::header::InvalidHeaderValue| {
                denied("a header of the host's has characters that do not fit")
            })
        };
        if let Some(media_type) = self.media_type() {
            headers.push((http::header::CONTENT_TYPE, fitting(HeaderValue::from_str(media_type))?));
        }
        if let Some(cookies) = &self.cookies {
            headers.push((http::header::COOKIE, fitting(HeaderValue::from_str(cookies))?));
        }
        Ok(headers)
    }

    fn header_value(
        &self,
        name: &str,
        template: &str,
        values: &Values<'_>,
    ) -> Result<HeaderValue, TransportError> {
        let filled = fill(template, Encoding::Plain, |placeholder| self.value(placeholder, values))?;
        HeaderValue::try_from(filled)
            .map_err(|_| denied(format!("the value of the header {name} has characters that do not fit")))
    }

    /// Returns the body with its values.
    pub(super) fn filled_body(&self, values: &Values<'_>) -> Result<Option<Vec<u8>>, TransportError> {
        let value = |placeholder: Placeholder<'_>| self.value(placeholder, values);
        Ok(match &self.request.body {
            Body::Empty => None,
            Body::Json(json) => Some(fill_json(json, value)?.into_bytes()),
            Body::Text(text) if has_placeholder(text) => {
                return Err(denied("plain text has no place for a secret; use a form or JSON"));
            }
            Body::Text(text) => Some(text.clone().into_bytes()),
            Body::Bytes((_, bytes)) => Some(bytes.clone()),
            Body::Form(fields) => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                for (name, field) in fields {
                    if has_placeholder(name) {
                        return Err(denied("a placeholder stands in the name of a form's field"));
                    }
                    form.append_pair(name, &fill(field, Encoding::Plain, value)?);
                }
                Some(form.finish().into_bytes())
            }
        })
    }

    /// The media type that the host sets, unless the guest names one.
    fn media_type(&self) -> Option<&'c str> {
        let named = self.request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let media_type = match &self.request.body {
            Body::Empty => None,
            Body::Json(_) => Some("application/json"),
            Body::Text(_) => Some("text/plain; charset=utf-8"),
            Body::Form(_) => Some("application/x-www-form-urlencoded"),
            Body::Bytes((media_type, _)) => Some(media_type.as_str()),
        };
        media_type.filter(|_| !named)
    }

    /// Returns what stands in the place of a placeholder.
    fn value<'v>(
        &self,
        placeholder: Placeholder<'_>,
        values: &'v Values<'_>,
    ) -> Result<&'v str, TransportError>
    where
        'c: 'v,
    {
        match placeholder {
            Placeholder::Secret(name) => self.secret(name, Stands::Elsewhere),
            Placeholder::Vehicle(name) => self.vehicle(name),
            Placeholder::Derived(name) => values
                .get(name)
                .map(|value| value.expose_secret())
                .ok_or_else(|| denied(format!("there is no derivation {name}"))),
        }
    }

    /// Returns the value of a secret that may be sent to one of the endpoints, and may stand there.
    fn secret(&self, name: &str, stands: Stands) -> Result<&'c str, TransportError> {
        let call = self.call;
        let rule = call.context.rules.get(name);
        let is_bound =
            |endpoint: &&Endpoint| rule.is_some_and(|rule| rule.endpoints.contains(&endpoint.name));
        let Some(rule) = rule.filter(|_| self.endpoints.iter().any(is_bound)) else {
            let names: Vec<&str> = self.endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect();
            return Err(denied(format!(
                "the secret {name} may not be sent to the endpoint {}",
                names.join(" or ")
            )));
        };
        match rule.class {
            SecretClass::Key if stands == Stands::InKey => {}
            _ if stands == Stands::InKey => {
                return Err(denied(format!(
                    "the secret {name} is no key, and only a key stands in the key of a derivation"
                )));
            }
            SecretClass::Key => {
                return Err(denied(format!(
                    "the secret {name} is a key, which stands in the key of a derivation only"
                )));
            }
            SecretClass::Pin(_) => {
                call.context.pin.may_offer(call.clock()).map_err(|why| denied(why.to_string()))?;
            }
            SecretClass::Identifier
            | SecretClass::Password
            | SecretClass::OneTimeCode
            | SecretClass::Token => {}
        }
        if rule.class != SecretClass::Key
            && let Some(most) = call.offers.used_up(name, &call.context)
        {
            return Err(denied(format!(
                "the secret {name} was sent with {most} requests of this call; it is not sent again"
            )));
        }
        let secret = call.secret(name).ok_or_else(|| denied(format!("this account has no {name}")))?;
        Ok(secret.expose_secret())
    }

    /// Returns what identifies the vehicle that the call is about.
    fn vehicle(&self, name: &str) -> Result<&'c str, TransportError> {
        let Some(vehicle) = &self.call.vehicle else {
            return Err(denied("this call is about no vehicle"));
        };
        match name {
            "id" => Ok(&vehicle.id),
            "vin" => match &vehicle.vin {
                Some(vin) => Ok(vin),
                None => Err(denied("the vehicle list had no identification number of this vehicle")),
            },
            _ => Err(denied(format!("of a vehicle there is id and vin, and no {name}"))),
        }
    }
}

impl Material for Filling<'_> {
    type Error = TransportError;

    fn secret(&mut self, name: &str, stands: Stands) -> Result<&str, TransportError> {
        Self::secret(self, name, stands)
    }

    fn vehicle(&mut self, name: &str) -> Result<&str, TransportError> {
        Self::vehicle(self, name)
    }

    fn public_key(&self, name: &str) -> Option<&PublicKey> {
        self.call.public_keys.get(name).map(|captured| &captured.key)
    }

    fn header(
        &mut self,
        name: &str,
        earlier: &Values<'_>,
    ) -> Result<Vec<Zeroizing<Vec<u8>>>, TransportError> {
        let named = self.request.headers.iter().filter(|(it, _)| it.eq_ignore_ascii_case(name));
        let mut values = Vec::new();
        for (header, template) in named {
            let value = self.header_value(header, template, earlier)?;
            values.push(Zeroizing::new(value.as_bytes().to_vec()));
        }
        let ours = match name.to_ascii_lowercase().as_str() {
            "content-type" => self.media_type().map(Cow::from),
            "cookie" => self.cookies.as_deref().map(Cow::from),
            _ => None,
        };
        values.extend(ours.map(|value| Zeroizing::new(value.into_owned().into_bytes())));
        Ok(values)
    }

    fn body(&mut self, earlier: &Values<'_>) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        Ok(Zeroizing::new(self.filled_body(earlier)?.unwrap_or_default()))
    }
}
