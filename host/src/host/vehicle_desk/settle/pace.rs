//! Pauses between two looks for vehicles that are not there yet, or not read.

use std::time::Duration;

use crate::wire::outcome::Reason;

/// The pause as long as nothing arrives anywhere, and at first also when it does.
const SHORT: Duration = Duration::from_secs(3);

/// Number of times that a cloud that answers, but is not well, is asked after so short a pause: for about a
/// minute and a half.
const HURRIED: u32 = 24;

/// The longest pause before a cloud that is not well is asked again.
const LONGEST: Duration = Duration::from_secs(900);

/// Pause before an account is looked at again that a person has to see to, which costs no request, and after
/// an error of ours.
pub(super) const LATCHED: Duration = Duration::from_secs(60);

/// First and longest pause after a "no" that time alone will hardly change.
const REFUSED: Duration = Duration::from_secs(15);
const LONGEST_REFUSED: Duration = Duration::from_secs(3_600);

/// Longest pause before a list is asked for again of which no vehicle is missing.
const LONGEST_UNHURRIED: Duration = Duration::from_secs(6 * 3_600);

/// Pauses between two looks at the same thing.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Number of looks in a row that did not end as wanted, and of those among them that bothered the cloud.
    failed: u32,
    pub(super) answered: u32,
    /// The last trouble: it is told once.
    told: Option<Reason>,
}

impl Pace {
    /// Returns the pause after a look that ended for this reason. `arrived` says whether the cloud was
    /// bothered with it.
    pub(super) fn after(&mut self, reason: Reason, arrived: bool) -> Duration {
        self.failed = self.failed.saturating_add(1);
        if arrived || reason == Reason::UnknownVehicle {
            self.answered = self.answered.saturating_add(1);
        }
        match reason {
            Reason::AuthRequired
            | Reason::OtpRequired
            | Reason::ConsentRequired
            | Reason::ClientRefused
            | Reason::LockedOut
            | Reason::Isolated => LATCHED,
            Reason::UpstreamUnavailable
            | Reason::BreakerOpen
            | Reason::Busy
            | Reason::Cooldown
            | Reason::HostFault => doubled(SHORT, self.answered.saturating_sub(HURRIED)).min(LONGEST),
            _ => doubled(REFUSED, self.answered.saturating_sub(1)).min(LONGEST_REFUSED),
        }
    }

    /// Returns the pause after such a look of which nothing is urgent.
    pub(super) fn unhurried(&self) -> Duration {
        doubled(LONGEST, self.failed.saturating_sub(1)).min(LONGEST_UNHURRIED)
    }

    /// Whether this trouble is news.
    pub(super) fn is_news(&mut self, reason: Reason) -> bool {
        self.told.replace(reason) != Some(reason)
    }
}

fn doubled(pause: Duration, times: u32) -> Duration {
    pause.saturating_mul(1 << times.min(16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_cannot_be_reached_is_asked_often_and_who_is_unwell_ever_more_rarely() {
        let mut pace = Pace::default();
        assert!((0..10_000).all(|_| pace.after(Reason::UpstreamUnavailable, false) == SHORT));
        assert!((0..100).all(|_| pace.after(Reason::BreakerOpen, false) == SHORT), "nobody is asked");
        let pauses: Vec<_> =
            (0..HURRIED + 12).map(|_| pace.after(Reason::UpstreamUnavailable, true)).collect();
        assert!(pauses.is_sorted() && pauses.last() == Some(&LONGEST), "{pauses:?}");
        assert_eq!(pauses.iter().filter(|pause| **pause == SHORT).count(), HURRIED as usize);
    }

    #[test]
    fn a_no_is_not_asked_about_often() {
        let mut pace = Pace::default();
        let pauses: Vec<_> = (0..4).map(|_| pace.after(Reason::UnknownVehicle, true).as_secs()).collect();
        assert_eq!(pauses, [15, 30, 60, 120]);
        assert!((0..50).all(|_| pace.after(Reason::UpstreamRefused, true) <= LONGEST_REFUSED));
        assert_eq!(pace.after(Reason::AuthRequired, false), LATCHED);
        // Of what is not missing hardly at all.
        let mut pace = Pace::default();
        let pauses: Vec<_> = (0..7)
            .map(|_| {
                pace.after(Reason::UpstreamUnavailable, true);
                pace.unhurried().as_secs() / 60
            })
            .collect();
        assert_eq!(pauses, [15, 30, 60, 120, 240, 360, 360]);
        assert!(pace.is_news(Reason::AuthRequired) && !pace.is_news(Reason::AuthRequired));
    }
}
