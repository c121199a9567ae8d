//! Jars as they are stored with the question that a sign-in has ended in.

use std::collections::VecDeque;

use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;

use super::{Cookie, Jar};

/// A cookie as it is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    /// Its origin, in ASCII (RFC 6454 §6.2).
    origin: String,
    name: String,
    path: String,
    value: String,
    secure: bool,
    expires: Option<Timestamp>,
}

impl Serialize for Jar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let stored = |cookie: &Cookie| Stored {
            origin: cookie.origin.ascii_serialization(),
            name: cookie.name.clone(),
            path: cookie.path.clone(),
            value: cookie.value.expose_secret().to_owned(),
            secure: cookie.secure,
            expires: cookie.expires,
        };
        serializer.collect_seq(self.cookies.iter().map(stored))
    }
}

impl<'de> Deserialize<'de> for Jar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let cookies = Vec::<Stored>::deserialize(deserializer)?.into_iter().map(|stored| {
            let origin = Url::parse(&stored.origin).map_err(serde::de::Error::custom)?;
            Ok(Cookie {
                origin: origin.origin(),
                name: stored.name,
                path: stored.path,
                value: stored.value.into(),
                secure: stored.secure,
                expires: stored.expires,
            })
        });
        Ok(Self { cookies: cookies.collect::<Result<_, D::Error>>()?, former: VecDeque::new() })
    }
}
