//! The session: the refresh grant of the identity provider.

use alloc::borrow::ToOwned;
use alloc::vec;

use serde_json::Value;

use crate::bindings::exports::vehicle::connector::connector::Grant;
use crate::bindings::vehicle::connector::types::{Failure, Phase};
use crate::cloud::{Call, Cloud, Proof, secret};
use crate::port::{Body, Method};

/// The cell that the host commits after a grant.
pub(crate) const CELL: &str = "session";

/// What the session's cell holds: which family of tokens this is.
const LEGACY: &str = r#"{"family":"legacy"}"#;

/// What the grant is for. The request is the same; a failure is reported for the step that it belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// The refresh token of the configuration.
    SignIn,
    /// The refresh token of the session.
    Refresh,
}

/// Exchanges the refresh token for an access token, and for the next refresh token if the cloud gives one.
///
/// # Errors
///
/// No answer, or one without an access token.
pub(crate) fn grant(cloud: &Cloud<'_>, purpose: Purpose) -> Result<Grant, Failure> {
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", "{secret:refresh-token}"),
        ("client_id", cloud.brand.service_id),
        ("client_secret", cloud.brand.client_secret),
    ];
    let answer = cloud.make(Call {
        phase: match purpose {
            Purpose::SignIn => Phase::SignIn,
            Purpose::Refresh => Phase::Refresh,
        },
        method: Method::Post,
        path: "/auth/api/v2/user/oauth2/token".to_owned(),
        proof: Proof::Grant,
        body: Body::Form(form.map(|(name, value)| (name.to_owned(), value.to_owned())).into()),
        captures: vec![secret("/access_token", "access-token"), secret("/refresh_token", "refresh-token")],
        timeout: None,
        acts: false,
    })?;
    let seconds = |key: &str| match answer.get(key)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    Ok(Grant {
        expires_in: seconds("expires_in"),
        refresh_expires_in: seconds("refresh_expires_in"),
        value: LEGACY.to_owned(),
    })
}
