//! The regions of the cloud.
//!
//! The vehicle service is the same everywhere, but for what stands here. How accounts sign in differs most, which
//! is why the endpoints of a region outside Europe have other names.

use crate::time::Clock;

/// What is particular to a region.
#[derive(Debug)]
pub(crate) struct Region {
    /// As in the configuration.
    pub name: &'static str,
    /// How accounts sign in.
    pub sign_in: SignIn,
    /// The shape of what the vehicle service answers.
    pub answers: Answers,
    /// The clock that times without a zone are read from.
    pub clock: Clock,
    /// The same of what an older vehicle has said a moment ago.
    pub clock_just_now: Clock,
    /// The lowest and the highest temperature that an older vehicle's climate is set to, in degrees Celsius. Codes
    /// count from the lowest.
    pub temperatures: (f64, f64),
    /// Whether every driver sits on the right.
    pub right_hand: bool,
}

/// How accounts sign in, and where their tokens come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignIn {
    /// At an identity provider, with tokens of a service of their own since 2026.
    IdentityProvider,
    /// At the account service, by JSON, with tokens from there.
    AccountService,
}

/// The shape of what the vehicle service answers about a vehicle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    /// The state of an older vehicle is one of several parts. A newer one that is woken answers later.
    Parts,
    /// The state of an older vehicle is all there is, and no position is in it. A newer one that is asked answers at
    /// once. Charge ports are moved with the device named.
    Whole,
}

/// Europe.
pub(crate) static EUROPE: Region = Region {
    name: "eu",
    sign_in: SignIn::IdentityProvider,
    answers: Answers::Parts,
    clock: Clock::Berlin,
    clock_just_now: Clock::BerlinJustNow,
    temperatures: (14.0, 31.5),
    right_hand: false,
};

/// Australia.
pub(crate) static AUSTRALIA: Region = Region {
    name: "au",
    sign_in: SignIn::AccountService,
    answers: Answers::Whole,
    clock: Clock::Sydney,
    clock_just_now: Clock::Sydney,
    temperatures: (17.0, 26.5),
    right_hand: true,
};

/// New Zealand, on Australia's servers and by their clocks.
static NEW_ZEALAND: Region = Region { name: "nz", ..AUSTRALIA };

impl Region {
    /// The region that the configuration calls `name`.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        [&EUROPE, &AUSTRALIA, &NEW_ZEALAND].into_iter().find(|region| region.name == name)
    }
}
