//! What one answer of the cloud says, for whoever has an answer and no host: fuzzers, and recorded traffic.

use alloc::string::String;
use alloc::vec::Vec;

use vehicle_connector_sdk::certainty::Doing;
use vehicle_connector_sdk::http::{Answer, Response};

use crate::cloud::Proof;
use crate::envelope;

pub use vehicle_connector_sdk::connector::{BodyKind, Certainty, Failure, Phase};

/// The facts of an answer in a step; none when it is a success. `control` says whether a command carried the
/// PIN's permission in place of the access token. Times to wait are counted from the clock of a
/// [`FakeHost`](vehicle_connector_sdk::testing::FakeHost).
#[must_use]
pub fn failure(
    phase: Phase,
    control: bool,
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
) -> Option<Failure> {
    let proof = match phase {
        Phase::SignIn | Phase::Refresh => Proof::Grant,
        Phase::Registration => Proof::Registration,
        Phase::Pin => Proof::Pin,
        Phase::Command if control => Proof::Control { protocol: 1 },
        Phase::Command | Phase::Status | Phase::Confirmation | Phase::Unknown => {
            Proof::Access { protocol: 0 }
        }
    };
    let doing = Doing { phase, acts: phase == Phase::Command };
    envelope::open(Answer::new(Response { status, headers, body }, doing), proof).err()
}
