//! Evidence before a latch: what is no verdict about a credential heals by itself, and what is one can be lifted.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Effect, Fault, RouteKind};
use testkit::virtual_home::VirtualHome;
use testkit::{CCS2, Home, LEGACY, RealHome, patient_cloud};
use vehicle_connector::wire::outcome::{Reason, State};
use vehicle_connector::wire::report::Report;

use super::in_virtual_time;

const REFRESH_TOKEN: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1";

const DAY: u64 = 86_400;

/// Longer than the PIN's permission lives.
const PERMISSION: u64 = 700;

const PAGE: &str = "<html><body><h1>Access denied</h1></body></html>";

/// A home in a cloud that does not mind how late it is there.
async fn home() -> RealHome {
    let home = RealHome::with(patient_cloud()).await;
    home.settle().await;
    home
}

fn redirect() -> Effect {
    let headers = vec![("location".to_owned(), "http://portal/".to_owned())];
    Effect::Answer { status: 302, body: String::new(), headers }
}

async fn read(home: &RealHome) -> Report {
    home.command(LEGACY.0, "refresh_cached", "").await
}

async fn lock(home: &RealHome) -> Report {
    home.command(CCS2.0, "lock", "").await
}

async fn retry(home: &RealHome) -> Value {
    home.request("account/retry", json!({"account": "home"})).await
}

/// It failed, may succeed later, and nobody is asked for other credentials.
fn passes(report: &Report, what: &str) {
    assert_eq!(report.reason, Some(Reason::UpstreamUnavailable), "{what}: {report:?}");
    assert!(report.retryable, "{what}: {report:?}");
}

