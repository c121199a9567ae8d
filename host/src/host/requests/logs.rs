//! Requests about the log of the program: an operator can change its level, and is told its latest lines.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{BY_MESSAGE, parsed};
use crate::program_log::{LogLevel, ProgramLog, Wanted};

/// Lines that are told unless the request says otherwise, and most that are.
const LINES: usize = 100;
const MOST_LINES: usize = 1_000;

/// Longest time that a request waits for the next line, in seconds.
const LONGEST_WAIT_S: u64 = 60;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Level {
    level: LogLevel,
    /// Transaction, which only the answer needs.
    #[serde(default, rename = "transaction")]
    _transaction: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lines {
    #[serde(default)]
    after: u64,
    level: Option<LogLevel>,
    most: Option<usize>,
    /// Seconds to wait for a line after that number, if there is none.
    #[serde(default)]
    wait_s: u64,
    /// Transaction, which only the answer needs.
    #[serde(default, rename = "transaction")]
    _transaction: Value,
}

/// Does what a request asks for; none if there is no such request.
pub(super) async fn about(
    program_log: Option<&Arc<dyn ProgramLog>>,
    what: &str,
    payload: &[u8],
    by: &str,
) -> Option<Result<Value, String>> {
    let none = || "this host has no log of its own; the program that embeds it may have one".to_owned();
    Some(match (what, program_log) {
        ("level" | "recent", None) => Err(none()),
        ("level", Some(program_log)) => level(program_log.as_ref(), payload, by),
        // Whoever may read the topics of a broker is not meant to read the log.
        ("recent", Some(_)) if by == BY_MESSAGE => {
            Err("the log is told over the control socket only (`vehicle-connector logs`)".to_owned())
        }
        ("recent", Some(program_log)) => recent(program_log.as_ref(), payload).await,
        _ => return None,
    })
}

fn level(program_log: &dyn ProgramLog, payload: &[u8], by: &str) -> Result<Value, String> {
    let takes = "log/level takes {\"level\":\"error\"|\"warn\"|\"info\"|\"debug\"|\"trace\"}";
    let Level { level, .. } = parsed(payload, takes)?;
    program_log.set_level(level)?;
    // At any level but one this is the first line.
    tracing::info!(
        by,
        level = level.as_str(),
        "the level of the log is another one until the next reload or start"
    );
    Ok(json!({"level": level}))
}

async fn recent(program_log: &dyn ProgramLog, payload: &[u8]) -> Result<Value, String> {
    let takes =
        "log/recent takes {\"after\":0,\"level\":\"info\",\"most\":100,\"wait_s\":0}, each if it is wanted";
    let Lines { after, level, most, wait_s, .. } = parsed(payload, takes)?;
    let wanted = Wanted {
        after,
        level: level.unwrap_or(LogLevel::Trace),
        most: most.unwrap_or(LINES).min(MOST_LINES),
    };
    let patience = Duration::from_secs(wait_s.min(LONGEST_WAIT_S));
    let waited = async {
        loop {
            let recent = program_log.recent(wanted);
            if !recent.lines.is_empty() || patience.is_zero() {
                return recent;
            }
            // What comes next may be of no importance.
            program_log.after(recent.latest).await;
        }
    };
    let recent = match tokio::time::timeout(patience.max(Duration::from_secs(1)), waited).await {
        Ok(recent) => recent,
        Err(_elapsed) => program_log.recent(wanted),
    };
    Ok(json!(recent))
}
