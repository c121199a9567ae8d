//! Field cases: wrong clocks, `Retry-After`, limits by the day, and refreshes that are due within an operation's time.

use std::sync::Arc;

use simulator::{Effect, Fault, RouteKind};
use testkit::{CCS2, Home, LEGACY, RealHome, patient_cloud};
use vehicle_connector::wire::outcome::{Reason, State};
use vehicle_connector::wire::report::Report;

/// An answer that asks for patience.
fn throttled(status: u16, retry_after: &[&str]) -> Effect {
    let headers = retry_after.iter().map(|value| ("retry-after".to_owned(), (*value).to_owned())).collect();
    Effect::Answer { status, body: "slow down".to_owned(), headers }
}

fn ended(report: &Report) -> (State, Option<Reason>) {
    (report.state, report.reason)
}

const YEAR: u64 = 365 * 86_400;

cases! {
    /// A time that has passed asks for nothing: the host's own pause holds, and that is no hammering.
    ["FC-43", "K21"] retry_after_in_the_past_is_no_invitation {
        for told in ["Wed, 21 Oct 2015 07:28:00 GMT", "0", "-1", "", "soon", "99999999999999999999999"] {
            let home = RealHome::start().await;
            home.settle().await;
            home.control().inject(Fault::new(RouteKind::Status, throttled(429, &[told])).forever());
            let report = home.command(LEGACY.0, "refresh_cached", "").await;
            assert_eq!(report.state, State::Failed, "{told}: {report:?}");
            assert_eq!(home.control().counters().requests, 1, "{told}: {report:?}");
        }
    }

    /// What a server asks for binds the next operation of the account too, reads and commands of both cars, and a restart
    /// changes nothing.
    ["FC-43", "K21"] retry_after_binds_the_account {
        for (status, told) in [(429, &["300"][..]), (503, &["300"]), (429, &["0", "300"]), (403, &["300"])] {
            let mut home = RealHome::permissive(patient_cloud()).await;
            home.settle().await;
            home.control().inject(Fault::new(RouteKind::Status, throttled(status, told)));
            let first = home.command(LEGACY.0, "refresh_cached", "").await;
            assert_eq!(first.state, State::Failed, "{first:?}");
            let state = home.account_is("rate_limited").await;
            assert!(state["until"].is_string() && state["reason"].is_string(), "{state}");
            let asked = home.control().counters().requests;
            for (vehicle, operation) in [(LEGACY.0, "lock"), (CCS2.0, "lock"), (CCS2.0, "refresh_cached")] {
                let report = home.command(vehicle, operation, "").await;
                assert_eq!(ended(&report), (State::Rejected, Some(Reason::Cooldown)), "{report:?}");
                assert!(report.retryable && report.message.unwrap().contains("until"));
            }
            home.restart_configured(|config| {
                for vehicle in config.vehicles.values_mut() {
                    vehicle.allow.extend(vehicle_connector::wire::operation::OperationName::COMMANDABLE);
                }
            })
            .await
            .unwrap();
            let report = home.command(LEGACY.0, "lock", "").await;
            assert_eq!(ended(&report), (State::Rejected, Some(Reason::Cooldown)), "{report:?}");
            assert_eq!(home.control().counters().requests, asked, "nothing is sent meanwhile");

            home.clock.advance(301);
            let report = home.command(LEGACY.0, "refresh_cached", "").await;
            assert_eq!(report.state, State::Succeeded, "{report:?}");
            home.account_is("ok").await;
        }
    }

    /// An operation that has the time waits for as long as it was asked to.
    ["FC-43", "K21"] what_fits_into_an_operation_is_waited_for {
        let home = RealHome::start().await;
        home.settle().await;
        home.control().inject(Fault::new(RouteKind::Status, throttled(429, &["1"])));
        let both = [LEGACY.0, CCS2.0].map(|vehicle| home.command(vehicle, "refresh_cached", ""));
        for report in futures_util::future::join_all(both).await {
            assert_eq!(report.state, State::Succeeded, "{report:?}");
        }
        assert!(home.control().counters().requests <= 4, "{:?}", home.control().counters());
    }

    /// The vendor's limit of the day is the account's: it is left alone, told so, and looked at again now and then.
    ["F8"] the_daily_limit_of_the_vendor_is_remembered {
        let mut home = RealHome::with(patient_cloud()).await;
        home.settle().await;
        home.control().inject(Fault::new(RouteKind::Any, Effect::rate_limited()).forever());
        let first = home.command(LEGACY.0, "lock", "").await;
        assert_eq!(first.reason, Some(Reason::Quota), "{first:?}");
        let state = home.account_is("rate_limited").await;
        assert!(state["until"].is_string(), "{state}");
        let event = |message: &vehicle_connector::wire::message::Outgoing| {
            let event: serde_json::Value = serde_json::from_slice(&message.payload).ok()?;
            (event["event_type"] == "rate_limited").then_some(event)
        };
        let event = home.published.find(|messages| messages.iter().find_map(event)).await;
        assert_eq!(event["account"], "home");
        let mut asked = home.control().counters().requests;
        assert_eq!(asked, 1, "a limit is not tried again at once");
        for hour in 0..24 {
            for (vehicle, operation) in [(LEGACY.0, "refresh_cached"), (CCS2.0, "refresh_cached"), (LEGACY.0, "lock")] {
                let report = home.command(vehicle, operation, "").await;
                assert_eq!(report.reason, Some(Reason::Quota), "{hour}: {report:?}");
            }
            if hour == 12 {
                home.restart_configured(|_| {}).await.unwrap();
            }
            home.clock.advance(3_600);
        }
        asked = home.control().counters().requests - asked;
        assert!((2..=8).contains(&asked), "{asked} probes within a day");
        assert_eq!(home.control().counters().commands, 1, "a read finds out, no command");

        home.control().clear_faults();
        home.clock.advance(6 * 3_600);
        let report = home.command(LEGACY.0, "refresh_cached", "").await;
        assert_eq!(report.state, State::Succeeded, "{report:?}");
        home.account_is("ok").await;
    }

    /// An operator who knows better can lift it.
    ["F8"] an_operator_lifts_a_limit {
        let home = RealHome::start().await;
        home.settle().await;
        home.control().inject(Fault::new(RouteKind::Status, Effect::rate_limited()));
        home.command(LEGACY.0, "refresh_cached", "").await;
        home.account_is("rate_limited").await;
        let answer = home.request("circuit/close", serde_json::json!({"circuit": "account home"})).await;
        assert_eq!(answer["status"], "ok", "{answer}");
        home.account_is("ok").await;
        let report = home.command(LEGACY.0, "refresh_cached", "").await;
        assert_eq!(report.state, State::Succeeded, "{report:?}");
    }

    /// One fault of the token endpoint costs nobody his operation: whoever has the time waits for the next refresh, which
    /// is one for all.
    ["S4", "F17"] a_passing_fault_of_the_token_endpoint_fails_nothing {
        for faults in [1, 3] {
            let home = Arc::new(RealHome::permissive(simulator::Config::default()).await);
            home.settle().await;
            home.control().inject(Fault::new(RouteKind::Token, Effect::answer(503, "x")).times(faults));
            home.control().expire_access_token();
            let reads = (0..6).map(|n| home.command([LEGACY.0, CCS2.0][n % 2], "refresh_cached", ""));
            let lock = home.command(LEGACY.0, "lock", "");
            let (reads, lock) = tokio::join!(futures_util::future::join_all(reads), lock);
            for report in reads.iter().chain([&lock]) {
                assert_eq!(report.state, State::Succeeded, "{faults}: {report:?}");
                assert!(report.token_refreshed, "{report:?}");
            }
            let counters = home.control().counters();
            assert_eq!(counters.grants_asked, faults + 1, "one refresh for all");
            assert_eq!(counters.actuations_of(LEGACY.1, simulator::ActionKind::Lock), 1);
        }
    }

    /// Nobody waits for what comes too late for him.
    ["S4", "F17"] a_refresh_that_is_due_too_late_is_not_waited_for {
        let home = RealHome::start().await;
        home.settle().await;
        home.control().inject(Fault::new(RouteKind::Token, throttled(503, &["600"])));
        home.control().expire_access_token();
        let report = home.command(LEGACY.0, "lock", "").await;
        assert_eq!(report.reason, Some(Reason::UpstreamUnavailable), "{report:?}");
        assert_eq!(home.control().counters().grants_asked, 1);
    }

    /// What a clock that was ahead has counted and latched holds for as long as it would have, not until that time.
    ["FC-40", "K20", "S10"] what_a_wrong_clock_wrote_does_not_hold_for_years {
        let limited = |config: &mut vehicle_connector::config::Config| {
            for account in config.accounts.values_mut() {
                account.quota_per_day = Some(3);
            }
        };
        let mut home = RealHome::configured(patient_cloud(), limited).await;
        // The host that ran with the wrong clock.
        home.clock.advance(4 * YEAR);
        home.settle().await;
        while home.command(LEGACY.0, "refresh_cached", "").await.state == State::Succeeded {}
        let report = home.command(LEGACY.0, "refresh_cached", "").await;
        assert_eq!(report.reason, Some(Reason::Quota), "{report:?}");

        home.clock.set_back(4 * YEAR);
        home.restart_configured(limited).await.unwrap();
        let report = home.command(LEGACY.0, "refresh_cached", "").await;
        assert_eq!(report.reason, Some(Reason::Quota), "they may have been made just now: {report:?}");
        home.restart_configured(limited).await.unwrap();
        home.clock.advance(86_400);
        let report = home.command(LEGACY.0, "refresh_cached", "").await;
        assert_eq!(report.state, State::Succeeded, "{report:?}");
    }

    /// When the clocks differ, a refusal says so, and what to do.
    ["FC-42"] a_clock_that_is_wrong_is_named {
        let home = RealHome::start().await;
        home.settle().await;
        let refusal = |date: &str| Effect::Answer {
            status: 401,
            body: r#"{"retCode":"F","resCode":"4017","resMsg":"Invalid Application Id. Please check your request."}"#.to_owned(),
            headers: vec![("date".to_owned(), date.to_owned())],
        };
        home.control().inject(Fault::new(RouteKind::Status, refusal("Thu, 28 May 2020 20:27:10 GMT")));
        let report = home.command(LEGACY.0, "refresh_cached", "").await;
        let message = report.message.clone().unwrap();
        assert!(message.contains("this machine's clock is") && message.contains("NTP"), "{report:?}");
        // An answer of a clock that agrees, and a refusal that is about something else.
        home.command(LEGACY.0, "refresh_cached", "").await;
        home.control().inject(Fault::new(RouteKind::Status, Effect::envelope("5921", "No data")));
        let report = home.command(LEGACY.0, "refresh_cached", "").await;
        assert!(!report.message.unwrap().contains("clock"));
    }

    /// A question is asked a few times and not for a minute; it may have an id of its own, and its report says what and
    /// which vehicle it is about.
    ["F20"] questions_what_became_of_an_action {
        let mut home = RealHome::start().await;
        home.settle().await;
        home.send(LEGACY.0, "action_status", r#"{"about":"nope","id":"mine"}"#).await;
        let report = home.ended(LEGACY.0, "mine").await;
        assert_eq!(report.state, State::Timeout, "{report:?}");
        assert_eq!((report.about.as_deref(), report.vehicle.as_str()), (Some("nope"), LEGACY.0));
        assert!(home.control().counters().requests <= 3, "{:?}", home.control().counters());

        let locked = home.command(LEGACY.0, "lock", "").await;
        home.restart_configured(|_| {}).await.unwrap();
        home.send(LEGACY.0, "action_status", r#"{"about":"LAST","id":"after"}"#).await;
        let report = home.ended(LEGACY.0, "after").await;
        assert_eq!(ended(&report), (State::Succeeded, None), "{report:?}");
        assert_eq!(report.upstream_action_id, locked.upstream_action_id);
    }
}
