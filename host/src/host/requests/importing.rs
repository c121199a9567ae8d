//! The request to take over a session that another program has obtained. It carries tokens, so it comes by the control
//! socket only, and no error quotes any of it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Caller;
use super::accounts::known;
use crate::host::fleet::Fleet;

/// What the request takes.
const TAKES: &str =
    "account/import takes {\"account\":\"…\",\"tokens\":{\"…\":\"…\"},\"session\":{…}}, texts in quotes";

/// Why it is not taken from a message.
const NOT_HERE: &str = "account/import is not taken by MQTT, where others may read the tokens; use `vehicle-connector auth \
                        import` on the host's machine. Tokens that were sent here are known to the broker";

/// A session, and the account that takes it over.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Importing {
    account: String,
    tokens: BTreeMap<String, String>,
    /// What the connector finds in the cell of the session: an object, or a text.
    session: Value,
    /// Transaction, which only the answer needs.
    #[serde(default, rename = "transaction")]
    _transaction: Value,
}

/// Has an account take over the session in a request.
pub(super) async fn import(fleet: &Fleet, payload: &[u8], caller: Caller<'_>) -> Result<Value, String> {
    if caller.is_message() {
        return Err(NOT_HERE.to_owned());
    }
    // Why serde does not take it is not told: it would quote what it found.
    let wrong = || format!("it has another form; {TAKES}");
    let Importing { account, tokens, session, .. } = serde_json::from_slice(payload).map_err(|_| wrong())?;
    let session = match session {
        Value::String(text) => text,
        session @ Value::Object(_) => session.to_string(),
        _ => return Err(wrong()),
    };
    let account = known(&fleet.now(), &account)?;
    let tokens = tokens.into_iter().map(|(name, token)| (name, token.into())).collect();
    let done = account.import(tokens, session, caller.name()).await;
    done.map(|imported| json!(imported)).map_err(|error| error.to_string())
}
