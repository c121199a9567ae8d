//! Policies in text form that do one thing wrong each.

use super::text::{Room, assembled};
use super::{altered_world, component, world};

/// Behaviour of a policy, in instructions that leave a pointer to the answer behind. The unchanged rest is a
/// policy that behaves: it recognises an expired token, refreshes once, and opens no circuit. See
/// [`text`](super::text) for what may stand in the instructions.
///
/// A failure is at `$failure`, an attempt at `$attempt`. At [`ANSWER`] memory is zero, and a fresh instance
/// finds it zero again: it is a place for one answer, in which `$at` gives places, and `$put` puts texts
/// there. What is from 2048 to 6143 is free.
#[derive(Debug, Clone)]
pub struct Policy<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether it does all this in its trial already.
    pub from_the_start: bool,
    /// Imports.
    pub imports: &'a str,
    /// Manifest of the policy.
    pub describe: &'a str,
    /// Answer to `classify`.
    pub classify: &'a str,
    /// Answer to `decide`.
    pub decide: &'a str,
    /// Answer to `admit-refresh`.
    pub admit_refresh: &'a str,
    /// Anything else that a module may consist of.
    pub more: &'a str,
    /// Size of its memory at the beginning, in pages.
    pub pages: usize,
}

/// Pointer to the place of answers.
pub const ANSWER: &str = "(i32.const 1024)";

/// Says who it is.
pub const DESCRIBE: &str = "(call $manifest)";

/// Classification of a policy that passes its trial: a failure with the status 401 is an expired token, but
/// for what happens during a refresh; all else is unknown.
pub const CLASSIFY: &str = "
    (<store policy.verdict.kind> (i32.const 1024)
      (select
        (i32.const <case policy.failure-kind.token-expired>)
        (i32.const <case policy.failure-kind.unknown>)
        (i32.and
          (i32.ne (<load policy.failure.phase> (local.get $failure)) (i32.const <case policy.phase.refresh>))
          (i32.and (<load policy.failure.http-status> (local.get $failure))
            (i32.eq (<load policy.failure.http-status.some> (local.get $failure)) (i32.const 401))))))
    (i32.const 1024)";

/// Decision of a policy that passes its trial: an expired token is refreshed, all else given up.
pub const DECIDE: &str = "
    (<store policy.decision> (i32.const 1024)
      (select
        (i32.const <case policy.decision.refresh-and-retry>)
        (i32.const <case policy.decision.give-up>)
        (i32.eq
          (<load policy.attempt.verdict.kind> (local.get $attempt))
          (i32.const <case policy.failure-kind.token-expired>))))
    (i32.const 1024)";

/// Admission of every refresh.
pub const ADMIT: &str =
    "(<store policy.refresh-decision> (i32.const 1024) (i32.const <case policy.refresh-decision.refresh>))
     (i32.const 1024)";

/// Place of the texts; the memory for arguments comes after it.
const TEXTS: Room = Room { from: 6_144, to: 8_192 };

impl Default for Policy<'_> {
    fn default() -> Self {
        Self {
            name: "wild",
            from_the_start: false,
            imports: "",
            describe: DESCRIBE,
            classify: CLASSIFY,
            decide: DECIDE,
            admit_refresh: ADMIT,
            more: "",
            pages: 2,
        }
    }
}

impl Policy<'_> {
    /// The component.
    pub fn component(&self) -> Vec<u8> {
        let (resolve, world) = world("policy-module");
        component(self.module(), &resolve, world)
    }

    /// The component of a layer, which imports the policy below it and may call what its imports name.
    pub fn over_another(&self) -> Vec<u8> {
        let (from, to) = ("world policy-module {", "world policy-module { import policy;");
        let (resolve, world) = altered_world("policy-module", "worlds.wit", from, to);
        component(self.module(), &resolve, world)
    }

    /// The core module.
    pub fn module(&self) -> Vec<u8> {
        let text = include_str!("policy.wat")
            .replace("{{imports}}", self.imports)
            .replace("{{pages}}", &self.pages.to_string())
            .replace("{{always}}", if self.from_the_start { "1" } else { "0" })
            .replace("{{name}}", self.name)
            .replace("{{describe}}", self.describe)
            .replace("{{classify_in_trial}}", CLASSIFY)
            .replace("{{classify}}", self.classify)
            .replace("{{decide_in_trial}}", DECIDE)
            .replace("{{decide}}", self.decide)
            .replace("{{admit_in_trial}}", ADMIT)
            .replace("{{admit_refresh}}", self.admit_refresh)
            .replace("{{more}}", self.more);
        assembled(&text, TEXTS)
    }
}

/// Returns an answer of `decide`: this case, with zeros as its payload.
pub fn always(decision: &str) -> String {
    format!("{} {ANSWER}", case(decision))
}

/// Returns instructions that put this case of a decision at the place of answers.
pub fn case(decision: &str) -> String {
    format!("(<store policy.decision> {ANSWER} (i32.const <case policy.decision.{decision}>))")
}

/// Makes a layer that answers nothing itself, but who it is and that no circuit opens.
pub fn layer() -> Vec<u8> {
    let ask = |function: &str, argument: &str| {
        format!("(call $policy.{function} (local.get ${argument}) {ANSWER}) {ANSWER}")
    };
    Policy {
        name: "layer",
        from_the_start: true,
        imports: "<import policy#classify> <import policy#decide> <import policy#admit-refresh>",
        classify: &ask("classify", "failure"),
        decide: &ask("decide", "attempt"),
        admit_refresh: &ask("admit-refresh", "session"),
        ..Policy::default()
    }
    .over_another()
}

/// Makes a policy that decides in this way once its trial is over.
pub fn policy_deciding(decide: &str) -> Vec<u8> {
    Policy { decide, ..Policy::default() }.component()
}
