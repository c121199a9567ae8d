//! Nothing that a person answers, and nothing that a sign-in has captured, is said anywhere.

use std::io;
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;
use serde_json::json;
use tracing::Level;

use super::Home;
use super::cloud::{CODE, SECRETS};
use super::connector::Asks;
use crate::account::Given;
use crate::account::session::Cause;
use crate::store::Kind;

/// A log in memory.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Returns what this process logs from now on: also the lines of tests beside this one, which must be as clean.
    /// A subscriber of one thread may lose lines to another thread that has none.
    fn of_this_process() -> &'static Self {
        static LOG: LazyLock<Log> = LazyLock::new(|| {
            let log = Log::default();
            let writer = log.clone();
            let subscriber =
                tracing_subscriber::fmt().with_max_level(Level::TRACE).with_ansi(false).without_time();
            let subscriber = subscriber.with_writer(move || writer.clone()).finish();
            tracing::subscriber::set_global_default(subscriber).unwrap();
            log
        });
        &LOG
    }
}

/// A password that is configured nowhere.
const GIVEN: &str = "given-once-4c11e7";

/// An account without one.
fn given_once() -> crate::config::Account {
    let mut config = super::home::config();
    config.secrets.clear();
    config
}

#[tokio::test(start_paused = true)]
async fn nothing_that_was_answered_or_captured_is_said_anywhere() {
    let log = Log::of_this_process();
    let home = Home::new().await;
    home.want(Cause::Missing).await.unwrap_err();
    // The cloud echoes a wrong code in its words.
    let wrong = "731846";
    home.answer(wrong).await.unwrap();
    home.answer("a text that is no code at all 731846").await.unwrap_err();
    home.answer(r#"{"password":"correct horse battery"}"#).await.unwrap_err();
    home.answer("correct horse battery").await.unwrap_err();
    home.answer(r#"{"cod":"493817"}"#).await.unwrap_err();
    let pending = format!("{:?}", home.account.questions.current());
    let home = home.restarted().await;
    home.answer(CODE).await.unwrap();
    *home.connector.asks.lock() = Asks::Redirect;
    home.account.login("test", Given::default()).await.unwrap();
    home.answer(&format!("https://app.example/back?state=x&code={CODE}")).await.unwrap_err();
    home.account.announce();
    home.account.announce_question();
    // What is given for a sign-in; its cloud echoes it too.
    let other = Home::with(given_once()).await;
    *other.connector.asks.lock() = Asks::Code;
    other.cloud.answer("/login", 400, json!({"code": "403042", "message": format!("{GIVEN} is wrong")}));
    let given = Given { username: None, password: Some(GIVEN.into()) };
    let refused = other.account.login("test", given).await.unwrap_err().to_string();
    let told = [refused, other.said(), other.stored(Kind::Audit).await, other.stored(Kind::Latch).await];
    assert!(told.iter().all(|place| !place.contains(GIVEN)), "{told:?}");

    let logged = String::from_utf8(log.0.lock().clone()).unwrap();
    assert!(logged.contains("a person must answer"), "the log is looked at: {logged}");
    let audit = home.stored(Kind::Audit).await;
    assert!(audit.contains("the question stays open") && audit.contains("400006"), "{audit}");
    let places = [home.said(), logged, audit, pending, format!("{home:?}"), home.stored(Kind::Latch).await];
    for secret in SECRETS.iter().chain(&[wrong, GIVEN]) {
        for place in &places {
            assert!(!place.contains(secret), "{secret} in {place}");
        }
    }
    // A code is not even stored.
    for kind in [Kind::Question, Kind::Cell, Kind::Doubt] {
        let stored = home.stored(kind).await;
        assert!(!stored.contains(CODE) && !stored.contains(wrong), "{stored}");
    }
}
