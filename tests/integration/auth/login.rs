//! Signing in with a password that is given for it.

use std::process::Stdio;

use renault_simulator::{Config, Effect, Fault, RouteKind};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdout, Command};
use vehicle_connector::control::{AskError, ask};
use vehicle_connector::wire::message::Outgoing;

use super::house::{House, NAME, PASSWORD, WRONG, ended};
use super::secrecy::{bytes_of, has};
use crate::crash::kill;
use crate::program::PATIENCE;

#[tokio::test(flavor = "multi_thread")]
async fn a_running_host_is_signed_in_without_a_restart_and_stays_so() {
    let house = House::start().await;
    let (host, _log) = house.host().await;
    let state = house.account_is("auth_required").await;
    let reason = state["reason"].as_str().unwrap();
    assert!(
        reason.contains("nobody has signed in to Renault") && reason.contains("auth login home"),
        "{reason}"
    );
    assert_eq!(house.control().counters().requests, 0, "nothing is sent");

    let ran = house.login(&format!("{PASSWORD}\n")).await;
    assert_eq!((ran.code, ran.out.as_str()), (0, "home is signed in\n"), "{ran:?}");
    assert!(ran.err.contains("as one sign-in of at most 4 within 24 hours; 0 were made so far"), "{ran:?}");
    assert_eq!(house.account_is("ok").await["logins_today"], 1);
    kill(host).await;

    let (host, _log) = house.host().await;
    let ran = house.run(&["refresh", "five"]).await;
    assert_eq!((ran.code, house.passwords()), (0, 1), "the session outlives the host: {ran:?}");
    // What is no credential changes nothing of that.
    house.configure(|text| text.replace("polling = \"off\"", "polling = \"off\"\nallow = [\"refresh\"]"));
    house.configure(|text| text.replace("region = \"eu\"", "region = \"eu\"\nmax_logins_per_day = 3"));
    assert_eq!(house.run(&["reload"]).await.code, 0);
    let ran = house.run(&["refresh", "five"]).await;
    assert_eq!((ran.code, house.passwords()), (0, 1), "{ran:?}");
    kill(host).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_costs_one_sign_in_and_a_wrong_name_of_the_account_none() {
    let house = House::start().await;
    let (_host, _log) = house.host().await;
    let ran = house.run_with(&["auth", "login", "hoem", "--password-stdin"], PASSWORD).await;
    assert!(ran.code == 1 && ran.err.contains("there is no account \"hoem\"; there are: home"), "{ran:?}");
    let ran = house.run_with(&["auth", "login", "home", "--password-stdin"], PASSWORD).await;
    assert!(ran.code == 2 && ran.err.contains("give it with --username"), "{ran:?}");
    let ran = house.run(&["auth", "login", "home"]).await;
    assert!(ran.code == 2 && ran.err.contains("--password-stdin"), "{ran:?}");
    let ran = house.login("").await;
    assert!(ran.code == 1 && ran.err.contains("the password is empty; nothing was sent"), "{ran:?}");
    assert_eq!(house.control().counters().requests, 0);

    let ran = house.login(WRONG).await;
    assert!(ran.code == 1 && ran.err.contains("home is not signed in"), "{ran:?}");
    assert!(ran.err.contains("refused the sign-in with what was given for it"), "{ran:?}");
    assert!(ran.err.contains("; a sign-in was counted, 1 of 4 within 24 hours"), "{ran:?}");
    // It was so before: nobody had signed in.
    let state = house.account_says("one sign-in", |it| it["logins_today"] == 1).await;
    assert_eq!((state["state"].as_str(), house.passwords()), (Some("auth_required"), 1), "{state}");
    for n in 2..=4 {
        house.login(WRONG).await;
        assert_eq!(house.passwords(), n);
    }
    let ran = house.login(PASSWORD).await;
    assert!(ran.code == 1 && ran.err.contains("4 sign-ins were made within 24 hours"), "{ran:?}");
    assert_eq!(house.passwords(), 4, "whoever types them");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_configured_is_not_asked_for_and_nothing_else_is_taken() {
    let account = format!("username = \"{NAME}\"\npassword = \"{PASSWORD}\"");
    let house = House::with(Config::default(), &account).await;
    let ran = house.login(WRONG).await;
    assert!(ran.code == 2 && ran.err.contains("leave --username out"), "{ran:?}");
    let ran = house.run_with(&["auth", "login", "home", "--password-stdin"], WRONG).await;
    assert!(ran.code == 2 && ran.err.contains("leave --password-stdin out"), "{ran:?}");
    assert_eq!(house.control().counters().requests, 0);
    let ran = house.run(&["auth", "login", "home"]).await;
    assert_eq!((ran.code, ran.out.as_str(), house.passwords()), (0, "home is signed in\n", 1), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_host_the_program_is_one_and_goes_on_with_the_question_of_another() {
    let house = House::with(Config { second_factor: true, ..Config::default() }, "").await;
    let ran = house.login(PASSWORD).await;
    assert!(ran.code == 1 && ran.err.contains("the question stays open"), "{ran:?}");
    assert!(ran.err.contains("no host runs that would keep what was typed"), "{ran:?}");
    assert!(!house.dir.path().join("car.state/control.sock").exists(), "it is nobody else's host");
    let ran = house.run_with(&["auth", "otp", "home"], "mailbox-1\n").await;
    assert!(ran.code == 0 && ran.out.contains("one-time code"), "{ran:?}");
    let code = house.control().mails().pop().unwrap().code;
    let ran = house.run(&["auth", "otp", "home", &code]).await;
    // This connector sends the password once more with the code, and nobody has it any more.
    assert!(ran.code == 1 && !ran.err.contains(&code), "{ran:?}");
    assert!(ran.err.contains("has gone with a restart") && ran.err.contains("auth login home"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_while_the_host_remembers_what_was_given() {
    let house = House::with(Config { second_factor: true, ..Config::default() }, "").await;
    let (_host, _log) = house.host().await;
    let ran = house.login(PASSWORD).await;
    assert!(ran.code == 1 && ran.err.contains("the question stays open"), "{ran:?}");
    assert!(!ran.err.contains("no host runs"), "{ran:?}");
    let ran = house.run_with(&["auth", "answer", "home"], "mailbox-1\n").await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let code = house.control().mails().pop().unwrap().code;
    // Another sign-in is not begun while this one waits.
    let ran = house.login(PASSWORD).await;
    assert!(ran.code == 1 && ran.err.contains("waits for an answer already"), "{ran:?}");
    let ran = house.run(&["auth", "otp", "home", &code]).await;
    assert_eq!((ran.code, ran.out.as_str()), (0, "home is signed in\n"), "{ran:?}");
    assert_eq!(house.account_is("ok").await["logins_today"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_are_one_sign_in() {
    let house = House::start().await;
    let (_host, _log) = house.host().await;
    let (one, other) = tokio::join!(house.login(PASSWORD), house.login(PASSWORD));
    assert_eq!((one.code, other.code), (0, 0), "{one:?} {other:?}");
    let logins = house.account_is("ok").await["logins_today"].as_u64().unwrap();
    // Who comes when the first is done wants another one, which is his to want.
    assert_eq!(logins, house.passwords());
    assert!(logins <= 2, "{logins}");
}

#[tokio::test(flavor = "multi_thread")]
async fn by_the_broker_no_password_is_taken_and_the_sender_is_told_why() {
    let house = House::start().await;
    let (_host, _log) = house.host().await;
    house.account_is("auth_required").await;
    house.is_online().await;
    let request = json!({"account": "home", "username": NAME, "password": WRONG, "transaction": 7});
    let topic = "vehicle-connector/bridge/request/account/login";
    house.publisher.publish(Outgoing::new(topic.to_owned(), request.to_string())).await.unwrap();
    let answer = house.last("bridge/response/account/login").await;
    let error = answer["error"].as_str().unwrap();
    assert!(error.contains("control socket only") && error.contains("change that password"), "{answer}");
    assert!(!answer.to_string().contains(WRONG) && answer["transaction"] == 7, "{answer}");
    let topic = "vehicle-connector/bridge/request/account/logout";
    house
        .publisher
        .publish(Outgoing::new(topic.to_owned(), r#"{"account":"home"}"#.to_owned()))
        .await
        .unwrap();
    let answer = house.last("bridge/response/account/logout").await;
    assert!(answer["error"].as_str().unwrap().contains("control socket only"), "{answer}");
    assert_eq!(house.control().counters().requests, 0);
    // What is no text is not quoted either.
    let state = house.dir.path().join("car.state");
    let asked = tokio::task::spawn_blocking(move || {
        ask(&state, "account/login", &json!({"account": "home", "password": 731_846}))
    });
    let refused = asked.await.unwrap().unwrap_err();
    assert!(matches!(&refused, AskError::Refused(why) if !why.contains("731846")), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_killed_while_it_signs_in_has_counted_it_and_stored_no_password() {
    let house = House::start().await;
    for n in 1..=3 {
        let (host, _log) = house.host().await;
        house.control().inject(Fault::new(RouteKind::Login, Effect::Hold));
        let mut program = house.program(&["auth", "login", "home", "--username", NAME, "--password-stdin"]);
        let mut program = program.stdin(Stdio::piped()).spawn().unwrap();
        program.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).await.unwrap();
        let control = house.control();
        let sent = control.wait_until(|counters| counters.of(RouteKind::Login) >= n);
        tokio::time::timeout(PATIENCE, sent).await.expect("it is sent in time");
        kill(host).await;
        house.control().release();
        let ran = ended(program).await;
        assert!(ran.code == 1 && ran.err.contains("did not answer"), "{ran:?}");
        assert!(!has(&bytes_of(&house.dir.path().join("car.state")), PASSWORD), "it is in the store");
    }
    let (_host, _log) = house.host().await;
    // A sign-in that has led to nothing has lifted nothing, so the account says no more than before.
    house.account_is("auth_required").await;
    let quota = house.run(&["quota", "home", "--json"]).await;
    let quota: serde_json::Value = serde_json::from_str(&quota.out).unwrap();
    assert_eq!(quota[0]["sign_ins"]["used"], 3, "what has left counts: {quota}");
    assert_eq!(house.login(PASSWORD).await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_terminal_it_is_asked_for_and_not_shown() {
    let house = House::start().await;
    let (_host, _log) = house.host().await;
    let mut program = on_a_terminal(&house);
    let mut typing = program.stdin.take().unwrap();
    let mut terminal = program.stdout.take().unwrap();
    let mut shown = String::new();
    for (prompt, typed) in [("e-mail address or user name: ", NAME), ("password: ", WRONG)] {
        until_shown(&mut terminal, &mut shown, prompt).await;
        typing.write_all(format!("{typed}\r").as_bytes()).await.unwrap();
    }
    until_shown(&mut terminal, &mut shown, "home is not signed in").await;
    assert_eq!(ended(program).await.code, 1);
    assert!(shown.contains("is not stored") && shown.contains(NAME) && !shown.contains(WRONG), "{shown}");
    assert_eq!(house.passwords(), 1);
}

/// Runs `auth login` on a terminal of its own.
fn on_a_terminal(house: &House) -> Child {
    let program = env!("CARGO_BIN_EXE_vehicle-connector-under-test");
    let mut script = Command::new("script");
    script
        .current_dir(house.dir.path())
        .args(["-q", "-e", "-c", &format!("'{program}' auth login home -c car.toml"), "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    script.spawn().expect("the command `script`, which is part of every Linux and BSD")
}

/// Reads what a terminal shows until this is there.
async fn until_shown(terminal: &mut ChildStdout, shown: &mut String, wanted: &str) {
    let reading = async {
        while !shown.contains(wanted) {
            let mut some = [0; 256];
            let count = terminal.read(&mut some).await.unwrap();
            assert!(count > 0, "it ended: {shown}");
            shown.push_str(&String::from_utf8_lossy(&some[..count]));
        }
    };
    let found = tokio::time::timeout(PATIENCE, reading).await;
    assert!(found.is_ok(), "{wanted}: {shown}");
}
