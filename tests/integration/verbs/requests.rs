//! The requests behind everyday commands.

use serde_json::{Value, json};
use simulator::{ActionKind, Effect, Ending, Fault, Outcome, RouteKind};
use testkit::virtual_home::VirtualHome;
use testkit::{Home as _, LEGACY, RealHome};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use vehicle_connector::control::{Control, HEARTBEAT, SOCKET, ask_in_steps};

use super::house::PATIENCE;

async fn asked(home: &RealHome, verb: &str, payload: &Value) -> Result<Value, String> {
    let answer = home.host.request(verb, payload.to_string().as_bytes(), "test").await;
    match answer["error"].as_str() {
        Some(error) => Err(error.to_owned()),
        None => Ok(answer["data"].clone()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_list_vehicles_and_get_neither_places_nor_commands() {
    let home = RealHome::start().await;
    home.settle().await;
    home.command("ev6", "refresh_cached", "").await;
    let listed = home.request("vehicle/list", json!({})).await;
    assert_eq!(
        (&listed["data"][0]["vehicle"], &listed["data"][0]["soc_percent"]),
        (&json!("ev6"), &json!(71.0))
    );
    let status = home.request("vehicle/status", json!({"vehicle": "ev6"})).await;
    assert_eq!(status["data"].as_array().unwrap().len(), 1, "{status}");
    assert_eq!(status["data"][0]["state"], home.retained("vehicle/ev6/state"));
    assert_eq!(status["data"][0]["controls"], home.retained("vehicle/ev6/controls"));
    assert_eq!(status["data"][0]["capabilities"], home.retained("vehicle/ev6/capabilities"));
    let place = home.retained("vehicle/ev6/location");
    let latitude = place["latitude"].to_string();
    assert!(latitude.len() > 3 && !status.to_string().contains(&latitude), "{status}");
    assert_eq!(
        asked(&home, "vehicle/status", &json!({"location": true})).await.unwrap()[0]["location"],
        place
    );

    let wanted = json!({"vehicle": "ev6", "location": true});
    let refused = home.request("vehicle/status", wanted).await["error"].to_string();
    assert!(refused.contains("vehicle-connector/vehicle/<veh>/location"), "{refused}");
    let command = json!({"vehicle": "niro", "op": "lock", "id": "by-message"});
    for (verb, payload) in [
        ("command/send", command),
        ("command/show", json!({"id": "last"})),
        ("command/wait", json!({"id": "last"})),
    ] {
        let refused = home.request(verb, payload).await["error"].to_string();
        for part in ["control socket", "vehicle-connector/vehicle/<veh>/cmd/<op>", "/action/<id>"] {
            assert!(refused.contains(part), "{verb} {part}: {refused}");
        }
    }
    assert_eq!(home.control().counters().total_actuations(), 0);
    assert_eq!(home.finals("niro", "by-message"), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_has_one_result_which_its_identifier_repeats() {
    let home = RealHome::start().await;
    home.settle().await;
    let lock = json!({"vehicle": "niro", "op": "lock", "arguments": {"action": "lock"}, "id": "mine"});
    let report = asked(&home, "command/send", &lock).await.unwrap();
    assert_eq!(
        (&report["id"], &report["state"], &report["vehicle"]),
        (&json!("mine"), &json!("succeeded"), &json!("niro"))
    );
    for (verb, payload) in [
        ("command/send", lock),
        ("command/wait", json!({"id": "mine"})),
        ("command/show", json!({"id": "mine", "vehicle": "niro"})),
        ("command/show", json!({"id": "last"})),
    ] {
        assert_eq!(asked(&home, verb, &payload).await.as_ref(), Ok(&report), "{verb} {payload}");
    }
    assert_eq!(home.control().counters().actuations_of(LEGACY.1, ActionKind::Lock), 1);

    // Another command under that identifier is not done, and is answered as itself.
    let unlock = json!({"vehicle": "niro", "op": "unlock", "id": "mine"});
    let refused = asked(&home, "command/send", &unlock).await.unwrap();
    assert_eq!((&refused["op"], &refused["reason"]), (&json!("unlock"), &json!("bad_payload")));
    assert_ne!(refused["id"], "mine");
    // In a question `id` is the action that it is about; the question's own stands beside that.
    let question =
        json!({"vehicle": "niro", "op": "action_status", "arguments": {"id": "mine"}, "id": "question"});
    let answer = asked(&home, "command/send", &question).await.unwrap();
    assert_eq!(
        (&answer["id"], &answer["about"], &answer["op"]),
        (&json!("question"), &json!("mine"), &json!("check_action_status"))
    );
    assert_eq!(asked(&home, "command/wait", &json!({"id": "question"})).await, Ok(answer));
    // The same result is published for whoever sends the same again, and no other.
    assert_eq!(home.finals("niro", "question").len(), 1);
    let finals = home.finals("niro", "mine");
    assert_eq!(finals.len(), 2);
    assert!(finals.iter().all(|result| json!(result) == report), "{finals:?}");

    for (payload, words) in [
        (json!({"vehicle": "niro", "op": "lock", "arguments": {"id": "there"}}), "beside the arguments"),
        (json!({"vehicle": "niro", "op": "lock", "id": "a/b"}), "the id must have"),
        (json!({"vehicle": "niro", "op": "lock", "arguments": {"acton": "lock"}}), "acton"),
        (json!({"vehicle": "nero", "op": "lock"}), "did you mean \"niro\"?"),
    ] {
        let rejected = asked(&home, "command/send", &payload).await.unwrap();
        assert_eq!(rejected["state"], "rejected", "{rejected}");
        assert!(rejected["message"].as_str().unwrap().contains(words), "{words}: {rejected}");
    }
    for (verb, payload, words) in [
        ("command/send", json!({"vehicle": "niro"}), "missing field `op`"),
        ("command/send", json!({"vehicle": "niro", "op": "lock", "wiat": true}), "wiat"),
        ("command/show", json!({"id": "nothing"}), "no command with the id \"nothing\" is remembered"),
        ("command/wait", json!({"id": "mine", "vehicle": "nero"}), "did you mean \"niro\"?"),
        ("vehicle/status", json!({"vehicle": "nero"}), "did you mean \"niro\"?"),
    ] {
        let refused = asked(&home, verb, &payload).await.unwrap_err();
        assert!(refused.contains(words), "{verb} {words}: {refused}");
    }
    assert_eq!(home.control().counters().total_actuations(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identifier_that_two_cars_have_needs_the_name_of_one() {
    let home = RealHome::start().await;
    home.settle().await;
    for vehicle in ["niro", "ev6"] {
        let lock = json!({"vehicle": vehicle, "op": "lock", "id": "same"});
        assert_eq!(asked(&home, "command/send", &lock).await.unwrap()["state"], "succeeded");
    }
    let refused = asked(&home, "command/show", &json!({"id": "same"})).await.unwrap_err();
    assert!(refused.contains("ev6") && refused.contains("niro"), "{refused}");
    let one = asked(&home, "command/show", &json!({"id": "same", "vehicle": "ev6"})).await.unwrap();
    assert_eq!(one["vehicle"], "ev6");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_on_the_socket_is_told_the_steps_of_its_own_command_and_no_others() {
    let (home, dir) = (RealHome::start().await, tempfile::tempdir().unwrap());
    home.settle().await;
    let control = Control::open(dir.path(), &home.host).unwrap();
    let follow = |verb: &'static str, payload: Value| {
        let dir = dir.path().to_owned();
        tokio::task::spawn_blocking(move || {
            let mut steps = Vec::new();
            let answer = ask_in_steps(&dir, verb, &payload, |step| steps.push(step));
            (answer.unwrap(), steps)
        })
    };
    home.control().queue_outcome(Outcome::new(Ending::Success).pending(2));
    let unlocking = follow("command/send", json!({"vehicle": "niro", "op": "unlock", "id": "followed"}));
    home.published.until(|| (home.published_on("vehicle/niro/action/followed") >= 3).then_some(())).await;
    let joined = follow("command/wait", json!({"id": "followed"}));
    let other = follow("command/send", json!({"vehicle": "ev6", "op": "refresh_cached", "id": "other"}));
    let at_once = json!({"id": "followed", "seconds": 0});
    let unfinished = asked(&home, "command/wait", &at_once).await.unwrap();
    assert_eq!(unfinished["state"], "pending", "as long as it is waited for");

    let (answer, steps) = unlocking.await.unwrap();
    let states: Vec<&Value> = steps.iter().map(|step| &step["state"]).collect();
    assert_eq!(states, ["accepted", "sent", "pending"]);
    assert!(steps.iter().all(|step| step["id"] == "followed"), "{steps:?}");
    assert_eq!(answer["state"], "succeeded");
    let (joined, steps) = joined.await.unwrap();
    assert_eq!((&joined, &steps[0]["state"]), (&answer, &json!("pending")));
    let (other, steps) = other.await.unwrap();
    assert_eq!(other["id"], "other");
    assert!(steps.iter().all(|step| step["id"] == "other"), "{steps:?}");

    let taken = json!({"vehicle": "niro", "op": "lock", "id": "unwaited", "wait": false});
    let taken = asked(&home, "command/send", &taken).await.unwrap();
    assert_eq!(taken["id"], "unwaited");
    assert_eq!(home.ended("niro", "unwaited").await.id, "unwaited");
    control.close().await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_long_hears_that_the_host_is_there() {
    let (home, dir) = (VirtualHome::start().await, tempfile::tempdir().unwrap());
    home.settle().await;
    home.control().inject(Fault::new(RouteKind::Command, Effect::Hold));
    let control = Control::open(dir.path(), &home.host).unwrap();
    let stream = tokio::net::UnixStream::connect(dir.path().join(SOCKET)).await.unwrap();
    let (read, mut write) = stream.into_split();
    let lock = json!({"verb": "command/send", "payload": {"vehicle": "niro", "op": "lock"}, "steps": true});
    write.write_all(format!("{lock}\n").as_bytes()).await.unwrap();
    let mut lines = BufReader::new(read).lines();
    let mut signs = 0;
    loop {
        // Time passes when nothing else happens.
        let line = tokio::time::timeout(60 * PATIENCE, lines.next_line()).await.expect("a sign of life");
        let line: Value = serde_json::from_str(&line.unwrap().unwrap()).unwrap();
        if line["status"] != "step" {
            assert_eq!(line["data"]["state"], "unknown", "it may have been done: {line}");
            break;
        }
        signs += u32::from(line["data"].is_null());
    }
    // The request is held for longer than this.
    assert!(signs >= 2, "a sign every {} s: {signs}", HEARTBEAT.as_secs());
    control.close().await;
}
