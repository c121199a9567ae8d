//! Latches: stops that only a person, or a long silence, can end.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::action::Decision;
use crate::evidence::{Answer, GrantRefusal};

/// Time for which a vendor that blocks a client is left in peace. It blocks the client, not the account, and
/// every further request makes it worse; a working day and a night have been enough.
pub const SILENCE: Duration = Duration::from_secs(12 * 3_600);

/// The kind of a latch: the action that ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LatchKind {
    /// A person must give new credentials.
    AuthRequired,
    /// A person must give a one-time code.
    OtpRequired,
    /// A person must accept terms in the vendor's app or site.
    ConsentRequired,
    /// The vendor refuses this version of the connector. Ends with another one.
    ClientRefused,
    /// The vendor blocks this client: a person must wait. Ends after [`SILENCE`].
    LockedOut,
}

impl LatchKind {
    /// The word for it in account states, results and events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthRequired => "auth_required",
            Self::OtpRequired => "otp_required",
            Self::ConsentRequired => "consent_required",
            Self::ClientRefused => "client_refused",
            Self::LockedOut => "locked_out",
        }
    }

    /// Whether it asks for what only a person can give.
    #[must_use]
    pub const fn is_for_a_person(self) -> bool {
        matches!(self, Self::AuthRequired | Self::OtpRequired | Self::ConsentRequired)
    }
}

/// Returns what is latched after a session was not granted, of what the policy wants and the answer says.
#[must_use]
pub fn after_refused_grant(
    decision: &Decision,
    answer: &Answer<'_>,
    refusal: Option<GrantRefusal>,
) -> Option<LatchKind> {
    match decision {
        Decision::Latch(LatchKind::LockedOut) if answer.may_say_blocked() => Some(LatchKind::LockedOut),
        Decision::Latch(LatchKind::ClientRefused) if answer.may_say_client_refused() => {
            Some(LatchKind::ClientRefused)
        }
        Decision::Latch(latch) if refusal.is_some() && latch.is_for_a_person() => Some(*latch),
        // A grant that was refused is not tried again, whatever the policy makes of it; and a grant of which
        // nothing says so is tried later, whatever the policy makes of it.
        _ => matches!(refusal, Some(GrantRefusal::Credentials | GrantRefusal::Session))
            .then_some(LatchKind::AuthRequired),
    }
}

/// Whether an attempt's answer is evidence enough for a latch that a policy wants: a credential is refused
/// where a session is asked for (`refused`), and elsewhere nothing is known of it.
#[must_use]
pub fn may_latch(kind: LatchKind, answer: &Answer<'_>, refused: bool) -> bool {
    match kind {
        LatchKind::LockedOut => answer.may_say_blocked(),
        LatchKind::ClientRefused => answer.may_say_client_refused(),
        LatchKind::AuthRequired | LatchKind::OtpRequired | LatchKind::ConsentRequired => refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Body, Step};

    fn answer() -> Answer<'static> {
        Answer {
            step: Step::Refresh,
            status: Some(400),
            body: Body::Document,
            has_words: true,
            ..Answer::default()
        }
    }

    #[test]
    fn a_refused_grant_latches_whatever_the_policy_makes_of_it_and_no_other_does() {
        for decision in [
            Decision::RefreshAndRetry,
            Decision::Retry(Duration::ZERO),
            Decision::GiveUp,
            Decision::Other,
            Decision::Latch(LatchKind::AuthRequired),
        ] {
            for refusal in [GrantRefusal::Credentials, GrantRefusal::Session] {
                let latch = after_refused_grant(&decision, &answer(), Some(refusal));
                assert_eq!(latch, Some(LatchKind::AuthRequired), "{decision:?} {refusal:?}");
            }
            assert_eq!(after_refused_grant(&decision, &answer(), None), None, "{decision:?}");
        }
    }

    #[test]
    fn who_is_blocked_needs_words_and_who_is_refused_as_a_client_a_code() {
        let blocked = Decision::Latch(LatchKind::LockedOut);
        assert_eq!(after_refused_grant(&blocked, &answer(), None), Some(LatchKind::LockedOut));
        let wordless = Answer { has_words: false, ..answer() };
        assert_eq!(after_refused_grant(&blocked, &wordless, None), None);
        let client = Decision::Latch(LatchKind::ClientRefused);
        assert_eq!(after_refused_grant(&client, &answer(), None), None);
        let with_code = Answer { code: Some("F009"), ..answer() };
        assert_eq!(after_refused_grant(&client, &with_code, None), Some(LatchKind::ClientRefused));
        assert!(!may_latch(LatchKind::OtpRequired, &with_code, false));
        assert!(may_latch(LatchKind::OtpRequired, &with_code, true));
    }
}
