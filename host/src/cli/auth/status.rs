//! `vehicle-connector auth status`: how the accounts of a running host are signed in.

use std::process::ExitCode;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::remote::Asked;
use super::super::table::plain;
use crate::protect::quota::Count;

/// An account as a host lists it.
#[derive(Deserialize)]
struct Listed {
    account: String,
    state: State,
    /// Of a host of before there is none.
    auth: Option<Standing>,
}

#[derive(Deserialize)]
struct State {
    state: String,
    reason: Option<String>,
    detail: Option<String>,
    since: Option<String>,
    next_attempt_at: Option<String>,
}

#[derive(Deserialize)]
struct Standing {
    session: Option<Session>,
    credentials: Vec<String>,
    sign_ins: Count,
    question: Option<Value>,
}

#[derive(Deserialize)]
struct Session {
    family: Option<String>,
    route: Option<String>,
    since: Option<String>,
    access_ends_at: Option<String>,
    refresh_ends_at: Option<String>,
    grant_ends_at: Option<String>,
    #[serde(default)]
    refused: bool,
}

/// Exit codes: 0 shown, 1 no host or no such account, 2 no good configuration.
pub(super) fn run(account: Option<&str>, host: &Asked) -> ExitCode {
    let payload = account.map_or_else(|| json!({}), |account| json!({"account": account}));
    let given = host.given();
    host.ask("account/list", &payload, |all: &Vec<Listed>| shown(all, &given))
}

fn shown(accounts: &[Listed], given: &str) -> String {
    if accounts.is_empty() {
        return "the host serves no account\n".to_owned();
    }
    let all: Vec<String> = accounts.iter().map(|account| account.shown(given)).collect();
    all.join("\n")
}

impl Listed {
    fn shown(&self, given: &str) -> String {
        let Self { account, state, auth } = self;
        let mut lines = Vec::new();
        let mut line = |what: &str, text: Option<String>| {
            if let Some(text) = text {
                lines.push(format!("  {what:<15} {}\n", plain(&text)));
            }
        };
        let since = state.since.as_ref().map(|since| format!(", since {}", short(since))).unwrap_or_default();
        line("state", Some(format!("{}{since}", state.state)));
        line("reason", state.reason.clone());
        line("the vendor says", state.detail.clone());
        line("next try", state.next_attempt_at.as_deref().map(short));
        if let Some(auth) = auth {
            line("session", Some(auth.session.as_ref().map_or_else(|| "none".to_owned(), Session::kind)));
            if let Some(session) = &auth.session {
                line(
                    "access token",
                    session.access_ends_at.as_deref().map(|at| format!("ends {}", short(at))),
                );
                let unused = |at: &str| format!("ends {}, if it is not used before", short(at));
                line("refresh token", session.refresh_ends_at.as_deref().map(unused));
                let whatever = |at: &str| format!("ends {}, and nothing renews it", short(at));
                line("sign-in", session.grant_ends_at.as_deref().map(whatever));
            }
            let limit = auth.sign_ins.limit.map_or_else(|| "any".to_owned(), |limit| limit.to_string());
            line("sign-ins", Some(format!("{} of {limit} within 24 h", auth.sign_ins.used)));
            let names = auth.credentials.join(", ");
            line("configured", Some(if names.is_empty() { "no credentials".to_owned() } else { names }));
            line("to do", Some(self.to_do(auth, given)));
        }
        format!("{}\n{}", plain(account), lines.concat())
    }

    /// What a person has to do.
    fn to_do(&self, auth: &Standing, given: &str) -> String {
        let account = &self.account;
        if let Some(question) = &auth.question {
            let text = question.get("text").and_then(Value::as_str).unwrap_or("answer the question");
            return format!("{text}: `vehicle-connector auth answer {account}{given}`");
        }
        match self.state.state.as_str() {
            "auth_required" | "otp_required" | "consent_required" => {
                format!("what the reason says, or sign in: `vehicle-connector auth login {account}{given}`")
            }
            "locked_out" | "rate_limited" | "upstream_down" => "nothing: wait".to_owned(),
            "client_refused" => "install a newer connector".to_owned(),
            "session_fight" => "stop the other program that uses this account".to_owned(),
            _ if auth.session.is_none() => "nothing: the first read signs in".to_owned(),
            _ => "nothing".to_owned(),
        }
    }
}

impl Session {
    fn kind(&self) -> String {
        let kind: Vec<&str> = [&self.family, &self.route].into_iter().flatten().map(String::as_str).collect();
        let kind = if kind.is_empty() { "there is one".to_owned() } else { kind.join(", ") };
        let since = self.since.as_ref().map(|since| format!(", since {}", short(since))).unwrap_or_default();
        let refused = if self.refused { "; the cloud has refused its token" } else { "" };
        format!("{kind}{since}{refused}")
    }
}

/// A time without its fractions of a second.
fn short(time: &str) -> String {
    match time.parse::<jiff::Timestamp>() {
        Ok(time) => format!("{time:.0}"),
        Err(_) => time.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(state: &str, session: Value, question: Value) -> Listed {
        serde_json::from_value(json!({
            "account": "main", "connector": "acme", "vehicles": [],
            "state": {"state": state, "reason": null, "detail": null, "since": null, "next_attempt_at": null},
            "auth": {
                "session": session, "credentials": ["pin", "username"], "question": question,
                "sign_ins": {"used": 1, "limit": 4, "left": 3},
            },
        }))
        .unwrap()
    }

    #[test]
    fn what_is_known_is_told_and_what_is_to_be_done() {
        let session = json!({
            "family": "cci", "route": "signed", "since": "2026-11-30T12:00:00.123Z",
            "access_ends_at": "2026-11-30T13:00:00Z", "refresh_ends_at": "2027-02-28T12:00:00Z",
            "grant_ends_at": null, "refused": false,
        });
        let text = shown(&[listed("ok", session, json!(null))], "");
        assert_eq!(
            text,
            "main\n  state           ok\n  session         cci, signed, since 2026-11-30T12:00:00Z\n\
             \x20 access token    ends 2026-11-30T13:00:00Z\n\
             \x20 refresh token   ends 2027-02-28T12:00:00Z, if it is not used before\n\
             \x20 sign-ins        1 of 4 within 24 h\n  configured      pin, username\n  to do           nothing\n"
        );
        let asked =
            listed("otp_required", json!(null), json!({"kind": "code", "text": "a code was sent\u{1b}[2J"}));
        let text = shown(&[asked], " -c car.toml");
        assert!(text.contains("a code was sent") && !text.contains('\u{1b}'), "{text}");
        assert!(text.contains("`vehicle-connector auth answer main -c car.toml`"), "{text}");
        let text = shown(&[listed("auth_required", json!(null), json!(null))], "");
        assert!(text.contains("session         none") && text.contains("auth login main"), "{text}");
    }
}
