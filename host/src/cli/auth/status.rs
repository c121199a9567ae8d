//! `vehicle-connector auth status`: how accounts are signed in, as the host that runs tells it, or as it is stored.

use std::path::Path;
use std::process::ExitCode;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::super::remote::Asked;
use super::super::table::plain;
use super::super::way::Way;
use super::super::{complain, logging};
use super::remembered;
use crate::config::{Config, LogFormat};
use crate::protect::quota::Count;

/// The word for an account whose cloud was not reached.
const UNREACHED: &str = "upstream_down";

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

const VERB: &str = "account/list";

/// Exit codes: 0 shown, 1 no such account or nothing that tells it, 2 no good configuration.
pub(super) async fn run(account: Option<&str>, host: &Asked) -> ExitCode {
    let payload = account.map_or_else(|| json!({}), |account| json!({"account": account}));
    let given = host.given();
    let (directory, config) = match host.found() {
        Ok(found) => found,
        Err(code) => return code,
    };
    match (config, Way::running(&directory)) {
        (Some(config), Ok(None)) => match stored(&config, &directory, &payload).await {
            Ok(data) => {
                let _told = complain(0, format_args!("no host runs: this is told of what is stored"));
                host.show(VERB, data, |all: &Vec<Listed>| shown(all, &given, Told::Stored))
            }
            Err(error) => complain(1, format_args!("{}", plain(&format!("{error:#}")))),
        },
        _ => host.ask(VERB, &payload, |all: &Vec<Listed>| shown(all, &given, Told::Running)),
    }
}

/// Who tells how accounts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Running,
    Stored,
}

/// Asks a host on a copy of the state.
async fn stored(config: &Config, directory: &Path, payload: &Value) -> anyhow::Result<Value> {
    let _log = logging::to_stderr("error", LogFormat::Text);
    let host = remembered::host(config, directory).await?;
    let (steps, _nobody_listens) = mpsc::channel(1);
    let payload = payload.to_string();
    let mut answer = host.request_in_steps(VERB, payload.as_bytes(), "command line", &steps).await;
    host.stop().await;
    match answer.get("error").and_then(Value::as_str) {
        Some(error) => Err(anyhow::Error::msg(error.to_owned())),
        None => Ok(answer.get_mut("data").map(Value::take).unwrap_or_default()),
    }
}

fn shown(accounts: &[Listed], given: &str, told: Told) -> String {
    if accounts.is_empty() {
        return "there is no account\n".to_owned();
    }
    let all: Vec<String> = accounts.iter().map(|account| account.shown(given, told)).collect();
    all.join("\n")
}

impl Listed {
    fn shown(&self, given: &str, told: Told) -> String {
        let Self { account, state, auth } = self;
        // Whether the cloud is reached only a host knows that runs.
        let unknown = told == Told::Stored && state.state == UNREACHED;
        let known = |text: &Option<String>| text.clone().filter(|_| !unknown);
        let mut lines = Vec::new();
        let mut line = |what: &str, text: Option<String>| {
            if let Some(text) = text {
                lines.push(format!("  {what:<15} {}\n", plain(&text)));
            }
        };
        let since = state.since.as_ref().map(|since| format!(", since {}", short(since))).unwrap_or_default();
        let word =
            if unknown { "nothing that is stored keeps it from being used" } else { state.state.as_str() };
        line("state", Some(format!("{word}{since}")));
        line("reason", known(&state.reason));
        line("the vendor says", known(&state.detail));
        line("next try", state.next_attempt_at.as_deref().map(short));
        if let Some(auth) = auth {
            line("session", Some(auth.session.as_ref().map_or_else(|| "none".to_owned(), Session::kind)));
            if let Some(session) = &auth.session {
                line(
                    "access token",
                    session.access_ends_at.as_deref().map(|at| format!("ends {}", short(at))),
                );
                let due = |at: &str| format!("due by {}, by itself", short(at));
                line("next renewal", session.refresh_ends_at.as_deref().map(due));
                let whatever = |at: &str| format!("ends {}, and nothing renews it", short(at));
                line("sign-in", session.grant_ends_at.as_deref().map(whatever));
            }
            let limit = auth.sign_ins.limit.map_or_else(|| "any".to_owned(), |limit| limit.to_string());
            line("sign-ins", Some(format!("{} of {limit} within 24 h", auth.sign_ins.used)));
            let names = auth.credentials.join(", ");
            line("configured", Some(if names.is_empty() { "no credentials".to_owned() } else { names }));
            line("to do", Some(self.to_do(auth, given, unknown)));
        }
        format!("{}\n{}", plain(account), lines.concat())
    }

    /// What a person has to do.
    fn to_do(&self, auth: &Standing, given: &str, unknown: bool) -> String {
        let account = &self.account;
        if let Some(question) = &auth.question {
            let text = question.get("text").and_then(Value::as_str).unwrap_or("answer the question");
            return format!("{text}: `vehicle-connector auth answer {account}{given}`");
        }
        match self.state.state.as_str() {
            "auth_required" | "otp_required" | "consent_required" => {
                format!("what the reason says, or sign in: `vehicle-connector auth login {account}{given}`")
            }
            UNREACHED if unknown && auth.session.is_some() => "nothing".to_owned(),
            UNREACHED if unknown => "nothing: the first read signs in".to_owned(),
            "locked_out" | "rate_limited" | UNREACHED => "nothing: wait".to_owned(),
            "client_refused" => {
                "what the reason says; if nothing here can be wrong, install a newer connector".to_owned()
            }
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
        let text = shown(&[listed("ok", session.clone(), json!(null))], "", Told::Running);
        assert_eq!(
            text,
            "main\n  state           ok\n  session         cci, signed, since 2026-11-30T12:00:00Z\n\
             \x20 access token    ends 2026-11-30T13:00:00Z\n\
             \x20 next renewal    due by 2027-02-28T12:00:00Z, by itself\n\
             \x20 sign-ins        1 of 4 within 24 h\n  configured      pin, username\n  to do           nothing\n"
        );
        let asked =
            listed("otp_required", json!(null), json!({"kind": "code", "text": "a code was sent\u{1b}[2J"}));
        let text = shown(&[asked], " -c car.toml", Told::Running);
        assert!(text.contains("a code was sent") && !text.contains('\u{1b}'), "{text}");
        assert!(text.contains("`vehicle-connector auth answer main -c car.toml`"), "{text}");
        let text = shown(&[listed(UNREACHED, session, json!(null))], "", Told::Stored);
        assert!(
            text.contains("nothing that is stored") && text.contains("to do           nothing\n"),
            "{text}"
        );
        let text = shown(&[listed(UNREACHED, json!(null), json!(null))], "", Told::Running);
        assert!(text.contains(UNREACHED) && text.contains("nothing: wait"), "{text}");
        let text = shown(&[listed("auth_required", json!(null), json!(null))], "", Told::Stored);
        assert!(text.contains("session         none") && text.contains("auth login main"), "{text}");
    }
}
