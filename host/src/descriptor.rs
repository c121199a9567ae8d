//! Descriptors of a vendor's clouds, from the owner of the host: what a connector may reach, which secrets go
//! where, which codes are refusals. A connector asks for them; only what the owner has granted counts.

mod capturable;
mod command_answers;
mod excess;
mod extended;
mod grant;
mod network;
mod operation;
mod refusals;
mod secret;
mod service;
mod slack;
mod takes;
mod texts;

pub use self::capturable::Capturable;
pub(crate) use self::capturable::SHORTEST_SEARCHED;
pub use self::command_answers::{CommandAnswers, SuccessPlace, Told};
pub use self::excess::{Excess, excess};
pub use self::grant::{Grant, RefusedCredential, Setting};
pub use self::network::Network;
pub use self::operation::{Arguments, OwnEffect, OwnOperation};
pub use self::refusals::{Refusals, Said};
pub use self::secret::{
    Configured, LEAST, LONGEST_LEAST, PinStyle, SecretCharacters, SecretClass, SecretForm, SecretRule,
    SecretRules,
};
pub use self::service::{Service, base_url, is_loopback};
pub use self::slack::{Remark, stricter, unused};
pub use self::takes::{LimitsForm, Span, Takes};
pub use self::texts::is_name;
