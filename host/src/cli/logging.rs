//! The program's log, and the form of its lines.
//!
//! Plugins, clouds, brokers and the senders of commands have words in the log, on many ways, and one of them
//! might hold a line break and what looks like a line of our own. It is not left to those ways to think of
//! that: all of them end in [`OneLine`], those too that are not written yet. The texts themselves stay as
//! they were given, because policies match on them.

mod bound;
mod ring;

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tracing::{Level, Metadata, Subscriber};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::filter::{FilterExt as _, FilterFn, LevelFilter, filter_fn};
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::layer::{Filter, SubscriberExt as _};
use tracing_subscriber::registry::{LookupSpan, Registry};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, reload};

use self::bound::Bound;
use self::ring::{Remembering, Ring};
use crate::config::LogFormat;
use crate::program_log::{LogLevel, ProgramLog, Recent, Wanted};
use crate::redact;

/// Modules whose details may be logged: the program itself, and what never holds a secret. All others are
/// heard from `info` on. The libraries for HTTP, TLS and MQTT print headers, packets and keys in their
/// details.
const TRUSTED: [&str; 6] =
    ["vehicle_connector", "connector", "simulator", "wasmtime", "cranelift", "rumqttd"];

/// Writes what an event says in one line, whatever it says: line breaks and other control characters become
/// escapes (see [`redact::one_line`]), and vehicle identification numbers that the host has seen are masked.
/// For logs in text form; JSON has escapes of its own.
#[derive(Debug, Clone, Copy, Default)]
pub struct OneLine;

impl<'w> FormatFields<'w> for OneLine {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut text = String::new();
        DefaultFields::new().format_fields(Writer::new(&mut text), fields)?;
        writer.write_str(&redact::mask_known_vins(&redact::one_line(&text)))
    }
}

/// Masks the vehicle identification numbers that the host has seen in what is written, which is a line at a
/// time: in JSON too, whose fields no formatter of ours writes.
#[derive(Debug)]
struct Masked<W>(W);

impl<W: Write> Write for Masked<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(line) {
            Ok(text) => self.0.write_all(redact::mask_known_vins(text).as_bytes())?,
            Err(_) => self.0.write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Number of lines that may wait to be written: the reader of the log may stand still, and the host goes on.
const WAITING_LINES: usize = 10_000;

/// Writer of the log. Dropping it writes what still waits, for a moment.
#[derive(Debug)]
#[must_use = "nothing is logged once it is dropped"]
pub(super) struct Log {
    _writer: WorkerGuard,
    program_log: Arc<Running>,
}

impl Log {
    /// The log as a host may change it.
    pub(super) fn program_log(&self) -> Arc<dyn ProgramLog> {
        Arc::clone(&self.program_log) as Arc<dyn ProgramLog>
    }
}

/// Filter of the program's log, which an operator changes while it is in use.
type Changeable = Box<dyn Filter<Registry> + Send + Sync>;

/// The log of the running program.
struct Running {
    level: reload::Handle<Changeable, Registry>,
    /// Directives of `RUST_LOG`.
    directives: Option<String>,
    ring: Arc<Ring>,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("directives", &self.directives).finish_non_exhaustive()
    }
}

impl ProgramLog for Running {
    fn set_level(&self, level: LogLevel) -> Result<(), String> {
        if let Some(directives) = self.directives.as_deref().filter(|text| directed(text).is_some()) {
            return Err(format!(
                "RUST_LOG={directives} has the last word about what is logged; start the host without it"
            ));
        }
        self.level
            .reload(Box::new(filter(level.as_str(), None)) as Changeable)
            .map_err(|error| error.to_string())
    }

    fn recent(&self, wanted: Wanted) -> Recent {
        self.ring.recent(wanted)
    }

    fn after(&self, seq: u64) -> BoxFuture<'_, ()> {
        Box::pin(self.ring.after(seq))
    }
}

/// Logs to the standard error output, without ever waiting for it. `RUST_LOG` has the last word about what is
/// logged, except about secrets.
pub(super) fn to_stderr(level: &str, format: LogFormat) -> Log {
    to_stderr_without(level, format, None)
}

