//! A recorded failure and its label.

use serde::Deserialize;
use serde_json::Value;

use super::facts;
use crate::bindings::policy::{Attempt, BodyKind, Effect, Failure, FailureKind, Phase, Verdict};

/// A reader's label of a failure: what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Label {
    /// Refresh, or sign in again.
    TokenExpired,
    /// Ask a person.
    CredentialsRejected,
    /// Wait for the quota.
    RateLimited,
    /// Wait for the command before.
    Busy,
    /// Wait for the vehicle.
    VehicleUnreachable,
    /// Try later.
    Transient,
    /// Ask for something else.
    InvalidRequest,
    /// Mend the program.
    Malformed,
}

impl Label {
    /// All labels, in the order of reports.
    pub const ALL: [Self; 8] = [
        Self::TokenExpired,
        Self::CredentialsRejected,
        Self::RateLimited,
        Self::Busy,
        Self::VehicleUnreachable,
        Self::Transient,
        Self::InvalidRequest,
        Self::Malformed,
    ];

    /// Name in files and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TokenExpired => "token-expired",
            Self::CredentialsRejected => "credentials-rejected",
            Self::RateLimited => "rate-limited",
            Self::Busy => "busy",
            Self::VehicleUnreachable => "vehicle-unreachable",
            Self::Transient => "transient",
            Self::InvalidRequest => "invalid-request",
            Self::Malformed => "malformed",
        }
    }

    /// The label of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|label| label.name() == name)
    }

    /// Returns the label that a policy's answer amounts to; `None` when it does not know, or has
    /// its own name for the failure.
    #[must_use]
    pub fn of(kind: &FailureKind) -> Option<Self> {
        match kind {
            FailureKind::TokenExpired | FailureKind::ControlTokenExpired => Some(Self::TokenExpired),
            FailureKind::CredentialsRejected | FailureKind::ChallengeRequired => {
                Some(Self::CredentialsRejected)
            }
            FailureKind::RateLimited => Some(Self::RateLimited),
            FailureKind::Busy => Some(Self::Busy),
            // Kinds that the labels have no word of their own for.
            FailureKind::VehicleUnreachable | FailureKind::BatteryLow => Some(Self::VehicleUnreachable),
            FailureKind::Transient => Some(Self::Transient),
            FailureKind::InvalidRequest
            | FailureKind::ClientRefused
            | FailureKind::DeviceUnregistered
            | FailureKind::NoData
            | FailureKind::Unsupported => Some(Self::InvalidRequest),
            FailureKind::Malformed => Some(Self::Malformed),
            FailureKind::TokenRefusedFresh | FailureKind::Unknown => None,
            // A policy may have its own words for a label.
            FailureKind::Other(name) => Self::named(name),
        }
    }
}

/// How long an operation may go on after its first failure, in milliseconds.
const REMAINING: u32 = 60_000;

/// Reason why a line is not a case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCase {
    /// The line is not a JSON object with the fields of a case.
    #[error("this is no case: {0}; each line is one JSON object with id, text, cloud, operation and label")]
    NotACase(String),
    /// There is no label.
    #[error("the label is missing; it is one of {}", labels())]
    NoLabel,
    /// The label is unknown.
    #[error("the label {0:?} is unknown; it is one of {known}", known = labels())]
    UnknownLabel(String),
    /// The operation is unknown.
    #[error("the operation {0:?} is unknown; it is one of status, command, login, refresh, unknown")]
    UnknownOperation(String),
}

fn labels() -> String {
    Label::ALL.map(Label::name).join(", ")
}

/// A recorded failure.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Name in reports.
    pub id: String,
    /// The cloud that it came from, as connectors name it.
    pub cloud: String,
    /// Label that a reader gave it.
    pub label: Label,
    /// Whether another reader might disagree.
    pub ambiguous: bool,
    /// Messages of one family say the same in the same words. A case of none is a family of its own.
    pub family: String,
    text: String,
    http_status: Option<u16>,
    body: Value,
    operation: String,
    phase: Phase,
}

