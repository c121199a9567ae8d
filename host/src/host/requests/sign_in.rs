//! Requests to sign an account in, perhaps with what a person gives for that, and to sign it out. What is given comes by
//! the control socket only, and no error quotes any of it.

use serde::Deserialize;
use serde_json::{Value, json};

use super::accounts::{known, named};
use super::{Caller, parsed};
use crate::account::Given;
use crate::host::fleet::Fleet;

/// Account that a person signs in, and what is given for that.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SigningIn {
    account: String,
    username: Option<SecretString>,
    password: Option<SecretString>,
    /// Transaction, which only the answer needs.
    #[serde(default, rename = "transaction")]
    _transaction: Value,
}

/// Begins a sign-in. What is given for it comes by the control socket only: what is on the broker others may read.
pub(super) async fn login(fleet: &Fleet, payload: &[u8], caller: Caller<'_>) -> Result<Value, String> {
    // Why it is none is not told: that would quote what is in it.
    let takes = || {
        "account/login takes {\"account\":\"…\"}, and by the control socket username and password, which are texts"
            .to_owned()
    };
    let SigningIn { account, username, password, .. } = parsed(payload, "").map_err(|_| takes())?;
    let given = Given { username: username.map(|it| it.0), password: password.map(|it| it.0) };
    if caller.is_message() && (given.username.is_some() || given.password.is_some()) {
        tracing::warn!(
            "a sign-in was not begun: what was given for it has come by the broker, where others may read it"
        );
        return Err(
            "a user name and a password are taken by the control socket only, with `vehicle-connector auth login`: what \
             is on the broker others may read, so change that password if it was the right one"
                .to_owned(),
        );
    }
    let account = known(&fleet.now(), &account)?;
    account.login(caller.name(), given).await.map(|done| json!(done)).map_err(|error| error.to_string())
}

/// A text that is wiped when it is not needed any more.
struct SecretString(secrecy::SecretString);

impl<'de> Deserialize<'de> for SecretString {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

/// Signs an account out, for a person on this machine only: it takes one to sign it in again.
pub(super) async fn logout(fleet: &Fleet, payload: &[u8], caller: Caller<'_>) -> Result<Value, String> {
    let account = named(fleet, "logout", payload)?;
    if caller.is_message() {
        return Err(
            "account/logout is for the control socket only, with `vehicle-connector auth logout`".to_owned()
        );
    }
    account.logout(caller.name()).await.map(|done| json!(done)).map_err(|error| error.to_string())
}
