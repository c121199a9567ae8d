//! Sign-in and refresh.

use vehicle_connector_sdk::prelude::*;

use crate::gigya::{self, Gigya, ID_TOKEN, SECOND_FACTOR};
use crate::second_factor;

/// A session by password, or the question for the code that the cloud wants besides.
///
/// # Errors
///
/// No answer, or a refusal.
pub(crate) fn sign_in(account: &Account) -> Result<Step, Failure> {
    let gigya = Gigya::of(account)?;
    let answer = gigya.login(second_factor::has_device(account))?;
    if answer.integer("/errorCode") == Some(SECOND_FACTOR) {
        // Without it the challenge cannot be taken up.
        answer.part("/regToken")?;
        return second_factor::begin(account, &gigya);
    }
    signed_in(answer, &gigya)
}

/// The session that a login gave.
///
/// # Errors
///
/// The login was refused, or what comes after it fails.
pub(crate) fn signed_in(answer: Answer, gigya: &Gigya<'_>) -> Result<Step, Failure> {
    gigya::open(answer)?.part("/sessionInfo/cookieValue")?;
    gigya.person(Phase::SignIn)?;
    granted(gigya, Phase::SignIn)
}

/// The next id token, by the login token. When that has ended, 403005 or 403013, only another sign-in helps.
///
/// # Errors
///
/// No answer, or a refusal.
pub(crate) fn refresh(account: &Account) -> Result<Step, Failure> {
    let gigya = Gigya::of(account)?;
    if !account.has_secret("person-id") {
        // A sign-in that failed after its login has left it out.
        gigya.person(Phase::Refresh)?;
    }
    granted(&gigya, Phase::Refresh)
}

fn granted(gigya: &Gigya<'_>, phase: Phase) -> Result<Step, Failure> {
    gigya.id_token(phase)?;
    Ok(Step::Granted(Grant {
        expires_in: Some(ID_TOKEN),
        refresh_expires_in: None,
        ends_in: None,
        value: String::new(),
    }))
}
