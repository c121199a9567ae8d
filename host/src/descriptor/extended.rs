//! A grant with what a new version of its connector asks for besides.

use std::collections::BTreeSet;

use super::excess::of_secret;
use super::{CommandAnswers, Configured, Grant, SecretRule};

impl Grant {
    /// Returns this grant, extended by no more than what is asked for beyond it. What is granted more strictly
    /// than it is asked for stays so.
    ///
    /// # Errors
    ///
    /// When the two together are no grant: more than there may be of something, or two services of which
    /// neither is meant more than the other.
    pub fn extended(&self, wanted: &Self) -> Result<Self, String> {
        let mut all = Self { endpoints: self.endpoints.clone(), ..Self::default() };
        for (service, url) in &wanted.endpoints {
            let is_granted = self.endpoints.iter().any(|(other, at)| other.covers(service) && at == url);
            if !is_granted {
                all.endpoints.remove(service);
                all.add_endpoint(service.clone(), url.as_str())?;
            }
        }
        let names: BTreeSet<&String> = self.secrets.keys().chain(wanted.secrets.keys()).collect();
        for name in names {
            let rule = match (self.secrets.get(name), wanted.secrets.get(name)) {
                (Some(granted), Some(wanted)) => rule(name, granted, wanted),
                (Some(rule), None) | (None, Some(rule)) => rule.clone(),
                (None, None) => continue,
            };
            all.add_secret(name, rule)?;
        }
        for (name, setting) in &self.settings {
            all.add_setting(name, setting.clone())?;
        }
        for (name, setting) in wanted.settings.iter().filter(|(name, _)| !self.settings.contains_key(*name)) {
            all.add_setting(name, setting.clone())?;
        }
        for (name, operation) in &self.operations {
            let more = wanted.operations.get(name).filter(|wanted| wanted.effect > operation.effect);
            all.add_operation(name, more.unwrap_or(operation).clone())?;
        }
        for (name, own) in wanted.operations.iter().filter(|(name, _)| !self.operations.contains_key(*name)) {
            all.add_operation(name, own.clone())?;
        }
        all.refusals = self.refusals.clone();
        for (refused, said) in wanted.refusals.each() {
            let known = self.refusals.each().any(|(other, granted)| other == refused && granted.covers(said));
            if !known {
                all.add_refusal(refused, said.clone())?;
            }
        }
        all.set_answers(answers(&self.answers, &wanted.answers))?;
        Ok(all)
    }
}

/// The rules of a secret that both have.
fn rule(name: &str, granted: &SecretRule, wanted: &SecretRule) -> SecretRule {
    let mut more = Vec::new();
    of_secret(name, wanted, granted, &mut more);
    if more.is_empty() {
        return granted.clone();
    }
    let class = if granted.class.is_as_strict_as(wanted.class) { granted.class } else { wanted.class };
    // What was not shown as more stays as the owner has it.
    let from_configuration =
        granted.configured == Configured::Never && wanted.configured != Configured::Never;
    SecretRule {
        class,
        configured: if from_configuration { wanted.configured } else { granted.configured },
        endpoints: granted.endpoints.union(&wanted.endpoints).cloned().collect(),
        rotates: granted.rotates || wanted.rotates,
        lasting: granted.lasting || wanted.lasting,
        unused: false,
        ..granted.clone()
    }
}

fn answers(granted: &CommandAnswers, wanted: &CommandAnswers) -> CommandAnswers {
    let mut codes_at = granted.codes_at.clone();
    codes_at.extend(wanted.codes_at.iter().filter(|at| !granted.codes_at.contains(at)).cloned());
    let both = |one: &BTreeSet<String>, other: &BTreeSet<String>| one.union(other).cloned().collect();
    let undecided: BTreeSet<String> = both(&granted.undecided, &wanted.undecided);
    let before: BTreeSet<String> = both(&granted.before_execution, &wanted.before_execution);
    CommandAnswers {
        success: granted
            .success
            .iter()
            .chain(&wanted.success)
            .map(|(at, is)| (at.clone(), is.clone()))
            .collect(),
        codes_at,
        // The more careful of the two, where they contradict each other.
        before_execution: before.difference(&undecided).cloned().collect(),
        undecided,
    }
}
