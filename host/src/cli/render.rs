//! Answers about plugins, for people.

use std::fmt::Write as _;

use super::answers::{
    Attempt, Circuit, Diff, Forgiven, Judgement, Retried, Retry, Rollout, Slot, Swapped, Verified,
};
use super::table::{Table, moment, plain, short};

/// The slots, and further facts below each.
pub(super) fn slots(slots: &Vec<Slot>) -> String {
    if slots.is_empty() {
        return "no slot\n".to_owned();
    }
    let mut table = Table::new([
        "SLOT",
        "STATE",
        "NAME",
        "VERSION",
        "GENERATION",
        "DIGEST",
        "SINCE",
        "BY",
        "ANSWERS",
        "FAULTS",
    ]);
    for slot in slots {
        table.row([
            slot.slot.clone(),
            slot.state.clone(),
            slot.name.clone(),
            slot.version.clone(),
            slot.generation.to_string(),
            short(&slot.digest),
            moment(&slot.since),
            slot.by.clone(),
            slot.answers.to_string(),
            slot.faults.to_string(),
        ]);
    }
    let mut text = table.to_string();
    for slot in slots {
        let mut more = String::new();
        if let Some(pinned) = &slot.pinned {
            let _infallible = writeln!(more, "  pinned to {}", plain(pinned));
        }
        if let Some(rollout) = &slot.rollout {
            let _infallible = writeln!(more, "  {}", in_one_line(rollout));
        }
        if let Some(offer) = &slot.on_offer {
            let called = called(&offer.name, &offer.version, &offer.digest);
            let (by, at) = (plain(&offer.by), moment(&offer.at));
            let _infallible =
                writeln!(more, "  on offer: {called}, by {by}, since {at}; `swap --latest` loads it");
        }
        for before in slot.previous.iter().rev() {
            let called = called(&before.name, &before.version, &before.digest);
            let since = moment(&before.since);
            let _infallible =
                writeln!(more, "  before: generation {}, {called}, since {since}", before.generation);
        }
        for bad in &slot.bad {
            let (digest, reason, at) = (short(&bad.digest), plain(&bad.reason), moment(&bad.at));
            let _infallible = writeln!(more, "  bad: {digest}, since {at}: {reason}");
        }
        if !more.is_empty() {
            let _infallible = write!(text, "\n{}\n{more}", plain(&slot.slot));
        }
    }
    text
}

/// All facts about the active generation of each slot, digest in full.
pub(super) fn actives(slots: &Vec<Slot>) -> String {
    let mut text = String::new();
    for slot in slots {
        let mut line = |name: &str, value: &str| {
            let _infallible = writeln!(text, "{name:11} {}", plain(value));
        };
        line("slot", &slot.slot);
        line("state", &slot.state);
        line("name", &slot.name);
        line("version", &slot.version);
        line("digest", &slot.digest);
        line("generation", &slot.generation.to_string());
        line("since", &moment(&slot.since));
        line("by", &slot.by);
        line("answers", &slot.answers.to_string());
        line("faults", &slot.faults.to_string());
        line("pinned to", slot.pinned.as_deref().unwrap_or("nothing"));
    }
    text
}

/// A change that was made.
pub(super) fn swapped(swapped: &Swapped) -> String {
    let Swapped { slot, name, version, digest, generation, before, took_ms } = swapped;
    let took = took_ms.map(|ms| format!(", in {ms} ms")).unwrap_or_default();
    format!(
        "{}: {}, generation {generation}{took}\nbefore: {}, generation {}\n",
        plain(slot),
        called(name, version, digest),
        called(&before.name, &before.version, &before.digest),
        before.generation,
    )
}

/// A component that would be taken.
pub(super) fn verified(verified: &Verified) -> String {
    let Verified { slot, name, version, digest, size } = verified;
    format!("{}: {}, {size} bytes, would be taken\n", plain(slot), called(name, version, digest))
}

/// A component that is on offer now.
pub(super) fn offered(offered: &Verified) -> String {
    let Verified { slot, name, version, digest, size } = offered;
    format!(
        "{}: {}, {size} bytes, passed its trial; `swap --latest` loads it\n",
        plain(slot),
        called(name, version, digest)
    )
}

/// A component that may be tried again.
pub(super) fn forgiven(forgiven: &Forgiven) -> String {
    let was = if forgiven.was_bad { "may be tried again" } else { "was not held to be bad" };
    format!("{}: {was}\n", short(&forgiven.digest))
}

/// The attempts, oldest first.
pub(super) fn history(attempts: &Vec<Attempt>) -> String {
    if attempts.is_empty() {
        return "nothing has been tried\n".to_owned();
    }
    let mut table = Table::new([
        "SEQ", "AT", "SLOT", "ACTION", "RESULT", "NAME", "VERSION", "DIGEST", "BY", "FILE", "REASON",
    ]);
    for attempt in attempts {
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        table.row([
            attempt.seq.to_string(),
            moment(&attempt.at),
            attempt.slot.clone(),
            attempt.action.clone(),
            attempt.result.clone(),
            or_none(&attempt.name),
            or_none(&attempt.version),
            attempt.digest.as_deref().map_or_else(|| "-".to_owned(), short),
            attempt.by.clone(),
            or_none(&attempt.file),
            attempt.reason.clone().unwrap_or_default(),
        ]);
    }
    table.to_string()
}

