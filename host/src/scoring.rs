//! Scores of policies on recorded failures.
//!
//! A *case* is one failure message as it was seen, with the label that a reader gave it. [`Case::failure`]
//! turns it into the facts that a connector would have reported; [`Scores`] counts the answers.

mod case;
mod facts;
mod score;

pub use self::case::{BadCase, Case, Label};
pub use self::score::{Answer, Score, Scores};