/// Logs like [`to_stderr`], without what a library says, whatever `RUST_LOG` wants.
pub(super) fn to_stderr_without(level: &str, format: LogFormat, silent: Option<&'static str>) -> Log {
    let coloured = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(WAITING_LINES)
        .finish(Masked(std::io::stderr()));
    let bound = Bound::new(writer.error_counter());
    let lines = tracing_subscriber::fmt::layer().with_ansi(coloured).with_writer(writer);
    let is_heard = move |line: &Metadata<'_>| silent.is_none_or(|silent| !line.target().starts_with(silent));
    let directives = std::env::var(EnvFilter::DEFAULT_ENV).ok();
    let filter: Changeable = Box::new(filter(level, directives.as_deref()));
    let (filter, level) = reload::Layer::new(filter);
    let filter = filter.and(of_any_level(is_heard)).and(bound);
    let (registry, ring) = (tracing_subscriber::registry(), Ring::new());
    let remembering = Remembering(Arc::clone(&ring));
    let _already_set = match format {
        LogFormat::Text => {
            let lines = lines.fmt_fields(OneLine).and_then(remembering);
            registry.with(lines.with_filter(filter)).try_init()
        }
        LogFormat::Json => registry.with(lines.json().and_then(remembering).with_filter(filter)).try_init(),
    };
    Log { _writer: guard, program_log: Arc::new(Running { level, directives, ring }) }
}

/// Returns the filter of a level, or of these directives in its place if they can be read.
fn filter<S>(level: &str, directives: Option<&str>) -> impl Filter<S> + use<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let given = directives.and_then(directed);
    let wanted = given.unwrap_or_else(|| EnvFilter::new(format!("{QUIET},{level}")));
    wanted.and(of_any_level(tells_no_secret))
}

/// Makes a filter that may want lines of any level, and says so.
///
/// One that does not say which levels it may want makes the whole log look at every line of every level. The compiler of
/// plugins says so much by way of `log` that this took more time than compiling.
fn of_any_level<F: Fn(&Metadata<'_>) -> bool>(wants: F) -> FilterFn<F> {
    filter_fn(wants).with_max_level_hint(LevelFilter::TRACE)
}

/// At `debug` the compiler of plugins tells how long everything took, in thousands of lines, and at `trace` what it
/// did, in millions. An operator who wants that names it.
const QUIET: &str =
    "cranelift_codegen=warn,cranelift_frontend=warn,wasmtime=warn,wasmtime_internal_cranelift=warn";

/// Returns the filter of these directives; none if there are none, or they cannot be read.
fn directed(directives: &str) -> Option<EnvFilter> {
    if directives.is_empty() {
        return None;
    }
    EnvFilter::try_new(format!("{QUIET},{directives}")).ok()
}

