//! What goes wrong in this cloud: the shared faults, aimed at its routes, and the failures that it is known
//! for.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::idp::BLOCKED;
use crate::kit::{self, Effect, Route};
use crate::route::RouteKind;

/// One thing that goes wrong for the requests that it matches.
pub type Fault = kit::Fault<RouteKind>;

impl Route for RouteKind {
    const ANY: Self = Self::Any;
}

/// The vehicle service's failures.
impl Effect {
    /// A firewall's page that speaks of an abusing request, HTTP 403.
    pub fn blocked() -> Self {
        Self::answer(403, BLOCKED)
    }

    /// What is behind the token service does not answer, for this account: 9001 with HTTP 502.
    pub fn service_behind_fails() -> Self {
        Self::envelope("9001", "external service error")
    }

    /// The daily quota is used up: 5091 with HTTP 509.
    pub fn rate_limited() -> Self {
        Self::envelope("5091", "Exceeds number of requests")
    }

    /// The car still has a command to do: 4004.
    pub fn duplicate() -> Self {
        Self::envelope("4004", "Duplicate request - Duplicate request")
    }

    /// The car cannot do this: 4005.
    pub fn unsupported() -> Self {
        Self::envelope("4005", "Unsupported control request - Unsupported control request")
    }

    /// The car did not answer in time: 4081.
    pub fn vehicle_timeout() -> Self {
        Self::envelope("4081", "Request timeout - Request timeout")
    }
}

/// How the gateway words the refusal of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// HTTP status, usually 401.
    pub status: u16,
    /// The whole body.
    pub body: String,
}

impl Refusal {
    /// The gateway's envelope `{"error": wording}` with HTTP 401.
    pub fn gateway(wording: &str) -> Self {
        Self { status: 401, body: json!({ "error": wording }).to_string() }
    }
}

impl Default for Refusal {
    fn default() -> Self {
        Self::gateway("Key not authorized: Token is expired")
    }
}
