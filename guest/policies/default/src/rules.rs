//! What is known about clouds, as tables.
//!
//! A row stands for a code in a vendor's protocol, a standard, or a family of wordings that the comment
//! beside it names; never for one message that somebody saw. Rows are asked from top to bottom.
//!
//! To teach the policy something, add a row, and a case to `rules/cases.rs` that shows what it is for: a test
//! insists on one for each. `docs/policy.md` tells how to measure the difference.

use crate::text::Words;
use crate::types::{Failure, FailureKind, Phase};

mod codes;
mod denials;
mod oauth;
mod redirects;
mod session;
mod words;

pub(crate) use codes::{CODES, PIN_REFUSALS, UPSTREAM, WANTS_SIGN_IN, ends_session, is_code};
pub(crate) use denials::{CONSENT, DENIALS, NO_SESSION};
pub(crate) use oauth::{OAUTH, by_step};
pub(crate) use redirects::{TERMS_PAGE, redirected};
pub(crate) use session::{
    ANSWERS_WITHOUT, EXPIRED, REFUSALS, SESSION_ENDED, SESSION_REFUSALS, STATIC_TOKENS,
};
pub(crate) use words::{BLOCKED, BLOCKED_CLIENT, BUSY, ODD, REASONS, REMARKS, STATUSES, TERMS, VENDOR_WORDS};

/// A vendor's code. Numbers mean nothing without the cloud that says them.
pub(crate) struct CodeRule {
    /// The identifier for the audit trail.
    pub id: &'static str,
    /// The clouds that say it; empty for all.
    pub clouds: &'static [&'static str],
    /// The code, or the sub-code; with `*` at its end all that begin so.
    pub code: &'static str,
    /// The steps in which it means this.
    pub steps: Steps,
    /// What the message must say as well, where one code means several things: one of these patterns.
    pub patterns: &'static [&'static str],
    /// What it is.
    pub kind: FailureKind,
}

impl CodeRule {
    pub(crate) fn is_about(&self, failure: &Failure, words: &Words) -> bool {
        let is = |code: &str| match self.code.strip_suffix('*') {
            Some(start) => code.starts_with(start),
            None => code == self.code,
        };
        // Some vendors have names of their own at the place of OAuth's `error`.
        let codes = [failure.sub_code.as_deref(), failure.code.as_deref(), failure.oauth_error.as_deref()];
        codes.into_iter().flatten().any(is)
            && is_said_by(self.clouds, failure)
            && self.steps.include(failure.phase)
            && (self.patterns.is_empty() || words.say_any(self.patterns))
    }
}

/// Steps in which something means one thing, where it means another elsewhere.
#[derive(Clone, Copy)]
pub(crate) enum Steps {
    /// All of them.
    All,
    /// A sign-in.
    SignIn,
    /// Reads and commands, with a token that the session has.
    Data,
}

impl Steps {
    fn include(self, phase: Phase) -> bool {
        match self {
            Self::All => true,
            Self::SignIn => phase == Phase::SignIn,
            Self::Data => !matches!(phase, Phase::SignIn | Phase::Refresh | Phase::Registration),
        }
    }
}

/// A family of wordings.
pub(crate) struct WordRule {
    /// The identifier for the audit trail.
    pub id: &'static str,
    /// The clouds that say it so; empty for all.
    pub clouds: &'static [&'static str],
    /// What they say: one of these patterns (see `text`).
    pub patterns: &'static [&'static str],
    /// What it is.
    pub kind: FailureKind,
}

impl WordRule {
    pub(crate) fn is_about(&self, failure: &Failure, words: &Words) -> bool {
        is_said_by(self.clouds, failure) && words.say_any(self.patterns)
    }
}

pub(crate) fn is_said_by(clouds: &[&str], failure: &Failure) -> bool {
    clouds.is_empty() || clouds.contains(&failure.cloud.as_str())
}

/// The clouds that share the CCSP protocol.
pub(crate) const CCSP: &[&str] =
    &["hyundai-kia-eu", "hyundai-kia-au", "hyundai-kia-in", "hyundai-kia-cn", "hyundai-kia-br"];
const CANADA: &[&str] = &["hyundai-kia-ca"];
const KIA_US: &[&str] = &["kia-us"];
const HYUNDAI_US: &[&str] = &["hyundai-us"];
/// The clouds whose accounts are kept by SAP's customer data cloud.
const GIGYA: &[&str] = &["renault", "fiat-uconnect"];
/// The alliance's vehicles.
const KAMEREON: &[&str] = &["renault", "nissan"];
const BYD: &[&str] = &["byd"];
const MAZDA: &[&str] = &["mazda"];
const NISSAN: &[&str] = &["nissan"];
const SAIC: &[&str] = &["saic-mg"];
const SUBARU: &[&str] = &["subaru"];
const TESLA: &[&str] = &["tesla"];
const TUYA: &[&str] = &["tuya-generic", "iot-generic"];
/// The brands of Stellantis that share one interface.
const PSA: &[&str] = &["psa"];
const VOLKSWAGEN: &[&str] = &["vw-group"];
const VOLVO: &[&str] = &["volvo"];

#[cfg(test)]
mod cases;