/// A policy that is tried out, in one line.
pub(super) fn rollout(rollout: &Rollout) -> String {
    format!("{}\n", in_one_line(rollout))
}

/// The end of trying a policy out.
pub(super) fn ended(rollout: &Rollout) -> String {
    format!("ended: {}\n", in_one_line(rollout))
}

/// The policy that is tried out, and where it disagrees with the active one.
pub(super) fn diff(diff: &Diff) -> String {
    let Some(rollout) = &diff.rollout else {
        return "no policy is being tried out; `policy shadow FILE` begins one\n".to_owned();
    };
    let mut text = self::rollout(rollout);
    for case in &diff.disagreements {
        let approved = if case.approved { ", approved" } else { "" };
        let about = plain(case.vehicle.as_ref().unwrap_or(&case.account));
        let at = moment(&case.at);
        let (operation, summary) = (plain(&case.operation), plain(&case.summary));
        let _infallible = writeln!(
            text,
            "\n#{}  {at} {about} {operation}: {summary}{approved}\n    active     {}\n    candidate  {}",
            case.seq,
            judged(&case.active),
            judged(&case.candidate)
        );
    }
    if diff.disagreements.is_empty() {
        text.push_str("no disagreement so far\n");
    }
    text
}

/// The circuits.
pub(super) fn circuits(circuits: &Vec<Circuit>) -> String {
    if circuits.is_empty() {
        return "no circuit: nothing has passed one yet\n".to_owned();
    }
    let mut table = Table::new(["CIRCUIT", "STATE", "CALLS", "FAILURES", "REFUSED", "UNTIL"]);
    let count = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
    for circuit in circuits {
        table.row([
            circuit.circuit.clone(),
            circuit.state.clone(),
            count(circuit.calls),
            count(circuit.failures),
            count(circuit.refused),
            circuit.until.as_deref().map(moment).unwrap_or_default(),
        ]);
    }
    table.to_string()
}

/// A circuit whose state was changed.
pub(super) fn circuit(circuit: &Circuit) -> String {
    let for_how_long = circuit.seconds.map(|seconds| format!(" for {seconds} s")).unwrap_or_default();
    format!("{}: {}{for_how_long}\n", plain(&circuit.circuit), plain(&circuit.state))
}

/// A circuit that was to be open for `wanted` seconds: a host has a longest time.
pub(super) fn opened(circuit: &Circuit, wanted: Option<u64>) -> String {
    let mut text = self::circuit(circuit);
    if circuit.seconds.zip(wanted).is_some_and(|(seconds, wanted)| seconds < wanted) {
        text.push_str("that is the longest; `circuit isolate` holds it open until it is closed\n");
    }
    text
}

/// Parts of an account that may be tried once more.
pub(super) fn retried(retried: &Retried) -> String {
    format!(
        "{}: {} may be tried once more, by the next command or read that needs it; {} more of this within a day\n",
        plain(&retried.account),
        plain(&retried.lifted.join(", ")),
        retried.left_today
    )
}

/// The requests to have credentials tried once more.
pub(super) fn retries(retries: &Vec<Retry>) -> String {
    if retries.is_empty() {
        return "nobody had anything tried once more\n".to_owned();
    }
    let mut table = Table::new(["WHEN", "BY", "TRIED ONCE MORE"]);
    for retry in retries {
        table.row([moment(&retry.at), retry.by.clone(), retry.lifted.join(", ")]);
    }
    table.to_string()
}

fn called(name: &str, version: &str, digest: &str) -> String {
    format!("{} {} ({})", plain(name), plain(version), short(digest))
}

fn in_one_line(rollout: &Rollout) -> String {
    let Rollout { mode, name, version, digest, share, accounts, promote_after, .. } = rollout;
    let mut line = format!("{}: {}", plain(mode), called(name, version, digest));
    if let Some(share) = share.filter(|share| *share > 0) {
        let _infallible = write!(line, " for {share} % of the accounts");
    }
    if !accounts.is_empty() {
        let _infallible = write!(line, " ({})", plain(&accounts.join(", ")));
    }
    let _infallible = write!(
        line,
        ", since {}: {} agreed, {} disagreed, {} approved, {} faults",
        moment(&rollout.since),
        rollout.agreed,
        rollout.disagreed,
        rollout.approved,
        rollout.faults,
    );
    if let Some(after) = promote_after {
        let _infallible = write!(line, "; promoted after {after} that agree or are approved");
    }
    line
}

fn judged(judgement: &Judgement) -> String {
    let decision = plain(&judgement.decision);
    match (&judgement.kind, &judgement.rule) {
        (Some(kind), Some(rule)) => format!("{} ({}): {decision}", plain(kind), plain(rule)),
        (Some(kind), None) => format!("{}: {decision}", plain(kind)),
        _ => decision,
    }
}

#[cfg(test)]
mod tests;
