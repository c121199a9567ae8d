//! What the host's primitives refuse. The connector finds out itself, and traps if it was not refused.

use simulator::RouteKind;
use testkit::handmade::connector::{Connector, DONE, times};
use testkit::{Home, LEGACY};
use vehicle_connector::wire::outcome::State;

use super::{home, serves_on};

/// Instructions that trap unless this message is not taken for this reason.
fn not_taken(message: &str, why: &str) -> String {
    format!("(call $assert (i32.eq (call $publish {message}) (i32.const <error mqtt.publish-error.{why}>)))")
}

#[tokio::test(flavor = "multi_thread")]
async fn it_publishes_below_its_own_topic_and_nowhere_else() {
    let outside = |topic: &str| not_taken(&format!("`{topic}` `x`"), "outside-prefix");
    let topics = ["", "/", "/x", "x/", "x//y", "#", "x/#", "+", "x/+/y", "x\\00y"];
    let long = not_taken("(call $long (i32.const 257)) `x`", "outside-prefix");
    let large = not_taken("`x` (call $long (i32.const 65537))", "too-large");
    let lock = topics.map(outside).concat() + &long + &large + DONE;
    let home = home(&Connector::that_locks(&lock)).await;
    let report = home.command(LEGACY.0, "lock", "").await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");

    // To a broker these are names like any other, and they stay below the prefix.
    let own = |topic: &str| format!("(call $assert (i32.eqz (call $publish `{topic}` `own`)))");
    let topics = ["../x", "$SYS/x", "vehicle/niro/cmd/unlock", "vehicle-connector/bridge/state"];
    let lock = topics.map(own).concat() + DONE;
    let home = super::home(&Connector::that_locks(&lock)).await;
    let report = home.command(LEGACY.0, "lock", "").await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
    serves_on(&home, &report, "publishes").await;
    let messages = home.published.messages();
    let own: Vec<&str> = messages.iter().filter(|m| m.payload == b"own").map(|m| m.topic.as_str()).collect();
    assert_eq!(own, topics.map(|topic| format!("vehicle-connector/account/home/connector/{topic}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_brokers_refuse_is_not_taken() {
    // MQTT 5 §1.5.4: a receiver may treat them as malformed.
    let outside = |topic: &str| not_taken(&format!("`{topic}` `x`"), "outside-prefix");
    let topics = ["x\\01y", "x\\0ay", "x\\7fy", "x\\c2\\85y", "x\\ef\\bf\\bf"];
    let lock = topics.map(outside).concat() + DONE;
    let home = home(&Connector::that_locks(&lock)).await;
    let report = home.command(LEGACY.0, "lock", "").await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_publishes_only_so_much() {
    let lock = times(1_000, "(drop (call $publish `x` `own`))") + &not_taken("`x` `own`", "other") + DONE;
    let home = home(&Connector::that_locks(&lock)).await;
    let report = home.command(LEGACY.0, "lock", "").await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
    let own = home.published.messages().iter().filter(|message| message.payload == b"own").count();
    assert!((1..100).contains(&own), "{own}");
    serves_on(&home, &report, "publishes a thousand messages").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_reaches_its_own_cloud_and_nothing_else() {
    let denied = |url: &str| format!("(call $assert (call $denied (call $get `{url}`)))");
    let urls = [
        "https://elsewhere.example/",
        "http://elsewhere.example/",
        "http://127.0.0.1:1/",
        "http://localhost:1/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "/relative",
        "",
        "http://{secret:pin}.example/",
    ];
    let with_a_user = "
        (call $assert (call $denied (call $get
          (call $concat `http://user:word@` (call $tail (call $cloud `/`))))))";
    let other_host = "
        (call $assert (call $denied (call $get
          (call $concat (call $cloud `@elsewhere.example/`) (i32.const 0) (i32.const 0)))))";
    let header = |name: &str| {
        format!(
            "(call $assert (call $denied (call $get_with (call $cloud `/`) `{name}` `elsewhere.example`)))"
        )
    };
    let headers = ["Host", "hOsT", "Content-Length", "Transfer-Encoding", "Connection", "two words", ""];
    let split =
        "(call $assert (call $denied (call $get_with (call $cloud `/`) `x-header` `a\\0d\\0aHost: b`)))";
    let lock =
        urls.map(denied).concat() + with_a_user + other_host + &headers.map(header).concat() + split + DONE;
    // What comes after `http://`.
    let more = "(func $tail (param i32 i32) (result i32 i32)
        (i32.add (local.get 0) (i32.const 7)) (i32.sub (local.get 1) (i32.const 7)))";
    let home = home(&Connector { more, ..Connector::that_locks(&lock) }).await;
    let report = home.command(LEGACY.0, "lock", "").await;
    assert_eq!((report.state, report.upstream_calls), (State::Succeeded, 0), "{report:?}");
    serves_on(&home, &report, "asks for what is forbidden").await;
    assert_eq!(home.control().counters().requests, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_sends_only_so_many_requests_for_one_operation() {
    let lock = times(200, "(drop (call $get (call $cloud `/x`)))")
        + "(call $assert (call $denied (call $get (call $cloud `/x`))))"
        + DONE;
    let home = home(&Connector::that_locks(&lock)).await;
    let report = home.command(LEGACY.0, "lock", "").await;
    assert_eq!((report.state, report.upstream_calls), (State::Succeeded, 64), "{report:?}");
    assert_eq!(home.control().counters().of(RouteKind::Other), 64);
    serves_on(&home, &report, "sends two hundred requests").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_cells_hold_only_so_much_and_the_session_is_not_among_them() {
    let unknown = |name: &str| {
        format!(
            "(call $assert (i32.eq
               (call $try_acquire `{name}` (i32.const 0)) (i32.const <error lock.lock-error.unknown-name>)))"
        )
    };
    let too_large = |bytes: u32| {
        format!(
            "(call $assert (i32.eq
               (call $commit (local.get $at) (call $long (i32.const {bytes})))
               (i32.const <error lock.lock-error.too-large>)))"
        )
    };
    let unknown = ["session", "nothing", "", "home/device"].map(unknown).concat();
    let too_large = [4_097, 3_000_000].map(too_large).concat();
    let lock = format!(
        "{unknown}
        (local.set $at (call $acquire `device` (i32.const 0)))
        ;; Somebody held it all the time: it does itself.
        (call $assert
          (i32.eq (call $try_acquire `device` (i32.const 0)) (i32.const <error lock.lock-error.timed-out>)))
        {too_large}
        (call $assert (i32.eqz (call $commit (local.get $at) (call $long (i32.const 4096)))))
        (call $done)"
    );
    let home = home(&Connector::that_locks(&lock)).await;
    let report = home.command(LEGACY.0, "lock", "").await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
    serves_on(&home, &report, "commits").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_may_hold_all_its_guards_and_they_are_free_afterwards() {
    // As many cells as a connector may have, and the one that the next command wants.
    let mut cells: Vec<String> = (0..15).map(|n| format!("cell-{n}")).collect();
    cells.push("device".to_owned());
    let acquire = |name: &String| format!("(drop (call $acquire `{name}` (i32.const 0)))");
    let all: String = cells.iter().map(acquire).collect();
    for (what, end, state) in [("ends", DONE, State::Succeeded), ("traps", "unreachable", State::Failed)] {
        let lock = format!("{all} {end}");
        let home = home(&Connector { cells: cells.clone(), ..Connector::that_locks(&lock) }).await;
        let report = home.command(LEGACY.0, "lock", "").await;
        assert_eq!(report.state, state, "{what}: {report:?}");
        serves_on(&home, &report, what).await;
    }
}
