//! Requests about accounts: a person can have the same credentials tried once more, begin a sign-in, and answer
//! what it asks.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Caller, answers, importing, parsed, sign_in};
use crate::account::Account;
use crate::host::fleet::{Fleet, Members};
use crate::protect::quota::Count;

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
    caller: Caller<'_>,
) -> Option<Result<Value, String>> {
    let by = caller.name();
    let account = match what {
        "retry" | "retries" | "question" | "credentials" => named(fleet, what, payload),
        "answer" => return Some(answered(fleet, payload).await),
        "import" => return Some(importing::import(fleet, payload, caller).await),
        "login" => return Some(sign_in::login(fleet, payload, caller).await),
        "logout" => return Some(sign_in::logout(fleet, payload, caller).await),
        "list" => return Some(about_all(fleet, payload, what, of_account)),
        "quota" => return Some(about_all(fleet, payload, what, quota_of)),
        _ => return None,
    };
    let account = match account {
        Ok(account) => account,
        Err(error) => return Some(Err(error)),
    };
    Some(match what {
        "retry" => account.retry(by).await.map(|lifted| json!(lifted)).map_err(|error| error.to_string()),
        "question" => Ok(json!(account.sign_in_so_far())),
        "credentials" => Ok(json!(account.sign_in_takes().await)),
        _ => Ok(json!(account.retries().await)),
    })
}

/// Account that a request may name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Perhaps {
    account: Option<String>,
    /// Transaction, which only the answer needs.
    #[serde(default, rename = "transaction")]
    _transaction: Value,
}

/// Tells something of the account that a request names, or of all of them.
fn about_all(
    fleet: &Fleet,
    payload: &[u8],
    what: &str,
    tell: impl Fn(&Members, &Account) -> Value,
) -> Result<Value, String> {
    let takes = format!("account/{what} takes {{}} or {{\"account\":\"…\"}}");
    let Perhaps { account, .. } = parsed(payload, &takes)?;
    let members = fleet.now();
    if let Some(wanted) = account {
        let account = known(&members, &wanted)?;
        return Ok(json!([tell(&members, &account)]));
    }
    Ok(members.accounts.values().map(|account| tell(&members, account)).collect())
}

/// How an account is, as on its topic, and how it is signed in.
fn of_account(members: &Members, account: &Account) -> Value {
    let vehicles: Vec<&str> = members.vehicles_of(account).map(|vehicle| vehicle.slug.as_str()).collect();
    let Account { slug, connector_name, .. } = account;
    json!({"account": slug, "connector": connector_name, "vehicles": vehicles, "state": account.shown(), "auth": account.standing()})
}

/// How much of what an account may do within a day is done: requests on its calendar's day, the others within the last
/// 24 hours.
fn quota_of(members: &Members, account: &Account) -> Value {
    let now = account.services.clock.now();
    let vehicles = members.vehicles_of(account);
    let forced: BTreeMap<String, Count> =
        vehicles.map(|vehicle| (vehicle.slug.clone(), vehicle.forced_reads.counted(now))).collect();
    json!({
        "account": account.slug,
        "requests": {
            "used": account.requests.used(now),
            "limit": account.requests.limit(),
            "left": account.requests.left(now),
            "resets_at": account.requests.resets_at(now),
        },
        "sign_ins": account.context.sign_ins.counted(now),
        "forced_reads": forced,
    })
}

/// Answer to a question, and the account that asks.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answering {
    account: String,
    answer: Value,
    /// Transaction, which only the answer needs.
    #[serde(default, rename = "transaction")]
    _transaction: Value,
}

async fn answered(fleet: &Fleet, payload: &[u8]) -> Result<Value, String> {
    // Why it is none is not told: that would quote what is in it.
    let takes = || "account/answer takes {\"account\":\"…\",\"answer\":…}".to_owned();
    let Answering { account, answer, .. } = parsed(payload, "").map_err(|_| takes())?;
    // The name may be an answer in the wrong place.
    let account = fleet.account(&account).ok_or_else(|| {
        let known: Vec<String> = fleet.now().accounts.keys().cloned().collect();
        format!("there is no such account; there are: {}", known.join(", "))
    })?;
    let answer = match answer {
        Value::String(text) => text,
        other => other.to_string(),
    };
    answers::answered(&account, answer.as_bytes()).await
}

pub(super) fn named(fleet: &Fleet, what: &str, payload: &[u8]) -> Result<Arc<Account>, String> {
    let takes = format!("account/{what} takes {{\"account\":\"…\"}}");
    let Which { account, .. } = parsed(payload, &takes)?;
    known(&fleet.now(), &account)
}

