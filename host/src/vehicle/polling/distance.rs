//! Distances on earth.

use crate::vehicle::state::Location;

/// Mean radius of the earth, in metres.
const EARTH: f64 = 6_371_000.0;

/// Returns the distance from a place to one given in degrees, in metres, along the surface of a sphere: off by
/// half a percent at most.
pub(super) fn metres(from: &Location, latitude: f64, longitude: f64) -> f64 {
    let (one, other) = (from.latitude.to_radians(), latitude.to_radians());
    let half = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
    let square = half(latitude - from.latitude) + one.cos() * other.cos() * half(longitude - from.longitude);
    2.0 * EARTH * square.clamp(0.0, 1.0).sqrt().asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_distances() {
        let at = |latitude, longitude| Location { latitude, longitude, vehicle_time: None };
        for (from, to, expected) in [
            ((52.52, 13.405), (52.52, 13.405), 0.0),
            ((52.52, 13.405), (48.137, 11.575), 504_000.0),
            ((0.0, 179.9), (0.0, -179.9), 22_239.0),
            ((90.0, 0.0), (-90.0, 0.0), 20_015_000.0),
        ] {
            let metres = metres(&at(from.0, from.1), to.0, to.1);
            assert!((metres - expected).abs() <= expected * 0.005 + 1.0, "{from:?} {to:?}: {metres}");
        }
    }
}
