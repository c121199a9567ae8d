//! Questions as people are shown them.

use jiff::Timestamp;
use serde::Serialize;

use super::Pending;
use super::challenge::{Back, Challenge, Choice};
use crate::protect::latch::LatchKind;

/// A question, for the broker and the command line. Nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// `code`, `choice`, `visit` or `consent`.
    kind: &'static str,
    /// Destination of the code, masked.
    sent_to: Option<String>,
    /// Number of the code's digits.
    digits: Option<u8>,
    /// Whether another code can be sent.
    resend: bool,
    /// The choices.
    choices: Vec<Choice>,
    /// Address to open.
    url: Option<String>,
    /// Code to type there.
    user_code: Option<String>,
    /// Whether the address is wanted that the browser ends at.
    redirect: bool,
    /// What to do, in words.
    text: String,
    /// What was wrong with the last answer.
    problem: Option<String>,
    /// Codes that may still be tried.
    codes_left: u32,
    /// End of the question.
    expires_at: Timestamp,
}

impl Pending {
    /// Shows the question. `vendor` is its name as people know it.
    #[must_use]
    pub fn shown(&self, vendor: &str) -> Shown {
        let mut shown = Shown {
            kind: "code",
            sent_to: None,
            digits: None,
            resend: false,
            choices: Vec::new(),
            url: None,
            user_code: None,
            redirect: false,
            text: self.in_words(vendor),
            problem: self.problem.clone(),
            codes_left: self.codes_left,
            expires_at: self.expires_at,
        };
        match &self.challenge {
            Challenge::Code { sent_to, digits, resend, .. } => {
                shown.sent_to.clone_from(sent_to);
                (shown.digits, shown.resend) = (*digits, *resend);
            }
            Challenge::Choice { choices } => {
                shown.kind = "choice";
                shown.choices.clone_from(choices);
            }
            Challenge::Visit { url, user_code, back } => {
                shown.kind = "visit";
                shown.url = Some(url.clone());
                shown.user_code.clone_from(user_code);
                shown.redirect = matches!(back, Back::Redirect { .. });
            }
            Challenge::Consent { .. } => shown.kind = "consent",
        }
        shown
    }

    /// Says what is asked for.
    pub(crate) fn in_words(&self, vendor: &str) -> String {
        match &self.challenge {
            Challenge::Code { sent_to: Some(to), .. } => format!("{vendor} has sent a one-time code to {to}"),
            Challenge::Code { sent_to: None, .. } => format!("{vendor} wants a one-time code"),
            Challenge::Choice { choices } => {
                let labels: Vec<&str> = choices.iter().map(|choice| choice.label.as_str()).collect();
                format!("{vendor} wants one of these chosen: {}", labels.join(", "))
            }
            Challenge::Visit { user_code: Some(code), .. } => {
                format!("{vendor} wants its page opened and {code} typed there")
            }
            Challenge::Visit { user_code: None, back: Back::Poll(_), .. } => {
                format!("{vendor} wants its page opened")
            }
            Challenge::Visit { user_code: None, back: Back::Redirect { .. }, .. } => {
                format!("{vendor} wants its page opened, and the address that the browser ends at")
            }
            Challenge::Consent { text } if text.is_empty() => {
                format!("{vendor} wants its terms to be accepted")
            }
            Challenge::Consent { text } => format!("{vendor} wants its terms to be accepted: {text}"),
        }
    }

    /// The reason that callers get while the question is open, and the latch that is set when it ends in nothing.
    pub(crate) const fn wants(&self) -> LatchKind {
        match self.challenge {
            Challenge::Consent { .. } => LatchKind::ConsentRequired,
            Challenge::Code { .. } | Challenge::Choice { .. } | Challenge::Visit { .. } => {
                LatchKind::OtpRequired
            }
        }
    }
}