/// The account of this name; the error says which there are.
pub(in crate::host) fn known(members: &Members, account: &str) -> Result<Arc<Account>, String> {
    members.accounts.get(account).cloned().ok_or_else(|| {
        let known: Vec<&str> = members.accounts.keys().map(AsRef::as_ref).collect();
        format!("there is no account {account:?}; there are: {}", known.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::account::tests::Home;
    use crate::account::tests::cloud::CODE;

    async fn asked(home: &Home, what: &str, payload: Value) -> Result<Value, String> {
        let accounts = BTreeMap::from([("main".to_owned(), Arc::clone(&home.account))]);
        let fleet = Fleet::new(Members { accounts, ..Members::default() });
        let caller = Caller::Program { by: "test", steps: None };
        about(&fleet, what, payload.to_string().as_bytes(), caller).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_person_signs_in_and_answers_by_requests() {
        let home = Home::new().await;
        let main = || json!({"account": "main", "transaction": 7});
        let answer = |answer: Value| json!({"account": "main", "answer": answer});
        let outcome = |done: Result<Value, String>| done.unwrap()["outcome"].clone();
        assert_eq!(outcome(asked(&home, "question", main()).await), "ended");
        // Whatever it would be an answer to.
        for nothing in ["", "123456"] {
            let why = asked(&home, "answer", answer(json!(nothing))).await.unwrap_err();
            assert!(why.contains("no question is open for the account \"main\""), "{why}");
        }
        let begun = asked(&home, "login", main()).await.unwrap();
        assert_eq!((&begun["outcome"], &begun["question"]["kind"]), (&json!("asked"), &json!("code")));
        assert_eq!(asked(&home, "question", main()).await.unwrap(), begun);

        let wrong = asked(&home, "answer", answer(json!("000000"))).await.unwrap();
        assert_eq!(wrong["question"]["codes_left"], 2);
        // What is no answer is told to whoever sees only the question as well, and nothing of it is quoted.
        let why = asked(&home, "answer", answer(json!({"code": "12345"}))).await.unwrap_err();
        assert_eq!(why, "the code has 6 digits; nothing was sent");
        assert_eq!(home.question().unwrap()["problem"], why);
        for payload in [
            answer(json!({"password": "73184"})),
            json!({"account": "main", "73184": 73_184}),
            json!({"account": "x", "answer": 73_184}),
        ] {
            let why = asked(&home, "answer", payload).await.unwrap_err();
            assert!(!why.contains("73184"), "{why}");
        }
        let elsewhere = json!({"account": "73184", "answer": "73184"});
        let why = asked(&home, "answer", elsewhere).await.unwrap_err();
        assert_eq!(why, "there is no such account; there are: main");
        assert_eq!(
            outcome(asked(&home, "answer", answer(json!(CODE.parse::<u32>().unwrap()))).await),
            "signed_in"
        );
        assert_eq!(outcome(asked(&home, "question", main()).await), "signed_in");
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_is_imported_by_a_program_and_never_by_a_message() {
        let home = Home::new().await;
        let import = |session: Value, token: Value| json!({"account": "main", "session": session, "tokens": {"access-token": token, "refresh-token": "a-refresh-token-1"}});
        let good = || import(json!({"family": "x"}), json!("an-access-token-1"));
        let accounts = BTreeMap::from([("main".to_owned(), Arc::clone(&home.account))]);
        let fleet = Fleet::new(Members { accounts, ..Members::default() });
        let refused = about(&fleet, "import", good().to_string().as_bytes(), Caller::Message).await.unwrap();
        let why = refused.unwrap_err();
        assert!(why.contains("not taken by MQTT") && !why.contains("an-access"), "{why}");
        for wrong in [
            import(json!(7), json!("an-access-token-1")),
            import(json!(["an-access-token-1"]), json!("an-access-token-1")),
            import(json!({}), json!(["an-access-token-1"])),
            import(json!({}), json!(null)),
            json!({"account": "main", "tokens": {}, "session": {}, "an-access-token-1": 1}),
            json!("an-access-token-1"),
        ] {
            let why = asked(&home, "import", wrong).await.unwrap_err();
            assert!(why.contains("account/import takes") && !why.contains("an-access"), "{why}");
        }
        assert_eq!(home.session().generation, 0);
        let done = asked(&home, "import", good()).await.unwrap();
        assert_eq!(done["tokens"], json!(["access-token", "refresh-token"]));
        assert_eq!(home.session().value.as_deref(), Some(r#"{"family":"x"}"#));
        let listed = asked(&home, "list", json!({})).await.unwrap();
        assert_eq!(listed[0]["auth"]["session"]["family"], "x", "{listed}");
        asked(&home, "import", import(json!(""), json!("an-access-token-2"))).await.unwrap();
        assert_eq!(home.session().value.as_deref(), Some(""), "a connector may want a text, or nothing");
    }
}