fn tells_no_secret(line: &Metadata<'_>) -> bool {
    let of = |name: &str| {
        let rest = line.target().strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '_']))
    };
    // This crate logs unmasked what guests ask of WASI.
    *line.level() <= Level::INFO || (TRUSTED.into_iter().any(of) && !of("wasmtime_wasi"))
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;
    use std::sync::Arc;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: &str, directives: Option<&str>, log: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || writer.clone());
        let registry = tracing_subscriber::registry().with(layer.with_filter(filter(level, directives)));
        tracing::subscriber::with_default(registry, log);
        String::from_utf8(lines.0.lock().clone()).unwrap()
    }

    #[test]
    fn what_an_event_says_stays_in_its_line() {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = tracing_subscriber::fmt::layer().with_ansi(true).fmt_fields(OneLine);
        let registry = tracing_subscriber::registry().with(layer.with_writer(move || writer.clone()));
        let words = "a\nERROR forged\r\u{1b}[2K\u{2028}b";
        tracing::subscriber::with_default(registry, || {
            tracing::info!("said: {words}");
            tracing::info!(text = words, shown = %words, printed = ?words, "fields");
            let error: &(dyn std::error::Error + 'static) = &io::Error::other(words);
            tracing::info!(error, "an error");
        });
        let logged = String::from_utf8(lines.0.lock().clone()).unwrap();
        assert_eq!(logged.lines().count(), 3, "{logged}");
        assert_eq!(logged.matches("\\nERROR forged\\r").count(), 5, "{logged}");
        assert!(!logged.contains(['\r', '\u{2028}']) && !logged.contains("\u{1b}[2K"), "{logged}");
    }

    #[test]
    fn a_vin_that_was_seen_is_in_no_line_in_either_form() {
        redact::remember_vin("KNATESTLYNEX00001");
        let words = "knatestlynex00001x";
        let lines = Lines::default();
        let (text, json) = (lines.clone(), lines.clone());
        let registry = tracing_subscriber::registry()
            .with(tracing_subscriber::fmt::layer().fmt_fields(OneLine).with_writer(move || text.clone()))
            .with(tracing_subscriber::fmt::layer().json().with_writer(move || Masked(json.clone())));
        tracing::subscriber::with_default(registry, || tracing::info!(field = words, "said: {words}"));
        let logged = String::from_utf8(lines.0.lock().clone()).unwrap();
        assert_eq!(logged.matches("*************0001x").count(), 4, "{logged}");
        assert!(!logged.contains(words), "{logged}");
    }

    fn libraries_talk() {
        tracing::trace!(target: "hyper::proto::h1", "authorization: Bearer SECRET");
        tracing::debug!(target: "hyper_util::client", "SECRET");
        tracing::debug!(target: "reqwest::connect", "SECRET");
        tracing::trace!(target: "rustls::client", "SECRET");
        tracing::debug!(target: "rumqttc::state", "SECRET");
        tracing::trace!(target: "connectors", "SECRET");
        tracing::trace!(target: "wasmtime_wasi::p2", "SECRET");
        tracing::warn!(target: "hyper::proto", "a warning");
        tracing::trace!(target: "vehicle_connector::account::session", "our details");
        tracing::trace!(target: "connector", "a plugin's details");
        tracing::trace!(target: "wasmtime_internal_cranelift::compiler", "compiled");
    }

    #[test]
    fn no_directive_brings_out_what_libraries_say_of_headers_and_packets() {
        for directives in
            ["trace", "hyper=trace,rumqttc=debug,rustls=trace,trace", "reqwest=debug,hyper_util=trace"]
        {
            let logged = logged("info", Some(directives), libraries_talk);
            assert!(!logged.contains("SECRET"), "{directives}: {logged}");
        }
        let everything = logged("info", Some("trace"), libraries_talk);
        for line in ["a warning", "our details", "a plugin's details"] {
            assert!(everything.contains(line), "{everything}");
        }
        assert!(!everything.contains("compiled"), "the compiler's lines would be nearly all");
        let asked_for = logged("info", Some("info,wasmtime_internal_cranelift=trace"), libraries_talk);
        assert!(asked_for.contains("compiled"), "{asked_for}");
        let configured = logged("trace", None, libraries_talk);
        assert!(configured.contains("our details") && !configured.contains("SECRET"), "{configured}");
    }

    /// Else libraries compose what nobody reads, and the compiler of plugins composes millions of lines.
    #[test]
    fn what_no_line_of_is_wanted_is_not_looked_at() {
        let (writer, _guard) = NonBlockingBuilder::default().finish(io::sink());
        let of_program = |level, directives| {
            let changeable: Changeable = Box::new(filter(level, directives));
            let (changeable, _handle) = reload::Layer::<_, Registry>::new(changeable);
            let all = changeable.and(of_any_level(|_| true)).and(Bound::new(writer.error_counter()));
            Filter::<Registry>::max_level_hint(&all)
        };
        assert_eq!(of_program("info", None), Some(LevelFilter::INFO));
        assert_eq!(of_program("info", Some("warn,connector=debug")), Some(LevelFilter::DEBUG));
    }

    #[test]
    fn directives_have_the_last_word_otherwise() {
        assert!(!logged("trace", Some("warn"), libraries_talk).contains("our details"));
        let quiet = logged("debug", None, libraries_talk);
        assert!(quiet.contains("a warning") && !quiet.contains("compiled"), "{quiet}");
        // Unreadable directives are ignored.
        assert!(logged("warn", Some("a=b=c"), libraries_talk).contains("a warning"));
    }
}
