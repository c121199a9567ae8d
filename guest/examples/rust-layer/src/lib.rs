//! A layer: one wording more than the policy of the host, which answers everything else.
//!
//! What each type means is in `kit/wit/policy.wit`.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

use vehicle_connector_sdk::policy::{Failure, FailureKind, Layer, Manifest, Phase, Verdict, base};

/// What your cloud says of a token that is no longer good, in lower case.
const EXPIRED: [&str; 1] = ["access card no longer honoured"];

/// The layer.
#[derive(Debug)]
pub struct MyPolicy;

vehicle_connector_sdk::layer!(MyPolicy);

impl Layer for MyPolicy {
    fn describe() -> Manifest {
        Manifest::new("my-policy", env!("CARGO_PKG_VERSION"))
    }

    fn classify(failure: &Failure) -> Verdict {
        // None of these is helped by a refresh.
        let session = matches!(failure.phase, Phase::SignIn | Phase::Refresh | Phase::Registration);
        let text = failure.message.to_ascii_lowercase();
        if !session && EXPIRED.iter().any(|words| text.contains(words)) {
            return Verdict::new(FailureKind::TokenExpired, "my-wording");
        }
        base::classify(failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vehicle_connector_sdk::testing::plain;

    #[test]
    fn the_wording_is_an_expired_token() {
        let failure = |phase| Failure {
            http_status: Some(400),
            message: "Access card no longer honoured".into(),
            phase,
            ..plain::failure()
        };
        assert_eq!(MyPolicy::classify(&failure(Phase::Status)).kind, FailureKind::TokenExpired);
        assert_ne!(MyPolicy::classify(&failure(Phase::Refresh)).kind, FailureKind::TokenExpired);
    }
}
