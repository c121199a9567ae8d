//! Choice of the protocol version for the next attempt.

use super::Version;

/// Missing answers in a row that count as "does not understand MQTT 5". One may be a broker that is just
/// stopping.
const MISSING: u8 = 2;

/// Moves from MQTT 5 to 3.1.1 on evidence, and back when that evidence turns out to be wrong.
///
/// A broker of the old kind has two ways to say no: an answer that names the version, or none. The first is
/// certain. The second also happens in front of a broker that is still starting (proxies accept and close),
/// so 3.1.1 is then only tried, and kept only if it works.
#[derive(Debug)]
pub(super) struct Dialect {
    wanted: Version,
    now: Version,
    /// Whether `now` has worked, or the broker has said what it speaks.
    known: bool,
    missing: u8,
}

/// Evidence about the version from an attempt that did not reach a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// The broker named the protocol version as the reason.
    Refused,
    /// The broker accepted the connection, and then closed it, sent something unreadable, or stayed silent.
    NoAnswer,
    /// The broker understood the question and refused for another reason.
    Understood,
    /// None: the broker was not reached.
    Nothing,
}

impl Dialect {
    pub(super) fn new(wanted: Version) -> Self {
        Self { wanted, now: wanted, known: wanted == Version::V4, missing: 0 }
    }

    /// The version for the next attempt.
    pub(super) fn version(&self) -> Version {
        self.now
    }

    /// Records a success. Returns true if this is the news that the broker speaks only 3.1.1.
    pub(super) fn connected(&mut self) -> bool {
        let news = self.now != self.wanted && !self.known;
        self.known = true;
        self.missing = 0;
        news
    }

    /// Records a failed attempt. Returns true if the next version is another one, worth trying without a
    /// pause.
    pub(super) fn failed(&mut self, evidence: Evidence) -> bool {
        if self.wanted == Version::V4 {
            return false;
        }
        match (self.now, evidence) {
            // Not `known` on 3.1.1 yet: the news is worth its line once a session works.
            (_, Evidence::Understood) => self.missing = 0,
            (Version::V5, Evidence::Refused) => return self.fall_back(),
            (Version::V5, Evidence::NoAnswer) if !self.known => {
                self.missing += 1;
                if self.missing == MISSING {
                    return self.fall_back();
                }
            }
            (Version::V5, _) => self.missing = 0,
            (Version::V4, Evidence::NoAnswer | Evidence::Nothing) if self.known => {}
            // Back, but not at once: a broker that takes neither version must not be asked in a loop.
            (Version::V4, _) => *self = Self::new(self.wanted),
        }
        false
    }

    fn fall_back(&mut self) -> bool {
        self.now = Version::V4;
        self.known = false;
        self.missing = 0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Evidence::{NoAnswer, Nothing, Refused, Understood};
    use super::Version::{V4, V5};
    use super::*;

    fn after(evidence: &[Evidence]) -> Dialect {
        let mut dialect = Dialect::new(V5);
        for &one in evidence {
            dialect.failed(one);
        }
        dialect
    }

    #[test]
    fn evidence_table() {
        let table: &[(&[Evidence], Version)] = &[
            (&[], V5),
            (&[Refused], V4),
            (&[NoAnswer], V5),
            (&[NoAnswer, NoAnswer], V4),
            (&[NoAnswer, Nothing, NoAnswer], V5),
            (&[NoAnswer, Understood, NoAnswer], V5),
            (&[Nothing, Nothing, Nothing], V5),
            (&[Understood, Understood], V5),
            // 3.1.1 did not work either: it was not the version.
            (&[NoAnswer, NoAnswer, NoAnswer], V5),
            (&[NoAnswer, NoAnswer, Nothing], V5),
            (&[NoAnswer, NoAnswer, Refused], V5),
            // A wrong password in 3.1.1 is proof that 3.1.1 is understood.
            (&[NoAnswer, NoAnswer, Understood], V4),
        ];
        for (evidence, expected) in table {
            assert_eq!(after(evidence).version(), *expected, "{evidence:?}");
        }
    }

    #[test]
    fn what_works_is_remembered_and_told_once() {
        let mut dialect = after(&[NoAnswer]);
        assert!(dialect.failed(NoAnswer), "the change is worth an attempt at once");
        assert!(dialect.connected());
        dialect.failed(NoAnswer);
        dialect.failed(Nothing);
        assert_eq!(dialect.version(), V4);
        assert!(!dialect.connected());
    }

    #[test]
    fn a_broker_that_spoke_mqtt_5_is_not_doubted_for_silence() {
        let mut dialect = Dialect::new(V5);
        assert!(!dialect.connected());
        for _ in 0..5 {
            assert!(!dialect.failed(NoAnswer));
        }
        assert_eq!(dialect.version(), V5);
        assert!(dialect.failed(Refused), "but believed when it says so");
        assert_eq!(dialect.version(), V4);
        assert!(dialect.connected());
    }

    #[test]
    fn version_4_in_the_configuration_stays() {
        let mut dialect = Dialect::new(V4);
        for evidence in [Refused, NoAnswer, NoAnswer, NoAnswer, Nothing] {
            assert!(!dialect.failed(evidence));
            assert_eq!(dialect.version(), V4);
        }
        assert!(!dialect.connected());
    }
}
