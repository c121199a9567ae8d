//! What the commands of a connector take: the table `takes` of a connector.

use super::reader::{Entry, Section};
use crate::descriptor::{LimitsForm, Span, Takes};

/// Key of the table.
pub(super) const KEY: &str = "takes";

/// Most words that a list offers.
const MOST_WORDS: usize = 16;

/// Longest of those words, in bytes.
const LONGEST_WORD: usize = 16;

/// Words for signals, as the topic takes them.
const SIGNALS: [&str; 3] = ["LIGHTS", "HORN", "HORN_AND_LIGHTS"];

/// Reads the table. What it does not have stays as it was, and once it is there, a command takes only what it names.
pub(super) fn read(section: &mut Section<'_, '_>, known: Takes) -> Takes {
    let Some(mut table) = section.section(KEY) else { return known };
    let climate = table.section("climate_temp");
    let minutes = table.section("climate_minutes");
    let limit = table.section("charge_limit");
    let defrost = table.entry("climate_defrost").and_then(Entry::truth).unwrap_or_default();
    let form = table.choice("charge_limits", &LimitsForm::WORDS).unwrap_or(known.charge_limits);
    let takes = Takes {
        climate_temp: climate.and_then(span),
        climate_minutes: minutes.and_then(span),
        climate_defrost: defrost,
        charge_limit: limit.and_then(span).unwrap_or(known.charge_limit),
        charge_limits: form,
        charging_current: words(&mut table, "charging_current", &[]).unwrap_or(known.charging_current),
        signals: words(&mut table, "signals", &SIGNALS).unwrap_or(known.signals),
    };
    table.finish();
    takes
}

/// Reads a range of numbers; `None` if something was complained about.
fn span(mut section: Section<'_, '_>) -> Option<Span> {
    let (least, most, step) = (section.decimal("least"), section.decimal("most"), section.decimal("step"));
    let whole = least.zip(most).zip(step).filter(|((least, most), step)| least < most && *step > 0.0);
    if whole.is_none() {
        let message = format!(
            "{}: it needs least, most and step, as in {{ least = 16, most = 28, step = 0.5 }}",
            section.name
        );
        section.complain(&section.span, message);
    }
    section.finish();
    whole.map(|((least, most), step)| Span { least, most, step })
}

/// Reads a list of words; any will do if `known` is empty.
fn words(section: &mut Section<'_, '_>, key: &str, known: &[&str]) -> Option<Vec<String>> {
    let given = section.entry(key)?.texts()?;
    let is_good = |word: &str| {
        let short = !word.is_empty() && word.len() <= LONGEST_WORD && !word.contains(char::is_control);
        short && (known.is_empty() || known.contains(&word))
    };
    if let Some(wrong) = given.iter().find(|text| !is_good(text.value)) {
        let known = if known.is_empty() {
            format!("use 1 to {LONGEST_WORD} bytes, as in \"60 %\"")
        } else {
            format!("known: {}", known.join(", "))
        };
        section
            .complain(&wrong.span, format!("{}: {:?} cannot be offered; {known}", wrong.name, wrong.value));
    }
    Some(given.into_iter().map(|text| text.value.to_owned()).take(MOST_WORDS).collect())
}
