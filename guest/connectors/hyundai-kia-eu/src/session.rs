//! The session: the refresh grant of the identity provider.

use vehicle_connector_sdk::prelude::*;

use crate::cloud::{Cloud, Proof};
use crate::envelope;

/// The cell that the host commits after a grant.
pub(crate) const CELL: &str = "session";

/// What the session's cell holds: which family of tokens this is.
const LEGACY: &str = r#"{"family":"legacy"}"#;

/// Exchanges the refresh token, of the configuration or of the session, for an access token, and for the next
/// refresh token if the cloud gives one. `phase` is what the grant is for; the request is the same.
///
/// # Errors
///
/// No answer, or one without an access token.
pub(crate) fn grant(cloud: &Cloud<'_>, phase: Phase) -> Result<Step, Failure> {
    let request = oauth::refresh(cloud.url("/auth/api/v2/user/oauth2/token", Proof::Grant))
        .field("client_id", cloud.brand.service_id)
        .field("client_secret", cloud.brand.client_secret);
    let answer = cloud.dressed(request, Proof::Grant, false).send(phase)?;
    let answer = envelope::open(answer, Proof::Grant)?;
    Ok(Step::Granted(oauth::grant(answer, LEGACY)?))
}
