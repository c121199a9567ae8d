//! `vehicle-connector policy bench`: how large a policy is, and how long it takes.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::complain;
use super::table::{json_line, plain};
use crate::output::print;
use crate::plugin::{Policy, known_failures};
use crate::sandbox::CallFault;

/// What was measured. Times of questions are medians; each is asked in a fresh instance, as a host does.
#[derive(Debug, Serialize)]
pub(super) struct Measured {
    name: String,
    version: String,
    /// Size of the component, in bytes.
    size: usize,
    compile_ms: u128,
    instantiate_us: u128,
    classify_us: u128,
    decide_us: u128,
    rounds: u32,
}

/// Measures a policy, which took so long to compile. Exit codes: 0 measured, 1 it did not answer.
pub(super) async fn run(
    policy: &Policy,
    (size, compiled): (usize, Duration),
    rounds: u32,
    json: bool,
) -> ExitCode {
    let (instantiate, classify, decide) = match medians(policy, rounds).await {
        Ok(medians) => medians,
        Err(fault) => return complain(1, format_args!("no answer: {}", plain(&fault.to_string()))),
    };
    let generation = policy.generation();
    let measured = Measured {
        name: generation.name.clone(),
        version: generation.version.clone(),
        size,
        compile_ms: compiled.as_millis(),
        instantiate_us: instantiate.as_micros(),
        classify_us: classify.as_micros(),
        decide_us: decide.as_micros(),
        rounds,
    };
    if !json {
        return print(&measured.for_people());
    }
    match json_line(&measured) {
        Ok(text) => print(&text),
        Err(error) => complain(1, format_args!("what was measured is no JSON: {error}")),
    }
}

/// Returns the medians of an instance without a question, of `classify` and of `decide`, over the failures of the trial.
async fn medians(policy: &Policy, rounds: u32) -> Result<(Duration, Duration, Duration), CallFault> {
    let (mut instantiated, mut classified, mut decided) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        for known in known_failures() {
            let begun = Instant::now();
            policy.instantiate().await?;
            instantiated.push(begun.elapsed());
            let begun = Instant::now();
            let verdict = policy.classify(&known.failure).await?;
            classified.push(begun.elapsed());
            let attempt = known.attempt(&verdict);
            let begun = Instant::now();
            policy.decide(&attempt).await?;
            decided.push(begun.elapsed());
        }
    }
    Ok((median(instantiated), median(classified), median(decided)))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

impl Measured {
    fn for_people(&self) -> String {
        let mut text = format!("policy       {} {}\n", plain(&self.name), plain(&self.version));
        let lines = [
            ("size", self.size.to_string(), "bytes"),
            ("compile", self.compile_ms.to_string(), "ms, once for each start and swap"),
            ("instantiate", self.instantiate_us.to_string(), "µs, in every answer"),
            ("classify", self.classify_us.to_string(), "µs"),
            ("decide", self.decide_us.to_string(), "µs"),
        ];
        for (what, number, unit) in lines {
            let _cannot_fail = writeln!(text, "{what:<12} {number} {unit}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_no_outlier() {
        let times = [900, 3, 1, 2, 4].map(Duration::from_micros);
        assert_eq!(median(times.into()), Duration::from_micros(3));
        assert_eq!(median(Vec::new()), Duration::ZERO);
    }
}
