//! `vehicle-connector policy test`: how right a policy is, and what its mistakes cost.

mod report;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::limited::Limited;
use super::table::{json_line, plain};
use super::{USAGE, complain};
use crate::bindings::policy::Failure;
use crate::output::{Output, Stopped};
use crate::plugin::{Policy, unanswered};
use crate::scoring::{Answer, Answers, Case, Folds, Rules, Scores};

/// A cloud that no policy knows.
const NAMELESS: &str = "a-cloud-that-nobody-knows";

#[derive(Debug, Args)]
pub(super) struct Test {
    /// The recorded failures, one JSON object a line: id, text, http_status, body_json, cloud, operation,
    /// label, ambiguous and family.
    #[arg(value_name = "CASES.jsonl", required = true)]
    cases: Vec<PathBuf>,
    /// The policy component; without it the one that this program carries.
    #[arg(long, value_name = "FILE.wasm")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    limited: Limited,
    /// Show what each rule answers rightly and wrongly, and what its wrong answers cost.
    #[arg(long)]
    rules: bool,
    /// Show also what is left when a rule that goes by words counts on a family of messages only if the other families
    /// bear it out. Asks the policy three times a case.
    #[arg(long)]
    folds: bool,
    /// Print one JSON object and nothing else.
    #[arg(long)]
    json: bool,
}

impl Test {
    pub fn policy(&self) -> Option<&Path> {
        self.policy.as_deref()
    }

    pub fn limited(&self) -> &Limited {
        &self.limited
    }
}

/// What was found.
#[derive(Debug, Default, Serialize)]
struct Findings {
    #[serde(flatten)]
    scores: Scores,
    #[serde(skip_serializing_if = "Option::is_none")]
    rules: Option<Rules>,
    #[serde(skip_serializing_if = "Option::is_none")]
    folds: Option<Scores>,
    #[serde(skip)]
    unanswered: u64,
}

/// Scores a policy. Exit codes: 0 scored, 1 the policy was refused or did not answer, 2 the arguments or the
/// cases are wrong.
pub(super) async fn run(test: &Test, name: &str, policy: &Policy) -> ExitCode {
    let findings = match score(test, policy).await {
        Ok(findings) => findings,
        Err(what) => return complain(USAGE, format_args!("{}", plain(&what))),
    };
    let text = if test.json {
        json_line(&findings).map_err(|error| error.to_string())
    } else {
        report::for_people(policy, &findings).map_err(|error| error.to_string())
    };
    let printed = match text {
        Ok(text) => Output::lock().write(&text),
        Err(error) => return complain(1, format_args!("the report cannot be written: {error}")),
    };
    // A reader who has seen enough of the report is told the finding all the same: it was there before.
    if let Err(stopped @ Stopped::Failed(_)) = printed {
        return stopped.code();
    }
    let (silent, all) = (findings.unanswered, findings.scores.all.rows);
    if silent > 0 {
        return complain(1, format_args!("{name} did not answer {silent} of {all} cases"));
    }
    ExitCode::SUCCESS
}

/// Scores all files. One line is in memory at a time, unless families are compared.
async fn score(test: &Test, policy: &Policy) -> Result<Findings, String> {
    let mut findings = Findings { rules: test.rules.then(Rules::default), ..Findings::default() };
    let mut folds = test.folds.then(Folds::default);
    for file in &test.cases {
        let before = findings.scores.all.rows;
        let place = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
        let mut lines = BufReader::new(std::fs::File::open(file).map_err(|error| place(&error))?);
        let mut line = Vec::new();
        for number in 1_u64.. {
            line.clear();
            let place = |error: &dyn std::fmt::Display| format!("{}:{number}: {error}", file.display());
            if lines.read_until(b'\n', &mut line).map_err(|error| place(&error))? == 0 {
                break;
            }
            let line = std::str::from_utf8(&line).map_err(|error| place(&error))?;
            if line.trim().is_empty() {
                continue;
            }
            let case = Case::parse(line).map_err(|error| place(&error))?;
            count(&mut findings, folds.as_mut(), &name_of(file), case, policy).await;
        }
        if findings.scores.all.rows == before {
            return Err(place(&"there are no cases in it; each line is one JSON object"));
        }
    }
    findings.folds = folds.map(|folds| folds.scores());
    Ok(findings)
}

/// Names a file in reports.
fn name_of(file: &Path) -> String {
    file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

/// Asks about a case, and counts what is said.
async fn count(findings: &mut Findings, folds: Option<&mut Folds>, file: &str, case: Case, policy: &Policy) {
    let failure = case.failure();
    let answer = ask(policy, failure.clone()).await;
    findings.unanswered += u64::from(answer.is_none());
    let full = answer.unwrap_or_else(not_given);
    findings.scores.add(file, &case, &full);
    if let Some(rules) = &mut findings.rules {
        rules.add(&case, &full);
    }
    if let Some(folds) = folds {
        let wordless = Failure { message: String::new(), ..failure.clone() };
        let nameless = Failure { cloud: NAMELESS.to_owned(), ..failure };
        let answers = Answers {
            full,
            wordless: ask(policy, wordless).await.unwrap_or_else(not_given),
            nameless: ask(policy, nameless).await.unwrap_or_else(not_given),
        };
        folds.add(file, case, answers);
    }
}

/// Returns what the policy says of a failure; none if it does not answer.
async fn ask(policy: &Policy, failure: Failure) -> Option<Answer> {
    let verdict = policy.classify(&failure).await.ok()?;
    let attempt = Case::attempt(failure, verdict.clone());
    let decision = policy.decide(&attempt).await.ok()?;
    Some(Answer { verdict, decision })
}

fn not_given() -> Answer {
    Answer { verdict: unanswered::verdict(), decision: unanswered::DECISION }
}