cases! {
    /// A refusal of the grant without a reason is a pause, told once, and then all is well.
    ["FC-08", "K4", "S1"] a_grant_that_is_refused_without_a_reason_is_asked_for_again {
        in_virtual_time(async || {
            let home = VirtualHome::start().await;
            let answers = [
                Effect::answer(401, ""),
                Effect::answer(401, "Unauthorized"),
                Effect::answer(400, ""),
                Effect::answer(400, r#"{"message":"Bad Request"}"#),
                Effect::answer(400, "upstream connect error or disconnect/reset before headers"),
                Effect::answer(401, r#"{"error":"upstream connect error or disconnect/reset before headers"}"#),
                Effect::answer(400, r#"{"error":"invalid_request"}"#),
                Effect::answer(403, PAGE),
                Effect::answer(404, ""),
                Effect::answer(200, "{}"),
                Effect::answer(200, r#"{"error":"invalid_grant"}"#),
                Effect::answer(500, r#"{"error":"invalid_grant"}"#),
                Effect::answer(401, r#"<html>invalid_grant</html>"#),
                redirect(),
            ];
            for (number, effect) in answers.into_iter().enumerate() {
                let what = format!("{effect:?}");
                home.control.inject(Fault::new(RouteKind::Token, effect));
                home.control.expire_access_token();
                // It has the time to wait for the next try.
                let report = home.read().await;
                assert_eq!(report.state, State::Succeeded, "{what}: {report:?}");
                let told = home.events("auth_doubtful");
                assert_eq!(told.len(), number + 1, "{what}: once for each");
                let about = (&told[number]["account"], &told[number]["what"]);
                assert_eq!(about, (&json!("home"), &json!("grant")));
                assert_eq!(home.account()["state"], "ok", "{what}");
                // Else it would look as if somebody kept ending the sessions.
                home.advance(Duration::from_secs(120)).await;
            }
            assert_eq!(home.events("auth_required"), Vec::<Value>::new());
        });
    }

    /// However long it lasts and however often the host is restarted: a few tries a day, and no latch in the end.
    ["FC-08", "S1"] a_doubtful_refusal_that_lasts_costs_a_few_tries_a_day_and_heals {
        in_virtual_time(async || {
            let mut home = VirtualHome::start().await;
            home.control.inject(Fault::new(RouteKind::Token, Effect::answer(401, "")).forever());
            home.control.expire_access_token();
            passes(&home.read().await, "first");
            let state = home.retained("account/home/state");
            assert_eq!(state["state"], "upstream_down", "{state}");
            assert!(state["next_attempt_at"].is_string(), "{state}");
            for restart in 0..20 {
                home.restart().await;
                passes(&home.read().await, &format!("restart {restart}"));
            }
            let asked = home.counters().grants_asked;
            assert!((2..=12).contains(&asked), "{asked} token calls in a day");
            assert_eq!(home.events("auth_doubtful").len(), 1, "one streak");
            home.control.clear_faults();
            home.advance(Duration::from_secs(DAY)).await;
            let report = home.read().await;
            assert_eq!(report.state, State::Succeeded, "{report:?}");
            assert_eq!(home.retained("account/home/state")["in_doubt"], json!([]));
        });
    }

    /// What says that the grant is refused latches with one token call, says what helps in our words, and one verb has the
    /// same tried once more.
    ["S1", "K4", "F10"] a_verdict_latches_names_its_remedy_and_is_lifted_by_hand {
        let home = home().await;
        let identity = r#"{"retId":"x","retCode":7501,"retMsg":"Received unexpected statusCode","retSubMsg":"{\"errCode\":\"4002\"}"}"#;
        for (status, body) in [
            (400, r#"{"error":"invalid_grant","error_description":"gone"}"#),
            (401, r#"{"error":"invalid_client"}"#),
            (400, r#"{"error":"unauthorized_client"}"#),
            (400, identity),
        ] {
            home.control().inject(Fault::new(RouteKind::Token, Effect::answer(status, body)));
            home.control().expire_access_token();
            let refused = read(&home).await;
            assert_eq!(refused.reason, Some(Reason::AuthRequired), "{body}: {refused:?}");
            home.control().reset_counters();
            let report = read(&home).await;
            assert_eq!((report.state, report.reason), (State::Rejected, Some(Reason::AuthRequired)), "{report:?}");
            assert_eq!(home.control().counters().requests, 0, "{body}");
            let message = report.message.unwrap();
            assert!(message.starts_with("Kia refused the refresh token: write a new one"), "{message}");
            assert!(message.contains("`vehicle-connector account retry home`"), "{message}");
            assert_eq!(home.account()["state"], "auth_required");
            let lifted = retry(&home).await;
            assert_eq!((&lifted["status"], &lifted["data"]["lifted"]), (&json!("ok"), &json!(["grant"])), "{lifted}");
            let report = read(&home).await;
            assert_eq!(report.state, State::Succeeded, "{body}: {report:?}");
            home.clock.advance(DAY);
        }
        assert_eq!(home.events("auth_required").len(), 4);
    }

    /// One more try is one token call; it is bounded by the day, over restarts, and on record.
    ["S1"] one_more_try_is_one_and_there_are_few_a_day {
        let mut home = home().await;
        let nothing = retry(&home).await;
        assert!(nothing["error"].as_str().unwrap().contains("nothing keeps"), "{nothing}");
        home.control().refuse_grants(true);
        home.control().expire_access_token();
        assert_eq!(read(&home).await.reason, Some(Reason::AuthRequired));
        for tried in 1..=3 {
            assert_eq!(retry(&home).await["status"], "ok");
            home.restart(REFRESH_TOKEN, "1234").await;
            for _ in 0..3 {
                assert_eq!(read(&home).await.reason, Some(Reason::AuthRequired));
            }
            assert_eq!(home.control().counters().grants_asked, 1 + tried);
        }
        let refused = retry(&home).await;
        assert!(refused["error"].as_str().unwrap().contains("3 times within a day"), "{refused}");
        let unknown = home.request("account/retry", json!({"account": "other"})).await;
        assert!(unknown["error"].as_str().unwrap().contains("there are: home"), "{unknown}");
        let record = home.request("account/retries", json!({"account": "home"})).await;
        let by: Vec<&Value> = record["data"].as_array().unwrap().iter().map(|retry| &retry["by"]).collect();
        assert_eq!(by, ["mqtt", "mqtt", "mqtt"]);
        home.control().refuse_grants(false);
        home.clock.advance(DAY);
        assert_eq!(retry(&home).await["status"], "ok");
        assert_eq!(read(&home).await.state, State::Succeeded);
    }

    /// The first answer to a PIN that says neither yes nor no: the next command may try again, and succeeds.
    ["FC-03", "K2", "S1"] a_pin_that_nothing_refuses_is_offered_again {
        let mut home = home().await;
        let answers = [
            redirect(),
            Effect::answer(200, PAGE),
            Effect::answer(200, ""),
            Effect::answer(200, "{}"),
            Effect::answer(403, PAGE),
            Effect::answer(404, PAGE),
            Effect::answer(400, "Bad Request"),
            Effect::answer(400, ""),
            Effect::answer(400, r#"{"retCode":"F","resCode":"4002","resMsg":"Invalid request body","msgId":"x"}"#),
            Effect::answer(400, r#"{"retCode":"F","resCode":"5031","resMsg":"Service Temporary Unavailable","msgId":"x"}"#),
        ];
        for effect in answers {
            let what = format!("{effect:?}");
            home.clock.advance(PERMISSION);
            home.control().inject(Fault::new(RouteKind::Pin, effect));
            passes(&lock(&home).await, &what);
            // A token that has ended is why the PIN is refused then: it costs a refresh, and no pause of the PIN's.
            home.control().expire_access_token();
            let next = lock(&home).await;
            assert_eq!((next.state, next.token_refreshed), (State::Succeeded, true), "{what}: {next:?}");
        }
        home.restart(REFRESH_TOKEN, "1234").await;
        home.clock.advance(PERMISSION);
        assert_eq!(lock(&home).await.state, State::Succeeded);
    }

    /// A token that has ended stands before the PIN: its refusal is none of the PIN's, of which there are three a day.
    ["K2"] a_token_that_has_ended_costs_no_try_of_the_pin {
        let home = home().await;
        home.clock.advance(PERMISSION);
        for _ in 0..2 {
            home.control().inject(Fault::new(RouteKind::Pin, Effect::answer(403, PAGE)));
            passes(&lock(&home).await, "a page");
        }
        home.clock.advance(60);
        home.control().expire_access_token();
        let report = lock(&home).await;
        assert_eq!((report.state, report.token_refreshed), (State::Succeeded, true), "{report:?}");
    }

    /// While that lasts, three PINs a day at most, whatever is restarted; and it is well again when the cloud is.
    ["FC-03", "S1"] a_pin_in_doubt_is_offered_three_times_a_day {
        let mut home = home().await;
        home.control().inject(Fault::new(RouteKind::Pin, Effect::answer(403, PAGE)).forever());
        for n in 0..6 {
            passes(&lock(&home).await, &n.to_string());
            home.clock.advance(3_600);
        }
        home.restart(REFRESH_TOKEN, "1234").await;
        passes(&lock(&home).await, "restarted");
        assert_eq!(home.control().counters().of(RouteKind::Pin), 3);
        assert_eq!(home.events("auth_doubtful").len(), 1);
        home.control().clear_faults();
        home.clock.advance(DAY);
        assert_eq!(lock(&home).await.state, State::Succeeded);
    }

    /// A PIN that is refused in its own shape is sent once, says what helps, and is lifted by the same verb.
    ["FC-03", "S1", "F10"] a_refused_pin_names_its_remedy_and_is_lifted_by_hand {
        let home = home().await;
        for body in [
            r#"{"errId":"x","errCode":"4003","errMsg":"Invalid values"}"#,
            r#"{"errId":"x","errCode":"4002","errMsg":"Invalid parameters"}"#,
            r#"{"isMatched":false,"remainCount":4,"remainTime":0}"#,
        ] {
            home.clock.advance(PERMISSION);
            home.control().reset_counters();
            home.control().inject(Fault::new(RouteKind::Pin, Effect::answer(400, body)));
            for _ in 0..3 {
                let report = lock(&home).await;
                assert_eq!(report.reason, Some(Reason::PinRejected), "{body}: {report:?}");
                let message = report.message.unwrap();
                assert!(message.starts_with("Kia refused the PIN"), "{message}");
                assert!(message.contains("`vehicle-connector account retry home`"), "{message}");
            }
            assert_eq!(home.control().counters().of(RouteKind::Pin), 1, "{body}");
            assert_eq!(retry(&home).await["data"]["lifted"], json!(["pin"]));
            assert_eq!(lock(&home).await.state, State::Succeeded, "{body}");
        }
    }

    /// A registration that is refused without a reason is made anew with the next operation, and then ever more rarely.
    ["S1", "K4"] a_registration_in_doubt_is_made_again {
        let mut home = home().await;
        home.control().invalidate_device(None);
        home.control().inject(Fault::new(RouteKind::Register, Effect::answer(403, PAGE)));
        passes(&read(&home).await, "first");
        assert_eq!(read(&home).await.state, State::Succeeded);

        home.control().reset_counters();
        home.control().invalidate_device(None);
        home.control().inject(Fault::new(RouteKind::Register, Effect::answer(403, PAGE)).forever());
        for n in 0..20 {
            passes(&read(&home).await, &n.to_string());
        }
        for restart in 0..15 {
            home.restart(REFRESH_TOKEN, "1234").await;
            passes(&read(&home).await, &format!("restart {restart}"));
        }
        let asked = home.control().counters().of(RouteKind::Register);
        assert!((2..=12).contains(&asked), "{asked} registrations in a day");
        home.control().clear_faults();
        home.clock.advance(DAY);
        assert_eq!(read(&home).await.state, State::Succeeded);
    }

    /// The account says so while its token is refused and no other can be had, and the refused one is not sent again.
    ["F9"] a_refused_token_is_no_ok_and_is_sent_once {
        let home = home().await;
        read(&home).await;
        assert_eq!(home.account()["state"], "ok");
        home.control().reset_counters();
        home.control().expire_access_token();
        home.control().inject(Fault::new(RouteKind::Token, Effect::unavailable()).forever());
        let id = |n: usize| format!("refused-{n}");
        let send = async |n: usize| {
            home.send(LEGACY.0, "refresh_cached", json!({"id": id(n)}).to_string()).await;
        };
        send(0).await;
        home.control().wait_until(|counters| counters.grants_asked >= 1).await;
        home.account_is("upstream_down").await;
        for n in 1..5 {
            send(n).await;
        }
        assert_eq!(home.account()["state"], "upstream_down");
        // Those that wait for the next try end with it.
        home.control().clear_faults();
        home.clock.advance(120);
        let mut succeeded = 0;
        for n in 0..5 {
            succeeded += u64::from(home.ended(LEGACY.0, &id(n)).await.state == State::Succeeded);
        }
        assert_eq!(home.control().counters().of(RouteKind::Status), 1 + succeeded, "the refused token goes out once");
        assert_eq!(read(&home).await.state, State::Succeeded);
        assert_eq!(home.account()["state"], "ok");
    }

    /// Before anything was reached an account is not well.
    ["F9", "K23"] nothing_is_ok_before_anything_was_reached {
        let home = RealHome::start().await;
        home.host.announce("test");
        assert_eq!(home.account()["state"], "upstream_down");
        let reason = home.account()["reason"].as_str().unwrap_or_default().to_owned();
        assert!(reason.starts_with("nothing of ") && reason.contains("was reached yet"), "{reason}");
        assert_eq!(read(&home).await.state, State::Succeeded);
        assert_eq!(home.account()["state"], "ok");
        assert_eq!(home.account()["reason"], json!(null));
    }

    /// With no network at the start the account says so, with what the network says.
    ["F9"] what_is_not_reached_is_told_with_its_reason {
        let home = RealHome::start().await;
        home.host.announce("test");
        home.control().inject(Fault::new(RouteKind::Token, Effect::unavailable()).forever());
        assert_ne!(read(&home).await.state, State::Succeeded);
        let account = home.account_is("upstream_down").await;
        let reason = account["reason"].as_str().unwrap_or_default();
        assert!(!reason.is_empty() && !reason.contains("was reached yet"), "{account}");
        assert!(account["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{account}");
    }

    /// A code that wants a sign-in, on a read or a command: one refresh for a token that may have ended; else a refusal,
    /// and never a word that is for latches.
    ["F14"] a_code_that_wants_a_sign_in_is_worth_one_refresh {
        let home = home().await;
        let wanted = [
            r#"{"errId":"x","errCode":"4010","errMsg":"Require authentication"}"#,
            r#"{"retCode":"F","resCode":"7501","resMsg":"Require authentication","msgId":"x"}"#,
        ];
        for body in wanted {
            for (operation, route) in [("refresh_cached", RouteKind::Status), ("lock", RouteKind::Command)] {
                home.clock.advance(120);
                home.control().reset_counters();
                home.control().inject(Fault::new(route, Effect::answer(401, body)));
                let report = home.command(LEGACY.0, operation, "").await;
                assert_eq!(report.state, State::Succeeded, "{operation} {body}: {report:?}");
                assert!(report.token_refreshed, "{report:?}");

                home.clock.advance(120);
                home.control().reset_counters();
                home.control().inject(Fault::new(route, Effect::answer(401, body)).forever());
                let report = home.command(LEGACY.0, operation, "").await;
                assert_eq!(report.reason, Some(Reason::UpstreamRefused), "{operation} {body}: {report:?}");
                assert_eq!(home.control().counters().grants_asked, 1, "{operation} {body}");
                home.control().clear_faults();
            }
        }
        assert_eq!(home.events("auth_required"), Vec::<Value>::new());
    }
}
