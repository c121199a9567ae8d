//! Log of the host, to look into.

use parking_lot::Mutex;
use std::io::Write;
use std::sync::{Arc, LazyLock};

use tracing_subscriber::fmt::MakeWriter;

/// A log that can be read.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Returns what this process logs from now on: the lines of tests beside the one that asks are there too,
    /// and must be as clean.
    ///
    /// The log is one for all, since a subscriber of one thread may lose lines to another thread that has
    /// none.
    pub fn of_this_process() -> &'static Self {
        static LOG: LazyLock<Log> = LazyLock::new(|| {
            let log = Log::default();
            tracing_subscriber::fmt()
                .with_env_filter("vehicle_connector=trace,connector=trace,plugin=trace,simulator=off")
                // A time of day can look like a position.
                .without_time()
                .with_ansi(false)
                .fmt_fields(vehicle_connector::cli::OneLine)
                .with_writer(log.clone())
                .init();
            log
        });
        &LOG
    }

    /// Takes everything that this thread logs from here on, as lines.
    pub fn of_this_thread(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let subscriber =
            tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_ansi(false).with_writer(log);
        tracing::subscriber::set_default(subscriber.finish())
    }

    /// Takes everything that this thread logs from here on, as the program writes it in JSON.
    pub fn in_json(&self) -> tracing::subscriber::DefaultGuard {
        let filter = "vehicle_connector=info,connector=info";
        let log = self.clone();
        let subscriber =
            tracing_subscriber::fmt().json().with_env_filter(filter).with_ansi(false).with_writer(log);
        tracing::subscriber::set_default(subscriber.finish())
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
