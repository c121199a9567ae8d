//! `vehicle-connector check-config`: what is wrong with a configuration, without starting anything.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use super::remote::pasted;
use super::table::plain;
use super::{USAGE, complain};
use crate::component_file::{self, Links};
use crate::config::{Config, Connector, Problem, line_of};
use crate::descriptor::{Excess, Remark, excess, stricter, unused};
use crate::digest::Digest;
use crate::output::print;
use crate::plugin::{Asking, Compiled, POLICY_SLOT, embedded};
use crate::store::{Kind, Reader};

/// What was found of a configuration.
pub(super) struct Looked {
    /// Exit code of the command.
    pub(super) code: u8,
    /// What is wrong, or hardly meant.
    said: Vec<String>,
    /// What it is if it can be run.
    good: Option<String>,
}

impl Looked {
    fn wrong(code: u8, said: impl std::fmt::Display) -> Self {
        Self { code, said: vec![said.to_string()], good: None }
    }

    /// Everything that is said, line by line.
    pub(super) fn lines(&self) -> Vec<&str> {
        self.said.iter().chain(&self.good).flat_map(|text| text.lines()).collect()
    }
}

/// Says what is wrong with a configuration. Exit codes: 0 it can be run, 2 it cannot, or not all of it.
pub(super) async fn config(path: &Path) -> ExitCode {
    let Looked { code, said, good } = looked(path).await;
    let Some(good) = good else { return complain(code, format_args!("{}", said.join("\n"))) };
    for warning in said {
        let _closed = writeln!(std::io::stderr(), "{warning}");
    }
    print(&good)
}

/// Looks for what is wrong with a configuration.
pub(super) async fn looked(path: &Path) -> Looked {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(error) => return Looked::wrong(USAGE, error),
    };
    let (accounts, vehicles) = (config.accounts.len(), config.vehicles.len());
    let (file, state) = (path.display(), config.state_dir.display());
    // It was read a moment ago; without it the lines of some remarks are those of their sections, or none.
    let text = std::fs::read_to_string(path).unwrap_or_default();
    if let Err((slot, what)) = pins_can_be_met(&config) {
        let keys =
            if slot == POLICY_SLOT { vec!["policy", "sha256"] } else { vec!["connector", &slot, "sha256"] };
        let line = line_of(&text, &keys).map(|line| format!("{line}:")).unwrap_or_default();
        return Looked::wrong(USAGE, format_args!("{file}:{line} {what}"));
    }
    let Connectors { problems, warnings } = match connectors(&config, path, &text).await {
        Ok(connectors) => connectors,
        Err(error) => return Looked::wrong(1, plain(&format!("{error:#}"))),
    };
    if !problems.is_empty() {
        let lines: Vec<String> = problems.iter().map(|problem| format!("{file}:{problem}")).collect();
        return Looked::wrong(USAGE, lines.join("\n"));
    }
    let mut warnings: Vec<Problem> = config.warnings.iter().cloned().chain(warnings).collect();
    warnings.sort();
    let said = warnings.iter().map(|Problem { line, message }| format!("{file}:{line}: warning: {message}"));
    let said: Vec<String> = said.collect();
    let good = match said.len() {
        0 => "good".to_owned(),
        count => format!("can be run, with {count} warning(s)"),
    };
    let good = format!("{file}: {good}; {accounts} account(s), {vehicles} vehicle(s), state in {state}\n");
    Looked { code: 0, said, good: Some(good) }
}

