//! Connectors that want to see a secret, or to fill the log.

use simulator::{Effect, Fault, RouteKind};
use testkit::handmade::connector::{Connector, DONE, NAMED, times};
use testkit::log::Log;
use testkit::{Home, LEGACY, RealHome};
use vehicle_connector::store::Kind;
use vehicle_connector::wire::message::Outgoing;
use vehicle_connector::wire::outcome::{Reason, State};

use super::{home, is_a_fault, serves_on};

/// The secrets of a home that has signed in.
async fn secrets(home: &RealHome) -> Vec<String> {
    let session = home.environment.store.load(Kind::Cell, "home/session").await.unwrap().unwrap();
    let session: serde_json::Value = serde_json::from_slice(&session).unwrap();
    let tokens = session["secrets"].as_object().unwrap().values();
    let mut secrets: Vec<String> = tokens.map(|token| token.as_str().unwrap().to_owned()).collect();
    secrets.push(simulator::Config::default().refresh_token);
    secrets.sort();
    secrets.dedup();
    secrets
}

/// Everything that was published, logged or stored, but for the cells, where the secrets are.
async fn everything(home: &RealHome, log: &Log) -> String {
    let mut all = log.text();
    for message in home.published.messages() {
        all += &message.topic;
        all += &String::from_utf8_lossy(&message.payload);
    }
    for kind in [Kind::Latch, Kind::Result, Kind::Pending, Kind::Audit] {
        for (key, record) in home.environment.store.list(kind).await.unwrap() {
            all += &key;
            all += &String::from_utf8_lossy(&record);
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_placeholder_stays_one_wherever_it_is_written() {
    const ALL: &str = "{secret:pin} {secret:refresh-token} {secret:access-token} {private:0}";
    let lock = |end: &str| {
        format!(
            "(call $log `logged {ALL}`)
             (call $assert (i32.eqz (call $publish `own` `published {ALL}`)))
             (call $assert (i32.eqz (call $publish `{{secret:refresh-token}}` `x`)))
             (call $assert (i32.eqz (call $commit (call $acquire `device` (i32.const 0)) `committed {ALL}`)))
             {end}"
        )
    };
    for (end, shown) in [
        (format!("(call $refused `told {ALL}`)"), "told"),
        (format!("(call $failed `failed {ALL}`)"), "failed"),
        (format!("(call $done_as `acted {ALL}`)"), "acted"),
        (format!("(call $pending `asked {ALL}` (i32.const 60000))"), "asked"),
    ] {
        let log = Log::of_this_process();
        let home = home(&Connector::that_locks(&lock(&end))).await;
        let secrets = secrets(&home).await;
        home.send(LEGACY.0, "lock", r#"{"id":"lock"}"#).await;
        // The last one is not asked for its end: it is stored for a host that comes later.
        let steps = |messages: &[Outgoing]| {
            let topic = |m: &&Outgoing| m.topic.ends_with("/action/lock");
            let step = |m: &Outgoing| String::from_utf8(m.payload.clone()).unwrap();
            let over = |step: &String| !step.contains(r#""accepted""#) && !step.contains(r#""sent""#);
            messages.iter().filter(topic).map(step).find(over)
        };
        home.published.find(steps).await;
        let all = everything(&home, log).await;
        for shown in ["logged", "published", shown] {
            assert!(
                all.contains(&format!("{shown} {{secret:pin}} {{secret:refresh-token}}")),
                "{shown}: {all}"
            );
        }
        for secret in &secrets {
            assert!(!all.contains(secret), "{secret} in {all}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_placeholder_stays_one_in_what_is_said_of_a_car() {
    let log = Log::of_this_process();
    let list = "(call $named `car {secret:refresh-token} {secret:access-token}`)";
    let home = home(&Connector { list, more: NAMED, ..Connector::default() }).await;
    let report = home.command(LEGACY.0, "lock", "").await;
    assert_eq!(report.reason, Some(Reason::UnknownVehicle), "{report:?}");
    assert!(report.message.unwrap().contains("car {secret:refresh-token} {secret:access-token}"));
    let all = everything(&home, log).await;
    for secret in secrets(&home).await {
        assert!(!all.contains(&secret), "{secret} in {all}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_echoes_is_a_placeholder_again() {
    let log = Log::of_this_process();
    let lock = "
        (local.set $at (call $get (call $cloud `/echo?{secret:pin}&{secret:refresh-token}&{secret:access-token}`)))
        (call $log (call $body (local.get $at)))
        (call $assert (i32.eqz (call $publish `own` (call $body (local.get $at)))))
        (call $refused (call $body (local.get $at)))";
    // Not even of a server that this secret does not go to.
    let read = "(call $failed (call $body (call $get (call $cloud `/echo`))))";
    let home = home(&Connector { read, ..Connector::that_locks(lock) }).await;
    let secrets = secrets(&home).await;
    let pin = simulator::Config::default().pin;
    let echo = format!("PIN is {pin}. {}", secrets.join(" and "));
    home.control().inject(Fault::new(RouteKind::Other, Effect::answer(200, echo)).forever());
    let locked = home.command(LEGACY.0, "lock", "").await;
    let detail = locked.detail.unwrap();
    assert!(detail.starts_with("PIN is {secret:pin}."), "{detail}");
    assert!(
        detail.contains("{secret:refresh-token}") && detail.contains("{secret:access-token}"),
        "{detail}"
    );
    let read = home.command(LEGACY.0, "refresh_cached", "").await;
    assert_eq!(read.state, State::Failed, "{read:?}");
    let all = everything(&home, log).await;
    for secret in &secrets {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_not_its_own_is_not_sent() {
    let denied = |url: &str| format!("(call $assert (call $denied (call $get (call $cloud `{url}`))))");
    let urls = [
        "/?{secret:password}",
        "/?{secret:control-token}",
        "/?{secret:nothing}",
        "/?{secret:session}",
        "/{secret:pin}/{secret:nothing}",
    ];
    let lock = urls.map(denied).concat() + DONE;
    let home = home(&Connector::that_locks(&lock)).await;
    let report = home.command(LEGACY.0, "lock", "").await;
    assert_eq!((report.state, report.upstream_calls), (State::Succeeded, 0), "{report:?}");
    serves_on(&home, &report, "asks for secrets").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_lines_are_a_few() {
    let log = Log::of_this_process();
    let lock = times(1_000_000, "(call $log `one of many`)") + DONE;
    let home = home(&Connector::that_locks(&lock)).await;
    let report = home.command(LEGACY.0, "lock", "").await;
    // On a fast machine it gets through with that.
    if report.state != State::Succeeded {
        is_a_fault(&report, "writes a million lines");
    }
    serves_on(&home, &report, "writes a million lines").await;
    let text = log.text();
    let lines = text.lines().filter(|line| line.contains("one of many")).count();
    assert!((1..=64).contains(&lines), "{lines}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_short() {
    let log = Log::of_this_process();
    let lock = "(call $log (call $concat `a long line: ` (call $long (i32.const 3145728)))) (call $done)";
    let home = home(&Connector::that_locks(lock)).await;
    let report = home.command(LEGACY.0, "lock", "").await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
    let text = log.text();
    let line = text.lines().find(|line| line.contains("a long line: aaa")).unwrap();
    assert!(line.contains("aaa… account=") && line.len() < 2_048, "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_one_line() {
    let log = Log::of_this_process();
    let lock = "(call $log `first\\0aERROR forged: second\\0d\\0athird`) (call $done)";
    let home = home(&Connector::that_locks(lock)).await;
    let report = home.command(LEGACY.0, "lock", "").await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
    let text = log.text();
    assert!(text.contains("forged"), "{text}");
    assert!(
        text.lines().all(|line| !line.starts_with("ERROR forged") && !line.starts_with("third")),
        "{text}"
    );
}
