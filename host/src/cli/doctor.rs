//! `vehicle-connector doctor`: what keeps a configuration from working, looked for from here.
//!
//! It looks at files, at the state directory, at names, at the clouds' clocks and at the broker, and says of each
//! finding what helps. It changes nothing but one message to the broker that is not retained, sends no credential
//! to any cloud, and never prints a secret. Everything that waits has an end.

mod broker;
mod cloud;
mod leftovers;
mod names;
mod state;

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::Configured;
use super::table::{json_line, plain};
use crate::config::{Config, ConfigError, Problem};
use crate::output::{Output, Stopped};

/// What is looked at.
#[derive(Debug, Args)]
pub(super) struct DoctorOptions {
    #[command(flatten)]
    configured: Configured,
    /// Look at files only: ask no name, no cloud and no broker.
    #[arg(long)]
    offline: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Level {
    Ok,
    Warn,
    Fail,
}

/// A finding, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What was looked at, in one word that does not change.
    pub(super) check: &'static str,
    pub(super) level: Level,
    /// What was found.
    pub(super) found: String,
    /// What helps; none if nothing has to be done.
    pub(super) remedy: Option<String>,
}

impl Finding {
    pub(super) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, found: found.into(), remedy: None }
    }

    pub(super) fn warn(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, level: Level::Warn, found: found.into(), remedy: Some(remedy.into()) }
    }

    pub(super) fn fail(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, level: Level::Fail, found: found.into(), remedy: Some(remedy.into()) }
    }
}

/// Findings, shown as they come unless they are wanted as JSON.
struct Findings {
    all: Vec<Finding>,
    shown: Option<Output>,
    stopped: Option<Stopped>,
}

impl Findings {
    fn add(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            if let Some(output) = self.shown.as_mut().filter(|_| self.stopped.is_none()) {
                self.stopped = output.write(&in_words(&finding)).err();
            }
            self.all.push(finding);
        }
    }
}

/// Exit codes: 0 all is well, 1 something deserves a look, 2 something does not work.
pub(super) async fn run(options: &DoctorOptions) -> ExitCode {
    let shown = (!options.json).then(Output::lock);
    let mut findings = Findings { all: Vec::new(), shown, stopped: None };
    look(options, &mut findings).await;
    let Findings { all, shown, stopped } = findings;
    drop(shown);
    let worst = all.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok);
    if options.json {
        let line = json_line(&serde_json::json!({"worst": worst, "findings": all})).unwrap_or_default();
        if let Err(stopped) = Output::lock().write(&line) {
            return stopped.code_without_finding();
        }
    }
    match (stopped, worst) {
        (Some(stopped), _) => stopped.code_without_finding(),
        (None, Level::Ok) => ExitCode::SUCCESS,
        (None, Level::Warn) => ExitCode::from(1),
        (None, Level::Fail) => ExitCode::from(2),
    }
}

async fn look(options: &DoctorOptions, findings: &mut Findings) {
    let path = &options.configured.config;
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(error) => return findings.add(of_wrong(path, &error)),
    };
    findings.add(of_configuration(path, &config));
    findings.add(state::look(&config, path).await);
    let (host, host_runs) = state::host(&config).await;
    findings.add([host]);
    if options.offline {
        return;
    }
    findings.add(names::look(&config).await);
    findings.add(cloud::look(&config).await);
    findings.add(broker::look(&config, host_runs).await);
}

fn of_wrong(path: &Path, error: &ConfigError) -> Vec<Finding> {
    let remedy = "correct the file; nothing else was looked at, because everything else depends on it";
    match error {
        ConfigError::Invalid { problems, .. } => problems
            .iter()
            .map(|problem| Finding::fail("configuration", format!("{}:{problem}", path.display()), remedy))
            .collect(),
        error => vec![Finding::fail("configuration", error.to_string(), remedy)],
    }
}

fn of_configuration(path: &Path, config: &Config) -> Vec<Finding> {
    let file = path.display();
    let unusable = config.plugins.unusable.values().map(|Problem { line, message }| {
        Finding::fail("configuration", format!("{file}:{line}: {message}"), "correct the file")
    });
    let warnings = config.warnings.iter().map(|Problem { line, message }| {
        Finding::warn("configuration", format!("{file}:{line}: {message}"), "correct it, if it is not meant")
    });
    let mut all: Vec<_> = unusable.chain(warnings).collect();
    if all.is_empty() {
        let (accounts, vehicles) = (config.accounts.len(), config.vehicles.len());
        let found = format!(
            "{file} is good: {accounts} account(s), {vehicles} vehicle(s); `check-config` also looks into components"
        );
        all.push(Finding::ok("configuration", found));
    }
    all
}

fn in_words(finding: &Finding) -> String {
    let Finding { check, level, found, remedy } = finding;
    let mark = match level {
        Level::Ok => "ok  ",
        Level::Warn => "WARN",
        Level::Fail => "FAIL",
    };
    let remedy = remedy.as_ref().map(|remedy| format!("\n      {}", plain(remedy))).unwrap_or_default();
    format!("{mark}  {check}: {}{remedy}\n", plain(found))
}
