//! Descriptors of a vendor's clouds, from the owner of the host: which codes are refusals, which values a
//! connector may take out of an answer. Neither a plugin nor a configuration can add to them.

mod capturable;
mod command_answers;
mod network;
mod refusals;
mod secret;

pub use self::capturable::Capturable;
pub(crate) use self::capturable::SHORTEST_SEARCHED;
pub use self::command_answers::{CommandAnswers, Told};
pub use self::network::Network;
pub use self::refusals::{Refusals, Said};
pub use self::secret::{PinStyle, SecretClass, SecretRule, SecretRules};
