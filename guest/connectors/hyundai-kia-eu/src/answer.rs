//! What one answer of the cloud says, for whoever has an answer and no host: fuzzers, and recorded traffic.

use alloc::string::String;
use alloc::vec::Vec;

use crate::cloud::Proof;
use crate::envelope::{self, Step};
use crate::port::Response;

pub use crate::bindings::vehicle::connector::types::{BodyKind, Certainty, Failure, Phase};

/// The facts of an answer in a step; none when it is a success. `control` says whether a command carried the PIN's
/// permission in place of the access token. Times to wait are counted from `now`, in seconds since 1970.
#[must_use]
pub fn failure(
    phase: Phase,
    control: bool,
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    now: u64,
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
    let step = Step { phase, proof, acts: phase == Phase::Command };
    envelope::open(&Response { status, headers, body }, step, || now).err()
}
