//! The wait for a result: how far it is, and what ends it before the result is there.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use serde_json::{Value, json};
use simulator::{ActionKind, Ending, Outcome};
use testkit::LEGACY;

use super::house::{House, PATIENCE, Ran, ended, signal, until_it_says};

#[tokio::test(flavor = "multi_thread")]
async fn every_step_is_told_beside_the_result() {
    let house = House::start().await;
    let _host = house.host().await;
    house.control().queue_outcome(Outcome::new(Ending::Success).pending(1));
    let ran = house.run(&["lock", "niro"]).await;
    let steps: Vec<&str> = ran.err.lines().collect();
    let expected = [
        "lock niro: taken by the host",
        "lock niro: on its way to the cloud",
        "lock niro: taken by the cloud; the vehicle is yet to answer",
    ];
    assert_eq!(steps, expected, "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_no_longer_is_told_that_the_command_goes_on() {
    let house = House::start().await;
    let _host = house.host().await;
    for (arguments, interrupted) in
        [(&["unlock", "niro"][..], true), (&["unlock", "niro", "--timeout", "1"], false)]
    {
        house.control().queue_outcome(Outcome::new(Ending::Success).pending(3));
        let mut unlocking = house.program(arguments).spawn().unwrap();
        if interrupted {
            until_it_says(&mut unlocking, "taken by the cloud").await;
            signal(&unlocking, "-INT").await;
        }
        let Ran { code, out, err } = ended(unlocking).await;
        assert_eq!((code, out.as_str()), (if interrupted { 130 } else { 3 }, ""), "{err}");
        assert!(err.contains("it goes on") && err.contains(" --wait -c car.toml`"), "{err}");
        let id = err.split("action ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
        let ran = house.run(&["action", id, "--wait"]).await;
        assert!(ran.code == 0 && ran.out.starts_with("unlock niro: succeeded"), "{ran:?}");
    }
    assert_eq!(house.control().counters().actuations_of(LEGACY.1, ActionKind::Unlock), 2);
}

/// Stands in for a host: deals with each connection as the next of these, and returns the questions.
fn host(house: &House, behaviours: Vec<fn(&mut UnixStream, &Value)>) -> std::thread::JoinHandle<Vec<Value>> {
    let state = house.dir.path().join("car.state");
    std::fs::create_dir_all(&state).unwrap();
    let listener = UnixListener::bind(state.join("control.sock")).unwrap();
    std::thread::spawn(move || {
        let mut questions = Vec::new();
        let mut behaviours = behaviours.into_iter();
        loop {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut question = String::new();
            // A look whether anybody is there asks nothing.
            if BufReader::new(stream.try_clone().unwrap()).read_line(&mut question).unwrap() == 0 {
                continue;
            }
            let question: Value = serde_json::from_str(&question).unwrap();
            let Some(behaviour) = behaviours.next() else { return questions };
            behaviour(&mut stream, &question);
            questions.push(question);
            if behaviours.len() == 0 {
                return questions;
            }
        }
    })
}

fn hangs_up(_stream: &mut UnixStream, _question: &Value) {}

fn tells_a_step_and_hangs_up(stream: &mut UnixStream, question: &Value) {
    let step = json!({"id": question["payload"]["id"], "state": "sent"});
    writeln!(stream, "{}", json!({"status": "step", "data": step})).unwrap();
}

fn answers(stream: &mut UnixStream, question: &Value) {
    // As a host that has nothing to tell for a while.
    writeln!(stream, "{}", json!({"status": "step", "data": null})).unwrap();
    let report =
        json!({"id": question["payload"]["id"], "op": "lock", "vehicle": "niro", "state": "succeeded"});
    writeln!(stream, "{}", json!({"status": "ok", "data": report, "error": null})).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_does_not_come_is_asked_for_once_more_by_the_identifier_and_nothing_is_sent_again() {
    let house = House::start().await;
    let host = host(&house, vec![tells_a_step_and_hangs_up, answers]);
    let ran = house.run(&["lock", "niro", "--json"]).await;
    let questions = host.join().unwrap();
    let verbs: Vec<&Value> = questions.iter().map(|question| &question["verb"]).collect();
    assert_eq!(verbs, ["command/send", "command/wait"]);
    let id = &questions[0]["payload"]["id"];
    assert_eq!(&questions[1]["payload"]["id"], id);
    assert_eq!((ran.code, &ran.json()["id"]), (0, id), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_never_comes_is_no_failure_and_no_success() {
    let house = House::start().await;
    let host = host(&house, vec![hangs_up, hangs_up]);
    let ran = house.run(&["lock", "niro"]).await;
    let questions = host.join().unwrap();
    let id = questions[0]["payload"]["id"].as_str().unwrap();
    assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{ran:?}");
    let hint = format!("`vehicle-connector action {id} --wait -c car.toml`");
    assert!(ran.err.contains("the host did not answer") && ran.err.contains(&hint), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_stops_or_dies_leaves_its_caller_with_a_way_to_ask_again() {
    let house = House::start().await;
    for how in ["-KILL", "-TERM"] {
        let mut host = house.host().await;
        house.control().queue_outcome(Outcome::new(Ending::Success).pending(6));
        let mut unlocking = house.program(&["unlock", "niro"]).spawn().unwrap();
        until_it_says(&mut unlocking, "taken by the cloud").await;
        signal(&host, how).await;
        let ran = ended(unlocking).await;
        let _stopped = tokio::time::timeout(Duration::from_secs(30), host.wait()).await.unwrap();
        assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{how} {ran:?}");
        let id = ran.err.split("action ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
        let mut next = house.host().await;
        let again = house.run(&["action", id, "--wait"]).await;
        assert!(again.code == 0 && again.out.starts_with("unlock niro: succeeded"), "{how} {again:?}");
        next.kill().await.unwrap();
    }
    assert_eq!(house.control().counters().actuations_of(LEGACY.1, ActionKind::Unlock), 2);
}
