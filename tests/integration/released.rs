//! The interfaces hold what was released: a component of an earlier release keeps loading.

use std::path::{Path, PathBuf};

use vehicle_connector::plugin::slot::Provenance;
use vehicle_connector::plugin::{Compiled, ConnectorSlot, PolicySlot};
use vehicle_connector::sandbox::Sandbox;
use wit_parser::{PackageId, Resolve, SourceMap};

const WORLDS: [&str; 2] = ["policy-module", "vehicle-connector"];

/// The releases, each a folder with its interfaces and with components that were built for them.
fn releases() -> Vec<PathBuf> {
    let folder = testkit::root().join("wit/released");
    let mut releases: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    releases.sort();
    assert!(!releases.is_empty());
    releases
}

/// Reads a package. `change` is made to each of its files.
fn package(resolve: &mut Resolve, folder: &Path, change: impl Fn(String) -> String) -> PackageId {
    let mut sources = SourceMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "wit") {
            sources.push(&path, change(std::fs::read_to_string(&path).unwrap()));
        }
    }
    let group = sources.parse().map_err(|(_, error)| error).unwrap();
    resolve.push_group(group).unwrap()
}

/// Two packages of one name and version cannot stand side by side.
fn renamed(text: String) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for line in lines.iter_mut().filter(|line| line.starts_with("package ")) {
        *line = line.replace(';', "-released;");
    }
    lines.join("\n")
}

/// Compares the interfaces as they are, changed by `change`, with a release.
fn compared(release: &Path, world: &str, change: impl Fn(String) -> String) -> Result<(), String> {
    let mut resolve = Resolve::default();
    let before = package(&mut resolve, release, renamed);
    let now = package(&mut resolve, &testkit::root().join("wit"), change);
    let select = |package| resolve.select_world(&[package], Some(world)).unwrap();
    let (before, now) = (select(before), select(now));
    wit_component::semver_check(resolve, before, now).map_err(|error| format!("{error:#}"))
}

#[test]
fn nothing_that_was_released_has_changed() {
    for release in releases() {
        for world in WORLDS {
            let same = compared(&release, world, |text| text);
            assert_eq!(same, Ok(()), "{world} of {}", release.display());
        }
    }
}

#[test]
fn a_change_that_would_break_components_is_noticed() {
    for (was, would_be) in [
        ("        url: string,\n", "        url: string,\n        port: u16,\n"),
        ("        give-up,\n", "        give-up,\n        despair,\n"),
        ("resume: func(account: account, ", "resume: func(account: account, often: bool, "),
    ] {
        let changed = |text: String| text.replacen(was, would_be, 1);
        let broken = |release: &PathBuf| compared(release, "vehicle-connector", changed).is_err();
        assert!(releases().iter().all(broken), "{was}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_of_an_earlier_release_keeps_loading() {
    let sandbox = Sandbox::new().unwrap();
    let given = || Provenance::new(jiff::Timestamp::UNIX_EPOCH, "a test");
    for release in releases() {
        let read = |name: &str| std::fs::read(release.join(name)).unwrap();
        let connector = Compiled::of(&sandbox, &read("connector.wasm")).await.unwrap();
        ConnectorSlot::open(&sandbox, &connector, given()).await.unwrap();
        let policy = Compiled::of(&sandbox, &read("policy.wasm")).await.unwrap();
        PolicySlot::open(&sandbox, &policy, given()).await.unwrap();
        // With its own policy too, in a house that uses it.
        let home = testkit::RealHome::start().await;
        home.swap_policy(read("policy.wasm")).await.unwrap();
        home.swap_policy(read("connector.wasm")).await.unwrap();
    }
}
