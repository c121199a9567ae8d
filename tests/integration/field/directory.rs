//! Field cases: the state directory, and starting and stopping.

use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use simulator::{ActionKind, Ending, Outcome};
use testkit::virtual_home::VirtualHome;
use testkit::{Home, LEGACY, RealHome};
use tokio::process::Command;
use vehicle_connector::control::Control;
use vehicle_connector::host::{Delivery, Request};
use vehicle_connector::store::{Kind, OpenError, SqliteStore, Store, StoreError, Write};
use vehicle_connector::wire::outcome::{Reason, State};

use crate::crash::{House, kill};

/// What a byte that turned over makes of a record.
const DAMAGED: &[u8] = b"{{";

/// Everything that the host keeps as documents and reads again.
const KINDS: [Kind; 16] = [
    Kind::Known,
    Kind::Retried,
    Kind::Delivery,
    Kind::Doubt,
    Kind::Throttle,
    Kind::Cell,
    Kind::Credentials,
    Kind::Result,
    Kind::Pending,
    Kind::Daily,
    Kind::RetryBudget,
    Kind::Slot,
    Kind::Rollout,
    Kind::Latch,
    Kind::Identity,
    Kind::Retained,
];

fn is_event(payload: &[u8], event: &str) -> bool {
    serde_json::from_slice::<serde_json::Value>(payload).is_ok_and(|said| said["event_type"] == event)
}

/// Sends a signal to a host.
async fn signal(host: &tokio::process::Child, name: &str) {
    let sent =
        Command::new("kill").arg(format!("-{name}")).arg(host.id().unwrap().to_string()).status().await;
    assert!(sent.unwrap().success());
}

fn refused(directory: &Path) -> String {
    SqliteStore::open(directory).unwrap_err().to_string()
}

