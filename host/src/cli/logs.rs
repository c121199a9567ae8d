//! `vehicle-connector logs`: the latest lines of a running host's log.

use std::process::ExitCode;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Deserialize;
use serde_json::{Value, json};

use super::complain;
use super::remote::Asked;
use super::table::{json_line, plain};
use crate::output::{self, Output};
use crate::program_log::LogLevel;

/// Which lines are shown.
#[derive(Debug, Args)]
pub(super) struct LogsOptions {
    #[command(flatten)]
    host: Asked,
    /// Go on with what is logged from now on, until interrupted.
    #[arg(short, long)]
    follow: bool,
    /// Only what is as important as this.
    #[arg(long, value_name = "LEVEL", value_parser = level(), default_value = "trace")]
    level: LogLevel,
    /// Only the latest so many lines; at most 1000 are remembered.
    #[arg(long, value_name = "N", default_value_t = 100)]
    last: u32,
    /// Have the host log at this level from now on, until it reloads or restarts, and show nothing.
    #[arg(long, value_name = "LEVEL", value_parser = level(), conflicts_with_all = ["follow", "level", "last"])]
    set_level: Option<LogLevel>,
}

/// Reads the word for a level.
fn level() -> impl TypedValueParser<Value = LogLevel> {
    PossibleValuesParser::new(LogLevel::ALL.map(LogLevel::as_str)).map(|word| {
        // The parser lets no other word pass.
        LogLevel::ALL.into_iter().find(|level| level.as_str() == word).unwrap_or_default()
    })
}

#[derive(Deserialize)]
struct Recent {
    lines: Vec<Value>,
    latest: u64,
}

/// Seconds that a host is asked to wait for the next line.
const WAIT_S: u64 = 30;

/// Exit codes: 0 shown, 1 no host, or it cannot be shown, 2 no good configuration.
pub(super) async fn run(options: &LogsOptions) -> ExitCode {
    if let Some(level) = options.set_level {
        let payload = json!({"level": level.as_str()});
        return options.host.ask("log/level", &payload, |done: &Value| {
            format!(
                "the host logs at {} until it reloads or restarts\n",
                done.get("level").and_then(Value::as_str).unwrap_or_default()
            )
        });
    }
    // Once: the configuration may be edited while its host is followed.
    let directory = match options.host.directory() {
        Ok(directory) => directory,
        Err(code) => return code,
    };
    let level = options.level.as_str();
    let mut payload = json!({"level": level, "most": options.last});
    loop {
        let (host, directory) = (options.host.clone(), directory.clone());
        let asking = tokio::task::spawn_blocking(move || host.data_at(&directory, "log/recent", &payload));
        let asked = tokio::select! {
            asked = asking => asked,
            // A reader who has seen enough does not wait for the next line.
            () = output::closed() => return ExitCode::SUCCESS,
        };
        let data = match asked {
            Ok(Ok(data)) => data,
            Ok(Err(code)) => return code,
            Err(error) => return complain(1, format_args!("{error}")),
        };
        let Ok(Recent { lines, latest }) = serde_json::from_value(data) else {
            return complain(
                1,
                format_args!("the host's answer is of a version that this one does not know"),
            );
        };
        let mut out = Output::lock();
        for line in &lines {
            let text = if options.host.json { json_line(line).unwrap_or_default() } else { in_words(line) };
            if let Err(stopped) = out.write(&text) {
                return stopped.code();
            }
        }
        if !options.follow {
            return ExitCode::SUCCESS;
        }
        payload = json!({"level": level, "most": 1_000, "after": latest, "wait_s": WAIT_S});
    }
}

fn in_words(line: &Value) -> String {
    let text = |key: &str| plain(line.get(key).and_then(Value::as_str).unwrap_or_default());
    let level = text("level").to_ascii_uppercase();
    format!("{} {level:>5} {}: {}\n", text("at"), text("target"), text("text"))
}
