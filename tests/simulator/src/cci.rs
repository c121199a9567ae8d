//! What the token service of 2026 knows: who may ask, and which tokens are alive.
//!
//! * `identity`: what the app says of itself in the headers of every request
//! * `fingerprint`, `gate`: the signature that the service wants, and who is turned away without it
//! * `tokens`: sets of seven tokens, of which a refresh makes the next; `jwt`: what they look like

mod fingerprint;
mod gate;
mod identity;
mod jwt;
mod tokens;

pub use self::fingerprint::fingerprint;
pub(crate) use self::gate::Gate;
pub use self::identity::Release;
pub(crate) use self::identity::{is_android, is_ios};
pub(crate) use self::jwt::jwt;
pub(crate) use self::tokens::{Dead, Seven, TokenSets, answer};
