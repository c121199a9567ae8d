//! Evidence that a credential is refused, as far as an answer has it.
//!
//! A person who is told "refused" must find another credential, so it takes more than a refusal: the answer
//! has to say that it is about the credential, in a form that nothing but the vendor's own service writes.
//! That is an error of OAuth's, or a code of the vendor's, with the status of a refusal. Which codes mean it
//! is known to a table, or to the policy, which are asked elsewhere. Nothing else is a verdict: no status
//! alone, no page, no words, whatever a policy makes of them.

/// Errors of RFC 6749 §5.2 and OpenID Connect Core §3.1.2.6: the grant or the client is not accepted, or a
/// person has to sign in, consent or choose. Not `invalid_request`, which is said of anything, and not
/// `access_denied`.
const GRANT_ERRORS: [&str; 6] = [
    "invalid_grant",
    "invalid_client",
    "unauthorized_client",
    "login_required",
    "consent_required",
    "interaction_required",
];

/// Errors with which a server refuses a sign-in by a redirect because it is unwell (RFC 6749 §4.1.2.1).
const UNWELL: [&str; 2] = ["server_error", "temporarily_unavailable"];

/// A code that no vendor has.
pub const NO_CODE: &str = "a-code-that-nobody-has";

/// What refuses a session, where an answer leaves no doubt that trying the same again does not help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantRefusal {
    /// The credentials are refused, by a code or an error of OAuth's in a document.
    Credentials,
    /// The session is over, and nothing is said about the credentials.
    Session,
    /// The sign-in is refused, for a reason that the vendor's words tell.
    SignIn,
    /// The sign-in was led back to where it began: the credentials are wrong, or something before the service keeps this
    /// program out. Nobody can tell which.
    Undecidable,
}

/// Which step was answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Step {
    /// Obtaining a session from credentials.
    SignIn,
    /// Refreshing one.
    Refresh,
    /// Any other.
    #[default]
    Other,
}

/// What an answer looked like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Body {
    /// HTML.
    Page,
    /// Anything else, or nothing.
    #[default]
    Document,
}

/// An answer that is a failure, as far as it can be evidence.
#[derive(Debug, Clone, Copy, Default)]
pub struct Answer<'a> {
    /// The step that it answers.
    pub step: Step,
    /// Whether there was none.
    pub is_missing: bool,
    /// Its HTTP status.
    pub status: Option<u16>,
    /// The vendor's code.
    pub code: Option<&'a str>,
    /// The error of OAuth's.
    pub oauth_error: Option<&'a str>,
    /// What it looked like.
    pub body: Body,
    /// Whether there is anything but blanks in its message.
    pub has_words: bool,
    /// Whether it leads elsewhere.
    pub redirects: bool,
}

/// What a table of the vendor's codes says of an answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Listed {
    /// Its code refuses the credentials.
    pub code: bool,
    /// So does its code with this very status: there are services that say no with HTTP 200.
    pub with_status: bool,
}

impl Answer<'_> {
    /// Whether the vendor says that it refuses the credentials; none if it does so if the policy knows the code
    /// as a refusal.
    #[must_use]
    pub fn refuses_grant(&self, listed: Listed) -> Option<bool> {
        let session = matches!(self.step, Step::SignIn | Step::Refresh);
        if session && listed.with_status {
            return Some(true);
        }
        if !self.is_refusal() {
            return Some(false);
        }
        if self.is_grant_error() || session && listed.code {
            return Some(true);
        }
        if self.has_code() { None } else { Some(false) }
    }

    /// Returns what refuses a sign-in that was answered with a redirect (RFC 6749 §4.1.2.1), as far as that can
    /// be told. It is no document, so it counts only together with a policy that latches for it; and then one
    /// try is enough, as a wrong password locks the account.
    #[must_use]
    pub fn refuses_by_redirect(&self) -> Option<GrantRefusal> {
        let redirected = !self.is_missing && matches!(self.status, Some(300..=399));
        if self.step != Step::SignIn || !redirected {
            return None;
        }
        match self.oauth_error {
            Some(error) if UNWELL.contains(&error) => None,
            Some(_) => Some(GrantRefusal::SignIn),
            None => self.redirects.then_some(GrantRefusal::Undecidable),
        }
    }

    /// Whether it could say that the vendor blocks this client. Vendors say that in words only, so the latch
    /// ends by itself.
    #[must_use]
    pub fn may_say_blocked(&self) -> bool {
        // A firewall's page may come with any of these.
        let page = self.body == Body::Page && matches!(self.status, Some(200..=299));
        (page || matches!(self.status, Some(300..=499))) && self.has_words
    }

    /// Whether it could say that the vendor refuses this program, whoever uses it: a document with a code.
    /// Words alone are no reason to send nothing any more.
    #[must_use]
    pub fn may_say_client_refused(&self) -> bool {
        let error = self.oauth_error.is_some_and(|error| !error.trim().is_empty());
        !self.is_missing && self.body != Body::Page && (self.has_code() || error)
    }

    /// Whether a service answered, and not just that it cannot answer now: an answer that is neither success
    /// nor verdict, and that a service which is only unwell would not give. An answer of which nothing is told
    /// is doubtful too.
    #[must_use]
    pub fn is_doubtful(&self) -> bool {
        !self.is_missing
            && match self.status {
                Some(status @ (408 | 425 | 429 | 500..)) => self.is_grant_error() && status >= 500,
                Some(_) | None => true,
            }
    }

    /// Whether it is a document with a status that says no. In front of a service stand others, which have
    /// pages for it.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        let passing = matches!(self.status, Some(408 | 425 | 429));
        !self.is_missing && matches!(self.status, Some(400..=499)) && !passing && self.body != Body::Page
    }

    /// Whether there is a code.
    #[must_use]
    pub fn has_code(&self) -> bool {
        self.code.is_some_and(|code| !code.trim().is_empty())
    }

    fn is_grant_error(&self) -> bool {
        self.oauth_error.is_some_and(|error| GRANT_ERRORS.contains(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> Answer<'static> {
        Answer { step: Step::Refresh, status: Some(400), has_words: true, ..Answer::default() }
    }

    #[test]
    fn a_grant_is_refused_by_an_error_a_listed_code_or_one_that_the_policy_knows() {
        let known = Answer { code: Some("4002"), ..refused() };
        let nothing = Listed::default();
        assert_eq!(refused().refuses_grant(nothing), Some(false));
        assert_eq!(known.refuses_grant(nothing), None);
        assert_eq!(known.refuses_grant(Listed { code: true, ..nothing }), Some(true));
        let error = Answer { oauth_error: Some("invalid_grant"), ..refused() };
        assert_eq!(error.refuses_grant(nothing), Some(true));
        for status in [200, 302, 408, 425, 429, 500, 503] {
            let unwell = Answer { status: Some(status), ..error };
            assert_eq!(unwell.refuses_grant(nothing), Some(false), "{status}");
            let by_table = unwell.refuses_grant(Listed { with_status: true, ..nothing });
            assert_eq!(by_table, Some(true), "{status}");
        }
        assert_eq!(Answer { body: Body::Page, ..error }.refuses_grant(nothing), Some(false));
        assert_eq!(Answer { is_missing: true, ..error }.refuses_grant(nothing), Some(false));
        let read = Answer { step: Step::Other, ..known };
        assert_eq!(read.refuses_grant(Listed { code: true, with_status: true }), None);
    }
}
