//! The latest lines of the log in memory, for an operator who asks the running host for them.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::watch;
use tracing::span::{self, Attributes, Id};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::FormatFields as _;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, Scope};

use super::OneLine;
use crate::program_log::{Line, LogLevel, Recent, Wanted};
use crate::redact;

/// Lines that are remembered.
const LINES: usize = 1_000;

/// Longest text that is remembered of a line, in bytes: so all of them have about 2 MiB at most.
const LONGEST: usize = 2_048;

/// The latest lines.
#[derive(Debug)]
pub(super) struct Ring {
    lines: Mutex<VecDeque<Line>>,
    latest: watch::Sender<u64>,
}

impl Ring {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { lines: Mutex::default(), latest: watch::Sender::new(0) })
    }

    fn push(&self, level: Level, target: &str, text: String) {
        let level = match level {
            Level::ERROR => LogLevel::Error,
            Level::WARN => LogLevel::Warn,
            Level::INFO => LogLevel::Info,
            Level::DEBUG => LogLevel::Debug,
            _ => LogLevel::Trace,
        };
        let (at, target) = (format!("{:.3}", Timestamp::now()), target.to_owned());
        let text = redact::cut(text, LONGEST);
        let mut lines = self.lines.lock();
        let seq = *self.latest.borrow() + 1;
        if lines.len() >= LINES {
            lines.pop_front();
        }
        lines.push_back(Line { seq, at, level, target, text });
        // Under the lock, so that the number is never ahead of the lines.
        self.latest.send_replace(seq);
    }

    pub(super) fn recent(&self, wanted: Wanted) -> Recent {
        let lines = self.lines.lock();
        let latest = *self.latest.borrow();
        // A number that is ahead of all lines is one of an earlier program.
        let after = if wanted.after > latest { 0 } else { wanted.after };
        let is_wanted = |line: &&Line| line.seq > after && line.level <= wanted.level;
        let mut found: Vec<Line> = lines.iter().rev().filter(is_wanted).take(wanted.most).cloned().collect();
        found.reverse();
        Recent { lines: found, latest }
    }

    /// Waits until the latest line has another number.
    pub(super) async fn after(&self, seq: u64) {
        let mut latest = self.latest.subscribe();
        // The sender is in this value.
        let _there = latest.wait_for(|latest| *latest != seq).await;
    }
}

/// Writes every event that it is shown into a ring, with what it is about: the fields of the spans that it is in, such
/// as a command's identifier.
pub(super) struct Remembering(pub(super) Arc<Ring>);

/// The fields of a span, as they are shown.
struct About(String);

impl<S> Layer<S> for Remembering
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut about = String::new();
        if OneLine.format_fields(Writer::new(&mut about), attributes).is_ok()
            && let Some(span) = context.span(id)
        {
            span.extensions_mut().insert(About(about));
        }
    }

    fn on_record(&self, id: &Id, values: &span::Record<'_>, context: Context<'_, S>) {
        let mut more = String::new();
        if OneLine.format_fields(Writer::new(&mut more), values).is_ok()
            && let Some(span) = context.span(id)
            && let Some(About(about)) = span.extensions_mut().get_mut::<About>()
        {
            let between = if about.is_empty() { "" } else { " " };
            about.push_str(between);
            about.push_str(&more);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut text = String::new();
        for span in context.event_scope(event).into_iter().flat_map(Scope::from_root) {
            text.push_str(span.name());
            if let Some(About(about)) =
                span.extensions().get::<About>().filter(|About(about)| !about.is_empty())
            {
                text.push_str(&format!("{{{about}}}"));
            }
            text.push_str(": ");
        }
        let mut said = String::new();
        if OneLine.format_fields(Writer::new(&mut said), event).is_ok() {
            text.push_str(&said);
            self.0.push(*event.metadata().level(), event.metadata().target(), text);
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    fn texts(recent: &Recent) -> Vec<&str> {
        recent.lines.iter().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn the_latest_lines_are_remembered_in_one_line_each_and_without_vins() {
        let ring = Ring::new();
        let registry = tracing_subscriber::registry().with(Remembering(Arc::clone(&ring)));
        redact::remember_vin("KNATESTRNG0000001");
        tracing::subscriber::with_default(registry, || {
            tracing::warn!(car = "KNATESTRNG0000001", "two\nlines");
            tracing::debug!("details");
            tracing::error!("worst");
        });
        let all = Wanted { after: 0, level: LogLevel::Trace, most: 10 };
        let recent = ring.recent(all);
        assert_eq!(texts(&recent), ["two\\nlines car=\"*************0001\"", "details", "worst"]);
        assert_eq!((recent.latest, recent.lines[0].seq), (3, 1));
        assert_eq!(texts(&ring.recent(Wanted { level: LogLevel::Warn, ..all })).len(), 2);
        assert_eq!(texts(&ring.recent(Wanted { after: 2, ..all })), ["worst"]);
        assert_eq!(texts(&ring.recent(Wanted { most: 1, ..all })), ["worst"]);
    }

    #[test]
    fn a_line_has_what_it_is_about_as_in_the_written_log() {
        let ring = Ring::new();
        let registry = tracing_subscriber::registry().with(Remembering(Arc::clone(&ring)));
        tracing::subscriber::with_default(registry, || {
            let outer = tracing::error_span!("op", operation = "0193-a", car = tracing::field::Empty);
            let _outer = outer.enter();
            tracing::info!("begun");
            outer.record("car", "two\nlines");
            let _inner = tracing::error_span!("attempt").entered();
            tracing::info!(number = 1, "sent");
        });
        let recent = ring.recent(Wanted { after: 0, level: LogLevel::Trace, most: 10 });
        assert_eq!(
            texts(&recent),
            [
                "op{operation=\"0193-a\"}: begun",
                "op{operation=\"0193-a\" car=\"two\\nlines\"}: attempt: sent number=1"
            ]
        );
    }

    #[test]
    fn the_memory_has_an_end() {
        let ring = Ring::new();
        for number in 0..LINES + 500 {
            ring.push(Level::INFO, "test", format!("{number}{}", "x".repeat(2 * LONGEST)));
        }
        let recent = ring.recent(Wanted { after: 0, level: LogLevel::Trace, most: usize::MAX });
        assert_eq!((recent.lines.len(), recent.lines[0].seq), (LINES, 501));
        assert!(recent.lines.iter().all(|line| line.text.len() <= LONGEST));
    }

    #[tokio::test]
    async fn who_waits_is_told_of_the_next_line() {
        let ring = Ring::new();
        ring.push(Level::INFO, "test", "one".to_owned());
        ring.after(0).await;
        let ahead = ring.recent(Wanted { after: 17, level: LogLevel::Trace, most: 10 });
        assert_eq!(texts(&ahead), ["one"], "the number is one of an earlier program");
        let waiting = tokio::spawn({
            let ring = Arc::clone(&ring);
            async move { ring.after(1).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        ring.push(Level::INFO, "test", "two".to_owned());
        waiting.await.unwrap();
    }
}
