//! Requests about accounts: a person can have the same credentials tried once more.

use serde::Deserialize;
use serde_json::{Value, json};

use super::parsed;
use crate::account::Account;
use crate::host::fleet::Fleet;

/// Account that a request names.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    account: String,
    /// Transaction, which only the answer needs.
    #[serde(default, rename = "transaction")]
    _transaction: Value,
}

/// Does what a request asks for; none if there is no such request.
pub(super) async fn about(
    fleet: &Fleet,
    what: &str,
    payload: &[u8],
    by: &str,
) -> Option<Result<Value, String>> {
    let account = match what {
        "retry" | "retries" => named(fleet, what, payload),
        _ => return None,
    };
    Some(match (account, what) {
        (Err(error), _) => Err(error),
        (Ok(account), "retry") => {
            account.retry(by).await.map(|lifted| json!(lifted)).map_err(|error| error.to_string())
        }
        (Ok(account), _) => Ok(json!(account.retries().await)),
    })
}

fn named<'f>(fleet: &'f Fleet, what: &str, payload: &[u8]) -> Result<&'f Account, String> {
    let takes = format!("account/{what} takes {{\"account\":\"…\"}}");
    let Which { account, .. } = parsed(payload, &takes)?;
    fleet.accounts.get(&account).map(AsRef::as_ref).ok_or_else(|| {
        let known: Vec<&str> = fleet.accounts.keys().map(AsRef::as_ref).collect();
        format!("there is no account {account:?}; there are: {}", known.join(", "))
    })
}
