//! What is written to files: a first configuration, manual pages; and nothing half where there is no room.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;
use vehicle_connector::store::{Kind, SqliteStore, Store, Write};

use super::names;
use crate::grants::desk::Desk;

#[test]
fn a_first_configuration_is_good_or_is_not_written() {
    let desk = Desk::new();
    desk.write("token", format!("{}\n", "A".repeat(48)).as_bytes());
    desk.write("short", b"AAAA\n");
    let init = |more: &[&str]| {
        let usual =
            ["init", "--yes", "-c", "new.toml", "--brand", "kia", "--vehicle", "ev6", "--named", "My EV6"];
        desk.run(&[&usual[..], more].concat())
    };
    // Of a connector that cannot do without: Hyundai and Kia can be signed in to by a person.
    let renault =
        ["--brand", "renault", "--setting", "locale=fr_FR", "--vehicle", "megane", "--named", "My Megane"];
    let (code, said) = desk.run(&[&["init", "--yes", "-c", "new.toml"][..], &renault].concat());
    assert!(code == 2 && said.contains("--secret gigya_key=FILE is missing"), "{said}");
    assert!(!desk.path("new.toml").exists());
    for (more, why) in [
        (&["--secret", "refresh_token=short"][..], "48"),
        (&["--secret", "refresh_token=token", "--secret", "typo=token"], "unknown key \"typo_file\""),
        (&["--secret", "refresh_token=token", "--allow", "lock,fly"], "\"fly\" is unknown"),
        (&["--secret", "refresh_token=token", "--broker", "amqp://x"], "amqp"),
        (&["--secret", "refresh_token=token", "--account", "a b"], "a b"),
    ] {
        let (code, said) = init(more);
        assert!(code == 2 && said.contains(why) && said.contains("nothing was written"), "{more:?}: {said}");
        assert!(!desk.path("new.toml").exists());
    }
    let (code, said) = init(&["--secret", "refresh_token=token", "--allow", "refresh,lock,unlock"]);
    assert!(code == 0 && said.contains("vehicle-connector run -c new.toml"), "{said}");
    assert_eq!(std::fs::metadata(desk.path("new.toml")).unwrap().permissions().mode() & 0o777, 0o600);
    let (code, said) = desk.run(&["check-config", "-c", "new.toml"]);
    assert!(code == 0 && said.contains("good; 1 account(s), 1 vehicle(s)"), "{said}");
    let before = desk.read("new.toml");
    let (code, said) = init(&["--secret", "refresh_token=token"]);
    assert!(code == 2 && said.contains("exists already"), "{said}");
    assert_eq!(desk.read("new.toml"), before);
}

#[test]
fn a_place_that_cannot_be_written_to_is_told_before_anything_else() {
    let desk = Desk::new();
    // Before what is missing, which is asked for.
    let (code, said) = desk.run(&["init", "--yes", "-c", "nowhere/car.toml"]);
    assert!(code == 1 && said.contains("nowhere/car.toml cannot be written: nowhere: "), "{said}");
    desk.write("file", b"");
    let (code, said) = desk.run(&["init", "--yes", "-c", "file/car.toml"]);
    assert!(code == 1 && said.contains("name a folder that you may write to"), "{said}");
}

/// Runs the program where no file may have more than 64 or 128 KiB, as on a disk that is full.
fn run_on_a_full_disk(desk: &Desk, arguments: &str) -> (i32, String) {
    let program = env!("CARGO_BIN_EXE_vehicle-connector-under-test");
    let script = format!("trap '' XFSZ; ulimit -f 128; exec {program} {arguments}");
    let folder = desk.path(".");
    let output = std::process::Command::new("sh").args(["-c", &script]).current_dir(folder).output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (output.status.code().unwrap(), said)
}

#[tokio::test]
async fn a_full_disk_is_named_and_nothing_half_is_left_on_it() {
    let desk = Desk::new();
    // Of a size that nothing makes small enough.
    let noise: String = (0..400 << 10).map(|_| fastrand::alphabetic()).collect();
    let result = json!({"requested_at": "2026-11-30T12:00:00Z", "detail": noise}).to_string().into_bytes();
    let store = SqliteStore::open(&desk.path("car.state")).unwrap();
    let write = Write { kind: Kind::Result, key: "niro/one".to_owned(), value: Some(result) };
    store.commit(vec![write]).await.unwrap();
    drop(store);
    assert_eq!(desk.run(&["backup", "good", "--state", "car.state"]).0, 0);
    let before = (names(&desk.path(".")), names(&desk.path("car.state")));
    for (arguments, path) in [
        ("backup new --state car.state", "new"),
        ("restore good --state car.state --files files", "car.state/state.db.unfinished"),
        ("restore good --state car.state --check", "state.db"),
        ("dump -c car.toml -o dump.json", "dump.json"),
    ] {
        let (code, said) = run_on_a_full_disk(&desk, arguments);
        let named = said.contains(path) && said.contains("cannot be written");
        assert!(code == 1 && named && !said.contains("damaged"), "{arguments}: {code} {said}");
        assert_eq!((names(&desk.path(".")), names(&desk.path("car.state"))), before, "{arguments}: {said}");
    }
}

#[test]
fn shells_and_manuals_know_every_command() {
    let desk = Desk::new();
    // Whether all are there, the tests of these two commands say.
    for shell in ["bash", "zsh", "fish"] {
        let (code, script) = desk.run(&["completions", shell]);
        assert!(code == 0 && script.contains("check-config") && script.contains("restore"), "{shell}");
        assert!(!script.contains("compile-component"), "{shell}");
    }
    let (code, page) = desk.run(&["man"]);
    assert!(code == 0 && page.contains(".TH vehicle") && page.contains("doctor"), "{page}");
    let (code, said) = desk.run(&["man", "pages"]);
    assert!(code == 0, "{said}");
    let pages = names(&desk.path("pages"));
    for page in ["vehicle-connector.1", "vehicle-connector-backup.1", "vehicle-connector-policy-swap.1"] {
        assert!(pages.iter().any(|it| it == page), "{page}: {pages:?}");
    }
    assert!(!pages.iter().any(|page| page.contains("compile")), "what is hidden has no page: {pages:?}");
    desk.write("in-the-way", b"");
    assert_eq!(desk.run(&["man", "in-the-way"]).0, 1);
}
