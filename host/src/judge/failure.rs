//! Failures on their way from a connector to the policy.
//!
//! The connector reports what it saw. The host adds what only it knows (which operation, which effect, how
//! old the token was), takes out what the policy must not see, and corrects the one claim on which lives
//! could depend: whether the vehicle may have acted.

use std::time::Duration;

use crate::bindings::{policy, types};
use crate::descriptor::Told;
use crate::primitives::Call;
use crate::redact;
use crate::time::milliseconds;
use crate::wire::report::LONGEST_MESSAGE;

/// The longest code that a policy is shown, in bytes.
const LONGEST_CODE: usize = 64;

/// The longest address that a policy is shown, in bytes.
const LONGEST_URL: usize = 256;

/// Facts that the host knows about an attempt that failed.
#[derive(Debug, Clone)]
pub(crate) struct Facts<'a> {
    pub(crate) cloud: &'a str,
    pub(crate) operation: &'a str,
    pub(crate) effect: policy::Effect,
    /// Whether the attempt was to send something that changes the vehicle.
    pub(crate) acts: bool,
    pub(crate) token_age: Option<Duration>,
    /// Time since the cloud last took the token.
    pub(crate) token_last_worked: Option<Duration>,
}

/// The failure as the policy is shown it.
pub(crate) fn describe(facts: &Facts<'_>, failure: types::Failure, call: &Call) -> policy::Failure {
    let short = |code: String| redact::cut(redact::mask_private(&code), LONGEST_CODE);
    // The guest knows only that there was an answer which it was not given.
    let withheld = call.withheld.filter(|_| failure.transport == Some(types::Transport::Other));
    policy::Failure {
        cloud: facts.cloud.to_owned(),
        operation: facts.operation.to_owned(),
        effect: facts.effect,
        phase: failure.phase.into(),
        certainty: certainty(facts, &failure, call),
        transport: failure.transport.filter(|_| withheld.is_none()).map(Into::into),
        http_status: withheld.map(|answer| answer.status).or(failure.http_status),
        code: failure.code.map(short),
        sub_code: failure.sub_code.map(short),
        oauth_error: failure.oauth_error.map(short),
        // The host reads the header itself. A time that has passed asks for nothing.
        retry_after: call.told_to_wait.map(milliseconds).or(failure.retry_after).filter(|told| *told > 0),
        message: message(&failure.message),
        body: withheld.map_or(failure.body, |answer| answer.body).into(),
        token_age: facts.token_age.map(milliseconds),
        token_last_worked: facts.token_last_worked.map(milliseconds),
        endpoint: call.last.endpoint.clone(),
        redirect: call.last.redirect.clone().map(|led| redact::cut(redact::mask_private(&led), LONGEST_URL)),
        content_type: call.last.content_type.clone(),
    }
}

/// The vendor's words as policies, people and records are shown them: without what tells which car it is
/// about, and where that is.
pub(crate) fn message(words: &str) -> String {
    redact::cut(redact::mask_private(words), LONGEST_MESSAGE)
}

/// Corrects the connector's certainty. A connector may be more careful than the host, never less: "not sent"
/// is not believed when the host saw a request leave that acts on the vehicle, or any in a sign-in or a
/// refresh, which are counted. When a request that acts was never answered, what happened is unknown, as it
/// is when it was answered with anything but a refusal that is known, by its code or status, to come before
/// execution.
fn certainty(facts: &Facts<'_>, failure: &types::Failure, call: &Call) -> policy::Certainty {
    let unknown = call.allowance.outcome_unknown()
        || call.told.is_some_and(|told| told != Told::Refused)
        || is_doubtful(facts, failure, call);
    let session = matches!(failure.phase, types::Phase::SignIn | types::Phase::Refresh);
    match failure.certainty {
        types::Certainty::NotSent if session && call.left => policy::Certainty::Ambiguous,
        types::Certainty::NotSent if unknown || call.acted => policy::Certainty::Ambiguous,
        types::Certainty::Rejected if unknown => policy::Certainty::Ambiguous,
        types::Certainty::NotSent => policy::Certainty::NotSent,
        types::Certainty::Rejected => policy::Certainty::Rejected,
        types::Certainty::Ambiguous => policy::Certainty::Ambiguous,
        types::Certainty::Accepted => policy::Certainty::Accepted,
    }
}

/// Whether a connector tells of a command's answer, without having marked the request as one that acts, that
/// is not a known refusal. The connector's word is all there is then.
fn is_doubtful(facts: &Facts<'_>, failure: &types::Failure, call: &Call) -> bool {
    let told = facts.acts && !call.acted && failure.phase == types::Phase::Command;
    let Some(status) = failure.http_status.filter(|_| told) else { return false };
    let codes = [&failure.code, &failure.sub_code].into_iter().flatten().map(String::as_str);
    !call.context.command_answers.is_refusal(status, codes, failure.retry_after.is_some())
}

impl From<types::Phase> for policy::Phase {
    fn from(phase: types::Phase) -> Self {
        match phase {
            types::Phase::SignIn => Self::SignIn,
            types::Phase::Refresh => Self::Refresh,
            types::Phase::Registration => Self::Registration,
            types::Phase::Pin => Self::Pin,
            types::Phase::Status => Self::Status,
            types::Phase::Command => Self::Command,
            types::Phase::Confirmation => Self::Confirmation,
            types::Phase::Unknown => Self::Unknown,
        }
    }
}

impl From<types::Transport> for policy::Transport {
    fn from(transport: types::Transport) -> Self {
        match transport {
            types::Transport::NotSent => Self::NotSent,
            types::Transport::Interrupted => Self::Interrupted,
            types::Transport::Denied => Self::Denied,
            types::Transport::Other => Self::Other,
        }
    }
}

impl From<types::BodyKind> for policy::BodyKind {
    fn from(kind: types::BodyKind) -> Self {
        match kind {
            types::BodyKind::None => Self::None,
            types::BodyKind::Json => Self::Json,
            types::BodyKind::Html => Self::Html,
            types::BodyKind::Other => Self::Other,
        }
    }
}
