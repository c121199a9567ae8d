//! The cloud's envelopes.
//!
//! There are four: the vehicle service's (`retCode`, `resCode`, `resMsg`), the gateway's (`error`), the
//! account service's (`errCode`, `errMsg`) and the identity provider's (a numeric `retCode`, `retMsg`,
//! `retSubMsg`). Which one an answer comes in depends on how far the request got, not on what was asked.

use vehicle_connector_sdk::prelude::*;

use crate::cloud::Proof;

/// Our own code for a command whose permission the cloud refused; the vendor has none.
pub(crate) const PERMISSION_REFUSED: &str = "control-token";

/// Our own code for a PIN that the cloud refused by saying how many tries are left; the vendor has none.
pub(crate) const PIN_REFUSED: &str = "pin-refused";

/// The envelope of the vehicle service, with the words of all of them.
pub(crate) static SERVICE: Envelope = Envelope {
    success: &[("/retCode", Says::Text("S"))],
    codes_at: &["/resCode", "/errCode"],
    sub_codes_at: &[],
    words_at: &["/resMsg", "/error", "/errMsg", "/retMsg", "/message"],
    details_at: &["/error_description", "/retSubMsg"],
    before_execution: &[
        // A parameter, or a device that is not known.
        "4002", "4003", // The vehicle is busy, does not have this, or its 12 V battery is low.
        "4004", "4005", "4007", // The sign-in, the stamp, the account.
        "4010", "4017", "5153", "7501",
        // Remote control is unavailable, the quota is used up, there is no data.
        "5031", "5091", "5921", // The gate before the services.
        "9035", "9036", "9037",
    ],
    // The vehicle was told, and did not answer in time.
    undecided: &["4081", "9999"],
};

/// The answer, if it says that all went well.
///
/// # Errors
///
/// Any other answer, as facts.
pub(crate) fn open(answer: Answer, proof: Proof) -> Result<Answer, Failure> {
    let good = match proof {
        Proof::Access { .. } | Proof::Control { .. } | Proof::Registration => {
            SERVICE.is_success(answer.document())
        }
        Proof::Pin => answer.text("/controlToken").is_some(),
        Proof::Grant => answer.text("/access_token").is_some(),
    };
    if answer.is_2xx() && good { Ok(answer) } else { Err(refused(&answer, proof)) }
}

fn refused(answer: &Answer, proof: Proof) -> Failure {
    let failure = answer.refusal(&SERVICE);
    let document = answer.document();
    // The identity provider's number; the vehicle service's word beside it is no code.
    let number = answer.at("/retCode").filter(|code| code.is_number()).map(ToString::to_string);
    let code = failure.code.clone().or(number);
    let code = if control_token_refused(answer, proof, code.as_deref()) {
        Some(PERMISSION_REFUSED.to_owned())
    } else if proof == Proof::Pin && document.is_some_and(counts_tries) {
        Some(PIN_REFUSED.to_owned())
    } else {
        code
    };
    Failure { code, ..failure }
}

/// Requests with the PIN's permission do not carry the access token, so a refusal of "the token" is about the
/// permission. A code says that something else was the matter, for instance the stamp.
fn control_token_refused(answer: &Answer, proof: Proof, code: Option<&str>) -> bool {
    let gateway =
        answer.document().is_none_or(|document| document.get("error").is_some() || document.is_null());
    matches!(proof, Proof::Control { .. })
        && matches!(answer.status(), 401 | 403)
        && code.is_none()
        && gateway
}

/// Whether an answer to a PIN says how many tries are left, which is said of a wrong one only.
fn counts_tries(document: &Value) -> bool {
    let counts = |value: &Value| value.get("remainCount").is_some_and(Value::is_number);
    counts(document) || ["errBody", "resMsg", "data"].iter().filter_map(|key| document.get(key)).any(counts)
}

#[cfg(test)]
mod tests;
