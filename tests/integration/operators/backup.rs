//! Backups and restores.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::Child;
use vehicle_connector::store::{Kind, Reader, SqliteStore, Store, Write};
use vehicle_connector::wire::message::Outgoing;
use vehicle_connector::wire::outcome::State;

use super::names;
use crate::crash::House;

fn results(directory: &Path) -> usize {
    Reader::open(directory).unwrap().list(Kind::Result).unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_running_host_is_restored_and_knows_what_was_done() {
    let mut house = House::start().await;
    let mut host = house.host().await;
    house.unlock("before").await;
    house.reached("before", State::Succeeded).await;
    house.does(&["backup", "car.backup", "-c", "car.toml"]).await;
    assert_eq!(std::fs::metadata(house.path("car.backup")).unwrap().permissions().mode() & 0o777, 0o600);
    let (code, said) = house.says(&["backup", "car.backup", "-c", "car.toml"]).await;
    assert!(code == 1 && said.contains("exists already"), "{said}");
    assert!(house.does(&["restore", "car.backup", "-c", "car.toml", "--check"]).await.contains("is whole"));
    let (code, said) = house.says(&["restore", "car.backup", "-c", "car.toml"]).await;
    assert!(code == 1 && said.contains("is in use by process"), "{said}");
    house.unlock("after").await;
    house.reached("after", State::Succeeded).await;
    host.kill().await.unwrap();
    assert_eq!(results(&house.path("car.state")), 2);

    let said = house.does(&["restore", "car.backup", "-c", "car.toml", "--files", "files"]).await;
    assert!(
        said.contains("what was there before is in") && said.contains("two hosts that share sessions"),
        "{said}"
    );
    assert_eq!(results(&house.path("car.state")), 1);
    assert_eq!(names(&house.path("files")), ["configuration.toml"]);
    let aside = names(&house.path("car.state")).into_iter().find(|name| name.starts_with("state.db.before-"));
    std::fs::create_dir(house.path("aside")).unwrap();
    std::fs::copy(house.path("car.state").join(aside.unwrap()), house.path("aside/state.db")).unwrap();
    assert_eq!(results(&house.path("aside")), 2, "what was there is kept as it was");

    // The next host goes on from the backup: it knows the command of before, and does it no more.
    let unlocks = house.unlocks();
    let host = house.host().await;
    let seen = house.published.borrow().len();
    house.unlock("before").await;
    house.wait(seen, |topic, _| topic.ends_with("/action/before")).await;
    assert_eq!(house.unlocks(), unlocks);
    drop(host);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_or_is_no_backup_is_not_restored_and_changes_nothing() {
    let house = House::start().await;
    let store = SqliteStore::open(&house.path("car.state")).unwrap();
    let write =
        |kind, key: &str, value: &[u8]| Write { kind, key: key.to_owned(), value: Some(value.to_vec()) };
    store.commit(vec![write(Kind::Result, "niro/one", b"{}")]).await.unwrap();
    drop(store);
    house.does(&["backup", "good", "--state", "car.state"]).await;
    let good = std::fs::read(house.path("good")).unwrap();
    let before = std::fs::read(house.path("car.state/state.db")).unwrap();
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x40;
    let diary = b"this is a diary ".repeat(100);
    let cases: [(&str, &[u8]); 5] = [
        ("flipped", &flipped),
        ("cut", &good[..good.len() * 2 / 3]),
        ("empty", b""),
        ("diary", &diary),
        ("gzip", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]),
    ];
    for (name, bytes) in cases {
        std::fs::write(house.path(name), bytes).unwrap();
        let (code, said) = house.says(&["restore", name, "--state", "car.state", "--files", "files"]).await;
        assert!(code == 1 && said.contains("not restored"), "{name}: {said}");
        assert!(!house.path("files").exists(), "{name}");
        assert_eq!(std::fs::read(house.path("car.state/state.db")).unwrap(), before, "{name}");
        let left = names(&house.path("car.state"))
            .into_iter()
            .filter(|it| it.contains('.') && !it.starts_with("state.db-"));
        assert_eq!(left.collect::<Vec<_>>(), ["state.db"], "{name}");
    }
    let (code, said) = house.says(&["restore", "nowhere", "--state", "car.state"]).await;
    assert!(code == 1 && said.contains("nowhere cannot be read"), "{said}");
    house.does(&["restore", "good", "--state", "car.state"]).await;
    // What was there before is kept each time, also of restores within one second.
    for _ in 0..3 {
        house.does(&["restore", "good", "--state", "another.state"]).await;
    }
    assert_eq!(results(&house.path("another.state")), 1);
    let aside = names(&house.path("another.state"));
    assert_eq!(aside.iter().filter(|name| name.starts_with("state.db.before-")).count(), 2, "{aside:?}");
}

/// Waits until something is there, and kills the program at that moment.
async fn killed_at(mut program: Child, is_there: impl Fn() -> bool) -> bool {
    loop {
        if is_there() {
            program.kill().await.unwrap();
            return true;
        }
        if program.try_wait().unwrap().is_some() {
            return false;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_leaves_no_half() {
    let house = House::start().await;
    let store = SqliteStore::open(&house.path("car.state")).unwrap();
    // Of a size that takes a while, and that nothing makes small.
    let noise = || (0..1 << 20).map(|_| fastrand::u8(..)).collect::<Vec<u8>>();
    let writes =
        (0..24).map(|number| Write { kind: Kind::Component, key: format!("{number}"), value: Some(noise()) });
    store.commit(writes.collect()).await.unwrap();
    drop(store);
    let spawn = |arguments: &[&str]| {
        let mut program = house.program();
        program.current_dir(house.folder.path()).args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        program.spawn().unwrap()
    };
    let unfinished = || names(house.folder.path()).into_iter().find(|name| name.contains("unfinished"));
    let backup = spawn(&["backup", "killed", "--state", "car.state"]);
    let in_the_middle = || unfinished().is_some_and(|name| house.path(&name).join("state.db").exists());
    assert!(killed_at(backup, in_the_middle).await, "it was caught in the middle");
    assert!(!house.path("killed").exists());
    // What it has left has tokens in it: the doctor tells of it, and the next one removes it.
    let (code, said) = house.says(&["doctor", "--offline", "-c", "car.toml"]).await;
    let left = unfinished().unwrap();
    assert!(
        code == 1 && said.contains("is left of a backup") && said.contains(&format!("rm -r ./{left}")),
        "{said}"
    );
    house.does(&["backup", "killed", "--state", "car.state"]).await;
    assert_eq!(unfinished(), None);
    house.does(&["restore", "killed", "--state", "car.state", "--check"]).await;

    let before = std::fs::read(house.path("car.state/state.db")).unwrap();
    let restore = spawn(&["restore", "killed", "--state", "car.state"]);
    let in_the_middle = || house.path("car.state/state.db.unfinished").exists();
    assert!(killed_at(restore, in_the_middle).await, "it was caught in the middle");
    let said = house.says(&["doctor", "--offline", "-c", "car.toml"]).await.1;
    assert!(said.contains("car.state/state.db.unfinished is left of a backup or a restore"), "{said}");
    assert_eq!(std::fs::read(house.path("car.state/state.db")).unwrap(), before);
    house.does(&["restore", "killed", "--state", "car.state"]).await;
    assert!(!names(&house.path("car.state")).iter().any(|name| name.contains("unfinished")));
    assert_eq!(Reader::open(&house.path("car.state")).unwrap().list(Kind::Component).unwrap().len(), 24);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_asked_writes_a_backup_and_a_message_does_not() {
    let mut house = House::start().await;
    let _host = house.host().await;
    let state = house.path("car.state");
    let asked = house.path("asked");
    let ask = move |payload: Value| vehicle_connector::control::ask(&state, "state/backup", &payload);
    let relative = ask(json!({"file": "asked"})).unwrap_err().to_string();
    assert!(relative.contains("must be absolute"), "{relative}");
    let written = ask(json!({"file": asked})).unwrap();
    assert_eq!(written["files"][0]["name"], "state.db", "{written}");
    let message = Outgoing::new(
        "vehicle-connector/bridge/request/state/backup",
        format!("{{\"file\":{:?}}}", house.path("m")),
    );
    house.publisher.publish(message).await.unwrap();
    house
        .wait(0, |topic, payload| {
            topic.ends_with("response/state/backup")
                && String::from_utf8_lossy(payload).contains("control socket only")
        })
        .await;
    assert!(!house.path("m").exists());
}
