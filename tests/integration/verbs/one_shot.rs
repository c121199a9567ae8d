//! Everyday commands without a host that runs: the program is one itself, for as long as the command takes.

use std::process::Stdio;

use serde_json::json;
use simulator::{ActionKind, Ending, Outcome};
use testkit::LEGACY;
use tokio::process::Command;

use super::house::{House, ended, signal, until_it_says};

#[tokio::test(flavor = "multi_thread")]
async fn a_command_needs_no_host_and_leaves_one_no_trouble() {
    let house = House::start().await;
    let ran = house.run(&["lock", "niro", "--json"]).await;
    assert_eq!((ran.code, &ran.json()["state"]), (0, &json!("succeeded")), "{ran:?}");
    let id = ran.json()["id"].as_str().unwrap().to_owned();
    assert!(!house.dir.path().join("car.state/control.sock").exists(), "it is nobody else's host");
    let grants = house.control().counters().grants_asked;

    // What it has learned stays: the session, the state of the car, and the result.
    let ran = house.run(&["status", "niro", "--json"]).await;
    assert_eq!(ran.json()["state"]["locked"], true, "{ran:?}");
    let ran = house.run(&["action", &id, "--json"]).await;
    assert_eq!((ran.code, &ran.json()["state"]), (0, &json!("succeeded")), "{ran:?}");
    let ran = house.run(&["refresh", "niro"]).await;
    assert!(ran.code == 0 && ran.out.contains("doors        locked"), "{ran:?}");
    assert_eq!(house.control().counters().grants_asked, grants, "one sign-in is enough");

    let _host = house.host().await;
    assert_eq!(house.run(&["action", &id, "--json"]).await.json()["id"], id.as_str());
    assert_eq!(house.control().counters().actuations_of(LEGACY.1, ActionKind::Lock), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_asked_of_a_cloud_to_show_what_is_known() {
    let house = House::start().await;
    let ran = house.run(&["vehicles"]).await;
    assert!(ran.code == 0 && ran.out.contains("not looked yet"), "{ran:?}");
    let ran = house.run(&["status", "ev6"]).await;
    assert!(ran.code == 0 && ran.out.contains("nothing was read yet"), "{ran:?}");
    assert_eq!(house.control().counters().requests, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_host_has_left_is_not_gone_on_with_until_it_is_asked_for() {
    let house = House::start().await;
    let mut host = house.host().await;
    house.control().queue_outcome(Outcome::new(Ending::Success).pending(3));
    let mut unlocking = house.program(&["unlock", "niro"]).spawn().unwrap();
    until_it_says(&mut unlocking, "taken by the cloud").await;
    host.kill().await.unwrap();
    let waited = ended(unlocking).await;
    assert_eq!(waited.code, 3, "{waited:?}");
    let id = waited.err.split("action ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap().to_owned();
    let polls = house.control().counters().polls;

    // Neither a look nor another command asks about it.
    let ran = house.run(&["action", &id, "--json"]).await;
    assert_eq!((ran.code, &ran.json()["state"]), (3, &json!("pending")), "{ran:?}");
    assert_eq!(house.run(&["status"]).await.code, 0);
    assert_eq!(house.control().counters().polls, polls);

    let ran = house.run(&["action", &id, "--wait", "--json"]).await;
    assert_eq!(
        (ran.code, &ran.json()["state"], &ran.json()["id"]),
        (0, &json!("succeeded"), &json!(id)),
        "{ran:?}"
    );
    assert_eq!(house.control().counters().actuations_of(LEGACY.1, ActionKind::Unlock), 1, "sent once");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_take_turns_and_each_gets_its_own() {
    let house = House::start().await;
    let running = [&["lock", "niro", "--json"][..], &["lock", "ev6", "--json"]]
        .map(|arguments| house.program(arguments).spawn().unwrap());
    let ran = futures_util::future::join_all(running.map(ended)).await;
    for (ran, vehicle) in ran.iter().zip(["niro", "ev6"]) {
        assert_eq!((ran.code, &ran.json()["vehicle"]), (0, &json!(vehicle)), "{ran:?}");
    }
    // The second one waited for the first, and said so; which process that is may not be written down yet.
    assert!(ran.iter().any(|ran| ran.err.contains("is in use by ")), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_one_says_what_it_leaves_behind_and_the_next_host_finishes_it() {
    let house = House::start().await;
    house.control().queue_outcome(Outcome::new(Ending::Success).pending(6));
    let mut unlocking = house.program(&["unlock", "niro"]).spawn().unwrap();
    until_it_says(&mut unlocking, "taken by the cloud").await;
    signal(&unlocking, "-INT").await;
    let ran = ended(unlocking).await;
    assert_eq!((ran.code, ran.out.as_str()), (130, ""), "{ran:?}");
    assert!(ran.err.contains("the next host learns its result") && ran.err.contains("--wait"), "{ran:?}");
    let id = ran.err.split("action ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap().to_owned();
    let ran = house.run(&["action", &id, "--wait"]).await;
    assert!(ran.code == 0 && ran.out.starts_with("unlock niro: succeeded"), "{ran:?}");
    assert_eq!(house.control().counters().actuations_of(LEGACY.1, ActionKind::Unlock), 1, "sent once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_host_that_stays_says_so() {
    let house = House::start().await;
    let ran = house.run(&["lock", "niro", "--no-wait"]).await;
    assert!(ran.code == 2 && ran.err.contains("vehicle-connector run"), "{ran:?}");
    assert_eq!(house.control().counters().requests, 0, "nothing was sent");
    // Without the configuration there is nothing that a host could be made of.
    let mut program = Command::new(env!("CARGO_BIN_EXE_vehicle-connector-under-test"));
    program.args(["vehicles", "--state"]).arg(house.dir.path().join("car.state"));
    let ran = ended(program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()).await;
    assert!(ran.code == 1 && ran.err.contains("no host runs on") && ran.err.contains("-c FILE"), "{ran:?}");
}
