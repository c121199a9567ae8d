//! Durations in the text of a state: whole milliseconds, and as many as fit.

use core::time::Duration;

use serde::{Deserialize as _, Deserializer, Serializer};

/// Writes a duration.
///
/// # Errors
///
/// Those of the serializer.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(of(*duration))
}

/// Reads a duration.
///
/// # Errors
///
/// When there is no whole number.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}

fn of(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The same of a duration that may be absent.
pub mod optional {
    use core::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    /// Writes a duration.
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        duration.map(super::of).serialize(serializer)
    }

    /// Reads a duration.
    ///
    /// # Errors
    ///
    /// When there is something else than a whole number.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_millis))
    }
}

/// The same of several.
pub mod list {
    use alloc::collections::VecDeque;
    use core::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    /// Writes durations.
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(
        durations: &VecDeque<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(durations.iter().map(|duration| super::of(*duration)))
    }

    /// Reads durations.
    ///
    /// # Errors
    ///
    /// When there is something else than a list of whole numbers.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<VecDeque<Duration>, D::Error> {
        Ok(VecDeque::<u64>::deserialize(deserializer)?.into_iter().map(Duration::from_millis).collect())
    }
}