#[derive(Deserialize)]
struct Line {
    id: String,
    text: String,
    #[serde(default)]
    http_status: Option<u16>,
    #[serde(default)]
    body_json: Value,
    cloud: String,
    operation: String,
    label: Option<String>,
    #[serde(default)]
    ambiguous: bool,
    family: Option<String>,
}

impl Case {
    /// Reads a case from one line.
    ///
    /// # Errors
    ///
    /// When it is not a case, or has an unknown label or operation.
    pub fn parse(line: &str) -> Result<Self, BadCase> {
        let line: Line = serde_json::from_str(line).map_err(|error| BadCase::NotACase(error.to_string()))?;
        let label = line.label.ok_or(BadCase::NoLabel)?;
        let phase = match line.operation.as_str() {
            "status" => Phase::Status,
            "command" => Phase::Command,
            "login" => Phase::SignIn,
            "refresh" => Phase::Refresh,
            "unknown" => Phase::Unknown,
            _ => return Err(BadCase::UnknownOperation(line.operation)),
        };
        Ok(Self {
            family: line.family.unwrap_or_else(|| line.id.clone()),
            id: line.id,
            cloud: line.cloud,
            label: Label::named(&label).ok_or(BadCase::UnknownLabel(label))?,
            ambiguous: line.ambiguous,
            text: line.text,
            http_status: line.http_status,
            body: line.body_json,
            operation: line.operation,
            phase,
        })
    }

    /// Whether a sign-in or a refresh failed.
    #[must_use]
    pub fn is_session_step(&self) -> bool {
        matches!(self.phase, Phase::SignIn | Phase::Refresh)
    }

    /// Whether a command failed.
    #[must_use]
    pub fn is_command(&self) -> bool {
        self.phase == Phase::Command
    }

    /// The first try of an operation that failed so, of which a policy has said this.
    #[must_use]
    pub fn attempt(failure: Failure, verdict: Verdict) -> Attempt {
        Attempt {
            failure,
            verdict,
            number: 1,
            refreshed: false,
            superseded: false,
            elapsed: 0,
            remaining: REMAINING,
            retry_budget: 1,
            random: 0,
        }
    }

    /// The facts that a connector would have reported.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let effect = match self.phase {
            Phase::Command => Effect::Actuation,
            Phase::SignIn | Phase::Refresh => Effect::Session,
            _ => Effect::Read,
        };
        let (code, sub_code) = facts::codes(&self.body, &self.text);
        Failure {
            http_status: self.http_status,
            code,
            sub_code,
            oauth_error: facts::oauth_error(&self.body, &self.text),
            message: crate::judge::failure::message(&self.text),
            body: if facts::is_page(&self.text) {
                BodyKind::Html
            } else if self.body.is_null() {
                BodyKind::None
            } else {
                BodyKind::Json
            },
            ..Failure::refused(&self.cloud, &self.operation, self.phase, effect)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(label: &str, operation: &str) -> String {
        format!(r#"{{"id":"a","text":"t","cloud":"c","operation":"{operation}","label":{label}}}"#)
    }

    #[test]
    fn a_line_is_a_case_or_says_what_is_wrong() {
        let case = Case::parse(&line(r#""busy""#, "command")).unwrap();
        assert_eq!((case.label, case.ambiguous, case.family.as_str()), (Label::Busy, false, "a"));
        assert_eq!(case.failure().effect, Effect::Actuation);
        assert!(matches!(Case::parse("not JSON"), Err(BadCase::NotACase(_))));
        assert!(matches!(Case::parse("[]"), Err(BadCase::NotACase(_))));
        assert_eq!(Case::parse(&line("null", "command")), Err(BadCase::NoLabel));
        assert_eq!(Case::parse(&line(r#""x""#, "login")), Err(BadCase::UnknownLabel("x".into())));
        assert_eq!(Case::parse(&line(r#""busy""#, "x")), Err(BadCase::UnknownOperation("x".into())));
    }

    #[test]
    fn every_label_has_its_own_name() {
        for label in Label::ALL {
            assert_eq!(Label::named(label.name()), Some(label));
            assert_eq!(Label::of(&FailureKind::Other(label.name().into())), Some(label));
        }
        assert_eq!(Label::of(&FailureKind::Unknown), None);
    }
}
