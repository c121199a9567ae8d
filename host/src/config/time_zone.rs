//! Time zones, by their names in the IANA database.

use jiff::tz::TimeZone;

use super::reader::Section;

/// Reads the key `time_zone`: a time zone by its name in the IANA database, which this program carries for
/// systems that have none. Without the key it is that of this machine.
pub(super) fn time_zone(section: &mut Section<'_, '_>) -> TimeZone {
    let Some(text) = section.text("time_zone") else { return TimeZone::system() };
    TimeZone::get(text.value.trim()).unwrap_or_else(|_| {
        let message = format!(
            "{}: {:?} is no time zone; write its name in the IANA database, like \"Europe/Berlin\"",
            text.name, text.value
        );
        section.complain(&text.span, message);
        TimeZone::UTC
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Config, Slug};

    fn zone(key: &str) -> Result<Option<String>, String> {
        let text = format!(
            "[mqtt]\nurl = \"mqtt://127.0.0.1\"\n[account.a]\nconnector = \"kia-eu\"\nrefresh_token = \"${{T}}\"\n{key}\n"
        );
        let token = "A".repeat(48);
        let config = Config::parse(&text, Path::new("car.toml"), &|_| Some(token.clone()));
        let config = config.map_err(|error| error.to_string())?;
        Ok(config.accounts[&Slug::parse("a").unwrap()].time_zone.iana_name().map(str::to_owned))
    }

    #[test]
    fn a_time_zone_has_a_name_in_the_database() {
        assert_eq!(zone("time_zone = \"Europe/Berlin\"").unwrap().as_deref(), Some("Europe/Berlin"));
        let error = zone("time_zone = \"Berlin\"").unwrap_err();
        assert!(error.contains("is no time zone; write its name in the IANA database"), "{error}");
    }
}
