//! Where answers lead that should have been documents.

use super::{CCSP, is_said_by};
use crate::text::Words;
use crate::types::{Failure, FailureKind, Phase};

/// The rule of a page where a person has to accept terms.
pub(crate) const TERMS_PAGE: &str = "redirect-terms";

/// The rule of a page where one signs in.
pub(crate) const SIGN_IN_PAGE: &str = "redirect-sign-in";

/// What the address of a page says where terms are accepted, and who says it so; empty for all.
static TERMS_PAGES: &[(&[&str], &str)] =
    &[(CCSP, "web v1 user authorization"), (&[], "consent|consents|terms|agreement|agreements")];

/// What the address of a page says where one signs in.
static SIGN_IN_PAGES: &[&str] = &["login|signin|logon", "sign in", "log in", "authorize"];

/// What an answer means that leads elsewhere. A sign-in that ends at the page where it began was refused, or
/// kept out by something in front of the cloud: which one, nobody can tell. Anything else that is sent there
/// has lost its session.
pub(crate) fn redirected(failure: &Failure) -> Option<(FailureKind, &'static str)> {
    let place = Words::of_address(failure.redirect.as_deref()?);
    let session = matches!(failure.phase, Phase::SignIn | Phase::Refresh);
    let is_terms = |(clouds, pattern): &(&[&str], &str)| is_said_by(clouds, failure) && place.say(pattern);
    if session && TERMS_PAGES.iter().any(is_terms) {
        return Some((FailureKind::ChallengeRequired, TERMS_PAGE));
    }
    if !place.say_any(SIGN_IN_PAGES) {
        return None;
    }
    match failure.phase {
        Phase::SignIn => Some((FailureKind::CredentialsRejected, SIGN_IN_PAGE)),
        // Their vehicle service has no pages: what leads to one stands in between.
        _ if is_said_by(CCSP, failure) => None,
        Phase::Status | Phase::Command | Phase::Confirmation => {
            Some((FailureKind::TokenExpired, SIGN_IN_PAGE))
        }
        Phase::Refresh | Phase::Registration | Phase::Pin | Phase::Unknown => None,
    }
}
