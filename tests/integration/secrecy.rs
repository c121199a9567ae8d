//! What must not leave the host does not.

use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};

use tests::{CCS2, Home, LEGACY};
use tracing_subscriber::fmt::MakeWriter;
use vehicle_connector::operation::State;
use vehicle_connector::store::Kind;

/// A log that can be read.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// What this process logs from now on: what tests beside the one that asks log is there too, and must be as clean.
    ///
    /// It is one for all, since a subscriber of one thread may lose lines to another thread that has none.
    pub fn of_this_process() -> &'static Self {
        static LOG: LazyLock<Log> = LazyLock::new(|| {
            let log = Log::default();
            tracing_subscriber::fmt()
                .with_env_filter("vehicle_connector=trace,connector=trace,simulator=off")
                .with_ansi(false)
                .with_writer(log.clone())
                .init();
            log
        });
        &LOG
    }

    /// What was written so far.
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_no_vin_and_no_position_leaves_the_host_where_it_should_not() {
    let log = Log::of_this_process();
    let home = Home::start().await;
    for (slug, _) in [LEGACY, CCS2] {
        // A token of some age: one that is refused at once has not expired, and the log would say so.
        home.control().expire_access_token();
        home.clock.advance(10);
        for operation in ["refresh_cached", "lock"] {
            let report = home.command(slug, operation, None).await;
            assert_eq!(report.state, State::Succeeded, "{report:?}");
        }
    }
    home.control().refuse_grants(true);
    home.control().expire_access_token();
    home.command(LEGACY.0, "lock", None).await;

    let defaults = simulator::Config::default();
    let mut never = vec![defaults.refresh_token];
    never.extend(defaults.vehicles.iter().map(|vehicle| vehicle.vin.clone()));
    // How the simulated cloud's tokens begin.
    never.extend(["Bearer ", "access-1-", "access-2-", "control-1-"].map(str::to_owned));
    let positions: Vec<String> =
        defaults.vehicles.iter().map(|vehicle| vehicle.state.latitude.to_string()).collect();

    let log = log.text();
    assert!(log.contains("token expiry detected") && log.contains("token refresh finished"), "{log}");
    for message in home.published.messages() {
        let payload = String::from_utf8_lossy(&message.payload).into_owned();
        for secret in &never {
            assert!(!payload.contains(secret) && !message.topic.contains(secret), "{secret} in {message:?}");
        }
        let has_position = positions.iter().any(|position| payload.contains(position));
        assert!(!has_position || message.topic.ends_with("/location"), "a position in {message:?}");
    }
    let decisions = home.ground.store.list(Kind::Audit).await.unwrap();
    assert!(!decisions.is_empty());
    let decisions: String =
        decisions.iter().map(|(_, record)| String::from_utf8_lossy(record).into_owned()).collect();
    for secret in never.iter().chain(&positions) {
        assert!(!log.contains(secret), "{secret} in the log");
        assert!(!decisions.contains(secret), "{secret} in the audit trail");
    }
}