/// What was found about the files of connectors.
#[derive(Default)]
struct Connectors {
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

/// Compares the files of connectors with what they are granted. Each is compiled as a host compiles it, in a
/// process of its own and within bounds, and asked who it is; nothing else of it runs.
async fn connectors(config: &Config, file: &Path, text: &str) -> anyhow::Result<Connectors> {
    let mut found =
        Connectors { problems: config.plugins.unusable.values().cloned().collect(), ..Default::default() };
    let mut sandbox = None;
    for (name, connector) in &config.connectors {
        let Some(path) =
            config.plugins.files.get(name).filter(|_| !config.plugins.unusable.contains_key(name))
        else {
            continue;
        };
        if sandbox.is_none() {
            sandbox = Some(super::sandbox()?.with_budgets(config.limits.policy, config.limits.connector));
        }
        let Some(sandbox) = &sandbox else { continue };
        let line = connector.line.unwrap_or_default();
        let problem = |message: String| Problem {
            line,
            message: format!("[connector.{name}]: {}: {}", path.display(), plain(&message)),
        };
        let way_out = |excess: &Excess| way_out(excess, path, file);
        let component = match component_file::read_component(path, Links::Followed) {
            Ok(component) => component,
            Err(refused) => {
                found.problems.push(problem(refused.to_string()));
                continue;
            }
        };
        let asking = match Compiled::of(sandbox, &component).await {
            Ok(compiled) => Asking::of(sandbox, &compiled).await,
            Err(error) => Err(error),
        };
        match asking {
            Ok(asking) => compare(&asking, (name, connector), text, &way_out, &problem, &mut found),
            Err(error) => found.problems.push(problem(error.to_string())),
        }
    }
    Ok(found)
}

/// Compares what a component says of itself with its slot.
fn compare(
    asking: &Asking,
    (name, connector): (&str, &Connector),
    text: &str,
    way_out: &dyn Fn(&Excess) -> String,
    problem: &dyn Fn(String) -> Problem,
    found: &mut Connectors,
) {
    if asking.name != name {
        let is = &asking.name;
        found
            .problems
            .push(problem(format!("this is the connector {is}; name its section [connector.{is}]")));
        return;
    }
    for excess in excess(&asking.wanted, &connector.grant) {
        found.problems.push(problem(format!("{excess}; {}", way_out(&excess))));
    }
    let remarks = [unused(&asking.wanted, &connector.grant), stricter(&asking.wanted, &connector.grant)];
    found.warnings.extend(remarks.into_iter().flatten().map(|Remark { keys, text: what }| {
        let of_section = problem(what);
        let section = ["connector", name].into_iter();
        let keys: Vec<&str> = section.chain(keys.iter().map(String::as_str)).collect();
        Problem { line: line_of(text, &keys).unwrap_or(of_section.line), ..of_section }
    }));
}

/// Says what to do about something that is not granted.
fn way_out(excess: &Excess, component: &Path, file: &Path) -> String {
    match excess {
        Excess::SecretClass { wanted, .. } => format!("write class = \"{wanted}\" there"),
        Excess::Effect { wanted, .. } => format!("write effect = \"{}\" there", wanted.as_str()),
        _ => format!(
            "grant it, as `vehicle-connector connector install {} -c {}` offers, or keep the version before",
            pasted(component),
            pasted(file)
        ),
    }
}

/// Checks that a host would find the components that the configuration pins without naming a file: the
/// program carries one, or the state directory has it. Named files were compared with their pins before.
fn pins_can_be_met(config: &Config) -> Result<(), (String, String)> {
    let carried: Vec<Digest> =
        embedded::CONNECTORS.iter().map(|(_, component)| Digest::of(component)).collect();
    for (slot, pinned) in &config.plugins.trust.pins {
        if config.plugins.files.contains_key(slot) || carried.contains(pinned) {
            continue;
        }
        let kept = Reader::open(&config.state_dir).ok().and_then(|reader| reader.list(Kind::Component).ok());
        if !kept.is_some_and(|kept| kept.iter().any(|(key, _)| *key == pinned.to_string())) {
            let what = format!(
                "the slot {slot} is pinned to sha256 {pinned}, which this program does not carry and has not kept; name \
                 its file, or remove sha256"
            );
            return Err((slot.clone(), what));
        }
    }
    Ok(())
}
