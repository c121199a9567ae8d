//! Requests about accounts: a person can have the same credentials tried once more.

use serde::Deserialize;
use serde_json::{Value, json};

use super::parsed;
use crate::account::Account;
use crate::host::Host;

/// Which account, as requests say it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    account: String,
    /// Only for the answer.
    #[serde(default, rename = "transaction")]
    _transaction: Value,
}

impl Host {
    /// Does what is asked for; none if there is no such request.
    pub(super) async fn about_accounts(
        &self,
        what: &str,
        payload: &[u8],
        by: &str,
    ) -> Option<Result<Value, String>> {
        Some(match what {
            "retry" => match self.account_named(what, payload) {
                Ok(account) => {
                    account.retry(by).await.map(|lifted| json!(lifted)).map_err(|error| error.to_string())
                }
                Err(error) => Err(error),
            },
            "retries" => match self.account_named(what, payload) {
                Ok(account) => Ok(json!(account.retries().await)),
                Err(error) => Err(error),
            },
            _ => return None,
        })
    }

    fn account_named(&self, what: &str, payload: &[u8]) -> Result<&Account, String> {
        let takes = format!("account/{what} takes {{\"account\":\"…\"}}");
        let Which { account, .. } = parsed(payload, &takes)?;
        self.accounts.get(&account).map(AsRef::as_ref).ok_or_else(|| {
            let known: Vec<&str> = self.accounts.keys().map(AsRef::as_ref).collect();
            format!("there is no account {account:?}; there are: {}", known.join(", "))
        })
    }
}
