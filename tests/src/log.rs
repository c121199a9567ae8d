//! Log of the host, to look into.

use parking_lot::Mutex;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use tracing::Subscriber;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};

/// A log that can be read.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Returns what this process logs from now on: the lines of tests beside the one that asks are there too,
    /// and must be as clean.
    pub fn of_this_process() -> &'static Self {
        let log = process_log();
        WANTED.store(true, Ordering::Relaxed);
        log
    }

    /// Takes everything that this thread logs from here on, as lines.
    pub fn of_this_thread(&self) -> DefaultGuard {
        let log = self.clone();
        let subscriber =
            tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_ansi(false).with_writer(log);
        listen(subscriber.finish())
    }

    /// Takes everything that this thread logs from here on, as the program writes it in JSON.
    pub fn in_json(&self) -> DefaultGuard {
        let filter = "vehicle_connector=info,connector=info";
        let log = self.clone();
        let subscriber =
            tracing_subscriber::fmt().json().with_env_filter(filter).with_ansi(false).with_writer(log);
        listen(subscriber.finish())
    }

    /// Returns what was written so far.
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().clone()).unwrap()
    }

    /// Returns the lines that contain `wanted`.
    pub fn with(&self, wanted: &str) -> Vec<String> {
        self.text().lines().filter(|line| line.contains(wanted)).map(str::to_owned).collect()
    }
}

/// Gives everything that this thread logs from here on to a subscriber, and loses nothing to threads that have none.
pub fn listen(subscriber: impl Subscriber + Send + Sync) -> DefaultGuard {
    process_log();
    tracing::subscriber::set_default(subscriber)
}

/// Whether anybody wants the log of the process.
static WANTED: AtomicBool = AtomicBool::new(false);

/// Sets the subscriber of the process, once, and returns its log.
///
/// It undertakes to look at each event again, also while nobody wants its log: else a thread without a subscriber
/// that is the first to come by a line settles for all threads that nobody listens to it.
fn process_log() -> &'static Log {
    static LOG: LazyLock<Log> = LazyLock::new(|| {
        let log = Log::default();
        let ours = |target: &str| {
            ["vehicle_connector", "connector", "plugin"].iter().any(|name| target.starts_with(name))
        };
        let lines = tracing_subscriber::fmt::layer()
            // A time of day can look like a position.
            .without_time()
            .with_ansi(false)
            .fmt_fields(vehicle_connector::cli::OneLine)
            .with_writer(log.clone())
            .with_filter(dynamic_filter_fn(move |metadata, _| {
                WANTED.load(Ordering::Relaxed) && ours(metadata.target())
            }));
        // Not `init`: it would bring what libraries say by way of `log` here as well, and a compiler says so much
        // that half of the time of all tests would go into turning it down.
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(lines))
            .expect("the process has no subscriber before this one");
        log
    });
    &LOG
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
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
