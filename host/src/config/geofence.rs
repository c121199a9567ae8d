//! The `[[geofence]]` tables.

use std::fmt;

use super::reader::Section;
use super::slug::Slug;

/// Smallest and largest radius, in metres. Positions are off by tens of metres.
const SMALLEST: u32 = 50;
const LARGEST: u32 = 100_000;

/// A circle on earth that vehicles are told to come into and to leave.
#[derive(Clone, PartialEq)]
pub struct Geofence {
    /// Its name, as events have it.
    pub name: String,
    /// Degrees north of its centre.
    pub latitude: f64,
    /// Degrees east of its centre.
    pub longitude: f64,
    /// Its radius, in metres: 50 to 100,000.
    pub radius_m: u32,
}

/// Omits where it is: that is where somebody lives.
impl fmt::Debug for Geofence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Geofence").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Reads all tables. Two of one name are one too many.
pub(super) fn read(root: &mut Section<'_, '_>) -> Vec<Geofence> {
    let mut all: Vec<Geofence> = Vec::new();
    for mut section in root.entry("geofence").and_then(super::reader::Entry::sections).unwrap_or_default() {
        let at = section.span.clone();
        let read = one(&mut section);
        section.finish();
        let Some(geofence) = read else { continue };
        if all.iter().any(|other| other.name == geofence.name) {
            let message = format!("geofence: {:?} is here for the second time; rename one", geofence.name);
            root.complain(&at, message);
        }
        all.push(geofence);
    }
    all
}

fn one(section: &mut Section<'_, '_>) -> Option<Geofence> {
    let name = name(section);
    let latitude = section.decimal_within("lat", -90.0..=90.0);
    let longitude = section.decimal_within("lon", -180.0..=180.0);
    let radius_m = section.number("radius_m", SMALLEST..=LARGEST);
    for key in ["name", "lat", "lon", "radius_m"] {
        if section.entry(key).is_none() {
            let message = format!(
                "[[geofence]] has no {key}; write name = \"home\", lat = 50.0, lon = 8.0, radius_m = 150 with the values \
                 of the place"
            );
            section.complain(&section.span, message);
        }
    }
    Some(Geofence { name: name?, latitude: latitude?, longitude: longitude?, radius_m: radius_m? })
}

fn name(section: &mut Section<'_, '_>) -> Option<String> {
    let text = section.text("name")?;
    if Slug::parse(text.value).is_none() {
        let message = format!(
            "{}: {:?} cannot be a name here; use 1 to 64 of a-z, A-Z, 0-9, \"_\" and \"-\"",
            text.name, text.value
        );
        section.complain(&text.span, message);
        return None;
    }
    Some(text.value.to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Config;
    use super::*;

    fn parse(text: &str) -> Result<Vec<Geofence>, String> {
        let text = format!("[mqtt]\nurl = \"mqtt://127.0.0.1\"\n{text}");
        let config = Config::parse(&text, Path::new("car.toml"), &|_| None);
        config.map(|config| config.geofences).map_err(|error| error.to_string())
    }

    #[test]
    fn a_geofence_is_a_circle_with_a_name() {
        let text = "[[geofence]]\nname = \"home\"\nlat = 50\nlon = -8.25\nradius_m = 150\n";
        let home = Geofence { name: "home".to_owned(), latitude: 50.0, longitude: -8.25, radius_m: 150 };
        assert!(!format!("{home:?}").contains("8.25"), "where somebody lives");
        assert_eq!(parse(text).unwrap(), [home]);
        assert_eq!(parse("").unwrap(), []);
        let error = parse(&text.repeat(2)).unwrap_err();
        assert!(error.contains("\"home\" is here for the second time"), "{error}");
    }

    #[test]
    fn what_cannot_be_a_circle_is_told() {
        for (keys, said) in [
            ("name = \"a/b\"\nlat = 1\nlon = 1\nradius_m = 100", "cannot be a name here"),
            ("name = \"a\"\nlat = 91.5\nlon = 1\nradius_m = 100", "91.5 is out of range; write -90 to 90"),
            ("name = \"a\"\nlat = \"50\"\nlon = 1\nradius_m = 100", "write a number without quotes"),
            ("name = \"a\"\nlat = 1\nlon = 1\nradius_m = 10", "10 is out of range; write 50 to 100000"),
            ("name = \"a\"\nlat = 1\nlon = 1", "[[geofence]] has no radius_m"),
        ] {
            let error = parse(&format!("[[geofence]]\n{keys}\n")).unwrap_err();
            assert!(error.contains(said), "{keys}: {error}");
        }
    }
}
