//! The report of `policy test` for people.

use std::fmt::Write;

use super::Findings;
use crate::cli::table::plain;
use crate::plugin::Policy;
use crate::scoring::{Costs, Label, Mistake, Rules, Score, Scores};

pub(super) fn for_people(policy: &Policy, findings: &Findings) -> Result<String, std::fmt::Error> {
    let generation = policy.generation();
    let (name, version) = (plain(&generation.name), plain(&generation.version));
    let scores = &findings.scores;
    let mut text = format!("policy {name} {version}, {} cases\n", scores.all.rows);
    matrix(&mut text, scores)?;
    table(&mut text, "token-expired", scores)?;
    for (cloud, score) in &scores.clouds {
        line(&mut text, &plain(cloud), score)?;
    }
    costs(&mut text, &scores.costs, scores.all.rows)?;
    if let Some(rules) = &findings.rules {
        table_of_rules(&mut text, rules)?;
    }
    if let Some(folds) = &findings.folds {
        table(&mut text, "by families", folds)?;
        costs(&mut text, &folds.costs, folds.all.rows)?;
    }
    misses(&mut text, scores)?;
    Ok(text)
}

fn matrix(out: &mut impl Write, scores: &Scores) -> std::fmt::Result {
    write!(out, "\nlabel (down) and verdict (across)\n{:24}", "")?;
    for column in 1..=Label::ALL.len() {
        write!(out, "{column:>6}")?;
    }
    writeln!(out, "{:>7}", "other")?;
    for ((number, label), row) in (1..).zip(Label::ALL).zip(&scores.matrix) {
        write!(out, "{number} {:22}", label.name())?;
        for count in row {
            write!(out, "{count:>6}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// The scores over all cases, the clear ones, and those of each file.
fn table(out: &mut impl Write, title: &str, scores: &Scores) -> std::fmt::Result {
    writeln!(
        out,
        "\n{title:30}{:>6}{:>11}{:>11}{:>11}{:>15}",
        "cases", "precision", "recall", "accuracy", "wrong latches"
    )?;
    line(out, "all", &scores.all)?;
    line(out, "clear", &scores.clear)?;
    if scores.files.len() > 1 {
        for (file, score) in &scores.files {
            let file = plain(file);
            line(out, &file, &score.all)?;
            line(out, &format!("{file}, clear"), &score.clear)?;
        }
    }
    Ok(())
}

fn line(out: &mut impl Write, name: &str, score: &Score) -> std::fmt::Result {
    let share = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |share| format!("{share:.3}"));
    let (precision, recall, accuracy) =
        (share(score.precision()), share(score.recall()), share(score.accuracy()));
    let latches = format!("{} of {}", score.wrong_latches, score.session_steps);
    writeln!(out, "{name:30}{:>6}{precision:>11}{recall:>11}{accuracy:>11}{latches:>15}", score.rows)
}

/// Each mistake, how often it was made and what it costs.
fn costs(out: &mut impl Write, costs: &Costs, cases: u64) -> std::fmt::Result {
    writeln!(out, "\n{:30}{:>6}{:>11}{:>11}", "mistakes", "cases", "cost each", "cost")?;
    for mistake in Mistake::ALL {
        let (count, each) = (costs.count(mistake), mistake.cost());
        writeln!(out, "{:30}{count:>6}{each:>11}{:>11}", mistake.name(), count * each)?;
    }
    writeln!(out, "{:30}{cases:>6}{:>11}{:>11}", "all", "", costs.total())
}

fn table_of_rules(out: &mut impl Write, rules: &Rules) -> std::fmt::Result {
    writeln!(out, "\n{:30}{:>6}{:>11}{:>11}{:>11}", "rules", "right", "wrong", "families", "damage")?;
    for (rule, support) in rules.by_damage() {
        let (right, wrong, families) = (support.right, support.wrong, support.families.len());
        writeln!(out, "{:30}{right:>6}{wrong:>11}{families:>11}{:>11}", plain(rule), support.damage)?;
    }
    Ok(())
}

fn misses(out: &mut impl Write, scores: &Scores) -> std::fmt::Result {
    writeln!(out, "\n{} misses", scores.misses.len())?;
    for miss in &scores.misses {
        let (id, rule) = (plain(&miss.id), plain(&miss.rule));
        writeln!(out, "{id}: {}, not {} (rule {rule})", miss.label, miss.verdict)?;
    }
    Ok(())
}
