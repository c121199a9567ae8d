//! Field cases: whether the vehicle may have acted.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use simulator::{Counters, Effect, Fault, RouteKind};
use testkit::virtual_home::{self, VirtualHome};
use testkit::{CCS2, Home, LEGACY};
use vehicle_connector::plugin::embedded;
use vehicle_connector::wire::outcome::{Reason, State};
use vehicle_connector::wire::report::Report;

use super::in_virtual_time;

/// What moves the car, or sets something in it: the car, the topic and the payload.
const COMMANDS: [(&str, &str, &str); 7] = [
    (LEGACY.0, "unlock", ""),
    (CCS2.0, "unlock", ""),
    (LEGACY.0, "climate", r#""action":"start""#),
    (CCS2.0, "climate", r#""action":"stop""#),
    (LEGACY.0, "windows", r#""all":"open""#),
    (LEGACY.0, "charge_port", r#""action":"open""#),
    (CCS2.0, "charging_current", r#""level":2"#),
];

/// How many of them move something. The last sets a value: to do that twice is to do it once.
const ACTUATIONS: usize = COMMANDS.len() - 1;

const UNLOCK: (&str, &str, &str) = COMMANDS[0];

fn envelope(code: &str, words: &str) -> String {
    json!({"retCode": "F", "resCode": code, "resMsg": words, "msgId": "x"}).to_string()
}

fn later(status: u16, seconds: &str) -> Effect {
    Effect::Answer { status, body: String::new(), headers: vec![("retry-after".into(), seconds.into())] }
}

/// Sends a command to a cloud that answers it like this for ever.
async fn answered((car, topic, fields): (&str, &str, &str), answer: Effect) -> (Report, Counters) {
    let home = VirtualHome::start().await;
    refused_by(&home, (car, topic, fields), answer).await
}

async fn refused_by(
    home: &VirtualHome,
    (car, topic, fields): (&str, &str, &str),
    answer: Effect,
) -> (Report, Counters) {
    home.control.inject(Fault::new(RouteKind::Command, answer).forever());
    (home.command(car, topic, fields).await, home.counters())
}

fn is_sent_once_and_unknown((report, counters): &(Report, Counters), what: &str) {
    assert_eq!((report.state, report.attempts), (State::Unknown, 1), "{what}: {report:?}");
    assert_eq!(counters.commands, 1, "{what}: sent once");
    assert!(!report.retryable, "{what}: {report:?}");
    assert!(report.message.as_deref().unwrap().contains("Nobody knows"), "{what}: {report:?}");
}

cases! {
    /// A refusal whose code nobody knows is no certain no, whatever it speaks of: one request, `unknown`, not retryable.
    ["FC-01", "K1"] a_no_that_speaks_of_a_timeout_is_sent_once {
        in_virtual_time(async || {
            for command in COMMANDS {
                let answer = envelope("5999", "Gateway timeout, please check vehicle state");
                let ended = answered(command, Effect::answer(400, answer)).await;
                is_sent_once_and_unknown(&ended, &format!("{command:?}"));
            }
        });
    }

    /// Nor is one without a code, with any status and any words, of the cloud or of something before it.
    ["FC-01", "K1", "F12"] answers_without_a_known_code_are_no_refusals {
        in_virtual_time(async || {
            for (status, body) in [
                (400, envelope("", "Duplicate request")),
                (400, envelope("9998", "too many requests, try again later")),
                (400, envelope("40020", "Invalid deviceId")),
                (403, r#"{"error":"Key not authorized: Token is expired"}"#.to_owned()),
                (404, "not found".to_owned()),
                (408, String::new()),
                (409, r#"{"message":"another request in progress"}"#.to_owned()),
                (418, "temporarily unavailable".to_owned()),
                (500, r#"{"error":"internal server error"}"#.to_owned()),
                (502, "<html>Bad Gateway</html>".to_owned()),
                (503, String::new()),
                (503, "<html><h1>503 Service Temporarily Unavailable</h1></html>".to_owned()),
                (503, envelope("5039", "Service Temporary Unavailable")),
                (504, "upstream request timeout".to_owned()),
                (302, String::new()),
                (200, "<html>maintenance</html>".to_owned()),
                (200, envelope("5999", "timeout")),
                (200, String::new()),
                // The body says that it is done.
                (401, r#"{"retCode":"S","resCode":"0000"}"#.to_owned()),
                (429, r#"{"retCode":"S","resCode":"0000"}"#.to_owned()),
                // The vehicle was told, and did not answer.
                (401, envelope("4081", "Request timeout")),
                (503, envelope("9999", "Response timeout")),
            ] {
                let ended = answered(UNLOCK, Effect::answer(status, body.clone())).await;
                is_sent_once_and_unknown(&ended, &format!("{status} {body}"));
            }
            for retry_after in ["soon", ""] {
                is_sent_once_and_unknown(&answered(UNLOCK, later(503, retry_after)).await, retry_after);
            }
        });
    }

    /// What sets a value may be sent again to a cloud that is unwell, as its status says, and for nothing else. It is
    /// `unknown` all the same.
    ["K1"] a_value_is_set_again_only_in_a_cloud_that_is_unwell {
        in_virtual_time(async || {
            let set = COMMANDS[ACTUATIONS];
            for (status, body, again) in [
                (503, String::new(), true),
                (502, "<html>Bad Gateway</html>".to_owned(), true),
                (400, envelope("5999", "timeout"), false),
                (403, r#"{"error":"Token is expired"}"#.to_owned(), false),
                (200, "<html>maintenance</html>".to_owned(), false),
            ] {
                let (report, counters) = answered(set, Effect::answer(status, body.clone())).await;
                assert_eq!(report.state, State::Unknown, "{status} {body}: {report:?}");
                assert_eq!(counters.commands > 1, again, "{status} {body}");
                assert!(!report.retryable, "{report:?}");
            }
        });
    }

    /// What is known by its code or status to come before execution may be sent again.
    ["F12", "K1"] a_refusal_that_is_known_may_be_repeated {
        in_virtual_time(async || {
            for (what, answer) in [
                ("5031", Effect::envelope("5031", "Unavailable remote control")),
                ("a 503 with a time", later(503, "1")),
                ("a 429 with a time", later(429, "1")),
                ("4004", Effect::duplicate()),
                ("401", Effect::answer(401, r#"{"error":"Key not authorized: Token is expired"}"#)),
                ("4002 of the device", Effect::envelope("4002", "Invalid request body - Invalid deviceId.")),
            ] {
                let home = VirtualHome::start().await;
                home.control.inject(Fault::new(RouteKind::Command, answer));
                let report = home.command(LEGACY.0, "unlock", "").await;
                assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{what}: {report:?}");
                assert_eq!(home.counters().commands, 2, "{what}");
            }
        });
    }

    /// What is known to be refused for good has failed, and was not done.
    ["K1", "F21"] a_refusal_that_is_known_and_final_has_failed {
        in_virtual_time(async || {
            for (code, reason) in [
                ("4003", Reason::UpstreamRefused),
                ("4005", Reason::Unsupported),
                ("4007", Reason::AuxBatteryLow),
                ("4017", Reason::UpstreamRefused),
                ("5091", Reason::Quota),
                ("5921", Reason::NoData),
            ] {
                let (report, counters) = answered(UNLOCK, Effect::envelope(code, "No")).await;
                assert_eq!((report.state, report.reason), (State::Failed, Some(reason)), "{code}: {report:?}");
                assert_eq!(counters.commands, 1, "{code}");
            }
            // One code for several things: words beside it do not make it pass.
            let service = Effect::envelope("4002", "service problem, because of anything problem");
            let (report, counters) = answered(UNLOCK, service).await;
            assert_eq!((report.state, report.retryable), (State::Failed, false), "{report:?}");
            assert_eq!(counters.commands, 1);
        });
    }

    /// Whatever policy decides: one that takes words for an expired token gets no second unlock.
    ["FC-01", "K1"] a_foreign_policy_gets_no_repeat_for_words {
        in_virtual_time(async || {
            let four_phrases = virtual_home::compiled(embedded::FOUR_PHRASES);
            for status in [400, 403, 500, 503] {
                let home = VirtualHome::start().await;
                home.decide_with(&four_phrases).await;
                let answer = Effect::answer(status, envelope("5999", "Token is expired. Unauthorized"));
                is_sent_once_and_unknown(&refused_by(&home, UNLOCK, answer).await, &format!("{status}"));
                assert_eq!(home.counters().grants_asked, 0, "{status}");
            }
        });
    }

    /// For every status, code and words that the tables do not list, an actuation is sent once, ends `unknown` or
    /// `failed`, and is never retryable.
    ["K1", "FC-01"] whatever_is_answered_an_actuation_is_sent_once {
        /// The codes that presets.toml has, and the statuses that RFC 9110 and RFC 6585 give to refusals.
        const LISTED: [&str; 15] = [
            "4002", "4003", "4004", "4005", "4007", "4010", "4017", "5031", "5091", "5153", "5921", "7501", "9035",
            "9036", "9037",
        ];
        let words = "(token|expired|timeout|duplicate request|too many requests|temporarily unavailable|in progress|\
                     device id|unauthorized|try again|vehicle|busy|quota|key not authorized|service problem| |:){0,8}";
        let status = prop_oneof![Just(503), Just(400), Just(403), Just(500), 200..600_u16];
        let code = prop_oneof!["[0-9]{4}", "[0-9]{0,6}", "[45]0[0-9]{2}"];
        let shape = 0..4_u8;
        let answers = (status, code, words, shape, 0..ACTUATIONS);
        let listed = |status: u16, code: &str| matches!(status, 401 | 429) || LISTED.contains(&code);
        let answers = answers.prop_filter("not listed", move |(status, code, ..)| !listed(*status, code));
        let config = Config { cases: 150, failure_persistence: None, ..Config::default() };
        TestRunner::new(config)
            .run(&answers, |(status, code, words, shape, command)| {
                let body = match shape {
                    0 => envelope(&code, &words),
                    1 => json!({"error": words}).to_string(),
                    2 => json!({"errCode": code, "errMsg": words}).to_string(),
                    _ => words,
                };
                let (report, counters) =
                    in_virtual_time(async || answered(COMMANDS[command], Effect::answer(status, body)).await);
                prop_assert_eq!(counters.commands, 1, "{:?}", report);
                prop_assert!(matches!(report.state, State::Unknown | State::Failed), "{:?}", report);
                prop_assert!(!report.retryable, "{:?}", report);
                Ok(())
            })
            .unwrap();
    }
}
