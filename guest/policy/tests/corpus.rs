//! Scores the policy on real failure messages.
//!
//! The corpus is reference material beside the project, so the test is skipped where it is absent. The floors
//! are on `token-expired` against the rest, the one distinction that costs a refresh when it is wrong.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

use std::path::Path;

use default_policy::classify;
use default_policy::types::{BodyKind, Certainty, Effect, Failure, Fault, Phase};
use serde_json::Value;

struct Row {
    id: String,
    cloud: String,
    clear: bool,
    expected: bool,
    answered: bool,
    rule: String,
}

/// Counts of one selection of rows.
struct Score {
    hits: usize,
    false_alarms: usize,
    misses: usize,
}

impl Score {
    fn of<'r>(rows: impl Iterator<Item = &'r Row>) -> Self {
        let mut score = Self { hits: 0, false_alarms: 0, misses: 0 };
        for row in rows {
            match (row.expected, row.answered) {
                (true, true) => score.hits += 1,
                (false, true) => score.false_alarms += 1,
                (true, false) => score.misses += 1,
                (false, false) => {}
            }
        }
        score
    }

    fn precision(&self) -> f64 {
        self.hits as f64 / (self.hits + self.false_alarms).max(1) as f64
    }

    fn recall(&self) -> f64 {
        self.hits as f64 / (self.hits + self.misses).max(1) as f64
    }

    fn assert(&self, name: &str, floor: f64) {
        println!("{name}: precision {:.3}, recall {:.3}", self.precision(), self.recall());
        assert!(self.precision() >= floor, "{name}: precision {:.3} is below {floor}", self.precision());
        assert!(self.recall() >= floor, "{name}: recall {:.3} is below {floor}", self.recall());
    }
}

#[test]
fn token_expired_on_the_corpus() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/dev.jsonl");
    let Ok(text) = std::fs::read_to_string(&path) else {
        assert!(std::env::var_os("REQUIRE_SHARED").is_none(), "{} is absent", path.display());
        println!("skipped: {} is absent", path.display());
        return;
    };
    let rows: Vec<Row> = text.lines().map(|line| row(&serde_json::from_str(line).unwrap())).collect();
    for row in rows.iter().filter(|row| row.expected != row.answered) {
        println!(
            "{} {}{} by {}",
            row.id,
            if row.expected { "missed" } else { "false alarm" },
            if row.clear { "" } else { " (ambiguous)" },
            row.rule,
        );
    }
    let vendor = |row: &&Row| ["hyundai", "kia"].iter().any(|name| row.cloud.contains(name));
    Score::of(rows.iter()).assert("all", 0.80);
    Score::of(rows.iter().filter(|row| row.clear)).assert("clear", 0.95);
    Score::of(rows.iter().filter(vendor).filter(|row| row.clear)).assert("Hyundai/Kia, clear", 1.0);
}

fn row(line: &Value) -> Row {
    let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
    let body = &line["body_json"];
    let (code, sub_code) = codes(body);
    let phase = match line["operation"].as_str() {
        Some("status") => Phase::Status,
        Some("command") => Phase::Command,
        Some("login") => Phase::SignIn,
        Some("refresh") => Phase::Refresh,
        _ => Phase::Unknown,
    };
    let verdict = classify(&Failure {
        cloud: text("cloud"),
        operation: text("operation"),
        effect: Effect::Read,
        phase,
        certainty: Certainty::Rejected,
        transport: None,
        http_status: line["http_status"].as_u64().and_then(|status| u16::try_from(status).ok()),
        code,
        sub_code,
        oauth_error: oauth_error(body),
        retry_after: None,
        message: text("text"),
        body: if body.is_null() { BodyKind::None } else { BodyKind::Json },
        token_age: None,
    });
    Row {
        id: text("id"),
        cloud: text("cloud"),
        clear: line["ambiguous"] != true,
        expected: line["label"] == "token-expired",
        answered: verdict.fault == Fault::TokenExpired,
        rule: verdict.rule,
    }
}

/// The codes that a connector of the cloud in question would report.
fn codes(body: &Value) -> (Option<String>, Option<String>) {
    let at = |pointer: &str| match body.pointer(pointer) {
        Some(Value::String(code)) => Some(code.clone()),
        Some(Value::Number(code)) => Some(code.to_string()),
        _ => None,
    };
    let code = [
        "/resCode",
        "/errCode",
        "/status/errorCode",
        "/error/errorCode",
        "/error/code",
        "/errorCode",
        "/code",
    ]
    .into_iter()
    .find_map(at);
    (code, at("/errorSubCode"))
}

/// The OAuth error, which is a token of RFC 6749 and not a sentence.
fn oauth_error(body: &Value) -> Option<String> {
    let error = body["error"].as_str()?;
    error.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_').then(|| error.to_owned())
}
