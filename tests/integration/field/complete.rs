//! Whether every row of the collections has its case.
//!
//! The collections are reference material beside the project, so this is skipped where they are absent.

use std::collections::BTreeSet;
use std::path::Path;

use super::{
    broker, captures, certainty, credentials, directory, held, judgement, operation, plausible, plugins,
    privacy, right_car, time, words,
};
use testkit::reference::shared;

/// Rows that are no case of a test: whether newer cars want another path for their windows cannot be decided without
/// the live service.
const NOT_DECIDED: &[&str] = &["FC-52"];

/// Findings that are pieces of work of their own and no faults: reading on a schedule, and installing.
const WORK_OF_ITS_OWN: &[&str] = &["F3", "F5"];

/// What the tables of this folder answer.
fn answered() -> BTreeSet<&'static str> {
    let tables = [
        broker::IDS,
        captures::IDS,
        certainty::IDS,
        credentials::IDS,
        directory::IDS,
        held::IDS,
        held::broker::IDS,
        judgement::IDS,
        operation::IDS,
        plausible::IDS,
        privacy::IDS,
        right_car::IDS,
        time::IDS,
        words::IDS,
    ];
    tables.into_iter().chain(plugins::IDS).flatten().copied().collect()
}

/// The rows of a table that begin like this: identifier and cells.
fn rows<'t>(text: &'t str, prefix: &'t str) -> impl Iterator<Item = (&'t str, Vec<&'t str>)> {
    text.lines().filter(move |line| line.starts_with(&format!("| {prefix}"))).map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        (cells[0], cells)
    })
}

/// The identifiers of the headings of a collection, such as `### S1 · HIGH · …`.
fn headings(text: &str, letter: char) -> impl Iterator<Item = &str> {
    let ids = text.lines().filter_map(|line| line.strip_prefix("### ")?.split(' ').next());
    ids.filter(move |id| id.strip_prefix(letter).is_some_and(|number| number.parse::<u32>().is_ok()))
}

/// What tests say of themselves, in this folder and in the host; without this file.
fn sources() -> String {
    let mut all = String::new();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![here.join("integration"), here.join("../host/src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("field/complete.rs") {
                all += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    all
}

/// Whether an identifier is named: `FC-5` is not where `FC-53` is.
fn names(text: &str, id: &str) -> bool {
    text.match_indices(id).any(|(at, _)| !text[at + id.len()..].starts_with(|it: char| it.is_ascii_digit()))
}

#[test]
fn every_case_of_the_collections_is_held() {
    let collections = ["field-cases.md", "security-cases.md", "newcomer-cases.md"].map(shared);
    let [Some(field), Some(security), Some(newcomer)] = collections else { return };
    let mut wanted: BTreeSet<&str> = rows(&field, "K").map(|(id, _)| id).collect();
    wanted.extend(headings(&security, 'S'));
    wanted.extend(headings(&newcomer, 'F').filter(|id| !WORK_OF_ITS_OWN.contains(id)));
    let mut passed = BTreeSet::new();
    for (id, cells) in rows(&field, "FC-") {
        if cells.contains(&"PASS") {
            passed.insert(id);
        } else {
            assert!(cells.contains(&"FAIL") || cells.contains(&"PARTIAL"), "{id} has no verdict");
            wanted.extend((!NOT_DECIDED.contains(&id)).then_some(id));
        }
    }
    // A collection that is written in another form would have no rows, and all of none is held.
    let of = |prefix: char| wanted.iter().filter(|id| id.starts_with(prefix)).count();
    assert_eq!((of('K'), of('S'), of('F') > 40, passed.len()), (24, 14, true, 34), "{wanted:?} {passed:?}");

    let answered = answered();
    let missing: Vec<_> = wanted.iter().filter(|id| !answered.contains(*id)).collect();
    assert!(missing.is_empty(), "no table has a case for {missing:?}");
    let sources = sources();
    let missing: Vec<_> = passed.iter().filter(|id| !names(&sources, id)).collect();
    assert!(missing.is_empty(), "no test says that it holds {missing:?}");
}
