//! What the program logs.

use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::layer::{Filter, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::config::LogFormat;

/// Those whose details may be logged: the program itself, and what never holds a secret. All others are heard from
/// `info` on. The libraries for HTTP, TLS and MQTT print headers, packets and keys in their details.
const TRUSTED: [&str; 6] =
    ["vehicle_connector", "connector", "simulator", "wasmtime", "cranelift", "rumqttd"];

/// Logs to the standard error output. `RUST_LOG` has the last word about what, except about secrets.
pub(super) fn to_stderr(level: &str, format: LogFormat) {
    let coloured = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let lines = tracing_subscriber::fmt::layer().with_ansi(coloured).with_writer(std::io::stderr);
    let filter = filter(level, std::env::var(EnvFilter::DEFAULT_ENV).ok().as_deref());
    let registry = tracing_subscriber::registry();
    let _already_set = match format {
        LogFormat::Text => registry.with(lines.with_filter(filter)).try_init(),
        LogFormat::Json => registry.with(lines.json().with_filter(filter)).try_init(),
    };
}

/// What is logged at this level, or with these directives in its place if they can be read.
fn filter<S>(level: &str, directives: Option<&str>) -> impl Filter<S> + use<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    // At `debug` the compiler of plugins tells how long everything took, in thousands of lines.
    let quiet =
        "cranelift_codegen=warn,cranelift_frontend=warn,wasmtime=warn,wasmtime_internal_cranelift=warn";
    let given = directives.filter(|text| !text.is_empty()).and_then(|text| EnvFilter::try_new(text).ok());
    let wanted = given.unwrap_or_else(|| EnvFilter::new(format!("{level},{quiet}")));
    wanted.and(filter_fn(tells_no_secret))
}

fn tells_no_secret(line: &Metadata<'_>) -> bool {
    let of = |name: &str| {
        let rest = line.target().strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '_']))
    };
    // What guests ask of WASI is told unmasked.
    *line.level() <= Level::INFO || (TRUSTED.into_iter().any(of) && !of("wasmtime_wasi"))
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
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
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
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
        tracing::trace!(target: "vehicle_connector::session", "our details");
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
        for line in ["a warning", "our details", "a plugin's details", "compiled"] {
            assert!(everything.contains(line), "{everything}");
        }
        let configured = logged("trace", None, libraries_talk);
        assert!(configured.contains("our details") && !configured.contains("SECRET"), "{configured}");
    }

    #[test]
    fn directives_have_the_last_word_otherwise() {
        assert!(!logged("trace", Some("warn"), libraries_talk).contains("our details"));
        let quiet = logged("debug", None, libraries_talk);
        assert!(quiet.contains("a warning") && !quiet.contains("compiled"), "{quiet}");
        // What cannot be read is as if it was not there.
        assert!(logged("warn", Some("a=b=c"), libraries_talk).contains("a warning"));
    }
}
