//! The form that a state is written in, as a number in it: a state of another form is refused, and not taken for
//! an empty one, since a latch may be in it.

use core::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The number. Another one whenever a state is written otherwise than before.
const NUMBER: u32 = 1;

/// This form.
#[derive(Clone, Copy)]
pub(super) struct Format;

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{NUMBER}")
    }
}

impl Serialize for Format {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(NUMBER)
    }
}

impl<'de> Deserialize<'de> for Format {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            NUMBER => Ok(Self),
            found => {
                let what = format_args!("it has format {found}, and these rules read format {NUMBER}");
                Err(D::Error::custom(what))
            }
        }
    }
}
