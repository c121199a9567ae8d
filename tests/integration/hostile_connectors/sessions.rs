//! Connectors that get the session wrong.

use testkit::handmade::connector::{Connector, ENDLESS};
use testkit::{Home, LEGACY, RealHome};
use vehicle_connector::store::Kind;
use vehicle_connector::wire::outcome::{Reason, State};

use super::plugins;

async fn signing_in(sign_in: &str) -> RealHome {
    let connector = Connector { sign_in, ..Connector::default() };
    RealHome::with_plugins(&plugins(&connector.component()).await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_captured_is_kept_whatever_comes_after() {
    let large = "(call $grant (call $long (i32.const 3145728)))";
    for (what, end) in [
        ("traps", "unreachable"),
        ("never ends", ENDLESS),
        ("answers from beyond its memory", "(i32.const -16)"),
        ("says that it failed", "(call $not_signed_in `no`)"),
        ("a step without a name", "(call $step_other `what now?`)"),
        ("a step that does not exist", "(call $step (i32.const <cases connector.step>))"),
        ("a question of no kind", "(call $question (i32.const <cases connector.challenge>) `later`)"),
        ("a session of 16 MiB", "(call $grant (call $long (i32.const 16777216)))"),
        ("a session of 3 MiB", large),
    ] {
        let home = signing_in(&format!("(call $ok (call $token)) {end}")).await;
        for operation in ["unlock", "lock", "refresh_cached"] {
            let report = home.command(LEGACY.0, operation, "").await;
            assert_eq!(report.state, State::Succeeded, "{what}: {report:?}");
        }
        assert_eq!(home.control().counters().grants_asked, 1, "{what}");
        let session = home.environment.store.load(Kind::Cell, "home/session").await.unwrap().unwrap();
        assert!(session.len() < 16 << 10, "{what}: {} bytes", session.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_without_a_token_is_none() {
    let not_captured =
        "(call $assert (call $answered (call $get (call $cloud `/`)))) (call $grant `session`)";
    let step_other = "(call $step_other `what now?`)";
    for (sign_in, says) in [
        ("(call $grant `session`)", "captured no token"),
        (not_captured, "captured no token"),
        (step_other, "a step that this version does not know"),
    ] {
        let home = signing_in(sign_in).await;
        for _ in 0..3 {
            let report = home.command(LEGACY.0, "unlock", "").await;
            assert_eq!((report.state, report.attempts), (State::Rejected, 0), "{report:?}");
            let words = [&report.message, &report.detail].map(|words| words.clone().unwrap_or_default());
            assert!(words.concat().contains(says), "{report:?}");
        }
        // It is not asked again before a pause is over.
        assert!(home.control().counters().requests <= 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_is_none_is_put_to_nobody() {
    let code = "<case connector.challenge.code>";
    let of_16_mib = format!("(call $question (i32.const {code}) (call $long (i32.const 16777216)))");
    let no_text = format!("(call $question (i32.const {code}) `\\ff`)");
    let digits = format!(
        "(call $question (i32.const {code}) `later`) (local.set 0)
         (<store connector#sign-in.ok.asked.challenge.code.digits> (local.get 0) (i32.const 2)) (local.get 0)"
    );
    for (what, question) in [
        ("choices from between two words", "(call $choice (i32.const 2049) (i32.const 1))"),
        ("more choices than its memory holds", "(call $choice (i32.const 4096) (i32.const -1))"),
        ("more than fit into four gigabytes", "(call $choice (i32.const 4096) (i32.const 0x7fffffff))"),
        (
            "a million choices",
            "(call $choice (call $allocate (i32.mul (i32.const <size connector.choice>) (i32.const 1000000)))
               (i32.const 1000000))",
        ),
        ("of a kind that does not exist", "(call $question (i32.const <cases connector.challenge>) `later`)"),
        ("for a number of digits that is neither there nor not", &digits),
        ("with a continuation that is no text", &no_text),
        ("with a continuation of 16 MiB", &of_16_mib),
    ] {
        let home = signing_in(question).await;
        for _ in 0..2 {
            let report = home.command(LEGACY.0, "unlock", "").await;
            let how = (report.state, report.reason);
            assert_eq!(how, (State::Rejected, Some(Reason::ConnectorFault)), "{what}: {report:?}");
        }
        assert_eq!(home.control().counters().requests, 0, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_without_an_answer_is_not_repeated_at_once() {
    let log_in = "(call $assert (call $answered (call $get (call $cloud `/`))))";
    for (what, end) in [("traps", "unreachable"), ("never ends", ENDLESS)] {
        let home = signing_in(&format!("{log_in} {end}")).await;
        home.clock.stop();
        for _ in 0..3 {
            let report = home.command(LEGACY.0, "unlock", "").await;
            let how = (report.state, report.reason);
            assert_eq!(how, (State::Rejected, Some(Reason::ConnectorFault)), "{what}: {report:?}");
        }
        assert_eq!(home.control().counters().requests, 1, "{what}");
        home.clock.advance(60);
        home.command(LEGACY.0, "unlock", "").await;
        assert_eq!(home.control().counters().requests, 2, "{what}: later it is tried again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_that_only_pretends_does_not_go_on_for_ever() {
    // The cloud refuses every token, and the connector is glad about each.
    let read = "
        (local.set $n (call $get_with (call $cloud `/api/v1/spa/vehicles`)
          `authorization` `Bearer {secret:access-token}`))
        (if (result i32) (i32.eq (<load http#send.ok.status> (local.get $n)) (i32.const 200))
          (then (call $done)) (else (call $failed `Key not authorized: Token is expired`)))";
    let connector = Connector { read, ..Connector::default() };
    let home = RealHome::with_plugins(&plugins(&connector.component()).await.unwrap()).await;
    home.settle().await;
    home.control().refuse_tokens(true);
    for _ in 0..4 {
        let report = home.command(LEGACY.0, "refresh_cached", "").await;
        assert_eq!(report.state, State::Failed, "{report:?}");
        assert!(report.attempts <= 2, "{report:?}");
    }
    assert!(home.control().counters().grants_asked <= 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_credential_is_not_sent_again_and_again() {
    // A vendor locks an account after about five of these, and one call may send sixty requests.
    let sign_in = "(drop (call $token))".repeat(20) + "(call $not_signed_in `no`)";
    let connector = Connector { sign_in: &sign_in, ..Connector::default() };
    let home = RealHome::with_plugins(&plugins(&connector.component()).await.unwrap()).await;
    home.control().refuse_grants(true);
    let report = home.command(LEGACY.0, "unlock", "").await;
    assert_eq!(report.state, State::Rejected, "{report:?}");
    assert!(home.control().counters().grants_asked <= 4, "{:?}", home.control().counters());
}
