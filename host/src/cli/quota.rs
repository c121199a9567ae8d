//! `vehicle-connector quota`: what the accounts may still do today.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;
use serde::Deserialize;
use serde_json::json;

use super::remote::Asked;
use super::table::Table;
use crate::protect::quota::Count;

/// Whose quota is shown.
#[derive(Debug, Args)]
pub(super) struct QuotaOptions {
    /// The account, as the configuration names it; all of them without it.
    #[arg(value_name = "ACCOUNT")]
    account: Option<String>,
    #[command(flatten)]
    host: Asked,
}

#[derive(Deserialize)]
struct Quota {
    account: String,
    requests: Count,
    sign_ins: Count,
    #[serde(default)]
    forced_reads: BTreeMap<String, Count>,
}

/// Exit codes: 0 shown, 1 no host or no such account, 2 no good configuration.
pub(super) fn run(options: &QuotaOptions) -> ExitCode {
    let payload = match &options.account {
        Some(account) => json!({"account": account}),
        None => json!({}),
    };
    options.host.ask("account/quota", &payload, |all: &Vec<Quota>| shown(all))
}

fn shown(quotas: &[Quota]) -> String {
    let mut table = Table::new(["ACCOUNT", "WHAT", "USED", "LIMIT", "LEFT"]);
    let number = |number: Option<u32>| number.map_or_else(|| "none".to_owned(), |number| number.to_string());
    for Quota { account, requests, sign_ins, forced_reads } in quotas {
        let mut row = |what: String, Count { used, limit, left }: &Count| {
            let left = left.map_or_else(|| "any".to_owned(), |left| left.to_string());
            table.row([account.clone(), what, used.to_string(), number(*limit), left]);
        };
        row("requests today".to_owned(), requests);
        row("sign-ins in 24 h".to_owned(), sign_ins);
        for (vehicle, count) in forced_reads {
            row(format!("forced reads of {vehicle} in 24 h"), count);
        }
    }
    if quotas.is_empty() { "the host serves no account\n".to_owned() } else { table.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_without_a_limit_is_told_as_such() {
        let quotas: Vec<Quota> = serde_json::from_value(json!([{
            "account": "main", "requests": {"used": 7, "limit": null, "left": null},
            "sign_ins": {"used": 1, "limit": 4, "left": 3}, "forced_reads": {"ev6": {"used": 0, "limit": 24, "left": 24}},
        }]))
        .unwrap();
        let shown = shown(&quotas);
        let lines: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1], ["main", "requests", "today", "7", "none", "any"]);
        assert_eq!(lines[2].join(" "), "main sign-ins in 24 h 1 4 3");
        assert_eq!(lines[3].join(" "), "main forced reads of ev6 in 24 h 0 24 24");
    }
}
