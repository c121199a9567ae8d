//! Limits on the size of a connector's answer.
//!
//! The sandbox lets megabytes through, and what is answered here is published, stored and logged. Words for
//! people are cut. An answer with anything else that is too long, such as an identifier, which would mean
//! something else when cut, is nonsense.

use crate::bindings::connector::{Outcome, Vehicle};
use crate::redact;
use crate::wire::report::LONGEST_MESSAGE;

/// The most vehicles of one account.
const MOST_VEHICLES: usize = 256;

/// Longest name of a vehicle or a model, and longest identifier, in bytes.
const LONGEST_NAME: usize = 256;

/// The longest text that only the connector reads: its memory of a vehicle or of a pending command, in bytes.
const LONGEST_MEMORY: usize = 4_096;

/// An answer that is too large.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connector answered with {what} of {size} {unit}; at most {most} are taken")]
pub(crate) struct TooLarge {
    what: &'static str,
    size: usize,
    unit: &'static str,
    most: usize,
}

/// Cuts the words of a list of vehicles.
///
/// # Errors
///
/// When anything else in it is too large.
pub(super) fn keep_vehicles(vehicles: &mut [Vehicle]) -> Result<(), TooLarge> {
    if vehicles.len() > MOST_VEHICLES {
        let size = vehicles.len();
        return Err(TooLarge { what: "a list", size, unit: "vehicles", most: MOST_VEHICLES });
    }
    vehicles.iter_mut().try_for_each(keep_vehicle)
}

fn keep_vehicle(vehicle: &mut Vehicle) -> Result<(), TooLarge> {
    bytes("an identifier of a vehicle", &vehicle.id, LONGEST_NAME)?;
    bytes("a vehicle identification number", &vehicle.vin, LONGEST_NAME)?;
    bytes("a vehicle's name", &vehicle.name, LONGEST_NAME)?;
    bytes("a vehicle's traits", &vehicle.traits, LONGEST_MEMORY)?;
    vehicle.model = redact::cut(std::mem::take(&mut vehicle.model), LONGEST_NAME);
    Ok(())
}

/// Cuts the words of what became of a command.
///
/// # Errors
///
/// When anything else in it is too large.
pub(super) fn keep_outcome(outcome: &mut Outcome) -> Result<(), TooLarge> {
    let action_id = match outcome {
        Outcome::Done(report) => &report.action_id,
        Outcome::Pending(pending) => {
            bytes("a continuation", &pending.continuation, LONGEST_MEMORY)?;
            &pending.action_id
        }
        Outcome::Accepted(accepted) => {
            let expected = accepted.expected.iter().map(|(pointer, value)| pointer.len() + value.len()).sum();
            size("what is expected of a command", expected, LONGEST_MEMORY)?;
            &accepted.action_id
        }
        Outcome::Refused(words)
        | Outcome::Unanswered(words)
        | Outcome::Invalid(words)
        | Outcome::Unsupported(words)
        | Outcome::Other(words) => {
            *words = redact::cut(std::mem::take(words), LONGEST_MESSAGE);
            return Ok(());
        }
    };
    bytes("an identifier of an action", action_id.as_deref().unwrap_or_default(), LONGEST_NAME)
}

fn bytes(what: &'static str, text: &str, most: usize) -> Result<(), TooLarge> {
    size(what, text.len(), most)
}

fn size(what: &'static str, size: usize, most: usize) -> Result<(), TooLarge> {
    if size > most { Err(TooLarge { what, size, unit: "bytes", most }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::connector::{Pending, Report};

    fn long(bytes: usize) -> String {
        "a".repeat(bytes)
    }

    fn pending(continuation: usize, action_id: usize) -> Outcome {
        let (continuation, action_id) = (long(continuation), Some(long(action_id)));
        Outcome::Pending(Pending { continuation, poll_after: 0, action_id })
    }

    #[test]
    fn what_is_as_large_as_it_may_be_is_taken_as_it_is() {
        assert_eq!(keep_outcome(&mut pending(LONGEST_MEMORY, LONGEST_NAME)), Ok(()));
        let mut words = Outcome::Refused(long(LONGEST_MESSAGE));
        assert_eq!(keep_outcome(&mut words), Ok(()));
        assert!(matches!(words, Outcome::Refused(words) if words == long(LONGEST_MESSAGE)));
    }

    #[test]
    fn one_byte_more_is_cut_or_refused() {
        let mut words = Outcome::Other(long(LONGEST_MESSAGE + 1));
        assert_eq!(keep_outcome(&mut words), Ok(()));
        assert!(matches!(words, Outcome::Other(words) if words.len() <= LONGEST_MESSAGE));
        let refused = keep_outcome(&mut pending(LONGEST_MEMORY + 1, 0)).unwrap_err().to_string();
        assert_eq!(
            refused,
            "the connector answered with a continuation of 4097 bytes; at most 4096 are taken"
        );
        keep_outcome(&mut pending(0, LONGEST_NAME + 1)).unwrap_err();
        let report = Report { state: None, action_id: Some(long(LONGEST_NAME + 1)) };
        keep_outcome(&mut Outcome::Done(report)).unwrap_err();
    }
}
