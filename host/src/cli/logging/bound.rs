//! A bound on the log's growth in a time: a sender of messages must not be able to fill a disk.
//!
//! Each place in the program that logs has a stock of lines, which fills up again with time. What goes beyond
//! it is left out and counted, and so are lines that were not taken off the writer in time; once in a while
//! the count is reported.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tracing::callsite::Identifier;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_appender::non_blocking::ErrorCounter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Filter};

/// Number of lines that one place of the program may log at once.
const AT_ONCE: f64 = 200.0;

/// Number of lines that it may log in a second then.
const A_SECOND: f64 = 5.0;

/// Interval at which the number of missing lines is reported.
const TELL: Duration = Duration::from_secs(10);

/// Leaves lines out where there are too many of them.
#[derive(Debug)]
pub(super) struct Bound {
    written: ErrorCounter,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    places: HashMap<Identifier, Place>,
    left_out: u64,
    /// Number of the lines lost by the writer that were reported.
    lost_before: usize,
    told_at: Instant,
}

#[derive(Debug)]
struct Place {
    stock: f64,
    at: Instant,
}

impl Bound {
    pub(super) fn new(written: ErrorCounter) -> Self {
        let told_at = Instant::now();
        let state = State { places: HashMap::new(), left_out: 0, lost_before: 0, told_at };
        Self { written, state: Mutex::new(state) }
    }

    /// Returns whether this line is written, and how many are missing, if that is to be reported now.
    fn admit(&self, place: Identifier, now: Instant) -> (bool, Option<u64>) {
        let mut state = self.state.lock();
        let place = state.places.entry(place).or_insert(Place { stock: AT_ONCE, at: now });
        let refilled = now.saturating_duration_since(place.at).as_secs_f64() * A_SECOND;
        place.stock = (place.stock + refilled).min(AT_ONCE);
        place.at = now;
        let is_written = place.stock >= 1.0;
        if is_written {
            place.stock -= 1.0;
        } else {
            state.left_out += 1;
        }
        let lost = self.written.dropped_lines();
        let missing = state.left_out + lost.saturating_sub(state.lost_before) as u64;
        if missing == 0 || now.saturating_duration_since(state.told_at) < TELL {
            return (is_written, None);
        }
        (state.left_out, state.lost_before, state.told_at) = (0, lost, now);
        (is_written, Some(missing))
    }
}

impl<S: Subscriber> Filter<S> for Bound {
    fn enabled(&self, _line: &Metadata<'_>, _context: &Context<'_, S>) -> bool {
        true
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::TRACE)
    }

    fn event_enabled(&self, event: &Event<'_>, _context: &Context<'_, S>) -> bool {
        // An operator who asks for details wants all of them, and they are not the log of a home.
        if *event.metadata().level() > Level::INFO {
            return true;
        }
        let (is_written, missing) = self.admit(event.metadata().callsite(), Instant::now());
        if let Some(missing) = missing {
            tracing::warn!(
                missing,
                "lines of the log are left out: there were too many, or nobody took them"
            );
        }
        is_written
    }
}

#[cfg(test)]
mod tests {
    use tracing::Callsite as _;
    use tracing_appender::non_blocking::NonBlocking;

    use super::*;

    #[test]
    fn a_place_has_a_stock_and_what_is_left_out_is_told() {
        let (writer, _guard) = NonBlocking::new(std::io::sink());
        let bound = Bound::new(writer.error_counter());
        let place = tracing::callsite!(name: "flood", kind: tracing::metadata::Kind::EVENT, fields: message);
        let other = tracing::callsite!(name: "other", kind: tracing::metadata::Kind::EVENT, fields: message);
        let start = Instant::now();
        let flood =
            |at, lines: u32| (0..lines).filter(|_| bound.admit(place.metadata().callsite(), at).0).count();
        assert_eq!(flood(start, 50_000), 200);
        assert!(bound.admit(other.metadata().callsite(), start).0, "others have their own");
        assert_eq!(flood(start + Duration::from_secs(2), 50_000), 10);
        let (written, told) = bound.admit(place.metadata().callsite(), start + Duration::from_secs(20));
        assert!(written);
        assert_eq!(told, Some(49_800 + 49_990));
        assert_eq!(bound.admit(place.metadata().callsite(), start + Duration::from_secs(40)).1, None);
    }
}
