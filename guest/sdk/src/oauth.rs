//! Token endpoints of OAuth 2.0 (RFC 6749).
//!
//! ```
//! use vehicle_connector_sdk::prelude::*;
//!
//! fn refresh(account: &Account) -> Result<Step, Failure> {
//!     let answer = oauth::refresh(format!("{}/token", account.endpoint("identity")?))
//!         .basic(secret("client-id"), secret("client-secret"))
//!         .send(Phase::Refresh)?;
//!     Ok(Step::Granted(oauth::grant(answer, "")?))
//! }
//! ```

use alloc::borrow::ToOwned;
use alloc::string::String;

use crate::connector::{Failure, Grant, Phase};
use crate::failure;
use crate::http::{Answer, Derivation, Encoding, Envelope, Request, secret, sha256, text};
use crate::random::{self, Alphabet};

/// The secret that an answer's `access_token` becomes.
pub const ACCESS_TOKEN: &str = "access-token";

/// The secret that an answer's `refresh_token` becomes.
pub const REFRESH_TOKEN: &str = "refresh-token";

/// The secret that a redirect's `code` becomes.
pub const AUTHORIZATION_CODE: &str = "authorization-code";

/// The secret of a proof key.
pub const PKCE_VERIFIER: &str = "pkce-verifier";

/// The derived value of a proof key that goes into the authorisation request.
pub const PKCE_CHALLENGE: &str = "pkce-challenge";

/// A request for a token by this grant type, as a form. The access token is captured as [`ACCESS_TOKEN`]; a
/// refresh token is not, since a manifest has to want it.
#[must_use]
pub fn token(url: impl Into<String>, grant_type: &str) -> Request {
    Request::post(url).field("grant_type", grant_type).capture_secret("/access_token", ACCESS_TOKEN)
}

/// A request for the next token (RFC 6749 §6), which may bring another refresh token: that is
/// [`REFRESH_TOKEN`].
#[must_use]
pub fn refresh(url: impl Into<String>) -> Request {
    token(url, "refresh_token")
        .field("refresh_token", secret(REFRESH_TOKEN))
        .capture_secret("/refresh_token", REFRESH_TOKEN)
}

/// A request for a token by a code that a redirect brought (RFC 6749 §4.1.3), with the proof key of [`pkce`].
#[must_use]
pub fn authorization_code(url: impl Into<String>, redirect_uri: &str) -> Request {
    token(url, "authorization_code")
        .field("code", secret(AUTHORIZATION_CODE))
        .field("redirect_uri", redirect_uri)
        .field("code_verifier", secret(PKCE_VERIFIER))
        .capture_secret("/refresh_token", REFRESH_TOKEN)
}

/// Makes a proof key (RFC 7636): the verifier becomes the secret [`PKCE_VERIFIER`]; the challenge, of the
/// method S256, is what is returned, for the placeholder `{derived:pkce-challenge}`.
///
/// # Errors
///
/// The owner has not granted the secret.
pub fn pkce() -> Result<Derivation, Failure> {
    random::secret(PKCE_VERIFIER, Alphabet::UrlSafe, 64)
        .map_err(|error| failure::of_random(Phase::SignIn, &error))?;
    let how = sha256([text(secret(PKCE_VERIFIER))], Encoding::Base64urlUnpadded);
    Ok(Derivation { name: PKCE_CHALLENGE.to_owned(), how })
}

/// The grant in an answer of a token endpoint (RFC 6749 §5.1), with what the connector wants to find in the
/// cell `session`.
///
/// # Errors
///
/// The answer is a refusal, or has no access token.
pub fn grant(answer: Answer, value: impl Into<String>) -> Result<Grant, Failure> {
    grant_in(answer, &Envelope { codes_at: &["/code"], ..Envelope::PLAIN }, value)
}

/// The same of a cloud that wraps its answers.
///
/// # Errors
///
/// As for [`grant`].
pub fn grant_in(answer: Answer, envelope: &Envelope, value: impl Into<String>) -> Result<Grant, Failure> {
    let answer = answer.success(envelope)?;
    if answer.text("/access_token").is_none() {
        return Err(answer.refusal(envelope));
    }
    Ok(Grant {
        expires_in: answer.integer("/expires_in"),
        refresh_expires_in: answer.integer("/refresh_expires_in"),
        ends_in: None,
        value: value.into(),
    })
}
