//! Questions of a sign-in, as they are put to a person on a terminal.

use std::io;

use serde::Deserialize;

use super::super::table::plain;
use super::terminal::{self, Echo, ask};

/// A question, as far as it is shown here.
#[derive(Debug, Deserialize)]
pub(super) struct Question {
    pub(super) kind: String,
    pub(super) text: String,
    #[serde(default)]
    choices: Vec<Choice>,
    url: Option<String>,
    user_code: Option<String>,
    #[serde(default)]
    redirect: bool,
    #[serde(default)]
    resend: bool,
    pub(super) problem: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    id: String,
    label: String,
}

/// What a person has typed.
pub(super) enum Typed {
    Answer(String),
    /// Nothing, since there is nothing to type.
    Nothing,
    /// The question is left open.
    Left,
}

impl Question {
    /// Whether this program knows how it is answered.
    pub(super) fn is_known(&self) -> bool {
        ["code", "choice", "visit", "consent"].contains(&self.kind.as_str())
    }

    /// Shows the question, and waits for the answer.
    pub(super) fn put(&self) -> io::Result<Typed> {
        if let Some(problem) = &self.problem {
            terminal::say(&plain(problem))?;
        }
        terminal::say(&plain(&self.text))?;
        if let Some(url) = &self.url {
            terminal::say(&format!("  open {}", plain(url)))?;
        }
        if let Some(code) = &self.user_code {
            terminal::say(&format!("  and type {} there", plain(code)))?;
        }
        let typed = match self.kind.as_str() {
            "code" if self.resend => ask("code, or `again` for another one: ", Echo::Off)?,
            "code" => ask("code: ", Echo::Off)?,
            "choice" => self.choose()?,
            // The address has the code in it.
            "visit" if self.redirect => ask("address that the browser ended at: ", Echo::Off)?,
            "visit" => return Ok(Typed::Nothing),
            _ => ask(
                "press Enter when that is done, to try once more, which may be one more sign-in ",
                Echo::On,
            )?
            .map(|_| "confirmed".to_owned()),
        };
        Ok(typed.map_or(Typed::Left, Typed::Answer))
    }

    fn choose(&self) -> io::Result<Option<String>> {
        for (number, choice) in self.choices.iter().enumerate() {
            terminal::say(&format!("  {}  {}", number + 1, plain(&choice.label)))?;
        }
        let typed = ask("number: ", Echo::On)?;
        Ok(typed.map(|typed| {
            let number = typed.trim().parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            let choice = number.and_then(|number| self.choices.get(number));
            choice.map_or(typed, |choice| choice.id.clone())
        }))
    }
}
