//! Any answer of the cloud, through the connector's reading of it, to the policy's verdict and decision.
//!
//! An input is two bytes for the step and what the host knows, two for the status, then header lines, an empty line,
//! and the body.

#![no_main]

use default_policy::types::{Attempt, Confirmation, Decision, Effect, Failure, FailureKind};
use hyundai_kia_eu::answer;
use libfuzzer_sys::fuzz_target;

/// What the host leaves of a message, in bytes.
const LONGEST_MESSAGE: usize = 2_048;

fuzz_target!(|data: &[u8]| {
    let Some((&[step, knowledge, high, low], answer)) = data.split_first_chunk() else { return };
    let status = 100 + u16::from_be_bytes([high, low]) % 500;
    let (headers, body) = split(answer);
    let (phase, control) = phase(step);
    let last = LastAnswer::of(status, &headers);
    let Some(failure) = answer::failure(phase, control, status, headers, body.to_vec()) else {
        return;
    };
    let failure = shown_to_policies(failure, last, knowledge);

    let verdict = default_policy::classify(&failure);
    assert!(!verdict.rule.is_empty() && verdict.rule.len() <= 64, "{verdict:?}");
    let about_session =
        matches!(phase, answer::Phase::SignIn | answer::Phase::Refresh | answer::Phase::Registration);
    assert!(!about_session || verdict.kind != FailureKind::TokenExpired, "{failure:?}");
    assert!(verdict == default_policy::classify(&failure), "not a function: {failure:?}");

    let may_have_acted = failure.effect == Effect::Actuation
        && failure.certainty == default_policy::types::Certainty::Ambiguous;
    let decision = default_policy::decide(&Attempt {
        number: 1 + u32::from(knowledge % 5),
        refreshed: knowledge & 8 != 0,
        superseded: knowledge & 16 != 0,
        elapsed: 0,
        remaining: 60_000,
        retry_budget: u32::from(knowledge & 3),
        random: u32::from_be_bytes([knowledge; 4]),
        failure,
        verdict,
    });
    if may_have_acted {
        assert!(
            matches!(decision, Decision::Confirm(_) | Decision::GiveUp | Decision::Latch(_)),
            "{decision:?}"
        );
    }
    if let Decision::Retry(after) | Decision::Confirm(Confirmation { after, .. }) = decision {
        assert!(after < 60_000);
    }
});

/// Header lines up to an empty line, and the rest.
fn split(answer: &[u8]) -> (Vec<(String, String)>, &[u8]) {
    let mut rest = answer;
    let mut headers = Vec::new();
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, after) = (&rest[..end], &rest[end + 1..]);
        rest = after;
        let line = String::from_utf8_lossy(line);
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    (headers, rest)
}

/// What the host tells of the last answer besides the connector's facts.
struct LastAnswer {
    redirect: Option<String>,
    content_type: Option<String>,
}

impl LastAnswer {
    fn of(status: u16, headers: &[(String, String)]) -> Self {
        let named =
            |name: &str| headers.iter().find(|header| header.0 == name).map(|header| header.1.as_str());
        // Without what may hold secrets, and without parameters.
        let up_to = |text: &str, ends: &[char]| text.split(ends).next().unwrap_or_default().trim().to_owned();
        let redirect = named("location").filter(|_| status / 100 == 3);
        Self {
            redirect: redirect.map(|url| up_to(url, &['?', '#'])),
            content_type: named("content-type").map(|it| up_to(it, &[';']).to_ascii_lowercase()),
        }
    }
}

fn phase(step: u8) -> (answer::Phase, bool) {
    use answer::Phase::*;
    let phases = [SignIn, Refresh, Registration, Pin, Status, Command, Confirmation, Unknown];
    (phases[usize::from(step) % phases.len()], step & 128 != 0)
}

/// What the host makes of the connector's facts: it cuts the message and adds what only it knows.
fn shown_to_policies(failure: answer::Failure, last: LastAnswer, knowledge: u8) -> Failure {
    use default_policy::types as policy;
    let mut message = failure.message;
    message.truncate(message.floor_char_boundary(LONGEST_MESSAGE));
    Failure {
        cloud: "hyundai-kia-eu".to_owned(),
        operation: "lock".to_owned(),
        effect: match failure.phase {
            answer::Phase::SignIn | answer::Phase::Refresh => Effect::Session,
            answer::Phase::Command if knowledge & 4 == 0 => Effect::Actuation,
            answer::Phase::Command => Effect::Set,
            _ => Effect::Read,
        },
        phase: match failure.phase {
            answer::Phase::SignIn => policy::Phase::SignIn,
            answer::Phase::Refresh => policy::Phase::Refresh,
            answer::Phase::Registration => policy::Phase::Registration,
            answer::Phase::Pin => policy::Phase::Pin,
            answer::Phase::Status => policy::Phase::Status,
            answer::Phase::Command => policy::Phase::Command,
            answer::Phase::Confirmation => policy::Phase::Confirmation,
            answer::Phase::Unknown => policy::Phase::Unknown,
        },
        certainty: match failure.certainty {
            answer::Certainty::NotSent => policy::Certainty::NotSent,
            answer::Certainty::Rejected => policy::Certainty::Rejected,
            answer::Certainty::Ambiguous => policy::Certainty::Ambiguous,
            answer::Certainty::Accepted => policy::Certainty::Accepted,
        },
        transport: None,
        http_status: failure.http_status,
        code: failure.code,
        sub_code: failure.sub_code,
        oauth_error: failure.oauth_error,
        retry_after: failure.retry_after,
        message,
        body: match failure.body {
            answer::BodyKind::None => policy::BodyKind::None,
            answer::BodyKind::Json => policy::BodyKind::Json,
            answer::BodyKind::Html => policy::BodyKind::Html,
            answer::BodyKind::Other => policy::BodyKind::Other,
        },
        token_age: (knowledge & 64 != 0).then(|| u32::from(knowledge) * 1_000),
        token_last_worked: (knowledge & 32 != 0).then(|| u32::from(knowledge) * 500),
        endpoint: Some("ccapi".to_owned()),
        redirect: last.redirect,
        content_type: last.content_type,
    }
}