cases! {
    /// One damaged record of any kind is set aside and told; the host starts and works.
    ["S6"] a_damaged_record_is_no_reason_not_to_start {
        for kind in KINDS {
            let mut home = RealHome::start().await;
            home.settle().await;
            home.command(LEGACY.0, "lock", "").await;
            home.command(LEGACY.0, "refresh_cached", "").await;
            let store = Arc::clone(&home.environment.store);
            let mut records = store.list(kind).await.unwrap();
            if records.is_empty() {
                // What this home has no reason to write; the key is what it would look for.
                let key = match kind {
                    Kind::Rollout => "vehicle",
                    Kind::Doubt => "home/grant",
                    Kind::Delivery => "7",
                    _ => "home",
                };
                records.push((key.to_owned(), Vec::new()));
            }
            let damage = |(key, _): (String, Vec<u8>)| Write { kind, key, value: Some(DAMAGED.to_vec()) };
            store.commit(records.into_iter().map(damage).collect()).await.unwrap();
            home.restart_configured(|_| {}).await.unwrap();
            let expected = if kind == Kind::Latch { Some(Reason::AuthRequired) } else { None };
            let report = home.command(LEGACY.0, "refresh_cached", "").await;
            assert_eq!(report.reason, expected, "{kind:?}: {report:?}");
        }
    }

    /// What was damaged is told as an event and kept aside; what limits is used up, what was done is not done again.
    ["S6"] the_careful_value_is_assumed {
        let mut home = RealHome::configured(simulator::Config::default(), |config| {
            for vehicle in config.vehicles.values_mut() {
                vehicle.force.max_per_day = 2;
            }
        })
        .await;
        home.settle().await;
        home.send(LEGACY.0, "lock", r#"{"id":"once"}"#).await;
        home.ended(LEGACY.0, "once").await;
        assert_eq!(home.command(LEGACY.0, "refresh_force", "").await.state, State::Succeeded);
        let store = Arc::clone(&home.environment.store);
        let damage = |kind, key: &str| Write { kind, key: key.to_owned(), value: Some(DAMAGED.to_vec()) };
        let writes = vec![damage(Kind::Result, "niro/once"), damage(Kind::Daily, "forced-reads/niro")];
        store.commit(writes).await.unwrap();
        home.restart_configured(|_| {}).await.unwrap();
        let set_aside: Vec<String> =
            store.list(Kind::Damaged).await.unwrap().into_iter().map(|(key, _)| key).collect();
        assert_eq!(set_aside, ["daily/forced-reads/niro", "result/niro/once"]);
        let messages = home.published.messages();
        assert_eq!(messages.iter().filter(|message| is_event(&message.payload, "state_damaged")).count(), 2);

        let locks = home.control().counters().actuations_of(LEGACY.1, ActionKind::Lock);
        let before = home.published.messages().len();
        home.send(LEGACY.0, "lock", r#"{"id":"once"}"#).await;
        let topic = format!("vehicle-connector/vehicle/{}/action/once", LEGACY.0);
        let answered = home.published.find(|messages| {
            messages.iter().skip(before).find(|message| message.topic == topic).map(|message| message.payload.clone())
        });
        let report: vehicle_connector::wire::report::Report = serde_json::from_slice(&answered.await).unwrap();
        assert_eq!(report.state, State::Unknown, "{report:?}");
        assert_eq!(home.control().counters().actuations_of(LEGACY.1, ActionKind::Lock), locks);
        let report = home.command(LEGACY.0, "refresh_force", "").await;
        assert_eq!((report.state, report.reason), (State::Rejected, Some(Reason::Cooldown)), "{report:?}");
    }

    /// A state that was removed or replaced is noticed with the next change at the latest, and nothing is said to be stored.
    ["S5"] a_state_that_vanished_is_noticed {
        let takings: [fn(&Path); 3] = [
            |path| std::fs::remove_dir_all(path).unwrap(),
            |path| std::fs::remove_file(path.join("state.db")).unwrap(),
            |path| {
                let bytes = std::fs::read(path.join("state.db")).unwrap();
                std::fs::rename(path.join("state.db"), path.join("old.db")).unwrap();
                std::fs::write(path.join("state.db"), bytes).unwrap();
            },
        ];
        for take in takings {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("state");
            let store = SqliteStore::open(&path).unwrap();
            let write = || vec![Write { kind: Kind::Result, key: "a/b".to_owned(), value: Some(b"1".to_vec()) }];
            store.commit(write()).await.unwrap();
            take(&path);
            let failed = store.commit(write()).await.unwrap_err();
            assert!(matches!(failed, StoreError::Gone(_)), "{failed}");
            let what = store.lost().await;
            assert!(what.contains("under the host") && what.contains("state"), "{what}");
        }
    }

    /// The program ends with a clear message, says so as an event, and does nothing meanwhile.
    ["S5"] a_host_whose_state_vanished_ends {
        let mut house = House::start().await;
        let mut host = house.host().await;
        std::fs::remove_dir_all(house.folder.path().join("car.state")).unwrap();
        house.unlock("late").await;
        house.wait(0, |topic, payload| topic.ends_with("/bridge/event") && is_event(payload, "state_lost")).await;
        assert_eq!(host.wait().await.unwrap().code(), Some(1));
        assert_eq!(house.unlocks(), 0, "nobody could tell after a restart that it was done");
        let host = house.host().await;
        kill(host).await;
    }

    /// A host that ends leaves the socket alone that another one has made in its place.
    ["S5"] the_socket_of_another_host_stays {
        let home = RealHome::start().await;
        let folder = tempfile::tempdir().unwrap();
        let first = Control::open(folder.path(), &home.host).unwrap();
        let socket = folder.path().join("control.sock");
        std::fs::remove_file(&socket).unwrap();
        let second = Control::open(folder.path(), &home.host).unwrap();
        first.close().await;
        assert!(socket.exists(), "it is the second one's");
        second.close().await;
        assert!(!socket.exists());
    }

    /// A directory that is not this user's alone is refused or closed, and no link is followed.
    ["S13"] a_state_directory_is_this_users_alone {
        let folder = tempfile::tempdir().unwrap();
        let victim = folder.path().join("victim");
        std::fs::write(&victim, "precious").unwrap();
        for name in ["lock", "state.db", "state.db-wal", "state.db-shm"] {
            let state = folder.path().join(format!("linked-{name}"));
            std::fs::create_dir(&state).unwrap();
            symlink(&victim, state.join(name)).unwrap();
            let why = refused(&state);
            assert!(why.contains("is a link") && why.contains("state.dir"), "{why}");
            std::fs::remove_file(state.join(name)).unwrap();
            std::fs::hard_link(&victim, state.join(name)).unwrap();
            assert!(refused(&state).contains("hard link"));
        }
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");

        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(refused(&file).contains("is no directory"), "{}", refused(&file));

        let open = folder.path().join("open");
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
        drop(SqliteStore::open(&open).unwrap());
        assert_eq!(std::fs::metadata(&open).unwrap().mode() & 0o777, 0o700);

        // Only root can give something away.
        let somebody = folder.path().join("somebody");
        std::fs::create_dir(&somebody).unwrap();
        let given = std::os::unix::fs::chown(&somebody, Some(12_345), None);
        assert_eq!(SqliteStore::open(&somebody).is_err(), given.is_ok());
    }

    /// A database that a power cut has left empty is told, and one with a byte in it is put aside.
    ["S6"] an_empty_database_is_begun_anew {
        for left in ["", "x"] {
            let folder = tempfile::tempdir().unwrap();
            drop(SqliteStore::open(folder.path()).unwrap());
            std::fs::OpenOptions::new()
                .write(true)
                .truncate(true)
                .open(folder.path().join("state.db"))
                .and_then(|mut file| file.write_all(left.as_bytes()))
                .unwrap();
            let store = SqliteStore::open(folder.path()).unwrap();
            assert!(store.began_anew());
            assert!(store.list(Kind::Result).await.unwrap().is_empty());
            assert_eq!(folder.path().join("state.db.broken").exists(), !left.is_empty());
        }
        let folder = tempfile::tempdir().unwrap();
        assert!(!SqliteStore::open(folder.path()).unwrap().began_anew(), "there was nothing to lose");
        let other = folder.path().join("other");
        std::fs::create_dir(&other).unwrap();
        std::fs::write(other.join("state.db"), "this is a diary ".repeat(200)).unwrap();
        assert!(matches!(SqliteStore::open(&other), Err(OpenError::Foreign { .. })));
    }

    /// A hang-up is no end: the host goes on, and ends in order when it is told to.
    ["F6"] a_hang_up_does_not_end_the_host {
        let mut house = House::start().await;
        let mut host = house.host().await;
        signal(&host, "HUP").await;
        house.unlock("after").await;
        house.reached("after", State::Succeeded).await;
        signal(&host, "TERM").await;
        assert!(host.wait().await.unwrap().success());
    }

    /// A command that the cloud has taken has its true result after an orderly stop, as after a crash.
    ["F6"] an_orderly_stop_loses_nothing {
        let mut house = House::start().await;
        let mut host = house.host().await;
        house.control().queue_outcome(Outcome::new(Ending::Success).pending(4));
        house.unlock("planned").await;
        house.reached("planned", State::Pending).await;
        signal(&host, "TERM").await;
        assert!(host.wait().await.unwrap().success());
        assert!(house.finals("planned").is_empty());
        let host = house.host().await;
        house.reached("planned", State::Succeeded).await;
        let report = house.finals("planned").remove(0);
        assert!(report.sent_at.is_some() && report.upstream_action_id.is_some(), "{report:?}");
        assert_eq!(house.unlocks(), 1);
        kill(host).await;
    }

    /// Whoever reads the log may stand still: the host serves on.
    ["S14"] a_log_that_nobody_reads_stops_nothing {
        let mut house = House::start().await;
        // The compiler alone says far more than a pipe holds, before the host has begun to serve.
        let host = house
            .program()
            .args(["run", "-c"])
            .arg(house.config())
            .env("RUST_LOG", "info,cranelift_codegen=debug,wasmtime_internal_cranelift=debug")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        house.wait(0, |topic, _| topic.ends_with("/ev6/state")).await;
        house.unlock("still-there").await;
        house.reached("still-there", State::Succeeded).await;
        kill(host).await;
    }
}

/// On a full disk reads are served and what moves something is refused, which is said once.
#[tokio::test(start_paused = true)]
async fn a_full_disk_refuses_what_moves_and_serves_reads() {
    let mut home = VirtualHome::start().await;
    home.store.refuse_all();
    for _ in 0..3 {
        assert_eq!(home.read().await.state, State::Succeeded);
        let report = home.command(LEGACY.0, "lock", "").await;
        assert_eq!((report.state, report.reason), (State::Rejected, Some(Reason::HostFault)), "{report:?}");
    }
    // A read is served too if it comes as a broker sends it, without an identifier of its own.
    let topic = format!("vehicle-connector/vehicle/{}/cmd/refresh_cached", LEGACY.0);
    let delivery = Some(Delivery::of(7, false, &topic, b"PRESS"));
    home.host.handle(Request { topic, payload: b"PRESS".to_vec(), delivery, ..Request::default() }).await;
    home.advance(Duration::from_secs(60)).await;
    let last = home.retained(&format!("vehicle/{}/action/last", LEGACY.0));
    assert_eq!((&last["op"], &last["state"]), (&"refresh_cached".into(), &"succeeded".into()), "{last}");
    assert_eq!(home.counters().total_actuations(), 0);
    assert_eq!(home.events("disk_full").len(), 1);
    // It can be started like this too.
    home.restart().await;
    assert_eq!(home.read().await.state, State::Succeeded);
    home.store.mend();
    assert_eq!(home.command(LEGACY.0, "lock", "").await.state, State::Succeeded);
    // Even with nothing to begin with. There is no sign-in then, since it could not be counted.
    home.store.forget();
    home.store.refuse_all();
    home.restart().await;
    // More often than there are sign-ins within a day: none was made, so none counts.
    for _ in 0..5 {
        let report = home.read().await;
        assert_eq!((report.state, report.reason), (State::Rejected, Some(Reason::HostFault)), "{report:?}");
    }
    home.store.mend();
    assert_eq!(home.read().await.state, State::Succeeded);
}

/// Of what was not done because it could not be counted nothing counts.
#[tokio::test(start_paused = true)]
async fn a_full_disk_uses_up_no_forced_reads() {
    let home = VirtualHome::with(simulator::Config::default(), |config| {
        config.vehicles.values_mut().for_each(|vehicle| vehicle.force.max_per_day = 1);
    })
    .await;
    home.store.refuse_all();
    for _ in 0..2 {
        let report = home.command(LEGACY.0, "refresh_force", "").await;
        assert_eq!((report.state, report.reason), (State::Rejected, Some(Reason::HostFault)), "{report:?}");
        assert!(!report.message.as_deref().unwrap().contains("force.max_per_day"), "{report:?}");
    }
    home.store.mend();
    assert_eq!(home.command(LEGACY.0, "refresh_force", "").await.state, State::Succeeded);
    let report = home.command(LEGACY.0, "refresh_force", "").await;
    assert_eq!((report.state, report.reason), (State::Rejected, Some(Reason::Cooldown)), "{report:?}");
}
