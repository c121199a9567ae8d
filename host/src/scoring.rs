//! Scores of policies on recorded failures.
//!
//! A *case* is one failure message as it was seen, with the label that a reader gave it. [`Case::failure`]
//! turns it into the facts that a connector would have reported; [`Scores`] counts the answers, [`Costs`] what the
//! wrong ones cost, [`Rules`] what each rule does for it, and [`Folds`] how much of it holds on families of messages
//! that a rule was not written for.

mod answer;
mod case;
mod cost;
mod facts;
mod folds;
mod rules;
mod score;

pub use self::answer::Answer;
pub use self::case::{BadCase, Case, Label};
pub use self::cost::{Costs, Mistake};
pub use self::folds::{Answers, Folds};
pub use self::rules::{Rules, Support};
pub use self::score::{FileScore, Miss, Score, Scores};
