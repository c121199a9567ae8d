//! Extraction: values that are taken out of one response.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::marked::Marked;
use super::{claim, parameter, pointer, private};
use crate::bindings::http::{Capture, CaptureSource, CaptureTarget};
use crate::cell::Secrets;
use crate::descriptor::{SecretRule, SecretRules};
use crate::primitives::derivation::{KeyError, PublicKey};
use crate::primitives::placeholder::placeholder;

/// The largest secret that is captured, in bytes. Tokens have up to 4 KiB, and no server takes a header of
/// more than this.
pub(crate) const LARGEST_SECRET: usize = 8 << 10;

/// The secrets that were found in one response.
#[derive(Default)]
pub(super) struct Found {
    pub(super) secrets: Secrets,
    /// Name of a secret that is too large.
    pub(super) too_large: Option<String>,
    /// Public keys, by the names that the guest has given them.
    pub(super) public_keys: BTreeMap<String, PublicKey>,
    /// Name of a public key that cannot be used, and why.
    pub(super) unusable: Option<(String, KeyError)>,
}

impl Found {
    fn insert(&mut self, name: &str, value: &str) {
        if value.len() > LARGEST_SECRET {
            self.too_large = Some(name.to_owned());
        } else {
            self.secrets.insert(name.to_owned(), SecretString::from(value));
        }
    }
}

/// Extraction from one response.
pub(super) struct Extraction<'c> {
    /// Rules of the secrets: which of them may be taken out.
    rules: &'c SecretRules,
    /// Secrets whose claims are asked for, as they were before this response.
    tokens: &'c Secrets,
    marked: &'c mut Marked,
    found: Found,
}

impl<'c> Extraction<'c> {
    pub(super) fn new(rules: &'c SecretRules, tokens: &'c Secrets, marked: &'c mut Marked) -> Self {
        Self { rules, tokens, marked, found: Found::default() }
    }

    /// Takes out what was asked for, and what is called private if anything private was asked for.
    pub(super) fn take_out(
        mut self,
        captures: &[Capture],
        headers: &mut [(String, String)],
        mut document: Option<&mut Value>,
    ) -> Found {
        for Capture { source, target } in captures {
            match source {
                CaptureSource::Json(pointer) => {
                    if let Some(document) = &mut document {
                        pointer::each_at(document, pointer, &mut |value| self.take(value, target));
                    }
                }
                CaptureSource::Header(name) => {
                    let header = headers.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case(name));
                    if let Some((_, value)) = header {
                        *value = self.take_text(value, target);
                    }
                }
                CaptureSource::HeaderParameter((name, parameter)) => {
                    let header = headers.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case(name));
                    if let Some((_, value)) = header {
                        *value = self.take_parameter(value, parameter, target);
                    }
                }
                CaptureSource::JsonParameter((pointer, parameter)) => {
                    if let Some(document) = &mut document {
                        pointer::each_at(document, pointer, &mut |value| {
                            if let Value::String(url) = value {
                                *url = self.take_parameter(url, parameter, target);
                            }
                        });
                    }
                }
                // After everything that this response brings.
                CaptureSource::Claim(_) => {}
                CaptureSource::Cookie(name) => {
                    for (_, value) in headers.iter_mut().filter(|(n, _)| n == "set-cookie") {
                        let (pair, attributes) = value.split_once(';').unwrap_or((value, ""));
                        if let Some((_, cookie)) = pair.split_once('=').filter(|(n, _)| n.trim() == name) {
                            let kept = self.take_text(cookie, target);
                            *value = format!("{name}={kept};{attributes}");
                        }
                    }
                }
            }
        }
        for Capture { source, target } in captures {
            if let CaptureSource::Claim((token, name)) = source {
                self.take_claim(token, name, target);
            }
        }
        let private = captures.iter().any(|capture| matches!(capture.target, CaptureTarget::Private));
        if let Some(document) = document.filter(|_| private) {
            private::each_named(document, &mut |value| self.marked.hide(value));
        }
        self.found
    }

    fn take(&mut self, value: &mut Value, target: &CaptureTarget) {
        match target {
            CaptureTarget::Private => self.marked.hide(value),
            CaptureTarget::PublicKey(_) if value.is_null() => {}
            CaptureTarget::PublicKey(name) => match PublicKey::from_jwk(value) {
                Ok(key) => {
                    self.found.public_keys.insert(name.clone(), key);
                }
                Err(why) => self.found.unusable = Some((name.clone(), why)),
            },
            CaptureTarget::Secret(name) => {
                let capturable = self.rules.get(name).and_then(SecretRule::capturable);
                let secret = match &*value {
                    // Over the limit, whatever it says.
                    Value::String(text) if text.len() > LARGEST_SECRET => Some(text.as_str()),
                    value => capturable.and_then(|capturable| capturable.secret(value)),
                };
                *value = match secret {
                    Some(secret) => {
                        self.found.insert(name, secret);
                        Value::String(placeholder(name))
                    }
                    // Not a secret, but it may still be none of the guest's business.
                    None => Value::Null,
                };
            }
        }
    }

    /// Takes a parameter of a URL. Returns the URL without its value.
    fn take_parameter(&mut self, url: &str, name: &str, target: &CaptureTarget) -> String {
        let Some(found) = parameter::find(url, name) else { return url.to_owned() };
        let stand_in = self.take_text(found.value(), target);
        found.replaced(&stand_in)
    }

    /// Takes a claim of a token, which stands nowhere but in it.
    fn take_claim(&mut self, token: &str, name: &str, target: &CaptureTarget) {
        let token = self.found.secrets.get(token).or_else(|| self.tokens.get(token));
        let claim = token.and_then(|token| claim::claim(token.expose_secret(), name));
        if let Some(claim) = claim {
            self.take_text(&claim, target);
        }
    }

    fn take_text(&mut self, text: &str, target: &CaptureTarget) -> String {
        let mut value = Value::String(text.to_owned());
        self.take(&mut value, target);
        value.as_str().unwrap_or_default().to_owned()
    }
}
